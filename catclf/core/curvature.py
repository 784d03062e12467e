"""Where the cost curves and how much: X diag(c) X', for steps that are long where J is flat.

The cost's second derivative in w is k X diag(c) X' + l2 (k the curvature of the loss, c summing to
1). Where features or examples are few it is taken whole; else its leading directions, since pixels
of photos depend on one another and a few hundred hold nearly all of it. Either from a sample of the
examples (Nyström; Williams and Seeger 2001). Steps scaled by it converge in some tens of iterations
instead of thousands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array

SAMPLE = 1500  # features or examples of which the curvature is had whole; sampled of more
_LASTS = 10  # iterations, for one strength: they take about as long as a metric
_NOISE = 1e-6  # eigenvalues below this share of the largest are rounding
_SMALL = 128  # rows of a triangle that are not worth halving


class Curvature(Protocol):
    """C = X diag(c) X' in the coordinates of a design: theta is (P, dim)."""

    @property
    def mean(self) -> Array:
        """The theta (dim,) of the mean x, Σ c x."""
        ...

    @property
    def score(self) -> Array:
        """What theta is multiplied by, (dim,), for the score of the mean x."""
        ...

    def times(self, theta: Array) -> Array:
        """C w."""
        ...

    def solve(self, g: Array, l2: Array) -> Array:
        """(C + l2)^-1 g, for l2 (P,)."""
        ...


@dataclass(frozen=True)
class Whole:
    """C itself: matrix (dim, dim) in coordinates that are divided by root (dim,)."""

    mean: Array
    score: Array
    matrix: Array
    root: Array
    _factors: dict[float, Array] = field(default_factory=dict)

    def times(self, theta: Array) -> Array:
        """C w."""
        return self._through(theta, self.matrix)

    def solve(self, g: Array, l2: Array) -> Array:
        """(C + l2)^-1 g: problems of one strength share a factor."""
        step = np.empty_like(g)
        for strength in np.unique(l2).tolist():
            F, alike = self._factor(strength), l2 == strength
            step[alike] = self._through(g[alike], F.T, F)
        return step

    def _through(self, theta: Array, *matrices: Array) -> Array:
        t = (theta / self.root).astype(self.matrix.dtype)
        for matrix in matrices:
            t = t @ matrix
        return np.asarray(t.astype(np.float64) * self.root)

    def _factor(self, l2: float) -> Array:
        if l2 not in self._factors:
            raised = self.matrix.copy()
            rounding = 100 * np.finfo(raised.dtype).eps * np.trace(raised)
            raised[np.diag_indices_from(raised)] += l2 + rounding
            self._factors[l2] = inverse_factor(raised)
        return self._factors[l2]


@dataclass(frozen=True)
class Leading:
    """The leading directions of C alone, orthonormal, and one number for all others.

    values (k,): the curvature along each, falling. project: theta (P, dim) -> (P, k), the
    components of w along them. expand: (P, k) -> theta (P, dim), the w that has these.
    """

    mean: Array
    score: Array
    values: Array
    project: Callable[[Array], Array]
    expand: Callable[[Array], Array]

    def times(self, theta: Array) -> Array:
        """C w."""
        across = self.values[-1]
        further = self.expand((self.values - across) * self.project(theta))
        return np.asarray(across * theta + further)

    def solve(self, g: Array, l2: Array) -> Array:
        """(C + l2)^-1 g."""
        across = self.values[-1] + l2[:, None]
        along = self.values + l2[:, None]
        return np.asarray(g / across + self.expand(self.project(g) * (1 / along - 1 / across)))


@dataclass(frozen=True)
class Metric:
    """The second derivative of J in w and b as a metric, for P problems of strengths l2 (P,).

    k C + l2 along w while the score of the mean x stays, and k along that score, in which w and b
    have a part each. A little more than the derivative itself, whose C is about the mean.
    """

    curvature: Curvature
    k: float
    l2: Array

    @property
    def lasts(self) -> float:
        """Iterations until it is worth another, taken where the descent stands then.

        Leading directions take a second to find and are no closer to the curvature there.
        """
        if isinstance(self.curvature, Leading):
            return np.inf
        return _LASTS if len(np.unique(self.l2)) == 1 else 3 * _LASTS  # a factor for each

    def times(self, d: Array, d_b: Array, problems: NDArray[np.intp]) -> tuple[Array, Array]:
        """The gradient that a step d (P, dim), d_b (P,) changes J's by."""
        at_mean = self.k * (d @ self.curvature.score + d_b)
        bent = self.k * self.curvature.times(d) + self.l2[problems, None] * d
        return bent + at_mean[:, None] * self.curvature.mean, at_mean

    def solve(self, g: Array, g_b: Array, problems: NDArray[np.intp]) -> tuple[Array, Array]:
        """The step that a gradient g (P, dim), g_b (P,) stands for: the inverse of `times`."""
        alone = g - g_b[:, None] * self.curvature.mean
        d = self.curvature.solve(alone, self.l2[problems] / self.k) / self.k
        return d, g_b / self.k - d @ self.curvature.score


def spread(c: Array) -> tuple[NDArray[np.intp], Array]:
    """Positions of at most `SAMPLE` examples and what each counts, for weights c (m,) of all.

    Evenly spread over the examples, so that all kinds are there.
    """
    chosen = np.unique(np.linspace(0, len(c) - 1, min(len(c), SAMPLE)).round().astype(np.intp))
    return chosen, c[chosen] * (c.sum() / c[chosen].sum())


def heavy(c: Array, size: int) -> tuple[NDArray[np.intp], Array]:
    """The same for at most `size` examples, and the heavy among them for sure.

    Evenly spread over the sum of the weights: late in a descent few examples have nearly all.
    """
    if len(c) <= size:
        return np.arange(len(c)), c
    reached = np.cumsum(c)
    chosen = np.searchsorted(reached, (np.arange(size) + 0.5) / size * reached[-1])
    positions, times = np.unique(chosen, return_counts=True)
    return positions, times / size * reached[-1]


def leading(products: Array) -> tuple[Array, Array]:
    """Eigenvalues (k,), falling, and eigenvectors (s, k) of a matrix of inner products (s, s).

    The lower half says little about examples that are not in the sample and is left out.
    """
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1].astype(np.float64), vectors[:, ::-1]
    telling = int(np.sum(values > _NOISE * max(values[0], 0)))
    k = max(1, min(telling, len(values) // 2))
    return np.maximum(values[:k], np.finfo(np.float32).tiny), vectors[:, :k]


def inverse_factor(A: Array) -> Array:
    """F (n, n) with F'F = A^-1: the inverse of the Cholesky factor of A, symmetric and positive."""
    return _inverse_of_lower(np.linalg.cholesky(A))


def _inverse_of_lower(L: Array) -> Array:
    """By halves, in products: numpy knows no triangles and takes five times as long."""
    if len(L) <= _SMALL:
        return np.asarray(np.linalg.inv(L))
    h = len(L) // 2
    F = np.zeros_like(L)
    F[:h, :h], F[h:, h:] = _inverse_of_lower(L[:h, :h]), _inverse_of_lower(L[h:, h:])
    F[h:, :h] = -F[h:, h:] @ L[h:, :h] @ F[:h, :h]
    return F
