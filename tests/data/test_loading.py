"""The loader: in order, whatever happens, and never far ahead of who takes the pictures."""

import csv
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from catclf.data import loading
from catclf.data.dataset import File, Given, Pixels, Source
from catclf.data.decode import Loading, Picture, decode
from catclf.data.folder import pictures_below
from catclf.data.loading import AHEAD, Failure, Loaded, load, load_one

SHARED = Path(os.environ.get("CATCLF_DATA", "/nowhere"))


def drawings(n: int) -> list[Source]:
    rng = np.random.default_rng(0)
    return [Pixels(rng.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(n)]


def summary(results: Iterator[Loaded | Failure]) -> list[tuple[bytes, bytes, bytes] | str]:
    return [
        result.reason
        if isinstance(result, Failure)
        else (result.picture.pixels.tobytes(), result.picture.perceptual_hash, result.sha256)
        for result in results
    ]


def test_results_come_in_order_with_failures_in_their_places(photos: list[Path]) -> None:
    sources = [*map(File, photos[:2]), Given(b""), File(photos[2]), File(Path("no/such.jpg"))]
    results = summary(load(sources, Loading()))
    assert results[2] == "the file is empty"
    assert results[4] == "no such file"
    for source, result in zip(sources, results, strict=True):
        assert [result] == summary(iter([load_one(source, Loading())]))


@pytest.mark.parametrize("jobs", [1, 2, 7, None])
def test_the_number_of_threads_changes_nothing(jobs: int | None, photos: list[Path]) -> None:
    sources = [*map(File, photos), *drawings(40), Given(b"text"), *map(File, reversed(photos))]
    assert summary(load(sources, Loading(), jobs)) == summary(load(sources, Loading(), 3))


def test_sha256_is_of_the_file_and_of_the_array(cat_photo: Path) -> None:
    of_file = load_one(File(cat_photo), Loading())
    assert isinstance(of_file, Loaded)
    assert of_file.sha256 == hashlib.sha256(cat_photo.read_bytes()).digest()
    array = np.zeros((64, 64, 3), np.uint8)
    of_array = load_one(Pixels(array), Loading())
    assert isinstance(of_array, Loaded)
    assert of_array.sha256 == hashlib.sha256(array.tobytes()).digest()


def test_hashes_are_left_out_on_demand_and_pixels_stay(cat_photo: Path) -> None:
    bare, full = (load_one(File(cat_photo), Loading(), hashed) for hashed in (False, True))
    assert isinstance(bare, Loaded)
    assert isinstance(full, Loaded)
    assert np.array_equal(bare.picture.pixels, full.picture.pixels)
    assert (bare.sha256, bare.picture.perceptual_hash) == (b"", b"")


def test_no_pictures() -> None:
    assert list(load([], Loading())) == []


def test_a_slow_consumer_is_not_run_away_from() -> None:
    taken = 0

    def counted() -> Iterator[Source]:
        nonlocal taken
        for source in drawings(1) * 500:
            taken += 1
            yield source

    jobs = 2
    for position, _ in enumerate(load(counted(), Loading(), jobs)):
        assert taken <= position + 1 + jobs * AHEAD
        if position < 3:
            time.sleep(0.02)
    assert taken == 500


def test_leaving_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    results = load(drawings(1) * 300, Loading(), 3)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


@dataclass(frozen=True)
class Slow:
    """A source that takes its time and counts."""

    read_so_far: list[int]

    def read(self) -> bytes:
        self.read_so_far.append(1)
        time.sleep(0.02)
        return b""

    def size(self) -> int:
        return 0

    def fingerprint(self) -> str:
        return ""


def test_leaving_early_does_not_wait_for_what_is_in_line() -> None:
    read_so_far: list[int] = []
    results = load([Slow(read_so_far)] * 100, Loading(), 1)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(read_so_far) < AHEAD / 2


def test_an_error_of_the_names_comes_through_and_leaves_no_thread_behind() -> None:
    def names() -> Iterator[Source]:
        yield from drawings(3)
        raise RuntimeError("the list is at fault")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="the list is at fault"):
        list(load(names(), Loading(), 2))
    assert threading.active_count() == before


@dataclass(frozen=True)
class Broken:
    """A source with a bug: not one of our errors."""

    def read(self) -> bytes:
        raise ZeroDivisionError

    def size(self) -> int:
        return 0

    def fingerprint(self) -> str:
        return ""


def test_a_bug_is_not_taken_for_a_bad_picture() -> None:
    with pytest.raises(ZeroDivisionError):
        list(load([*drawings(2), Broken()], Loading()))


# Files


def reason(path: Path) -> str:
    result = load_one(File(path), Loading())
    assert isinstance(result, Failure)
    return result.reason


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.jpg") == "no such file"
    assert reason(tmp_path) == "a folder, not a picture"
    assert reason(Path("a\0b.jpg")) == "not a possible file name"
    assert "name too long" in reason(tmp_path / ("x" * 300 + ".jpg"))
    (tmp_path / "file").touch()
    assert reason(tmp_path / "file" / "a.jpg") == "Not a directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # to open it would wait for ever
    assert reason(tmp_path / "pipe.jpg") == "not a regular file"
    assert reason(Path("/dev/zero")) == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_takes_the_place_of_a_picture_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cat_photo: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    before = cat_photo.stat()
    monkeypatch.setattr(Path, "stat", lambda path: before)  # what was there a moment ago
    assert reason(tmp_path / "pipe.jpg") == "not a regular file"


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_grows_or_shrinks_while_it_is_read(
    change: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cat_photo: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(cat_photo.read_bytes())
    fstat = os.fstat

    def then_changed(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if os.path.samestat(status, photo.stat()):
            os.truncate(photo, status.st_size + change)
        return status

    monkeypatch.setattr(os, "fstat", then_changed)
    assert reason(photo) == "changed while it was read"


def test_a_file_that_vanishes_after_it_was_listed(tmp_path: Path, cat_photo: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(cat_photo.read_bytes())
    found = pictures_below(tmp_path).pictures
    (tmp_path / "a.jpg").unlink()
    results = list(load(map(File, found), Loading()))
    assert results[0] == Failure("no such file")
    assert isinstance(results[1], Loaded)


def test_large_files_are_read_one_at_a_time(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one more is read until the one before has been decoded."""
    monkeypatch.setattr(loading, "LARGE_BYTES", 0)
    at_work, most = 0, 0
    lock = threading.Lock()

    @dataclass(frozen=True)
    class Counted(File):
        def read(self) -> bytes:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            return super().read()

    def decoded(*arguments: object, **options: object) -> Picture:
        nonlocal at_work
        try:
            return decode(*arguments, **options)
        finally:
            with lock:
                at_work -= 1

    monkeypatch.setattr(loading, "decode", decoded)
    assert len(list(load([Counted(path) for path in photos * 3], Loading(), 4))) == 3 * len(photos)
    assert most == 1


def test_links_are_followed_to_files_and_not_in_circles(tmp_path: Path, cat_photo: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(cat_photo)
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    assert isinstance(load_one(File(tmp_path / "link.jpg"), Loading()), Loaded)
    assert "symbolic links" in reason(tmp_path / "circle.jpg")
    assert reason(tmp_path / "broken.jpg") == "no such file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "closed.jpg").touch(mode=0)
    assert reason(tmp_path / "closed.jpg") == "Permission denied"


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "disk.jpg").open("wb") as file:
        file.truncate(3 * 2**30)  # takes no room
    assert reason(tmp_path / "disk.jpg") == "3.0 GiB is no photo"


def test_fingerprints_of_files_never_raise(tmp_path: Path, cat_photo: Path) -> None:
    assert File(cat_photo).fingerprint() == str(cat_photo.stat().st_size)
    assert File(tmp_path / "none.jpg").fingerprint() == "?"
    assert File(Path("a\0b.jpg")).fingerprint() == "?"


# The folder as people have them


def messy_rows() -> list[dict[str, str]]:
    table = SHARED / "messy" / "messy.csv"
    if not table.is_file():
        return [{"file": "messy.csv"}]  # one test, which the fixture skips with its reason
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", messy_rows(), ids=lambda row: ascii(row["file"]))
def test_every_messy_file_gets_what_is_expected(row: dict[str, str], shared_data: Path) -> None:
    messy = shared_data / "messy"
    pictures = pictures_below(messy).pictures
    assert (messy / row["file"] in pictures) == (row["readable"] != "ignored")
    if row["readable"] == "ignored":
        return
    result = load_one(File(messy / row["file"]), Loading())
    if row["readable"] == "no":
        assert isinstance(result, Failure)
        assert result.reason
        assert "\n" not in result.reason
    else:
        assert isinstance(result, Loaded)
        found = (result.picture.width, result.picture.height)
        assert found == (int(row["width"]), int(row["height"]))


def test_the_cat_looks_the_same_in_every_messy_form(shared_data: Path) -> None:
    """Except where the picture itself is other: mirrored, grey, in a wider gamut."""
    other = ("mirrored", "grey", "profile", "transparent", "near-duplicate: JPEG")
    rows = [
        row
        for row in messy_rows()
        if row["group"] == "chelsea"
        and row["readable"] == "yes"
        and not any(word in row["reason"] for word in other)
    ]
    assert len(rows) > 15
    original = load_one(File(shared_data / "messy/photo.jpg"), Loading())
    assert isinstance(original, Loaded)
    for row in rows:
        result = load_one(File(shared_data / "messy" / row["file"]), Loading())
        assert isinstance(result, Loaded)
        difference = result.picture.pixels.astype(float) - original.picture.pixels
        assert np.abs(difference).mean() < 6, row["file"]
