"""What can be told of a photo without seeing it: logistic regression on file, shape and sharpness.

Sources differ in these, and classes differ in sources; a model can cheat with that. On photos that
the probe gets wrong there is nothing of the kind to cheat with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pictures import opened

from catclf.core.logistic import Array
from catclf.data.dataset import Example, Source
from catclf.data.loading import in_order
from catclf.recipes import DEFAULT, descend, unwatched

L2 = 1e-3
RECIPE = replace(DEFAULT, l2=L2, dtype=np.float64)


def describe(source: Source) -> list[float]:
    """Width, height, aspect, bytes, bytes a pixel, sharpness: all as logarithms; brightness, its
    deviation. Sharpness is the variance of the Laplacian."""
    data, image = source.read(), opened(source)
    grey = np.asarray(image.convert("L"), np.float64)
    P = np.pad(grey, 1, mode="edge")
    laplacian = P[2:, 1:-1] + P[:-2, 1:-1] + P[1:-1, 2:] + P[1:-1, :-2] - 4 * grey
    width, height = image.size
    size = len(data) if isinstance(data, bytes) else data.nbytes
    positive = (width, height, width / height, size, size / (width * height), 1 + laplacian.var())
    return [*np.log(positive).tolist(), float(grey.mean()), float(grey.std())]


def described(examples: Sequence[Example], jobs: int | None) -> Iterator[list[float]]:
    """`describe` of each, in order."""
    return in_order(describe, [example.source for example in examples], jobs)


def train(D: Array, y: NDArray[np.int8], D_judged: Array) -> Array:
    """Scores (k,) of D_judged (k, 8) after training on D (m, 8).

    x is the eight numbers, centred and scaled, their squares and their products.
    """
    centre, scale = D.mean(axis=0), D.std(axis=0) + 1e-12
    found = descend(_expanded((D - centre) / scale), y, RECIPE, None, unwatched)
    return np.asarray(found.w @ _expanded((D_judged - centre) / scale) + found.b)


def _expanded(D: Array) -> Array:
    i, j = np.triu_indices(D.shape[1])
    return np.asfortranarray(np.hstack([D, D[:, i] * D[:, j]]).T)  # (44, m)
