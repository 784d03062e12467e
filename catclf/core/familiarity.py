"""How far x is from what was trained on: a flag for inputs that no answer can be trusted for.

A network's features of a photo are a pattern of some strong and many weak numbers. Each x is taken
at length 1, so that only the pattern counts. The training photos' patterns fill a small part of the
n_x directions; how much of a pattern sticks out of that tells how odd it is. And an x that is weak
altogether is that of a picture in which the network sees nothing. So the distance is what sticks
out, divided by |x|²: noise, flat colour, gradients, pages of text are far by both. It says nothing
about the class, and knows nothing of any class.

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
        S, lengths = _patterns(X[:, chosen])
        fold = fold[chosen]
        centre = S.mean(axis=0)
        S -= centre
        G = (S @ S.T).astype(np.float64)  # (s, s): all that the distances need
        distances = np.zeros(len(S))
        for number in np.unique(fold):
            asked = fold == number
            distances[asked] = _residuals(G, ~asked, asked) / lengths[asked] ** 2
        limit = float(np.quantile(distances, WITHIN))
        V = _leading(G)
        return cls(centre, V.T.astype(np.float32) @ S, limit)

    def distance(self, x: Array) -> float:
        """Length of what sticks out of the pattern of x (n_x,), divided by |x|²; infinite for 0."""
        # Sums and no products of BLAS: see `Model.score_of`.
        x = x.astype(np.float64)
        square = float(np.sum(x * x))
        if square == 0:
            return np.inf
        d = x / np.sqrt(square) - self.centre
        along = np.sum(self.directions * d, axis=1)
        return float(np.sqrt(max(np.sum(d**2) - np.sum(along**2), 0.0))) / square

    def knows(self, x: Array) -> bool:
        """Whether x (n_x,) is as close to the training examples as such examples are."""
        return self.distance(x) <= self.limit


def _patterns(X: Array) -> tuple[NDArray[np.float32], Array]:
    """The columns of X (n_x, m) as rows (m, n_x) of length 1, float32, and the lengths (m,) that
    they had; a column of zeros stays one, its length counts as almost 0."""
    S = X.T.astype(np.float32)
    lengths = np.maximum(np.linalg.norm(S, axis=1), np.finfo(np.float32).tiny)
    S /= lengths[:, None]
    return S, lengths.astype(np.float64)


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


def _residuals(G: Array, usual: NDArray[np.bool_], asked: NDArray[np.bool_]) -> Array:
    """How much of the rows that are asked about sticks out of what the usual ones fill.

    G (s, s) are the products of all rows with one another.
    """
    C = _centred(G, usual)
    along = C[np.ix_(asked, usual)] @ _leading(C[np.ix_(usual, usual)])
    return np.asarray(np.sqrt(np.maximum(np.diag(C)[asked] - np.sum(along**2, axis=1), 0)))
