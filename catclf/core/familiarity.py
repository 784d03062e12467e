"""How far x is from what was trained on: a flag for inputs that no answer can be trusted for.

A network's features of a photo are a pattern of some strong and many weak numbers. Each x is taken
at length 1, so that only the pattern counts. The training photos' patterns fill a small part of the
n_x directions; how much of a pattern sticks out of that is its distance. Noise, flat colour, a page
of text stick out. It says nothing about the class, and knows nothing of any class.

>>> rng = np.random.default_rng(0)
>>> mixed = rng.uniform(size=(3, 300))
>>> photos = (rng.uniform(size=(50, 3)) @ mixed).T  # x of 50, which only 3 numbers tell apart
>>> familiarity = Familiarity.fit(photos, fold=np.arange(50) % 5)
>>> familiarity.knows(rng.uniform(size=3) @ mixed), familiarity.knows(rng.uniform(size=300))
(True, False)
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array

DIRECTIONS = 64
SAMPLE = 1000  # examples that the directions are taken from
WITHIN = 0.99  # share of pictures like the training ones whose distance is within the limit


@dataclass(frozen=True)
class Familiarity:
    """Centre (n_x,) and leading directions (k, n_x) of the patterns, float32; the limit is a
    distance."""

    centre: NDArray[np.float32]
    directions: NDArray[np.float32]
    limit: float

    @classmethod
    def fit(cls, X: Array, fold: NDArray[np.intp]) -> "Familiarity":
        """From X (n_x, m) and the numbers of folds (m,).

        The limit comes from distances of each fold to what the others fill, since an example's
        distance to directions that it helped to choose is too small.
        """
        m = X.shape[1]
        distances = []
        for number in range(int(fold.max()) + 1):
            others = cls._usual(X, np.flatnonzero(fold != number))
            distances.append(others._distances(X, _spread(np.flatnonzero(fold == number))))
        limit = float(np.quantile(np.concatenate(distances), WITHIN))
        return replace(cls._usual(X, np.arange(m)), limit=limit)

    @classmethod
    def _usual(cls, X: Array, columns: NDArray[np.intp]) -> "Familiarity":
        """The leading directions of some of these columns: at most a tenth as many as columns,
        for more would remember single ones."""
        S = _patterns(X[:, _spread(columns)])
        centre = S.mean(axis=0)
        S -= centre
        k = max(1, min(DIRECTIONS, len(S) // 10))
        values, V = np.linalg.eigh(S @ S.T)  # ascending
        values, V = values[-k:], V[:, -k:]
        real = values > len(S) * np.finfo(np.float64).eps * values[-1]
        U = (V[:, real] / np.sqrt(values[real])).T @ S  # (k, n_x), orthonormal
        return cls(centre.astype(np.float32), U.astype(np.float32), np.inf)

    def _distances(self, X: Array, columns: NDArray[np.intp]) -> Array:
        D = _patterns(X[:, columns]) - self.centre
        along = D @ self.directions.T
        return np.asarray(np.sqrt(np.maximum(np.sum(D**2, axis=1) - np.sum(along**2, axis=1), 0)))

    def distance(self, x: Array) -> float:
        """Length of what sticks out of the pattern of x (n_x,): 0 is nothing, 1 is all."""
        d = _patterns(x[:, None])[0] - self.centre
        along = np.sum(self.directions * d, axis=1)  # no matrix product: see `Model.score`
        return float(np.sqrt(max(np.sum(d**2) - np.sum(along**2), 0.0)))

    def knows(self, x: Array) -> bool:
        """Whether x (n_x,) is as close to the training examples as such examples are."""
        return self.distance(x) <= self.limit


def _patterns(X: Array) -> Array:
    """The columns of X (n_x, m) as rows (m, n_x) of length 1, float64; zeros stay."""
    S = X.T.astype(np.float64)
    length = np.linalg.norm(S, axis=1, keepdims=True)
    return np.asarray(S / np.where(length > 0, length, 1.0))


def _spread(columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `SAMPLE` of the columns, evenly spread."""
    return columns[:: -(-len(columns) // SAMPLE)]
