"""The strength of L2, and out-of-fold scores: each example judged by a descent blind to it.

Folds x strengths are problems of one sweep (`descent.py`), on the training examples alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array
from catclf.core.losses import cross_entropy


@dataclass(frozen=True)
class Problems:
    """One problem a fold and strength: those of the first strength, then those of the next.

    c (P, m) is 0 for the examples of the problem's fold, l2 is (P,), P = folds * strengths.
    """

    c: Array
    l2: Array
    fold: NDArray[np.intp]  # (m,), the number of each example's fold
    strengths: Array

    @classmethod
    def of(cls, c: Array, fold: NDArray[np.intp], strengths: Array) -> "Problems":
        """For weights c (m,), fold numbers (m,) from 0, and strengths (S,)."""
        folds = int(fold.max()) + 1
        blind = np.arange(folds)[:, None] == fold[None, :]  # (folds, m)
        weights = np.where(blind, 0.0, c)
        S = len(strengths)
        return cls(np.tile(weights, (S, 1)), np.repeat(strengths, folds), fold, strengths)

    def out_of_fold(self, z: Array) -> Array:
        """Scores (S, m) of each example from the problems that were blind to it; z is (P, m)."""
        m = len(self.fold)
        by_strength = z.reshape(len(self.strengths), -1, m)  # (S, folds, m)
        return np.asarray(by_strength[:, self.fold, np.arange(m)])


@dataclass(frozen=True)
class Selection:
    """What the folds found: the loss (S,) of each strength (S,), the best of them, and the
    out-of-fold scores z (m,) at the best."""

    strengths: Array
    losses: Array
    best: float
    z: Array


def select(problems: Problems, z: Array, y: Array, c: Array) -> Selection:
    """The strength with the least out-of-fold cross-entropy, weighted by c (m,); z is (P, m).

    Of equal ones the strongest: the simplest model.
    """
    scores = problems.out_of_fold(z)
    losses = (c * cross_entropy(scores, y[None, :])).sum(axis=1) / c.sum()
    best = len(losses) - 1 - int(np.argmin(losses[::-1]))
    return Selection(problems.strengths, losses, float(problems.strengths[best]), scores[best])
