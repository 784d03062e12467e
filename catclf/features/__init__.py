"""From a picture to its column x: the feature maps, and X filled with one column a picture.

Knows nothing of files or training. `feature_map` finds a map by the name that a model stores.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from catclf.data.dataset import Source
from catclf.data.decode import Loading
from catclf.data.loading import Failure, in_order, load_one
from catclf.data.similarity import Hashes, as_rows
from catclf.errors import DataError, ModelError

FeatureName = Literal["conv", "pixels"]
SIZES: dict[FeatureName, int] = {"conv": 224, "pixels": 64}  # of a picture's side, by default


class FeatureMap(Protocol):
    """One picture in, one column out.

    loading says how pictures are prepared, sha256 identifies what the map has learned ("" where
    nothing was).
    """

    name: str
    loading: Loading
    n_x: int
    sha256: str

    def column(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """x (n_x,) of a picture (size, size, 3) uint8; the same whatever else is computed."""
        ...


def feature_map(name: str, loading: Loading, sha256: str | None = None) -> FeatureMap:
    """The map of this name; ModelError where this version has no such map, or has learned other
    weights for it than those with this sha256."""
    from catclf.features.conv import Conv
    from catclf.features.pixels import Pixels

    maps: dict[str, type[Conv] | type[Pixels]] = {"conv": Conv, "pixels": Pixels}
    if name not in maps or sha256 not in (None, maps[name].sha256):
        what = f"needs the feature map {name} {(sha256 or '')[:12]}".rstrip()
        do = "update catclf, or train the model again"
        raise ModelError(f"{what}, which this version does not have", do=do)
    return maps[name](loading)


@dataclass(frozen=True)
class Columns:
    """X with one column a readable picture, and what the rest of the program asks about them.

    X: (n_x, m) in Fortran order. kept: (m,) positions among the pictures asked for. files,
    pictures: (m, 32) sha256 and perceptual hashes. failures: position and reason of the others.
    """

    X: NDArray[np.floating]
    kept: NDArray[np.intp]
    files: Hashes
    pictures: Hashes
    failures: tuple[tuple[int, str], ...]


def matrix(
    features: FeatureMap,
    sources: Sequence[Source],
    dtype: type[np.floating] = np.float32,
    each: Callable[[int], None] = lambda done: None,
    max_bytes: int | None = None,
    jobs: int | None = None,
) -> Columns:
    """X from n sources; each picture's pixels are freed as its column stands.

    each(done) is called after every picture. An X of more than max_bytes lies in a file. jobs:
    threads, by default one a core.
    """

    def column(source: Source) -> tuple[NDArray[np.float32], bytes, bytes] | Failure:
        result = load_one(source, features.loading)
        if isinstance(result, Failure):
            return result
        picture = result.picture
        return features.column(picture.pixels), result.sha256, picture.perceptual_hash

    X = _allocate((features.n_x, len(sources)), dtype, max_bytes)
    kept: list[int] = []
    files: list[bytes] = []
    pictures: list[bytes] = []
    failures: list[tuple[int, str]] = []
    for position, result in enumerate(in_order(column, sources, jobs)):
        if isinstance(result, Failure):
            failures.append((position, result.reason))
        else:
            X[:, len(kept)], file, picture = result
            kept.append(position)
            files.append(file)
            pictures.append(picture)
        each(position + 1)
    return Columns(
        X[:, : len(kept)],
        np.array(kept, np.intp),
        as_rows(files),
        as_rows(pictures),
        tuple(failures),
    )


def _allocate(
    shape: tuple[int, int], dtype: type[np.floating], max_bytes: int | None
) -> NDArray[np.floating]:
    """Room for X in Fortran order, in memory or in a file without a name.

    Such a file is gone when the process ends, however it ends. Its room on the disk is taken
    beforehand: a disk that fills up later would end the process without a word.
    """
    size = shape[0] * shape[1] * np.dtype(dtype).itemsize
    if max_bytes is None or size <= max_bytes:
        return np.empty(shape, dtype, order="F")
    with tempfile.TemporaryFile(prefix="catclf-") as file:
        try:
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        except OSError as error:
            where = tempfile.gettempdir()
            what = f"no room for {size / 2**30:.1f} GiB of features ({error.strerror})"
            do = "set TMPDIR to a larger disk, or raise --max-memory"
            raise DataError(what, where=where, do=do) from error
        return np.memmap(file, dtype, "r+", shape=shape, order="F")
