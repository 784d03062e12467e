"""Where the cost curves most: the leading directions of X diag(c) X', for steps that fit them.

The cost's second derivative is at most k X diag(c) X' + l2 (k the curvature of the loss, c summing
to 1). Pixels of photos depend on one another, so a few hundred directions hold nearly all of it,
and a step that is scaled by the curvature in those converges in some tens of iterations instead of
thousands. The directions come from a sample of the examples (Nyström; Williams and Seeger 2001).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array

SAMPLE = 1500  # examples: the eigenvectors of their products take about a second
_NOISE = 1e-6  # eigenvalues below this share of the largest are rounding


@dataclass(frozen=True)
class Basis:
    """Orthonormal directions of weight space, with the curvature along each.

    values (k,), falling. complete: no direction that matters is missing. project: theta (P, dim) ->
    (P, k), the components of w along them. expand: (P, k) -> theta (P, dim), the w that has these.
    """

    values: Array
    complete: bool
    project: Callable[[Array], Array]
    expand: Callable[[Array], Array]


@dataclass(frozen=True)
class Metric:
    """Curvature of P problems as a metric: k values + l2 along a basis, one number across it.

    along (P, k), across (P,), of_b: the curvature in b.
    """

    basis: Basis
    along: Array
    across: Array
    of_b: float

    @classmethod
    def of(cls, basis: Basis, curvature: float, l2: Array) -> "Metric":
        """For a loss of this curvature and strengths l2 (P,)."""
        along = curvature * basis.values[None, :] + l2[:, None]
        # What a complete basis leaves out is rounding; a sampled one stops where more follows.
        beyond = _NOISE * basis.values[0] if basis.complete else basis.values[-1]
        return cls(basis, along, curvature * beyond + l2, curvature)

    def solve(self, g: Array, problems: NDArray[np.intp]) -> Array:
        """The step that a gradient g (P, dim) stands for: long where the cost is flat."""
        along, across = self.along[problems], self.across[problems, None]
        in_basis = self.basis.project(g) * (1 / along - 1 / across)
        return g / across + self.basis.expand(in_basis)

    def square(self, d: Array, norm: Array, problems: NDArray[np.intp]) -> Array:
        """The squared length (P,) of d (P, dim), whose squared length in weight space is norm."""
        along, across = self.along[problems], self.across[problems]
        in_basis = ((along - across[:, None]) * self.basis.project(d) ** 2).sum(axis=1)
        return np.asarray(across * norm + in_basis)


def sample(m: int) -> NDArray[np.intp]:
    """Positions of at most `SAMPLE` of m examples, evenly spread, so that all kinds are there."""
    return np.unique(np.linspace(0, m - 1, min(m, SAMPLE)).round().astype(np.intp))


def leading(products: Array, complete: bool) -> tuple[Array, Array]:
    """Eigenvalues (k,), falling, and eigenvectors (s, k) of a matrix of inner products (s, s).

    Of a sample the lower half says little about the rest of the examples and is left out.
    """
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1].astype(np.float64), vectors[:, ::-1]
    telling = int(np.sum(values > _NOISE * max(values[0], 0)))
    k = max(1, telling if complete else min(telling, len(values) // 2))
    return np.maximum(values[:k], np.finfo(np.float32).tiny), vectors[:, :k]
