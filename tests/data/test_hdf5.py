"""HDF5 as the course has it, and what strangers may put into it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from catclf.data.dataset import open_dataset
from catclf.errors import DataError


def images(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), np.uint8)


def write(path: Path, **arrays: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


CLASSES = np.array([b"non-cat", b"cat"])


def error(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
@pytest.mark.parametrize("listed", [True, False])
def test_one_file(shape: tuple[int, ...], listed: bool, tmp_path: Path) -> None:
    extra = {"list_classes": CLASSES} if listed else {}
    y = np.array([0, 1, 1]).reshape(shape)
    path = write(tmp_path / "a.h5", train_set_x=images(3), train_set_y=y, **extra)
    dataset = open_dataset(path)
    assert [example.label for example in dataset.examples] == [0, 1, 1]
    assert dataset.class_names == ("non-cat", "cat")
    assert dataset.size == 8


def test_a_folder_with_train_and_test(tmp_path: Path) -> None:
    write(tmp_path / "train_pets.h5", train_set_x=images(3), train_set_y=[0, 1, 1])
    write(tmp_path / "test_pets.h5", test_set_x=images(2), test_set_y=[1, 0])
    dataset = open_dataset(tmp_path)
    assert [example.label for example in dataset.split("train")] == [0, 1, 1]
    assert [example.label for example in dataset.split("test")] == [1, 0]
    assert dataset.examples[3].name == "test_pets.h5[0]"


def test_train_and_test_in_one_file_whatever_it_is_called(tmp_path: Path) -> None:
    path = write(tmp_path / "all", x_train=images(2), y_train=[0, 1], x_test=images(1), y_test=[1])
    dataset = open_dataset(path)
    assert len(dataset.split("train")) == 2
    assert len(dataset.split("test")) == 1


def test_the_class_list_decides_which_number_is_the_cat(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=images(2), labels=[0, 1], list_classes=CLASSES[::-1])
    dataset = open_dataset(path)
    assert dataset.class_names == ("non-cat", "cat")
    assert [example.label for example in dataset.examples] == [1, 0]


def test_labels_that_are_text(tmp_path: Path) -> None:
    names = np.array([b"cat", "perro ñ".encode()])
    path = write(tmp_path / "a.h5", images=images(2), labels=names)
    assert open_dataset(path).class_names == ("perro ñ", "cat")


@pytest.mark.parametrize("name", ["labels", "list_classes"])
def test_text_of_variable_length_is_refused(name: str, tmp_path: Path) -> None:
    """It lies in a heap; where the heap is damaged, the library turns in a circle for ever."""
    arrays = {"images": images(2), "labels": [0, 1], name: ["cat", "dog"]}
    said = error(write(tmp_path / "a.h5", **arrays))
    assert f"{name} holds objects of variable length; store it as numbers" in said


def test_two_train_files_are_an_error(tmp_path: Path) -> None:
    for name in ("train_a.h5", "train_b.h5"):
        write(tmp_path / name, train_set_x=images(1), train_set_y=[0])
    assert "more than one train file (train_a.h5, train_b.h5)" in error(tmp_path)


def test_files_without_the_arrays(tmp_path: Path) -> None:
    assert "holds a, b, but no images and labels" in error(write(tmp_path / "x.h5", a=[1], b=[2]))
    assert "holds nothing" in error(write(tmp_path / "empty.h5"))


def test_a_group_in_place_of_the_images(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", **{"images/first": images(1), "labels": [1]})
    assert "images is not stored in this file" in error(path)


def test_links_to_other_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.h5", images=images(2), labels=[0, 1])
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["images"] = h5py.ExternalLink(tmp_path / "other.h5", "/images")
        file["labels"] = [0, 1]
    assert "images is not stored in this file" in error(tmp_path / "linked.h5")


def test_a_link_in_the_middle_of_a_path_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.h5", **{"deep/images": images(2)})
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["elsewhere"] = h5py.ExternalLink(tmp_path / "other.h5", "/deep")
        file["images"] = h5py.SoftLink("/elsewhere/images")
        file["labels"] = [0, 1]
    assert "images is not stored in this file" in error(tmp_path / "linked.h5")


@pytest.mark.parametrize("name", ["labels", "list_classes"])
def test_the_other_arrays_are_looked_at_as_well(name: str, tmp_path: Path) -> None:
    write(tmp_path / "other.h5", labels=[0, 1], list_classes=CLASSES)
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["images"] = images(2)
        if name != "labels":
            file["labels"] = [0, 1]
        file[name] = h5py.ExternalLink(tmp_path / "other.h5", f"/{name}")
    assert f"{name} is not stored in this file" in error(tmp_path / "linked.h5")


def test_external_storage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(2 * 8 * 8 * 3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        storage = [(str(tmp_path / "secret"), 0, 2 * 8 * 8 * 3)]
        file.create_dataset("images", (2, 8, 8, 3), np.uint8, external=storage)
        file["labels"] = [0, 1]
    assert "images is stored in other files" in error(tmp_path / "a.h5")


def test_virtual_datasets_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.h5", images=images(2))
    layout = h5py.VirtualLayout((2, 8, 8, 3), np.uint8)
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "images", (2, 8, 8, 3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("images", layout)
        file["labels"] = [0, 1]
    assert "images is stored in other files" in error(tmp_path / "a.h5")


@pytest.mark.parametrize("chunks", [None, (1, 64, 64, 3)])
def test_a_shape_that_claims_more_than_is_stored_is_refused(
    chunks: tuple[int, ...] | None, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", (10**8, 64, 64, 3), np.uint8, chunks=chunks)
        file["labels"] = [0, 1]
    said = error(tmp_path / "a.h5")
    assert "images claims 1,228,800,000,000 bytes, more than the file can hold" in said


def test_a_chunk_that_claims_more_than_is_stored_is_refused(tmp_path: Path) -> None:
    """Room would be made for all of it, for the two pictures that there are."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape, chunks = (2, 8, 8, 3), (10**7, 8, 8, 3)
        file.create_dataset("images", shape, np.uint8, chunks=chunks, maxshape=(None, 8, 8, 3))
        file["labels"] = [0, 1]
    assert "images claims 1,920,000,000 bytes, more than the file can hold" in error(
        tmp_path / "a.h5"
    )


@pytest.mark.parametrize("packed", ["gzip", "lzf", "szip", "scaleoffset"])
def test_arrays_that_are_packed(packed: str, tmp_path: Path) -> None:
    if packed == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this HDF5 has no szip")
    how = {"scaleoffset": 0} if packed == "scaleoffset" else {"compression": packed}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=images(2), chunks=(2, 8, 8, 3), **how)
        file["labels"] = [0, 1]
    if packed in ("gzip", "lzf"):
        assert len(open_dataset(tmp_path / "a.h5").examples) == 2
    else:
        assert "images is packed in a rare way; store it with gzip" in error(tmp_path / "a.h5")


def patched(path: Path, place: int, value: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[place : place + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("settings", "place"), [({"libver": "earliest"}, 48), ({"libver": "latest"}, 20)]
)
def test_a_driver_or_an_extension_is_refused_before_the_library_sees_it(
    settings: dict, place: int, tmp_path: Path
) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w", **settings) as file:
        file["images"], file["labels"] = images(2), np.array([0, 1])
        file["list_classes"] = CLASSES
    assert len(open_dataset(path).examples) == 2
    assert "needs a driver" in error(patched(path, place, (2**20).to_bytes(8, "little")))


@pytest.mark.parametrize("kept", [8, 100, 1000, 2500])
def test_damaged_files(kept: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=images(20), labels=[0, 1] * 10)
    path.write_bytes(path.read_bytes()[:kept])
    assert "damaged HDF5 file" in error(path)


def test_the_course(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "course")
    assert dataset.class_names == ("non-cat", "cat")
    assert dataset.size == 64
    assert sum(example.label for example in dataset.split("train")) == 72
    assert len(dataset.split("train")) == 209
    assert sum(example.label for example in dataset.split("test")) == 33
    assert len(dataset.split("test")) == 50
