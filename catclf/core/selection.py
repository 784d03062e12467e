"""Out-of-fold scores: every example judged by a descent that has not seen it, all in one sweep."""

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array


def fold_weights(c: Array, fold: NDArray[np.intp]) -> Array:
    """c (P, m) for P = folds + 1 problems: problem p is blind to fold p, the last one to none.

    c (m,) are the weights of all, fold (m,) the number of each example's fold.
    """
    folds = int(fold.max()) + 1
    blind = np.arange(folds)[:, None] == fold[None, :]  # (folds, m)
    return np.concatenate([np.where(blind, 0.0, c), c[None, :]])


def out_of_fold(z: Array, fold: NDArray[np.intp]) -> Array:
    """The score (m,) of each example from the problem that was blind to it; z is (P, m)."""
    return np.asarray(z[fold, np.arange(len(fold))])
