"""Zips of any of the folder forms, read without unpacking, and what strangers put into zips."""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from catclf.data.dataset import Dataset, open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import Failure, load
from catclf.errors import DataError

Picture = Callable[[str], bytes]


def write(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def reasons(dataset: Dataset) -> dict[str, str]:
    """Why each picture cannot be had, "" for those that can."""
    results = load([example.source for example in dataset.examples], Loading(), jobs=4)
    return {
        example.name: result.reason if isinstance(result, Failure) else ""
        for example, result in zip(dataset.examples, results, strict=True)
    }


def labels(dataset: Dataset) -> dict[str, int]:
    return {example.name: example.label for example in dataset.examples}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("cat/1.png", "dog/1.png"), ("cat/1.png", "dog/1.png")),
        (("pets/cat/1.png", "pets/dog/1.png"), ("cat/1.png", "dog/1.png")),
        (("./pets/cat/1.png", "./pets/dog/1.png"), ("cat/1.png", "dog/1.png")),
        (("../cat/1.png", "/dog/1.png"), ("cat/1.png", "dog/1.png")),
        (("cat\\1.png", "dog\\1.png"), ("cat/1.png", "dog/1.png")),
        (("cat.1.png", "dog.1.png"), ("cat.1.png", "dog.1.png")),
        (("pets/cat.1.png", "pets/dog.1.png"), ("cat.1.png", "dog.1.png")),
        (("cat/ä 🐱.png", "dog/1"), ("cat/ä 🐱.png", "dog/1")),
        (("Cat/A.PNG", "dog/\x01\n.png"), ("Cat/A.PNG", "dog/\x01\n.png")),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips_of_folders(
    names: tuple[str, str],
    shown: tuple[str, str],
    compression: int,
    picture: Picture,
    tmp_path: Path,
) -> None:
    members = {name: picture(name) for name in names}
    dataset = open_dataset(write(tmp_path / "pets.zip", members, compression))
    assert labels(dataset) == {shown[0]: 1, shown[1]: 0}
    assert set(reasons(dataset).values()) == {""}


def test_splits_in_a_zip(picture: Picture, tmp_path: Path) -> None:
    names = ("pets/train/cat/1.png", "pets/train/dog/1.png", "pets/test/cat/2.png")
    dataset = open_dataset(write(tmp_path / "a.zip", {name: picture(name) for name in names}))
    assert [example.split for example in dataset.examples] == ["test", "train", "train"]


def test_junk_is_passed_over_and_other_files_are_counted(picture: Picture, tmp_path: Path) -> None:
    members = {
        "cat/1.png": picture("a"),
        "dog/1.png": picture("b"),
        "__MACOSX/cat/._1.png": b"x",
        "cat/.DS_Store": b"x",
        "cat/": b"",
        "cat/Thumbs.db": b"x",
        "notes.txt": b"about",
        "inner.zip": write(tmp_path / "inner.zip", {"cat/9.png": picture("c")}).read_bytes(),
    }
    dataset = open_dataset(write(tmp_path / "a.zip", members))
    assert set(labels(dataset)) == {"cat/1.png", "dog/1.png"}
    assert dataset.remarks == ("2 files beside the pictures left alone",)


def test_a_zip_in_a_zip_is_no_data_set(picture: Picture, tmp_path: Path) -> None:
    inner = write(tmp_path / "inner.zip", {"cat/1.png": picture("a")}).read_bytes()
    path = write(tmp_path / "outer.zip", {"inner.zip": inner})
    with pytest.raises(DataError, match="holds no images"):
        open_dataset(path)


def test_an_empty_zip_and_one_that_is_cut_off(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        open_dataset(write(tmp_path / "empty.zip", {}))
    path = write(tmp_path / "a.zip", {"cat/1.png": picture("a")})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"a\.zip: a damaged zip"):
        open_dataset(path)


def altered(path: Path, change: Callable[[bytearray, int, int], None]) -> Path:
    """The zip with change(data, local header, central header) of its first member done to it."""
    data = bytearray(path.read_bytes())
    change(data, data.index(b"PK\3\4"), data.index(b"PK\1\2"))
    path.write_bytes(data)
    return path


def test_an_encrypted_member_is_named(picture: Picture, tmp_path: Path) -> None:
    def encrypt(data: bytearray, local: int, central: int) -> None:
        data[local + 6] |= 1
        data[central + 8] |= 1

    members = {"cat/1.png": picture("a"), "dog/1.png": picture("b")}
    dataset = open_dataset(altered(write(tmp_path / "a.zip", members), encrypt))
    assert reasons(dataset) == {"cat/1.png": "encrypted", "dog/1.png": ""}


def test_an_encrypted_member_without_an_extension_is_counted(
    picture: Picture, tmp_path: Path
) -> None:
    def encrypt(data: bytearray, local: int, central: int) -> None:
        data[local + 6] |= 1
        data[central + 8] |= 1

    members = {"secret": picture("a"), "cat/1.png": picture("b"), "dog/1.png": picture("c")}
    dataset = open_dataset(altered(write(tmp_path / "a.zip", members), encrypt))
    assert dataset.remarks == ("1 file beside the pictures left alone",)


def test_an_unknown_compression_and_a_wrong_checksum_are_named(
    picture: Picture, tmp_path: Path
) -> None:
    def compress(data: bytearray, local: int, central: int) -> None:
        data[local + 8 : local + 10] = data[central + 10 : central + 12] = b"\x63\0"

    def damage(data: bytearray, local: int, central: int) -> None:
        data[central - 20] ^= 0xFF  # within the last member

    members = {"dog/1.png": picture("b"), "cat/1.png": picture("a")}
    unknown = open_dataset(altered(write(tmp_path / "a.zip", members), compress))
    assert "compressed in a way that catclf does not read" in reasons(unknown)["dog/1.png"]
    damaged = open_dataset(altered(write(tmp_path / "b.zip", members), damage))
    assert reasons(damaged)["dog/1.png"] == ""
    assert "damaged in the zip: Bad CRC-32" in reasons(damaged)["cat/1.png"]


@pytest.mark.parametrize("name", ["cat/1.png", "cat/1"])
def test_damaged_deflate_data_are_named_or_counted(
    name: str, picture: Picture, tmp_path: Path
) -> None:
    def damage(data: bytearray, local: int, central: int) -> None:
        start = local + 30 + len(name)
        data[start : start + 8] = b"\xff" * 8

    members = {name: picture("a"), "cat/2.png": picture("b"), "dog/1.png": picture("c")}
    path = write(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
    dataset = open_dataset(altered(path, damage))
    if name in labels(dataset):
        assert "damaged in the zip" in reasons(dataset)[name]
    else:
        assert dataset.remarks == ("1 file beside the pictures left alone",)


def test_a_bomb_is_not_inflated(picture: Picture, tmp_path: Path) -> None:
    members = {"cat/1.png": bytes(100_000_000), "dog/1.png": picture("b")}
    dataset = open_dataset(write(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED))
    said = reasons(dataset)
    assert said["cat/1.png"] == "said to have 100,000,000 bytes, more than it can hold"
    assert said["dog/1.png"] == ""


def test_a_bomb_of_many_small_ones_is_refused(picture: Picture, tmp_path: Path) -> None:
    """Each of 10 MB alone is harmless."""
    members = {f"cat/{j}.png": bytes(10_000_000) for j in range(30)}
    path = write(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="claims to unpack to 300,000,000 bytes, more than it can"):
        open_dataset(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_unpacked_without_bounds_is_not_unpacked(
    method: int, picture: Picture, tmp_path: Path
) -> None:
    members = {"cat/1.png": picture("a"), "dog/1.png": picture("b")}
    dataset = open_dataset(write(tmp_path / "a.zip", members, method))
    assert set(reasons(dataset).values()) == {"compressed in a way that catclf does not read"}


@pytest.mark.parametrize(
    ("first", "second"), [("cat/1.png", "cat/1.png"), ("cat/1.png", "cat\\1.png")]
)
def test_a_name_twice_is_refused(first: str, second: str, picture: Picture, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {first: picture("a"), "dog/1.png": picture("b")})
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(second, picture("c"))
    with pytest.raises(DataError, match=r"holds cat/1\.png twice"):
        open_dataset(path)


def test_a_blank_picture_that_shrinks_a_lot_is_no_bomb(picture: Picture, tmp_path: Path) -> None:
    from PIL import Image

    blank = io.BytesIO()
    Image.new("RGB", (1000, 1000), "white").save(blank, "BMP")
    members = {"cat/1.bmp": blank.getvalue(), "dog/1.png": picture("b")}
    dataset = open_dataset(write(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED))
    assert set(reasons(dataset).values()) == {""}


def test_a_name_that_is_no_unicode_damages_the_zip(picture: Picture, tmp_path: Path) -> None:
    def spoil(data: bytearray, local: int, central: int) -> None:
        name = data.index(b"\xc3\xa4", central)
        data[name : name + 2] = b"\xff\xff"

    path = write(tmp_path / "a.zip", {"cat/ä.png": picture("a")})
    with pytest.raises(DataError, match="a damaged zip"):
        open_dataset(altered(path, spoil))


def test_many_threads_read_one_zip(picture: Picture, tmp_path: Path) -> None:
    members = {
        f"{kind}/{j}.png": picture(f"{kind}{j}") for kind in ("cat", "dog") for j in range(99)
    }
    dataset = open_dataset(write(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED))
    for _ in range(3):
        assert set(reasons(dataset).values()) == {""}


def test_fingerprints_change_with_a_member(picture: Picture, tmp_path: Path) -> None:
    members = {"cat/1.png": picture("a"), "dog/1.png": picture("b")}
    before = open_dataset(write(tmp_path / "a.zip", members)).fingerprint()
    same = open_dataset(write(tmp_path / "b.zip", members, zipfile.ZIP_DEFLATED)).fingerprint()
    after = open_dataset(write(tmp_path / "c.zip", {**members, "cat/1.png": picture("c")}))
    assert before == same
    assert before != after.fingerprint()
