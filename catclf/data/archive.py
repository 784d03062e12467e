"""A zip of any of the folder forms, read without unpacking. The only module that opens zips."""

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catclf.data.dataset import MAX_FILE_BYTES, Dataset, is_plausible
from catclf.data.decode import EXTENSIONS, SIGNATURE_BYTES, looks_like_picture
from catclf.data.folder import Entry, arrange, is_junk
from catclf.errors import DataError, UnreadableImage

_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Member:
    """A picture in a zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def read(self) -> bytes:
        """The member's bytes; several threads may read one archive."""
        if self.info.flag_bits & _ENCRYPTED:
            raise UnreadableImage("encrypted")
        size = self.info.file_size
        if size > MAX_FILE_BYTES or not is_plausible(size, self.info.compress_size):
            raise UnreadableImage(f"claims {size:,} bytes, which is no photo")
        try:
            return self.archive.read(self.info)
        except Exception as error:  # damaged members raise half a dozen unrelated kinds
            raise UnreadableImage(f"damaged in the zip: {error}") from error

    def size(self) -> int:
        """What it claims to unpack to."""
        return self.info.file_size

    def fingerprint(self) -> str:
        """Size and checksum."""
        return f"{self.info.file_size}:{self.info.CRC:08x}"


def is_npz(path: Path) -> bool:
    """Whether a zip holds arrays and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception as error:  # a damaged directory raises struct.error, UnicodeError, ...
        raise DataError("a damaged zip", where=str(path)) from error
    return bool(names) and all(name.endswith(".npy") for name in names)


def read(path: Path, positive: str | None) -> Dataset:
    """The data set in a zip."""
    archive = zipfile.ZipFile(path)  # stays open: its members are read when they are needed
    entries, others = [], 0
    for info in archive.infolist():
        # Some programs of Windows write \ although the format demands /.
        name = info.filename.replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", ".", ".."))
        if not parts or name.endswith("/") or any(is_junk(part) for part in parts):
            continue
        if _is_picture(archive, info):
            entries.append(Entry(parts, Member(archive, info)))
        else:
            others += 1
    return arrange(path, entries, positive, others)


def _is_picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    if PurePosixPath(info.filename).suffix.lower() in EXTENSIONS:
        return True
    if info.flag_bits & _ENCRYPTED:
        return False
    try:
        with archive.open(info) as member:
            return looks_like_picture(member.read(SIGNATURE_BYTES))
    except Exception:  # damaged: as above
        return False
