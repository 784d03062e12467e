"""HDF5 as the course has it: `train_set_x`, `train_set_y`, perhaps `list_classes`.

One file, or a folder with train_*.h5 and test_*.h5. The only module that opens HDF5.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catclf.data.arrays import common_size, labelled
from catclf.data.dataset import Dataset, is_plausible, resolve
from catclf.errors import DataError

_PAIRS = (
    ("train_set_x", "train_set_y", "train"),
    ("test_set_x", "test_set_y", "test"),
    ("x_train", "y_train", "train"),
    ("x_test", "y_test", "test"),
    ("images", "labels", None),
    ("X", "y", None),
    ("x", "y", None),
)
_FILTERS = {1, 2, 3, 32000}  # deflate, shuffle, checksums, LZF: what h5py writes by itself
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_pair(folder: Path) -> bool:
    """Whether a folder holds train_*.h5."""
    return bool(_files(folder, "train"))


def _files(folder: Path, split: str) -> list[Path]:
    found = sorted([*folder.glob(f"{split}_*.h5"), *folder.glob(f"{split}_*.hdf5")])
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        what = f"more than one {split} file ({names})"
        raise DataError(what, where=str(folder), do="name one file")
    return found


def read(path: Path, positive: str | None) -> Dataset:
    """The data set in one HDF5 file, or in the train and test files of a folder."""
    files = [*_files(path, "train"), *_files(path, "test")] if path.is_dir() else [path]
    batches = [(file, *batch) for file in files for batch in _read_file(file)]
    examples = [
        example
        for file, images, labels, names, split in batches
        for example in labelled(file, file.name, images, labels, names, split)
    ]
    return resolve(path, examples, positive, size=common_size([batch[1] for batch in batches]))


_Batch = tuple[NDArray[np.generic], NDArray[np.generic], "NDArray[np.generic] | None", "str | None"]


def _read_file(path: Path) -> list[_Batch]:
    import h5py

    def array(file: h5py.File, name: str) -> NDArray[np.generic]:
        # What a link or a description points to elsewhere is not this file's data. A link is
        # looked at before it is followed.
        link = file.get(name, getlink=True)
        dataset = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(dataset, h5py.Dataset):
            raise DataError(f"{name} is not stored in this file", where=str(path))
        if dataset.external or dataset.is_virtual:
            raise DataError(f"{name} is stored in other files", where=str(path))
        # A chunk is unpacked as a whole, however little of it the array has.
        chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
        claimed = max(dataset.nbytes, chunk)
        if not is_plausible(claimed, dataset.id.get_storage_size()):
            what = f"{name} claims {claimed:,} bytes, more than the file can hold"
            raise DataError(what, where=str(path))
        stored = dataset.id.get_create_plist()
        if {stored.get_filter(i)[0] for i in range(stored.get_nfilters())} - _FILTERS:
            do = "store it with gzip, or as it is"
            raise DataError(f"{name} is packed in a rare way", where=str(path), do=do)
        if dataset.dtype.hasobject:  # lies in a heap, in whose damage HDF5 turns for ever
            do = "store it as numbers or as text of fixed length"
            raise DataError(f"{name} holds objects of variable length", where=str(path), do=do)
        return np.asarray(dataset[()])

    try:
        _check_superblock(path)
        with h5py.File(path, "r") as file:
            keys = set(file.keys())
            pairs = [pair for pair in _PAIRS if pair[0] in keys and pair[1] in keys]
            if not pairs:
                what = f"holds {', '.join(sorted(keys)) or 'nothing'}, but no images and labels"
                do = "name them train_set_x and train_set_y, or images and labels"
                raise DataError(what, where=str(path), do=do)
            names = array(file, "list_classes") if "list_classes" in keys else None
            return [(array(file, x), array(file, y), names, split) for x, y, split in pairs]
    except DataError:
        raise
    except Exception as error:  # the C library's errors come as a dozen unrelated kinds
        raise DataError("a damaged HDF5 file", where=str(path)) from error


def _check_superblock(path: Path) -> None:
    """Refuse what only rare files have and the C library takes room for, whatever size it claims.

    That is the address of a driver's block, or of an extension of the superblock. Source: the HDF5
    File Format Specification, version 3.0, II.A.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(_SIGNATURE):  # the library would look for it further on
        raise DataError("a damaged HDF5 file", where=str(path))
    version = head[8]
    if version < 2:
        width, address = head[13], (24 if version == 0 else 28) + 3 * head[13]
    else:
        width, address = head[9], 12 + head[9]
    if head[address : address + width] != b"\xff" * width:
        what = "an HDF5 file that needs a driver, or of a rare layout"
        raise DataError(what, where=str(path), do="write it again with h5py's usual settings")
