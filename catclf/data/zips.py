"""Zips from strangers. The only module that opens them; knows nothing of what is in them.

What a zip says of itself is looked at before anything is unpacked, and what an array says of itself
before room is made for it.
"""

import math
import sys
import zipfile
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from catclf.data.dataset import MAX_FILE_BYTES, is_plausible
from catclf.errors import DataError, UnreadableImage

_ENCRYPTED = 0x1
# Of the others some are unpacked without bounds.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Zip:
    """A zip whose list of members can be believed: no name twice, and no more than it can hold.

    Several threads may read from one. Raises `DataError` where the list cannot be believed.
    """

    def __init__(self, path: Path) -> None:
        try:
            held = path.stat().st_size
            self._archive = zipfile.ZipFile(path)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", where=str(path)) from error
        except Exception as error:  # a damaged list raises struct.error, UnicodeError, ...
            raise DataError("a damaged zip", where=str(path)) from error
        members = self._archive.infolist()
        twice = [name for name, n in Counter(one.filename for one in members).items() if n > 1]
        if twice:
            self.close()
            raise DataError(f"holds {twice[0]} twice", where=str(path), do="pack it again")
        self._members = {one.filename: one for one in members}
        self.path = path
        self.names = tuple(self._members)
        # Each alone may be harmless, or the same bytes under a thousand names.
        claimed = sum(self.size(name) for name in self.names if not self._trouble(name))
        if not is_plausible(claimed, held):
            self.close()
            what = f"claims to unpack to {claimed:,} bytes, more than it can hold"
            raise DataError(what, where=str(path))

    def __enter__(self) -> "Zip":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing can be read any more."""
        self._archive.close()

    def size(self, name: str) -> int:
        """The bytes that a member claims to have."""
        return self._members[name].file_size

    def checksum(self, name: str) -> int:
        """That of a member's bytes, as the zip has it."""
        return self._members[name].CRC

    def is_stored(self, name: str) -> bool:
        """Whether a member lies there as it is, not compressed."""
        return self._members[name].compress_type == zipfile.ZIP_STORED

    def read(self, name: str, limit: int | None = None) -> bytes:
        """A member's bytes, or the first of them; `UnreadableImage` where they cannot be had."""
        if trouble := self._trouble(name):
            raise UnreadableImage(trouble)
        try:
            with self._archive.open(self._members[name]) as member:
                return member.read(-1 if limit is None else limit)
        except Exception as error:  # damaged members raise half a dozen unrelated kinds
            raise UnreadableImage(f"damaged in the zip: {error}") from error

    def array(self, name: str) -> NDArray[np.generic]:
        """The array in a member; `DataError` where it is damaged, or no array of plain values."""
        if trouble := self._trouble(name):
            raise DataError(f"{name} is {trouble}", where=str(self.path))
        try:
            with self._archive.open(self._members[name]) as member:
                shape, dtype = _header(member)
                claimed = math.prod(shape) * dtype.itemsize
                endless = dtype.itemsize == 0 and math.prod(shape) > 1
                if dtype.hasobject or endless or claimed != self.size(name) - member.tell():
                    what = "pickled objects" if dtype.hasobject else f"{claimed:,} bytes"
                    do = "save plain numbers or text with numpy.savez"
                    raise DataError(f"{name} claims {what}", where=str(self.path), do=do)
            with self._archive.open(self._members[name]) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
                member.read(1)  # at the end only is the checksum compared
                _check_text(array)
                return array
        except DataError:
            raise
        except Exception as error:  # damaged headers raise a dozen unrelated kinds
            raise DataError(f"{name} is damaged", where=str(self.path)) from error

    def _trouble(self, name: str) -> str:
        """Why a member is not to be unpacked, or nothing."""
        member = self._members[name]
        if member.flag_bits & _ENCRYPTED:
            return "encrypted"
        if member.compress_type not in _METHODS:
            return "compressed in a way that catclf does not read"
        size, stored = member.file_size, member.compress_size
        if size > MAX_FILE_BYTES or not is_plausible(size, stored):
            return f"said to have {size:,} bytes, more than it can hold"
        return ""


def _check_text(array: NDArray[np.generic]) -> None:
    """ValueError where numbers are no characters: Python's texts of them would be broken."""
    if array.dtype.kind == "U":
        numbers = np.frombuffer(array.tobytes(), array.dtype.byteorder + "u4")
        if numbers.size and numbers.max() > sys.maxunicode:
            raise ValueError("numbers that are no characters")


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type of an .npy."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = readers[np.lib.format.read_magic(member)](member)
    return shape, dtype
