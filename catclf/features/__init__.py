"""From a picture to its column x: the feature maps, and X filled with one column a picture.

Knows nothing of files or training. `feature_map` finds a map by the name that a model stores.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from catclf.data.decode import Loading
from catclf.data.loading import Failure, Loaded
from catclf.data.similarity import Hashes, as_rows
from catclf.errors import ModelError


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


def feature_map(name: str, loading: Loading, sha256: str = "") -> FeatureMap:
    """The map of this name; ModelError where this version has no such map."""
    from catclf.features.pixels import Pixels

    if name != Pixels.name or sha256 != Pixels.sha256:
        what = f"needs the feature map {name} {sha256[:12]}".rstrip()
        do = "update catclf, or train the model again"
        raise ModelError(f"{what}, which this version does not have", do=do)
    return Pixels(loading)


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
    results: Iterable[Loaded | Failure],
    n: int,
    dtype: DTypeLike = np.float32,
    each: Callable[[int], None] = lambda done: None,
) -> Columns:
    """X from the loader's results, n of them; each picture's pixels are freed as its column stands.

    each(done) is called after every picture.
    """
    X = np.empty((features.n_x, n), dtype, order="F")
    kept: list[int] = []
    files: list[bytes] = []
    pictures: list[bytes] = []
    failures: list[tuple[int, str]] = []
    for position, result in enumerate(results):
        if isinstance(result, Failure):
            failures.append((position, result.reason))
        else:
            X[:, len(kept)] = features.column(result.picture.pixels)
            kept.append(position)
            files.append(result.sha256)
            pictures.append(result.picture.perceptual_hash)
        each(position + 1)
    return Columns(
        X[:, : len(kept)],
        np.array(kept, np.intp),
        as_rows(files),
        as_rows(pictures),
        tuple(failures),
    )
