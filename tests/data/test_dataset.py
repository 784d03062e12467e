"""What is common to all forms: finding the reader, labels, splits, fingerprints."""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catclf.data.dataset import Dataset, open_dataset, with_split
from catclf.data.decode import Loading
from catclf.data.loading import Loaded, load
from catclf.errors import DataError

Tree = Callable[..., Path]
NAMES = ("cat/1.png", "cat/b/2.png", "cat/ä.jpg", "cow/1.png", "dog/3.png", "dog/4")


def as_folder(root: Path) -> Path:
    return root


def as_wrapped_folder(root: Path) -> Path:
    shutil.copytree(root, root.with_name("outer") / "inner")
    return root.with_name("outer")


def as_zip(root: Path) -> Path:
    return Path(shutil.make_archive(str(root.with_name("packed")), "zip", root))


def as_wrapped_zip(root: Path) -> Path:
    return Path(shutil.make_archive(str(root.with_name("packed")), "zip", root.parent, root.name))


def as_manifest(root: Path) -> Path:
    rows = [f"{name},{name.split('/')[0]}" for name in NAMES]
    (root / "all.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    return root / "all.csv"


@pytest.mark.parametrize(
    "form", [as_folder, as_wrapped_folder, as_zip, as_wrapped_zip, as_manifest]
)
def test_the_same_pictures_are_the_same_however_they_come(
    form: Callable[[Path], Path], tree: Tree
) -> None:
    root = tree(*NAMES)
    reference = open_dataset(root)
    dataset = open_dataset(form(root))
    assert dataset.class_names == ("non-cat", "cat")
    assert [(e.name, e.label, e.split) for e in dataset.examples] == [
        (e.name, e.label, e.split) for e in reference.examples
    ]
    for one, other in zip(loaded(dataset), loaded(reference), strict=True):
        assert np.array_equal(one.picture.pixels, other.picture.pixels)
        assert one.sha256 == other.sha256
        assert one.picture.perceptual_hash == other.picture.perceptual_hash


def loaded(dataset: Dataset) -> list[Loaded]:
    results = list(load([example.source for example in dataset.examples], Loading()))
    assert all(isinstance(result, Loaded) for result in results)
    return [result for result in results if isinstance(result, Loaded)]


def test_arrays_are_the_same_as_files_of_the_same_pixels(tree: Tree, tmp_path: Path) -> None:
    from PIL import Image

    root = tree("cat/1.png", "dog/1.png")
    files = loaded(open_dataset(root))
    images = np.stack([np.asarray(Image.open(p)) for p in sorted(root.rglob("*.png"))])
    np.savez(tmp_path / "a.npz", images=images, labels=[1, 0])
    for one, other in zip(loaded(open_dataset(tmp_path / "a.npz")), files, strict=True):
        assert np.array_equal(one.picture.pixels, other.picture.pixels)
        assert one.picture.perceptual_hash == other.picture.perceptual_hash


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0"),
        ("notes.md", b"# cats"),
        ("empty", b""),
        ("a.npy", b"\x93N"),
    ],
)
def test_a_file_that_is_no_data_set(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match="not a data set") as caught:
        open_dataset(tmp_path / name)
    assert "formats table in the README" in str(caught.value)


def test_a_reader_is_found_by_the_first_bytes_not_by_the_name(
    tmp_path: Path, picture: Callable[[str], bytes]
) -> None:
    with zipfile.ZipFile(tmp_path / "data.csv", "w") as archive:
        archive.writestr("cat/1.png", picture("a"))
        archive.writestr("dog/1.png", picture("b"))
    assert len(open_dataset(str(tmp_path / "data.csv")).examples) == 2


def test_fingerprints(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png")
    dataset = open_dataset(root)
    assert dataset.fingerprint() == open_dataset(root).fingerprint()
    first, second = dataset.examples
    swapped = replace(dataset, examples=(second, first))
    assert swapped.fingerprint() == dataset.fingerprint()
    for changed in (
        replace(first, label=0),
        replace(first, split="test"),
        replace(first, name="cat/2.png"),
        replace(first, source=second.source),
    ):
        other = replace(dataset, examples=(changed, second))
        same_size = changed.source is second.source and (
            second.source.fingerprint() == first.source.fingerprint()
        )
        assert (other.fingerprint() == dataset.fingerprint()) == same_size


def test_splits_can_be_set(tree: Tree) -> None:
    examples = open_dataset(tree("cat/1.png", "dog/1.png")).examples
    assert {example.split for example in with_split(examples, "test")} == {"test"}
