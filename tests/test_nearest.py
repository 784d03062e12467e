"""What somebody may have meant."""

import os
from pathlib import Path

import pytest

from catclf.nearest import LOOKED_AT, did_you_mean, nearest, nearest_path


def test_the_nearest_name_whatever_the_case() -> None:
    assert nearest("catt", ["Cat", "dog"]) == "Cat"
    assert nearest("zebra", ["cat", "dog"]) is None
    assert nearest("cat", []) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("foto.jpg", "photo.jpg"),
        ("PHOTO.JPG", "photo.jpg"),
        ("pets/ctas/1.jpg", "pets/cats/1.jpg"),
        ("pest/ctas/1.jpg", "pets/cats/1.jpg"),
        ("pest/zebras/9.tiff", "pets"),
        ("photo.jpg", None),  # is there
        ("zzz", None),
        ("photo.jpg/x", None),
        ("a\0b", None),
        ("x" * 300, None),
        (".hiddem", None),
        ("lost", None),
        ("loop", None),
        ("lopp", None),
    ],
)
def test_the_nearest_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pets/cats").mkdir(parents=True)
    for name in ("photo.jpg", "pets/cats/1.jpg", ".hidden"):
        Path(name).touch()
    Path("lost").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    assert nearest_path(Path(typed)) == (None if meant is None else Path(meant))
    absolute = nearest_path(tmp_path / typed)
    assert absolute == (None if meant is None else tmp_path / meant)


def test_of_a_huge_folder_only_a_part_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(range(10 * LOOKED_AT))
    seen: list[int] = []

    class Entry:
        def __init__(self, number: int) -> None:
            seen.append(number)
            self.name = f"{number:06}"

    class Folder:
        def __enter__(self):
            return (Entry(n) for n in names)

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(os, "scandir", lambda path: Folder())
    assert nearest_path(tmp_path / "holiday.jpg") is None
    assert len(seen) <= LOOKED_AT + 1


def test_the_question() -> None:
    assert did_you_mean(Path("a/b")) == "did you mean a/b?"
    assert did_you_mean(None, "name another") == "name another"
