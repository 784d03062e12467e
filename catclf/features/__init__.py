"""From a picture to its column x: the feature maps, and X filled with one column a picture.

Knows nothing of files or training. `feature_map` finds a map by the name that a model stores.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from catclf.data.dataset import Source
from catclf.data.decode import Loading
from catclf.data.loading import Failure, InOrder, digest, in_order, picture_of, turn
from catclf.data.similarity import Hashes, as_rows
from catclf.errors import DataError, ModelError, UnreadableImage

if TYPE_CHECKING:
    from catclf.features.cache import Cache

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
    found: FeatureMap | None = None
    if name == "conv":
        from catclf.features.conv import Conv

        found = Conv(loading)
    elif name == "pixels":
        from catclf.features.pixels import Pixels

        found = Pixels(loading)
    if found is None or sha256 not in (None, found.sha256):
        what = f"needs the feature map {name} {(sha256 or '')[:12]}".rstrip()
        do = "update catclf, or train the model again"
        raise ModelError(f"{what}, which this version does not have", do=do)
    return found


@dataclass(frozen=True)
class Column:
    """x (n_x,) of one picture, with the two hashes that it is known by."""

    x: NDArray[np.float32]
    sha256: bytes
    perceptual_hash: bytes


def column(features: FeatureMap, source: Source, cache: "Cache | None" = None) -> Column | Failure:
    """x of a source, from the cache where it is known there, or why not."""
    try:
        with turn(source):
            return _column(features, source.read(), cache)
    except UnreadableImage as error:
        return Failure(str(error))


def _column(features: FeatureMap, data: bytes | NDArray[np.uint8], cache: "Cache | None") -> Column:
    sha256 = digest(data)
    if cache is None:
        picture = picture_of(data, features.loading)
        return Column(features.column(picture.pixels), sha256, picture.perceptual_hash)
    from catclf.features.cache import identity

    known_by = identity(data, sha256)
    kept = cache.get(known_by)
    if kept is None:
        picture = picture_of(data, features.loading)
        kept = features.column(picture.pixels), picture.perceptual_hash
        cache.add(known_by, *kept)
    return Column(kept[0], sha256, kept[1])


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
    cache: "Cache | None" = None,
    in_order: InOrder = in_order,
) -> Columns:
    """X from n sources; each picture's pixels are freed as its column stands.

    each(done) is called after every picture. An X of more than max_bytes lies in a file. jobs:
    threads, by default one a core. cache: what is known from earlier, and where new columns go.
    in_order: where the columns are computed; a cache stays here.
    """
    X = _allocate((features.n_x, len(sources)), dtype, max_bytes)
    kept: list[int] = []
    files: list[bytes] = []
    pictures: list[bytes] = []
    failures: list[tuple[int, str]] = []
    results = in_order(partial(column, features, cache=cache), sources, jobs)
    for position, result in enumerate(results):
        if isinstance(result, Failure):
            failures.append((position, result.reason))
        else:
            X[:, len(kept)] = result.x
            kept.append(position)
            files.append(result.sha256)
            pictures.append(result.perceptual_hash)
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
