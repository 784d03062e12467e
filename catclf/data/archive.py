"""A zip of any of the folder forms, read without unpacking."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from catclf.data.dataset import Dataset, Source
from catclf.data.decode import EXTENSIONS, SIGNATURE_BYTES, looks_like_picture
from catclf.data.folder import Entry, arrange, is_junk
from catclf.data.zips import Zip
from catclf.errors import DataError, UnreadableImage


@dataclass(frozen=True)
class Member:
    """A picture in a zip."""

    archive: Zip
    name: str

    def __reduce__(self) -> tuple[Callable[[Path, str], Source], tuple[Path, str]]:
        return _again, (self.archive.path.absolute(), self.name)

    @property
    def path(self) -> Path:
        """The zip's."""
        return self.archive.path

    def read(self) -> bytes:
        """The member's bytes; several threads may read one archive."""
        return self.archive.read(self.name)

    def size(self) -> int:
        """What it claims to unpack to."""
        return self.archive.size(self.name)

    def fingerprint(self) -> str:
        """Size and checksum."""
        return f"{self.archive.size(self.name)}:{self.archive.checksum(self.name):08x}"


@dataclass(frozen=True)
class Missing:
    """A picture in a zip that cannot be opened where it is wanted."""

    reason: str

    def read(self) -> bytes:
        """Never; `UnreadableImage`."""
        raise UnreadableImage(self.reason)

    def size(self) -> int:
        """None."""
        return 0

    def fingerprint(self) -> str:
        """None."""
        return ""


def _again(path: Path, name: str) -> Source:
    """A member that was pickled, in a process that may have the zip open from others."""
    try:
        return Member(_opened(path), name)
    except DataError as error:
        return Missing(error.what)


@lru_cache(maxsize=4)
def _opened(path: Path) -> Zip:
    return Zip(path)


def is_npz(path: Path) -> bool:
    """Whether a zip holds arrays and nothing else."""
    with Zip(path) as archive:
        return bool(archive.names) and all(name.endswith(".npy") for name in archive.names)


def read(path: Path, positive: str | None) -> Dataset:
    """The data set in a zip."""
    archive = Zip(path)  # stays open: its members are read when they are needed
    entries, others = [], 0
    for name in archive.names:
        # Some programs of Windows write \ although the format demands /.
        path_inside = name.replace("\\", "/")
        parts = tuple(part for part in path_inside.split("/") if part not in ("", ".", ".."))
        if not parts or path_inside.endswith("/") or any(is_junk(part) for part in parts):
            continue
        if _is_picture(archive, name):
            entries.append(Entry(parts, Member(archive, name)))
        else:
            others += 1
    twice = [parts for parts, n in Counter(entry.parts for entry in entries).items() if n > 1]
    if twice:
        raise DataError(f"holds {'/'.join(twice[0])} twice", where=str(path), do="pack it again")
    return arrange(path, entries, positive, others)


def _is_picture(archive: Zip, name: str) -> bool:
    if PurePosixPath(name).suffix.lower() in EXTENSIONS:
        return True
    try:
        return looks_like_picture(archive.read(name, SIGNATURE_BYTES))
    except UnreadableImage:
        return False
