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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array

DIRECTIONS = 64
SAMPLE = 1000  # examples that the directions are taken from
NOISE = 1e-6  # share of the largest that rounding leaves of a direction
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
        """From some columns of X (n_x, m) and the numbers of their folds (m,).

        The limit comes from distances of each fold to what the others fill, since an example's
        distance to directions that it helped to choose is too small.
        """
        chosen = np.arange(0, X.shape[1], -(-X.shape[1] // SAMPLE))
        S, fold = _patterns(X[:, chosen]), fold[chosen]
        centre = S.mean(axis=0)
        S -= centre
        G = (S @ S.T).astype(np.float64)  # (s, s): all that the distances need
        distances = [_distances(G, fold != number, fold == number) for number in np.unique(fold)]
        limit = float(np.quantile(np.concatenate(distances), WITHIN))
        V = _leading(G)
        return cls(centre, V.T.astype(np.float32) @ S, limit)

    def distance(self, x: Array) -> float:
        """Length of what sticks out of the pattern of x (n_x,): 0 is nothing, 1 is all."""
        # Sums and no products of BLAS: see `Model.score_of`.
        x = x.astype(np.float64)
        d = x / (np.sqrt(np.sum(x * x)) or 1.0) - self.centre
        along = np.sum(self.directions * d, axis=1)
        return float(np.sqrt(max(np.sum(d**2) - np.sum(along**2), 0.0)))

    def knows(self, x: Array) -> bool:
        """Whether x (n_x,) is as close to the training examples as such examples are."""
        return self.distance(x) <= self.limit


def _patterns(X: Array) -> NDArray[np.float32]:
    """The columns of X (n_x, m) as rows (m, n_x) of length 1, float32; zeros stay."""
    S = X.T.astype(np.float32)
    length = np.linalg.norm(S, axis=1, keepdims=True)
    S /= np.where(length > 0, length, 1)
    return S


def _centred(G: Array, usual: NDArray[np.bool_]) -> Array:
    """Products (s, s) of rows with their products G (s, s), less the mean of the usual ones."""
    means = G[:, usual].mean(axis=1)
    return np.asarray(G - means - means[:, None] + means[usual].mean())


def _leading(G: Array) -> Array:
    """V (s, k) such that V'S are the leading directions of centred rows S (s, n_x) with products G.

    At most a tenth as many as rows: more would remember single ones.
    """
    k = max(1, min(DIRECTIONS, len(G) // 10))
    values, V = np.linalg.eigh(G)  # ascending
    values, V = values[-k:], V[:, -k:]
    real = values > NOISE * max(float(values[-1]), NOISE)
    return np.asarray(V[:, real] / np.sqrt(values[real]))


def _distances(G: Array, usual: NDArray[np.bool_], asked: NDArray[np.bool_]) -> Array:
    """Of the rows that are asked about, to what the usual ones fill; G (s, s) are all products."""
    C = _centred(G, usual)
    along = C[np.ix_(asked, usual)] @ _leading(C[np.ix_(usual, usual)])
    return np.asarray(np.sqrt(np.maximum(np.diag(C)[asked] - np.sum(along**2, axis=1), 0)))
