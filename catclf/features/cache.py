"""Features kept between trainings: another strength or recipe does not read the photos again.

Files lie in the user's cache folder, written whole and never changed. Each holds k pictures of one
map: k times what a picture is known by (32 bytes, see `identity`), then k records of a digest (16),
the perceptual hash (32) and x (n_x,) float32. The digest is of the record, of the picture that it
belongs to and of all else that x depends on: what is damaged or was put there by others is computed
again. Nothing here fails for a folder that cannot be used.
"""

import dataclasses
import hashlib
import os
import platform
import sys
import threading
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow_version

from catclf import __version__
from catclf.data import decode
from catclf.writing import write_whole

if TYPE_CHECKING:
    from catclf.features import FeatureMap

FORMAT = 1
WORTH_SECONDS = 10.0  # what was had in less is not kept
MAX_BYTES = 2 * 10**9  # of all files: 380,000 photos of 1,280 features
FILE_BYTES = 2**26  # as many wait in memory until they are written,
WAITING_SECONDS = 30.0  # and as long: what a killed training loses
HASH_BYTES = 32
DIGEST_BYTES = 16
SUFFIX = ".columns"


def users_folder() -> Path | None:
    """Where this user's programs keep what can be computed again; None where there is no home."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # its specification says to ignore others
        own = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
        try:
            base = Path.home() / own
        except RuntimeError:
            return None
    return base / "catclf" if base.is_absolute() else None


def identity(data: bytes | NDArray[np.uint8], sha256: bytes) -> bytes:
    """What a picture is known by, 32 bytes, from its content and the sha256 of it.

    Of a file that is the sha256 itself; arrays of several shapes may share theirs.
    """
    if isinstance(data, bytes):
        return sha256
    return hashlib.sha256(f"{data.dtype.str} {data.shape} ".encode() + sha256).digest()


class Cache:
    """What is kept for one map; safe with several threads and with several trainings at once."""

    def __init__(self, features: "FeatureMap", folder: Path | None = None) -> None:
        """folder: by default the user's. From now on runs the clock for `WORTH_SECONDS`."""
        self._began = time.monotonic()
        self._took = 0.0  # until the last picture was added
        self._folder = folder or users_folder()
        self._key = _key(features)
        self._n_x = features.n_x
        self._record_bytes = DIGEST_BYTES + HASH_BYTES + 4 * features.n_x
        self._new: dict[bytes, bytes] = {}  # records that are in no file yet,
        self._waiting_since = 0.0  # the first of them
        self._places: dict[bytes, tuple[Path, int]] = {}  # file and offset of the others
        self._asked: set[bytes] = set()  # pictures that were found or added
        self._touched: set[Path] = set()
        self._written = 0
        self._trouble: str | None = None
        self._lock = threading.Lock()
        if self._folder is not None:
            for path in sorted(_files(self._folder, f"{self._key.hex()}-*{SUFFIX}")):
                self._find_places(path)  # the newest last: it has what was damaged in others

    def get(self, picture: bytes) -> tuple[NDArray[np.float32], bytes] | None:
        """x (n_x,), the same to the bit as it was added, and the perceptual hash (32 bytes) of the
        picture of this `identity`; None where they are not kept or not intact."""
        record = self._new.get(picture) or self._read(picture)
        content = record[DIGEST_BYTES:]
        if record[:DIGEST_BYTES] != self._digest(picture + content):
            return None
        self._asked.add(picture)
        x = np.frombuffer(content, "<f4", offset=HASH_BYTES).astype(np.float32)
        return x, content[:HASH_BYTES]

    def add(self, picture: bytes, x: NDArray[np.float32], perceptual_hash: bytes) -> None:
        """Remember x (n_x,) of a picture for `get`, and for other trainings if it is saved.

        Let go where a training has more than `MAX_BYTES`, lest each take the place of another's.
        """
        if x.shape != (self._n_x,) or x.dtype != np.float32:
            raise ValueError(f"x is ({self._n_x},) float32, not {x.shape} {x.dtype}")
        if not len(picture) == len(perceptual_hash) == HASH_BYTES:
            raise ValueError(f"a picture's hashes have {HASH_BYTES} bytes each")
        content = perceptual_hash + x.astype("<f4").tobytes()
        record = self._digest(picture + content) + content
        size = HASH_BYTES + len(record)
        with self._lock:
            now = time.monotonic()
            self._took = now - self._began
            if (len(self._asked) + 1) * size > MAX_BYTES:
                return
            self._asked.add(picture)
            if not self._new:
                self._waiting_since = now
            self._new[picture] = record
            waited = now - self._waiting_since
            if len(self._new) * size >= FILE_BYTES or waited >= WAITING_SECONDS:
                self._write()

    def save(self) -> str | None:
        """Write what is new, where it took long enough to be had; a line about it for the user.

        None where there is nothing to say: nothing was new, or it is soon computed again.
        """
        with self._lock:
            if self._new and self._took >= WORTH_SECONDS:
                self._write()
            count, self._written = self._written, 0
        if self._trouble or not count:
            return self._trouble
        megabytes = count * (HASH_BYTES + self._record_bytes) / 1e6
        photos = "1 photo" if count == 1 else f"{count:,} photos"
        return f"features of {photos} kept in {self._folder}, {megabytes:,.0f} MB"

    def _digest(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=DIGEST_BYTES, key=self._key).digest()

    def _read(self, picture: bytes) -> bytes:
        """What stands where this picture's record should; nothing where there is none."""
        path, offset = self._places.get(picture, (None, 0))
        if path is None:
            return b""
        if path not in self._touched:
            self._touched.add(path)
            with suppress(OSError):  # where files are only read, none are removed either
                os.utime(path)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(offset)
                return file.read(self._record_bytes)
        except OSError:  # another training has removed it
            return b""

    def _find_places(self, path: Path) -> None:
        """Where in a file each picture's record begins; a file that is not whole has none."""
        try:
            size = path.stat().st_size
            count, rest = divmod(size, HASH_BYTES + self._record_bytes)
            if rest or size >= FILE_BYTES + HASH_BYTES + self._record_bytes:
                return
            with path.open("rb") as file:
                pictures = file.read(count * HASH_BYTES)
        except OSError:
            return
        for i in range(count):
            place = path, count * HASH_BYTES + i * self._record_bytes
            self._places[pictures[i * HASH_BYTES : (i + 1) * HASH_BYTES]] = place

    def _write(self) -> None:
        """The new records to a file of their own, under another name until it is whole."""
        new, self._new = self._new, {}
        if self._folder is None or self._trouble:
            return
        name = f"{self._key.hex()}-{time.time_ns():020}-{os.urandom(4).hex()}{SUFFIX}"
        path = self._folder / name
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            write_whole(path, chain(new, new.values()), mode=0o600, flushed=False)
        except OSError as error:
            self._trouble = f"features are not kept in {self._folder} ({error.strerror})"
            return
        self._find_places(path)
        self._written += len(new)
        _prune(self._folder)


def _key(features: "FeatureMap") -> bytes:
    """What x depends on besides the picture: the map, the loading policy, and the code that decodes
    and computes; neither an update nor an edited line may leave x as it was before."""
    code = [Path(decode.__file__), *sorted(Path(__file__).parent.glob("*.py"))]
    parts = (
        FORMAT,
        (features.name, features.sha256, features.n_x),
        sorted(dataclasses.asdict(features.loading).items()),
        (__version__, np.__version__, pillow_version, platform.machine()),
        [path.read_bytes() for path in code if path.is_file()],
    )
    return hashlib.sha256(repr(parts).encode()).digest()[:16]


def _files(folder: Path, pattern: str) -> list[Path]:
    """Regular files in a folder, none where it cannot be listed; links and pipes are left alone."""
    try:
        return [p for p in folder.glob(pattern) if p.is_file() and not p.is_symlink()]
    except OSError:
        return []


def _prune(folder: Path) -> None:
    """Remove files, those first that were not used for longest, until `MAX_BYTES` are left."""
    ages = []
    for path in _files(folder, f"*{SUFFIX}*"):  # with what a killed training left unfinished
        with suppress(OSError):
            ages.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    total = sum(size for _, size, _ in ages)
    for _, size, path in sorted(ages):
        if total > MAX_BYTES:
            with suppress(OSError):
                path.unlink()
                total -= size
