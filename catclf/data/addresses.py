"""Pictures behind addresses, as s3://bucket/photos or https://example.org/cat.jpg.

The only module that knows fsspec, which comes with the extra `dask` and in turn knows S3, Google
Cloud and dozens of other stores, each with a package of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from catclf.data.dataset import MAX_FILE_BYTES
from catclf.data.decode import EXTENSIONS
from catclf.data.folder import is_junk
from catclf.errors import CatclfError, DataError, UnreadableImage

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # two letters: c:/ is a disk
_ANY = "*"
_IN_ANOTHER = "::"  # fsspec's zip://cat.jpg::https://example.org/cats.zip


def is_address(name: str) -> bool:
    """Whether a name is an address and no path."""
    return _ADDRESS.match(name) is not None


@dataclass(frozen=True)
class Remote:
    """A picture at an address. length: its bytes, where a listing has told."""

    address: str
    length: int | None = None

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.address

    def read(self) -> bytes:
        """Its bytes; `UnreadableImage` where they cannot be had, whatever the store says."""
        try:
            system, path = _store(self.address)
            length = system.size(path) if self.length is None else self.length
            if length is not None:
                _check_length(length)
                return bytes(system.cat_file(path))
            with system.open(path) as file:  # one that does not tell may never end
                data = bytes(file.read(MAX_FILE_BYTES + 1))
            _check_length(len(data))
            return data
        except CatclfError:
            raise
        except FileNotFoundError as error:
            raise UnreadableImage("no such file") from error
        except Exception as error:  # each store has errors of its own
            raise UnreadableImage(f"cannot be had: {_one_line(error)}") from error

    def size(self) -> int:
        """Its length; 0 where no listing has told."""
        return self.length or 0

    def fingerprint(self) -> str:
        """Its length."""
        return "?" if self.length is None else str(self.length)


@dataclass(frozen=True)
class Listing:
    """Pictures by name, each with its address, and how many other files lie among them."""

    pictures: Sequence[tuple[str, Remote]]
    others: int


def listing(address: str) -> Listing:
    """The pictures below an address, or those that fit it if it has a *, or the one that it is.

    What lies below is a picture by the ending of its name: a first byte would be a request each.
    `DataError` where the store cannot be asked.
    """
    try:
        system, path = _store(address)
    except UnreadableImage:  # which is said once more where it is read
        return Listing([(address, Remote(address))], 0)
    try:
        if _ANY in path:
            found = system.glob(path, detail=True)
        elif system.isdir(path):
            found = system.find(path, detail=True)
        else:
            return Listing([(address, Remote(address))], 0)
    except Exception as error:  # each store has errors of its own
        raise DataError(f"cannot be listed: {_one_line(error)}", where=address) from error
    pictures, others = [], 0
    for name, about in sorted(found.items()):
        if about.get("type") == "directory" or any(is_junk(part) for part in name.split("/")):
            continue
        if any(name.lower().endswith(ending) for ending in EXTENSIONS):
            full = system.unstrip_protocol(name)
            pictures.append((full, Remote(full, about.get("size"))))
        else:
            others += 1
    return Listing(pictures, others)


def _store(address: str) -> tuple[Any, str]:
    """The store of an address and the path in it.

    `UnreadableImage` where that is no store, but a way around the rules for files and zips.
    """
    if _IN_ANOTHER in address:
        raise UnreadableImage(f"a store inside another ({_IN_ANOTHER}) is not opened")
    if find_spec("fsspec") is None:
        raise DataError("an address needs fsspec", where=address, do="pip install 'catclf[dask]'")
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:  # a store whose package is missing
        raise DataError(_one_line(error), where=address) from error
    except Exception as error:  # none that fsspec knows, or zip:// and other forms that are none
        raise UnreadableImage("no address of a store") from error
    if getattr(system, "local_file", False):  # where pipes and devices are
        raise UnreadableImage("on this machine", do="give its path")
    return system, str(path)


def _check_length(length: int) -> None:
    if length > MAX_FILE_BYTES:
        raise UnreadableImage(f"{length / 2**30:.1f} GiB is no photo")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
