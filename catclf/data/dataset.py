"""What a data set is, and how the one at a path is found out by looking at it.

A `Dataset` is a list of examples, each with a name, a label, a split and a source of its picture.
Nothing is decoded here. Each form has a reader of its own beside this module.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from catclf.errors import DataError, UnreadableImage
from catclf.nearest import did_you_mean, nearest, nearest_path

MAX_FILE_BYTES = 2**30  # no photo is larger; a disk image that is called .jpg is not read
MAX_COMPRESSION = 200  # no photo shrinks more; a bomb does, and so does what was never stored
HARMLESS_BYTES = 2**26  # however far they shrank


def is_plausible(size: int, stored: int) -> bool:
    """Whether stored bytes can hold as many as they claim to."""
    return size <= max(HARMLESS_BYTES, stored * MAX_COMPRESSION)


class Source(Protocol):
    """Where the bytes or the array of one picture come from.

    Pickled, it means the same picture in any process that sees the same files.
    """

    def read(self) -> bytes | NDArray[np.uint8]:
        """The file's bytes, or an array (H, W, 3) or (H, W) uint8; UnreadableImage if not."""
        ...

    def size(self) -> int:
        """How many bytes `read` would hold that are not held already."""
        ...

    def fingerprint(self) -> str:
        """Something cheap that changes when the picture does: size, checksum."""
        ...


def opened(path: Path | str) -> BinaryIO:
    """A file to be read, without waiting: a pipe may stand there by now."""
    return open(path, "rb", opener=_without_waiting)


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableImage("a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage("not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        raise UnreadableImage(f"{status.st_size / 2**30:.1f} GiB is no photo")


@dataclass(frozen=True)
class File:
    """A picture file on the disk."""

    path: Path

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return File, (self.path.absolute(),)

    def read(self) -> bytes:
        """The file's bytes. Pipes, sockets and devices are never opened."""
        try:
            _check_regular(self.path.stat())
            with opened(self.path) as file:
                status = os.fstat(file.fileno())
                _check_regular(status)  # it may be another one by now
                data = file.read(status.st_size + 1)
            if len(data) != status.st_size:
                raise UnreadableImage("changed while it was read")
            return data
        except PermissionError:
            folder = "a folder that cannot be read" if self.path.is_dir() else "Permission denied"
            raise UnreadableImage(folder) from None
        except FileNotFoundError:
            raise UnreadableImage("no such file") from None
        except OSError as error:
            raise UnreadableImage(error.strerror or "cannot be read") from error
        except ValueError:  # a NUL in a name that came from a list
            raise UnreadableImage("not a possible file name") from None

    def size(self) -> int:
        """The file's size; 0 where it cannot be had."""
        size = self._size()
        return 0 if size is None else size

    def fingerprint(self) -> str:
        """The file's size."""
        size = self._size()
        return "?" if size is None else str(size)

    def _size(self) -> int | None:
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class Given:
    """A picture whose bytes are at hand, as from standard input."""

    data: bytes

    def read(self) -> bytes:
        """The bytes."""
        return self.data

    def size(self) -> int:
        """None."""
        return 0

    def fingerprint(self) -> str:
        """Their number."""
        return str(len(self.data))


@dataclass(frozen=True)
class Pixels:
    """A picture that is an array already."""

    array: NDArray[np.uint8]

    def read(self) -> NDArray[np.uint8]:
        """The array."""
        return self.array

    def size(self) -> int:
        """None."""
        return 0

    def fingerprint(self) -> str:
        """Hash of the values."""
        import hashlib

        return hashlib.sha256(self.array.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Example:
    """One labelled picture: label is 1 for the positive class, split is "train" or "test".

    groups: further columns of a manifest, or the folders it lies in, for `eval --by`.
    """

    name: str
    source: Source
    label: int
    split: str = "train"
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures. class_names is (negative, positive).

    remarks: lines on what was left out, for a person. size: the pictures' own side where they are
    square arrays of one size, else None.
    """

    path: Path
    examples: tuple[Example, ...]
    class_names: tuple[str, str]
    remarks: tuple[str, ...] = ()
    size: int | None = None

    def split(self, name: str) -> tuple[Example, ...]:
        """The examples of "train" or "test"."""
        return tuple(example for example in self.examples if example.split == name)

    def fingerprint(self) -> str:
        """sha256 of every example's name, label, split and size: changes when the data do."""
        import hashlib

        lines = sorted(
            f"{example.name}\0{example.label}\0{example.split}\0{example.source.fingerprint()}"
            for example in self.examples
        )
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Labelled:
    """An example whose class is still a name; `resolve` makes it 0 or 1."""

    name: str
    source: Source
    class_name: str
    split: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "eval": "test",
}  # fmt: skip


def open_dataset(path: Path | str, positive: str | None = None) -> Dataset:
    """The data set at a path, in whichever of the forms of the README it is.

    positive: name of the positive class; without it the class called cat. Raises `DataError`.
    """
    from catclf.data import archive, arrays, folder, hdf5, manifest

    path = Path(path)
    if path.is_dir():
        return hdf5.read(path, positive) if hdf5.is_pair(path) else folder.read(path, positive)
    if not path.exists():
        do = did_you_mean(nearest_path(path), "name an existing one")
        raise DataError("no such file or folder", where=str(path), do=do)
    if not path.is_file():
        raise DataError("neither a file nor a folder", where=str(path))
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(path)) from error
    if head == b"\x89HDF\r\n\x1a\n":
        return hdf5.read(path, positive)
    if head.startswith((b"PK\3\4", b"PK\5\6")):  # the second is empty
        read = arrays.read if archive.is_npz(path) else archive.read
        return read(path, positive)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return manifest.read(path, positive)
    what = "not a data set: neither a folder, HDF5, .npz, .zip, nor a CSV or TSV manifest"
    raise DataError(what, where=str(path), do="see the formats table in the README")


def resolve(
    path: Path,
    examples: Iterable[Labelled],
    positive: str | None,
    remarks: Iterable[str] = (),
    size: int | None = None,
) -> Dataset:
    """Class names to labels, and the splits that are there to train and test.

    "val" is the test split where there is no "test", and part of training where there is one.
    """
    examples = list(examples)
    if not examples:
        do = "give a folder of class folders, or see the formats table in the README"
        raise DataError("holds no images", where=str(path), do=do)
    counts = Counter(example.class_name for example in examples)
    name = choose_positive(counts, positive, path)
    others = [other for other in counts if other != name]
    negative = others[0] if len(others) == 1 else f"non-{name}"
    for class_name in (name, negative):
        if class_name.lower() == "unsure":
            do = "rename that class"
            raise DataError('"unsure" is an answer, not a class', where=str(path), do=do)
    splits = {example.split for example in examples}
    val = "train" if "test" in splits else "test"
    made = (
        Example(
            example.name,
            example.source,
            int(example.class_name == name),
            val if example.split == "val" else example.split or "train",
            {"class": example.class_name, **example.groups},
        )
        for example in examples
    )
    return Dataset(path, tuple(made), (negative, name), tuple(remarks), size)


def choose_positive(counts: Mapping[str, int], positive: str | None, path: Path) -> str:
    """The name among the classes that is positive: the one asked for, else cat or cats."""
    wanted = {"cat", "cats"} if positive is None else {positive.lower()}
    found = [name for name in counts if name == positive]
    found = found or [name for name in counts if name.lower() in wanted]
    if len(found) == 1:
        return found[0]
    names = sorted(counts)
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    if len(found) > 1:
        what = f"more than one class could be the positive one ({', '.join(sorted(found))})"
    elif positive is None:
        what = f"no class is called cat; the classes are: {shown}"
    else:
        close = nearest(positive, names)
        hint = f" ({did_you_mean(close)})" if close else ""
        what = f"no class is called {positive}{hint}; the classes are: {shown}"
    raise DataError(what, where=str(path), do="say which one is positive with --positive NAME")


def with_split(examples: Iterable[Example], split: str) -> tuple[Example, ...]:
    """The same examples, all in one split."""
    return tuple(replace(example, split=split) for example in examples)
