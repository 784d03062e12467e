"""Where a picture's score comes from: z = b + Σ wᵢxᵢ taken apart, and the picture covered in parts.

The first adds up. The second does not: the parts overlap, and a network sees them together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array
from catclf.model import Model
from catclf.occlusion import PLACES, occlusion_map

STRONGEST = 5  # features that are named


@dataclass(frozen=True)
class Term:
    """A feature, its x and what wx adds to z."""

    feature: int
    x: float
    worth: float


@dataclass(frozen=True)
class Explanation:
    """z = b + the terms + rest, to rounding.

    terms: the strongest of the n_x features. rest: all others together. regions: for pixels wx
    added up by region (PLACES, PLACES), whose sum with b is z too; else None. covered: how far z
    falls where a part is covered (PLACES, PLACES), see `catclf.occlusion`.
    """

    z: float
    b: float
    n_x: int
    terms: tuple[Term, ...]
    rest: float
    regions: Array | None
    covered: Array


def explain(model: Model, pixels: NDArray[np.uint8], jobs: int | None = None) -> Explanation:
    """The explanation of the score of a picture (size, size, 3) uint8, as the model's `loading`
    prepares it. jobs: threads, by default one a core.

    ValueError where the picture is of another size.
    """
    covered = occlusion_map(model, pixels, min(PLACES, model.loading.size), jobs)
    x = model.feature_map.column(pixels).astype(np.float64)
    worth = model.w[:, 0] * x  # (n_x,)
    order = np.argsort(-np.abs(worth), kind="stable")
    named, others = order[:STRONGEST], order[STRONGEST:]
    return Explanation(
        model.b + float(worth.sum()),
        model.b,
        len(worth),
        tuple(Term(int(i), float(x[i]), float(worth[i])) for i in named),
        float(worth[others].sum()),
        _by_region(worth, model.loading.size) if model.features == "pixels" else None,
        covered,
    )


def _by_region(worth: Array, size: int) -> Array:
    """The sums of a worth a pixel and colour (size * size * 3,) a region (places, places)."""
    places = min(PLACES, size)
    edges = np.arange(places) * size // places
    image = worth.reshape(size, size, 3).sum(axis=2)
    return np.asarray(np.add.reduceat(np.add.reduceat(image, edges, 0), edges, 1))
