"""What `catclf check` finds in folders made for it, and that it finds nothing where nothing is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from catclf.checking import (
    COPIES,
    DOUBT,
    EXTENSION,
    LABELS,
    LEAK,
    SMALL,
    UNREADABLE,
    Check,
    check,
    write_clean,
)
from catclf.cli.app import run
from catclf.data.dataset import open_dataset
from catclf.data.similarity import alike_groups, as_rows, thumbnail
from catclf.errors import DataError
from catclf.training import Options, fit

SAMPLES = Path(__file__).resolve().parents[1] / "sample_images"
PHOTOS = SAMPLES / "photos"
DRAWN = SAMPLES / "drawn"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photos that differ, two a class."""
    for name, photos in {"cat": ("chelsea", "coffee"), "other": ("camera", "clock")}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for photo in photos:
            shutil.copy(PHOTOS / f"{photo}.jpg", tmp_path / "data" / name)
    return tmp_path / "data"


def found(checked: Check, kind: str) -> list[tuple[list[str], str]]:
    """Names of the pictures and the detail of each finding of a kind."""
    return [
        ([Path(name).name for name in finding.pictures], finding.detail)
        for finding in checked.findings
        if finding.kind == kind
    ]


def chelsea() -> Image.Image:
    return Image.open(PHOTOS / "chelsea.jpg").convert("RGB")


def test_nothing_is_found_where_nothing_is(folder) -> None:
    checked = check(folder)
    assert checked.findings == ()
    assert (checked.n, checked.clean, len(checked.kept)) == (4, 4, 4)
    assert checked.classes == {"train": {"cat": 2, "other": 2}}
    assert checked.not_doubted == "under 10 different pictures of a class"


def test_full_paths(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "cat/broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (finding,) = check("data").findings
    assert finding.pictures == (str(folder / "cat/broken.jpg"),)


class TestSinglePictures:
    def test_unreadable_and_truncated(self, folder) -> None:
        whole = (PHOTOS / "chelsea.jpg").read_bytes()
        (folder / "cat/cut.jpg").write_bytes(whole[: len(whole) // 2])
        (folder / "cat/empty.jpg").touch()
        checked = check(folder)
        assert [names for names, _ in found(checked, UNREADABLE)] == [["cut.jpg"], ["empty.jpg"]]
        assert all(reason for _, reason in found(checked, UNREADABLE))
        assert (checked.n, checked.clean, len(checked.kept)) == (6, 4, 4)

    def test_none_that_can_be_read(self, folder) -> None:
        for path in folder.rglob("*.jpg"):
            path.write_bytes(b"no picture")
        checked = check(folder)
        assert len(found(checked, UNREADABLE)) == 4
        assert (checked.n, checked.clean, checked.kept) == (4, 0, ())

    def test_a_wrong_extension(self, folder) -> None:
        with Image.open(PHOTOS / "brick.jpg") as image:
            image.save(folder / "other/brick.jpg", "PNG")
        checked = check(folder)
        assert found(checked, EXTENSION) == [(["brick.jpg"], "a PNG file")]
        assert len(checked.kept) == 5  # it can be read, and is a picture as any other

    def test_tiny_ones(self, folder) -> None:
        chelsea().resize((31, 200)).save(folder / "cat/thin.png")
        checked = check(folder)
        assert found(checked, SMALL) == [(["thin.png"], "31 x 200")]
        assert len(checked.kept) == 4

    def test_odd_modes_and_orientations_are_no_faults(self, folder) -> None:
        turned = ImageOps.mirror(Image.open(PHOTOS / "brick.jpg").convert("L"))
        exif = Image.Exif()
        exif[0x0112] = 2
        turned.save(folder / "other/grey.jpg", exif=exif)
        checked = check(folder)
        assert checked.findings == ()
        # camera and clock are grey as they come
        assert checked.information == {"mode L": 3, "turned upright": 1}


class TestCopies:
    def test_mirrored_halved_and_saved_again(self, folder) -> None:
        image = chelsea()
        ImageOps.mirror(image).save(folder / "cat/mirrored.png")
        image.resize((image.width // 2, image.height // 2)).save(folder / "cat/half.jpg")
        image.save(folder / "cat/again.jpg", quality=50)
        checked = check(folder)
        ((names, _),) = found(checked, COPIES)
        assert sorted(names) == ["again.jpg", "chelsea.jpg", "half.jpg", "mirrored.png"]
        assert (checked.n, checked.clean) == (7, 3)
        kept = {Path(example.name).name for example in checked.kept}
        assert len(kept) == 4
        assert "half.jpg" not in kept  # the largest stays

    def test_one_picture_under_two_labels(self, folder) -> None:
        chelsea().save(folder / "other/dog.jpg", quality=80)
        checked = check(folder)
        assert found(checked, LABELS) == [(["chelsea.jpg", "dog.jpg"], "cat and other")]
        assert found(checked, COPIES) == []
        assert sorted(Path(e.name).name for e in checked.kept) == [
            "camera.jpg",
            "clock.jpg",
            "coffee.jpg",
        ]

    def test_one_picture_in_train_and_in_test(self, folder) -> None:
        for split in ("train", "test"):
            shutil.copytree(folder, folder.parent / "both" / split)
        shutil.copy(PHOTOS / "brick.jpg", folder.parent / "both/train/other")
        chelsea().resize((902, 600)).save(folder.parent / "both/train/cat/chelsea.jpg")
        checked = check(folder.parent / "both")
        assert len(found(checked, LEAK)) == 4
        assert (checked.n, checked.clean) == (9, 1)
        # what judges stays, and goes from what trains
        assert sorted(example.split for example in checked.kept) == ["test"] * 4 + ["train"]


def test_a_label_that_the_rest_contradicts(tmp_path) -> None:
    for name, to in (("cat", "cat"), ("non-cat", "other")):
        (tmp_path / to).mkdir()
        for path in sorted((DRAWN / "train" / name).iterdir())[:30]:
            shutil.copy(path, tmp_path / to / f"{name}{path.name}")
    shutil.move(tmp_path / "cat/cat007.png", tmp_path / "other/cat007.png")
    checked = check(tmp_path)
    doubts = found(checked, DOUBT)
    assert doubts[0][0] == ["cat007.png"]  # the surest
    assert doubts[0][1].startswith("labelled other, looks like cat: ")
    assert len(doubts) <= 2
    assert len(checked.kept) == 60  # a doubt is for a person
    assert found(check(tmp_path, labels=False), DOUBT) == []


class TestCleanManifest:
    def test_it_trains(self, folder, tmp_path) -> None:
        shutil.copy(PHOTOS / "chelsea.jpg", folder / "cat/copy.jpg")
        (folder / "other/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        write_clean(check(folder), tmp_path / "clean.csv")
        examples = open_dataset(tmp_path / "clean.csv").examples
        assert [example.label for example in examples] == [1, 1, 0, 0]
        again = check(tmp_path / "clean.csv")
        assert (again.findings, again.clean) == ((), 4)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    def test_nothing_is_overwritten(self, folder, tmp_path) -> None:
        (tmp_path / "clean.csv").write_text("mine")
        with pytest.raises(DataError, match="stands there already"):
            write_clean(check(folder), tmp_path / "clean.csv")
        assert (tmp_path / "clean.csv").read_text() == "mine"

    def test_pictures_that_are_no_files(self, shared_data, tmp_path) -> None:
        with pytest.raises(DataError, match="no file"):
            write_clean(check(shared_data / "course", labels=False), tmp_path / "clean.csv")


def test_the_course_s_own_leak(shared_data) -> None:
    checked = check(shared_data / "course", labels=False)
    leak, balance = checked.findings
    assert leak.kind == LEAK
    assert [name.split(": ")[1] for name in leak.pictures] == [
        "train_catvnoncat.h5[146]",
        "test_catvnoncat.h5[17]",
    ]
    assert balance.detail == "34% cat in train, 66% in test"
    assert (checked.n, checked.clean) == (259, 257)


class TestTraining:
    def said(self, folder: Path) -> list[str]:
        training = fit(folder, Options(features="pixels", l2=1.0))
        return [remark for remark in training.remarks if "catclf check" in remark]

    def test_training_says_in_a_line_what_check_would_name(self, folder) -> None:
        assert self.said(folder) == []
        chelsea().save(folder / "cat/again.png")
        (line,) = self.said(folder)
        assert line == f"near-copies of other photos: 1; catclf check {folder} names them"
        chelsea().save(folder / "other/dog.png")
        (line,) = self.said(folder)
        assert "photos under both labels: 3" in line


class TestCommand:
    def test_exit_codes_and_counts_that_add_up(self, folder, capsys) -> None:
        assert run(["check", str(folder)]) == 0
        assert f"{folder}: 4 pictures, 4 clean, 0 with findings" in capsys.readouterr().out
        shutil.copy(PHOTOS / "chelsea.jpg", folder / "cat/a\x1bb.jpg")
        assert run(["check", str(folder)]) == 1
        out = capsys.readouterr().out
        assert f"{folder}: 5 pictures, 3 clean, 2 with findings" in out
        assert "nearly the same: 2 pictures" in out
        assert "a\\x1bb.jpg" in out
        assert run(["check", str(folder / "none")]) == 4

    def test_json(self, folder, tmp_path, capsys) -> None:
        shutil.copy(PHOTOS / "chelsea.jpg", folder / "other/dog.jpg")
        clean = tmp_path / "clean.csv"
        assert run(["check", str(folder), "--json", "--write-clean", str(clean)]) == 1
        captured = capsys.readouterr()
        found = json.loads(captured.out)
        assert (found["pictures"], found["clean"], found["kept"]) == (5, 3, 3)
        (finding,) = found["findings"]
        assert finding["kind"] == LABELS
        assert finding["pictures"] == [
            str(folder / "cat/chelsea.jpg"),
            str(folder / "other/dog.jpg"),
        ]
        assert f"wrote {clean}: 3 pictures to keep" in captured.err


def test_alike_by_thumbnail_is_symmetric_and_sees_past_a_block() -> None:
    """The blocks of a comparison agree with every pair compared by itself."""
    random = np.random.default_rng(0)
    places = random.uniform(0, 255, (1100, 8, 8, 3)).astype(np.float32)
    places[1050] = places[3][:, ::-1] + 2  # mirrored, and in another block
    places[7] = places[8] = 90  # flat
    found = alike_groups(as_rows([i.to_bytes(32, "big") for i in range(1100)]), flat(places))
    expected = np.arange(1100)
    expected[1050], expected[8] = 3, 7
    assert found.tolist() == expected.tolist()


def flat(places: NDArray[np.float32]) -> NDArray[np.float32]:
    return places.reshape(len(places), -1)


def test_a_thumbnail_is_the_mean_of_each_place() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    slow = [
        pixels[8 * i : 8 * i + 8, 8 * j : 8 * j + 8, k].mean()
        for i in range(8)
        for j in range(8)
        for k in range(3)
    ]
    np.testing.assert_allclose(thumbnail(pixels), slow, rtol=1e-6)
