"""`.npz` with images and labels."""

import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catclf.data.dataset import Dataset, Pixels, open_dataset
from catclf.errors import DataError


def images(n: int, side: int = 8) -> NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, side, side, 3), np.uint8)


def write(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "data.npz", **arrays)  # type: ignore[arg-type]
    return folder / "data.npz"


def labels(dataset: Dataset) -> list[int]:
    return [example.label for example in dataset.examples]


def error(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_and_labels(tmp_path: Path) -> None:
    X = images(3)
    dataset = open_dataset(write(tmp_path, images=X, labels=[0, 1, 0]))
    assert dataset.class_names == ("non-cat", "cat")
    assert labels(dataset) == [0, 1, 0]
    assert dataset.size == 8
    assert [example.name for example in dataset.examples] == [f"data.npz[{j}]" for j in range(3)]
    for example, image in zip(dataset.examples, X, strict=True):
        assert isinstance(example.source, Pixels)
        assert np.array_equal(example.source.read(), image)
    assert {example.split for example in dataset.examples} == {"train"}


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_pairs_of_train_and_test(names: tuple[str, ...], tmp_path: Path) -> None:
    arrays = (images(2), [0, 1], images(3), [1, 1, 0])
    dataset = open_dataset(write(tmp_path, **dict(zip(names, arrays, strict=True))))
    assert [example.label for example in dataset.split("train")] == [0, 1]
    assert [example.label for example in dataset.split("test")] == [1, 1, 0]


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_labels_of_every_shape_and_type(
    shape: tuple[int, ...], dtype: type, tmp_path: Path
) -> None:
    y = np.array([1, 0, 1]).astype(dtype).reshape(shape)
    assert labels(open_dataset(write(tmp_path, images=images(3), labels=y))) == [1, 0, 1]


def test_labels_that_are_names_or_numbers_of_names(tmp_path: Path) -> None:
    named = open_dataset(write(tmp_path, images=images(3), labels=["dog", "cat", "cow"]))
    assert named.class_names == ("non-cat", "cat")
    assert labels(named) == [0, 1, 0]
    numbered = open_dataset(
        write(tmp_path, images=images(3), labels=[2, 0, 1], class_names=["cow", "dog", "cat"])
    )
    assert labels(numbered) == [1, 0, 0]


def test_grey_transparent_and_wider_images(tmp_path: Path) -> None:
    for X in (images(2)[:, :, :, 0], np.zeros((2, 8, 8, 4), np.uint8), images(2).astype(np.int64)):
        assert open_dataset(write(tmp_path, images=X, labels=[0, 1])).size == 8
    oblong = np.zeros((2, 8, 9, 3), np.uint8)
    assert open_dataset(write(tmp_path, images=oblong, labels=[0, 1])).size is None


@pytest.mark.parametrize(
    "X",
    [
        images(2) / 255,
        images(2).astype(np.float32),
        images(2).astype(int) + 256,
        images(2).astype(int) - 256,
    ],
)
def test_images_that_are_not_whole_numbers_to_255_are_refused(
    X: NDArray[np.generic], tmp_path: Path
) -> None:
    said = error(write(tmp_path, images=X, labels=[0, 1]))
    assert f"images of type {X.dtype} are not whole numbers from 0 to 255" in said


@pytest.mark.parametrize("shape", [(2, 192), (2, 8, 8, 2), (2, 3, 8, 8), (2, 8, 0, 3), ()])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    said = error(write(tmp_path, images=np.zeros(shape, np.uint8), labels=[0, 1]))
    assert f"images of shape {shape} are not (m, H, W, 3)" in said


def test_labels_must_be_one_an_image(tmp_path: Path) -> None:
    assert "2 images but 3 labels" in error(write(tmp_path, images=images(2), labels=[0, 1, 0]))
    square = error(write(tmp_path, images=images(4), labels=np.zeros((2, 2), int)))
    assert "labels of shape (2, 2) are not one a picture" in square


@pytest.mark.parametrize("bad", [2, -1, 0.5, np.nan])
def test_a_label_out_of_range_is_named_by_its_index(bad: float, tmp_path: Path) -> None:
    said = error(write(tmp_path, images=images(3), labels=np.array([0, 1, bad])))
    assert "label 2 is" in said
    assert "not one of 0 to 1" in said


def test_object_arrays_are_never_unpickled(tmp_path: Path) -> None:
    pickled = np.array([images(1)[0], "x"], dtype=object)
    assert "pickled objects" in error(write(tmp_path, images=pickled, labels=[0, 1]))
    assert "pickled objects" in error(write(tmp_path, images=images(2), labels=pickled))


def test_arrays_of_other_names(tmp_path: Path) -> None:
    said = error(write(tmp_path, pictures=images(2), kinds=[0, 1]))
    assert "holds pictures, kinds, but no images and labels" in said
    assert "numpy.savez" in said


def test_no_images(tmp_path: Path) -> None:
    assert "holds no images" in error(write(tmp_path, images=images(2)[:0], labels=np.array([])))


def test_damaged_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, images=images(2), labels=[0, 1])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "damaged" in error(path)
    path.write_bytes(data[:300] + b"\0\xff" * 20 + data[340:])
    assert "damaged" in error(path)


def npy_header(shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def test_a_header_that_claims_more_than_is_stored_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "claims.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy_header((2**31, 64, 64, 3)) + b"\0" * 100)
        archive.writestr("labels.npy", npy_header((2**31,)))
    assert "images.npy claims 26,388,279,066,624 bytes; save plain numbers" in error(path)


def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy_header((6_000, 64, 64, 3)) + bytes(6_000 * 12288))
        archive.writestr("labels.npy", npy_header((6_000,)) + bytes(6_000))
    said = error(path)
    assert re.search(r"images.npy is said to have 73,728,\d+ bytes, more than it can hold", said)


def test_text_that_is_no_text(tmp_path: Path) -> None:
    header = b"{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }"
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    path = write(tmp_path, images=images(2))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.npy", magic + header + b"\xff" * 16)
    assert "labels.npy is damaged" in error(path)


def test_an_endless_array_of_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }"
    path = write(tmp_path, images=images(2))
    with zipfile.ZipFile(path, "a") as archive:
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
        archive.writestr("labels.npy", head + header)
    assert "labels.npy claims 0 bytes" in error(path)


def test_an_array_twice_and_an_encrypted_one(tmp_path: Path) -> None:
    path = write(tmp_path, images=images(2), labels=[0, 1])
    data = bytearray(path.read_bytes())
    for start in (data.index(b"PK\3\4") + 6, data.index(b"PK\1\2") + 8):
        data[start] |= 1
    path.with_name("locked.npz").write_bytes(data)
    assert "images.npy is encrypted" in error(path.with_name("locked.npz"))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.npy", archive.read("labels.npy"))
    assert "holds labels.npy twice" in error(path)


def test_names_of_the_readme_in_upper_and_lower_case(tmp_path: Path) -> None:
    for names in (("X", "y"), ("x", "y")):
        path = write(tmp_path, **dict(zip(names, (images(2), [0, 1]), strict=True)))
        assert labels(open_dataset(path)) == [0, 1]
