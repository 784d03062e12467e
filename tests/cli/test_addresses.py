"""Pictures behind addresses: listed, read, and what stores say when they cannot."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catclf.data import addresses
from catclf.data.addresses import Remote, is_address, listing
from catclf.data.dataset import File
from catclf.errors import DataError, UnreadableImage

fsspec = pytest.importorskip("fsspec", reason="needs the extra dask")

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
PHOTOS = sorted((SAMPLES / "photos").glob("*.jpg"))


@pytest.fixture
def store() -> Iterator[str]:
    """The sample photos in fsspec's own memory, with things beside them."""
    memory = fsspec.filesystem("memory")
    for path in PHOTOS:
        memory.pipe(f"/photos/{path.name}", path.read_bytes())
    memory.pipe("/photos/below/UPPER.JPG", PHOTOS[0].read_bytes())
    memory.pipe("/photos/notes.txt", b"no picture")
    memory.pipe("/photos/.hidden.jpg", b"junk")
    yield "memory://photos"
    memory.store.clear()
    memory.pseudo_dirs.clear()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3://bucket/cat.jpg", True),
        ("https://example.org/cat.jpg", True),
        ("C://cat.jpg", False),
        ("photos/s3://cat.jpg", False),
        ("://cat.jpg", False),
        ("cat.jpg", False),
    ],
)
def test_what_is_an_address(name: str, expected: bool) -> None:
    assert is_address(name) is expected


def test_what_lies_below(store: str) -> None:
    found = listing(store)
    pictures = dict(found.pictures)
    assert list(pictures) == sorted(pictures)
    assert pictures.pop("memory:///photos/below/UPPER.JPG").read() == PHOTOS[0].read_bytes()
    assert found.others == 1
    for (name, source), path in zip(pictures.items(), PHOTOS, strict=True):
        assert name == f"memory:///photos/{path.name}"
        assert source.read() == path.read_bytes()
        assert source.size() == path.stat().st_size
        assert source.fingerprint() == str(path.stat().st_size)


def test_a_pattern_and_a_single_one(store: str) -> None:
    assert len(listing(f"{store}/c*.jpg").pictures) == len(
        [path for path in PHOTOS if path.name.startswith("c")]
    )
    ((name, source),) = listing(f"{store}/{PHOTOS[0].name}").pictures
    assert name == f"{store}/{PHOTOS[0].name}"
    assert source.read() == PHOTOS[0].read_bytes()


def test_what_cannot_be_had(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableImage, match=r"^no such file$"):
        Remote(f"{store}/none.jpg").read()
    monkeypatch.setattr(addresses, "MAX_FILE_BYTES", 100)
    with pytest.raises(UnreadableImage, match="GiB is no photo"):
        Remote(f"{store}/{PHOTOS[0].name}").read()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("file:///dev/zero", "on this machine; give its path"),  # has no end
        ("local:///dev/zero", "on this machine; give its path"),
        ("zip://cat.jpg::file:///cats.zip", "a store inside another (::) is not opened"),
        ("simplecache::memory://cat.jpg", None),  # no address, so a path
        ("zip://cat.jpg", "no address of a store"),
        ("nonsense://cat.jpg", "no address of a store"),
        ("generic://cat.jpg", "no address of a store"),
    ],
)
def test_no_address_leads_around_the_rules_for_files_and_zips(
    address: str, said: str | None, cli: Callable, tmp_path: Path
) -> None:
    said = said or "no such file"
    with pytest.raises(UnreadableImage, match=re.escape(said)):
        (Remote(address) if is_address(address) else File(Path(address))).read()
    Path("list").write_text(f"{address}\n{PHOTOS[0]}\n")
    ran = cli("predict", "--files-from", "list", "--csv", "-q")
    assert (ran.code, len(ran.rows)) == (3, 3)
    assert ran.rows[1] == f"{address},,,{said},"


def test_a_store_that_does_not_tell_how_long_a_picture_is(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "size", lambda self, path: None)
    assert Remote(f"{store}/{PHOTOS[0].name}").read() == PHOTOS[0].read_bytes()
    monkeypatch.setattr(addresses, "MAX_FILE_BYTES", 100)
    with pytest.raises(UnreadableImage, match="GiB is no photo"):
        Remote(f"{store}/{PHOTOS[0].name}").read()


def test_a_store_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(address: str) -> None:
        raise ImportError("Install s3fs")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(DataError, match=r"s3://bucket/cat\.jpg: Install s3fs"):
        listing("s3://bucket/cat.jpg")


def test_without_fsspec_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"needs fsspec; pip install 'catclf\[dask\]'"):
        Remote("s3://bucket/cat.jpg").read()


class TestCommands:
    """The same rows and the same model as from the disk."""

    def test_predict(self, cli, store) -> None:
        here = cli("predict", *PHOTOS, "--csv", "-q")
        there = cli("predict", store, f"{store}/none.jpg", "--csv")
        assert there.code == 3
        assert there.err.splitlines()[-1] == "1 other file in the folders left alone"
        cells = [row.split(",")[1:] for row in there.rows]
        del cells[
            [row.split(",")[0] for row in there.rows].index("memory:///photos/below/UPPER.JPG")
        ]
        assert cells[1:-1] == [row.split(",")[1:] for row in here.rows[1:]]
        assert there.rows[-1] == f"{store}/none.jpg,,,no such file,"

    def test_a_manifest_of_addresses(self, cli, store, tmp_path) -> None:
        memory = fsspec.filesystem("memory")
        rows = ["path,label,split"]
        for split in ("train", "test"):
            for kind in ("cat", "non-cat"):
                for path in sorted((SAMPLES / "drawn" / split / kind).iterdir())[:12]:
                    memory.pipe(str(path), path.read_bytes())
                    rows.append(f"memory://{path},{kind},{split}")
        Path("far.csv").write_text("\n".join(rows))
        Path("near.csv").write_text("\n".join(rows).replace("memory://", ""))
        for name in ("near", "far"):
            asked = ("--features", "pixels", "--l2", "1", "-o", f"{name}.npz")
            assert cli("train", f"{name}.csv", *asked).code == 0
        far, near = (cli("eval", "-m", f"{name}.npz", "--json", "-q") for name in ("far", "near"))
        assert far.out.replace("far.csv", "near.csv") == near.out
        one, other = (
            cli("predict", "--files-from", f"{name}.csv", "-m", "near.npz", "--csv", "-q")
            for name in ("far", "near")
        )
        assert one.out.replace("memory://", "") == other.out
        assert len(one.rows) == 1 + 48
        checked = cli("check", "far.csv", "--no-labels", "--write-clean", "clean.csv")
        assert checked.code in (0, 1)
        assert f"memory://{SAMPLES}" in Path("clean.csv").read_text()


def test_a_pattern_that_no_shell_has_replaced(cli, tmp_path) -> None:
    shutil.copytree(SAMPLES / "photos", tmp_path / "photos")
    shutil.copy(PHOTOS[0], tmp_path / "photos/a*.jpg")
    names = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "photos").glob("*.jpg"))
    assert [row.split("\t")[0] for row in cli("predict", "photos/*.jpg", "-q").rows] == names
    assert len(cli("predict", "photos/a*.jpg", "-q").rows) == 1
    (tmp_path / "photos/more").mkdir()
    assert len(cli("predict", "photos/**/*", "-q").rows) == len(list(Path("photos").iterdir())) - 1
    assert cli("predict", "photos/x*.jpg", "-q").code == 3
