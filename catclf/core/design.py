"""X as an optimizer sees it: one pass gives the cost and its gradient, for P problems at once.

A problem is a set of weights c over the examples and a strength of L2 (a fold, a strength, or just
the one training). `Primal` keeps w itself and reads X; `Gram` keeps α with w = Xα and reads only
K = X'X, which is smaller where there are fewer examples than features. Both give the iterates of
the plain form in `logistic.py`. The optimizer (`descent.py`) never asks which of the two it has.

Scaling: descent sees (x - centre) / scale; `weights` undoes that, so w and b are always for x.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from catclf.core.curvature import SAMPLE, Curvature, Leading, Whole, heavy, leading, spread
from catclf.core.logistic import Array

# (z (P, k), columns) -> loss (P, k), dz (P, k): what each of the k examples adds to J and to dJ/dz.
Pointwise = Callable[[Array, slice], tuple[Array, Array]]

BOUND_BY_MEMORY = 8  # problems that a sweep takes on for nothing, measured: see docs/benchmarks.md
_LEAST = 1e-6  # weight of an example beside the heaviest: Gram's curvature divides by it
BLOCK_BYTES = 256 * 2**20  # columns of X that one product takes: long enough to keep BLAS busy


class Design(Protocol):
    """What descent needs of X (n_x, m). theta is (P, dim), b is (P,), all float64."""

    m: int
    dim: int

    def sweep(self, theta: Array, b: Array, pointwise: Pointwise) -> tuple[Array, Array, Array]:
        """Sum of the losses (P,), and its derivatives dtheta (P, dim) and db (P,)."""
        ...

    def scores(self, theta: Array, b: Array) -> Array:
        """z (P, m)."""
        ...

    def inner(self, t: Array, u: Array) -> Array:
        """<w_t, w_u> row by row (P,), as weights, whatever theta stands for."""
        ...

    def weights(self, theta: Array, b: Array) -> tuple[Array, Array]:
        """w (P, n_x) and b (P,) for x as it was before it was centred and scaled."""
        ...

    def curvature(self, c: Array) -> Curvature:
        """X diag(c) X', for c (m,) that sums to 1."""
        ...


class Standardization:
    """centre and scale (n_x, 1) of the features, fitted once on the training columns."""

    def __init__(self, centre: Array, scale: Array) -> None:
        self.centre = centre
        self.scale = scale

    @classmethod
    def identity(cls, n_x: int) -> "Standardization":
        """Leaves x as it is."""
        return cls(np.zeros((n_x, 1)), np.ones((n_x, 1)))

    @classmethod
    def fit(cls, X: Array) -> "Standardization":
        """Mean and deviation of each row of X (n_x, m), in float64.

        A deviation counts as at least a tenth of the median one, so that a pixel that hardly
        changes is not blown up; where all are zero they count as 1.
        """
        n_x, m = X.shape
        centre = sum(X[:, columns].sum(1, dtype=np.float64) for columns in blocks(X)) / m
        variance = np.zeros(n_x)
        for columns in blocks(X):
            deviation = X[:, columns] - centre[:, None].astype(X.dtype)
            variance += np.einsum("ij,ij->i", deviation, deviation) / m
        sigma = np.sqrt(variance)
        sigma = np.maximum(sigma, np.median(sigma) / 10)
        return cls(centre[:, None], np.where(sigma > 0, sigma, 1.0)[:, None])

    def apply(self, X: Array) -> None:
        """Centre and scale X (n_x, m) where it stands: there may be no room for a second X."""
        centre, scale = self.centre.astype(X.dtype), self.scale.astype(X.dtype)
        for columns in blocks(X):
            X[:, columns] -= centre
            X[:, columns] /= scale

    def undo(self, w: Array, b: Array) -> tuple[Array, Array]:
        """w (P, n_x) and b (P,) for x, from those for (x - centre) / scale: b' = b - centre'w'."""
        w = w / self.scale.T
        return w, b - w @ self.centre[:, 0]


def blocks(X: Array) -> Iterator[slice]:
    """Slices of columns of at most `BLOCK_BYTES` that cover X (n_x, m)."""
    n_x, m = X.shape
    k = max(1, BLOCK_BYTES // (n_x * X.itemsize))
    for start in range(0, m, k):
        yield slice(start, min(start + k, m))


class Primal:
    """theta is w. X (n_x, m), centred and scaled, is read block by block of columns.

    Products are in the type of X (float32 for photos), sums across blocks in float64.
    """

    def __init__(self, X: Array, standardization: Standardization) -> None:
        self.X = X
        self.dim, self.m = X.shape
        self.standardization = standardization

    def sweep(self, theta: Array, b: Array, pointwise: Pointwise) -> tuple[Array, Array, Array]:
        """Sum of the losses (P,), and its derivatives dw (P, n_x) and db (P,)."""
        w = theta.astype(self.X.dtype)
        J, dw, db = np.zeros(len(b)), np.zeros(theta.shape), np.zeros(len(b))
        for columns in blocks(self.X):
            X = self.X[:, columns]  # (n_x, k)
            z = (w @ X).astype(np.float64) + b[:, None]  # (P, k)
            loss, dz = pointwise(z, columns)
            J += loss.sum(axis=1)
            dw += dz.astype(X.dtype) @ X.T
            db += dz.sum(axis=1)
        return J, dw, db

    def scores(self, theta: Array, b: Array) -> Array:
        """z (P, m)."""
        w = theta.astype(self.X.dtype)
        return (w @ self.X).astype(np.float64) + b[:, None]

    def inner(self, t: Array, u: Array) -> Array:
        """<w_t, w_u> (P,)."""
        return np.asarray(np.einsum("pi,pi->p", t, u))

    def weights(self, theta: Array, b: Array) -> tuple[Array, Array]:
        """w (P, n_x), b (P,) for x."""
        return self.standardization.undo(theta, b)

    def curvature(self, c: Array) -> Curvature:
        """Whole where the features are few, from four times as many examples."""
        mean = (self.X @ c.astype(self.X.dtype)).astype(np.float64)
        few = self.dim <= SAMPLE
        chosen, share = heavy(c, 4 * self.dim) if few else spread(c)
        Xs = self.X[:, chosen]  # (n_x, s), a copy
        Xs *= np.sqrt(share).astype(Xs.dtype)
        if few:
            return Whole(mean, mean, Xs @ Xs.T, np.ones(self.dim))
        values, V = leading(Xs.T @ Xs)
        U = Xs @ (V / np.sqrt(values).astype(V.dtype))  # (n_x, k)
        return Leading(
            mean,
            mean,
            values,
            lambda theta: np.asarray((theta.astype(U.dtype) @ U).astype(np.float64)),
            lambda parts: np.asarray((parts.astype(U.dtype) @ U.T).astype(np.float64)),
        )


class Gram:
    """theta is α (P, m) with w = Xα, for m < n_x: an iteration costs m² instead of n_x m.

    dα is the gradient in w expressed in α, dz itself, not dJ/dα = K dz. So a step on α is the step
    on w: w - rate X dz = X (α - rate dz).
    """

    def __init__(self, X: Array, standardization: Standardization) -> None:
        self.X = X
        self.dim = self.m = X.shape[1]
        self.standardization = standardization
        self.K = _products(X)  # (m, m)

    def sweep(self, theta: Array, b: Array, pointwise: Pointwise) -> tuple[Array, Array, Array]:
        """Sum of the losses (P,), and its derivatives dα (P, m) and db (P,)."""
        loss, dz = pointwise(self.scores(theta, b), slice(0, self.m))
        return loss.sum(axis=1), dz, dz.sum(axis=1)

    def scores(self, theta: Array, b: Array) -> Array:
        """z (P, m)."""
        return np.asarray(theta @ self.K + b[:, None])

    def inner(self, t: Array, u: Array) -> Array:
        """<X t, X u> (P,)."""
        return np.asarray(np.einsum("pj,pj->p", t @ self.K, u))

    def weights(self, theta: Array, b: Array) -> tuple[Array, Array]:
        """w (P, n_x), b (P,) for x."""
        w = np.zeros((len(theta), len(self.X)))
        for columns in blocks(self.X):
            w += theta[:, columns] @ self.X[:, columns].T.astype(np.float64)
        return self.standardization.undo(w, b)

    def curvature(self, c: Array) -> Curvature:
        """The same as `Primal`'s, written as combinations of the examples."""
        score = self.K @ c
        if self.m <= SAMPLE:
            # X diag(c) X' X α is X (diag(c) K α); an example that does not count must not vanish.
            root = np.sqrt(np.maximum(c, _LEAST * c.max()))
            return Whole(c, score, self.K * root * root[:, None], root)
        chosen, share = spread(c)
        root = np.sqrt(share)
        values, V = leading(self.K[np.ix_(chosen, chosen)] * root * root[:, None])
        A = (V / np.sqrt(values)).T * root  # (k, s): the directions are Xs A'
        K_A = self.K[:, chosen] @ A.T  # (m, k)

        def expand(parts: Array) -> Array:
            alpha = np.zeros((len(parts), self.m))
            alpha[:, chosen] = parts @ A
            return alpha

        return Leading(c, score, values, lambda theta: np.asarray(theta @ K_A), expand)


def _products(X: Array) -> Array:
    """K = X'X (m, m) in float64, block by block: a float64 copy of all of X may not fit."""
    K = np.empty((X.shape[1], X.shape[1]))
    for rows in blocks(X):
        left = X[:, rows].astype(np.float64)
        K[rows, rows] = left.T @ left
        for columns in blocks(X):
            if columns.start < rows.start:
                K[rows, columns] = left.T @ X[:, columns]
                K[columns, rows] = K[rows, columns].T
    return K


def choose_design(
    X: Array, standardization: Standardization, iterations: int, problems: int = 1
) -> Design:
    """Gram or Primal, whichever is done sooner with the iterations to be expected."""
    n_x, m = X.shape
    gram = gram_is_cheaper(n_x, m, iterations, problems)
    return (Gram if gram else Primal)(X, standardization)


def gram_is_cheaper(n_x: int, m: int, iterations: int, problems: int = 1) -> bool:
    """Whether Gram takes less: where m < 2 n_x s / (n_x + 2 s), s = iterations (problems + 8).

    K takes m² n_x multiplications once and two products of m² an iteration and problem (scores and
    norms), Primal 2 n_x m. But K is a product of matrices, and few problems' sweeps are bound by
    memory instead: one takes as long as K's rate would for eight more.
    """
    s = iterations * (problems + BOUND_BY_MEMORY)
    return m * m * n_x + 2 * m * m * s < 2 * n_x * m * s
