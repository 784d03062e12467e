"""Curves that show what one figure hides: how a classifier does as its threshold or level moves.

Labels y (m,) are 0 or 1 and scores z (m,) higher for what is more likely positive. Equal scores are
crossed together, so a curve has one point for each score that occurs and one for the start. Knows
nothing of models or of drawing.
"""

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array


def roc(z: Array, y: NDArray[np.int8]) -> tuple[Array, Array]:
    """Shares of the negatives and of the positives that score at or above a falling threshold.

    Both (k,), from 0 to 1; the area under the second over the first is the AUC. Both classes must
    be there. Source: Fawcett 2006, algorithm 1.

    >>> roc(np.array([3.0, 2.0, 2.0, 1.0]), np.array([1, 0, 1, 0], np.int8))
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    called, found = _falling(z, y == 1)
    return (called - found) / int(np.sum(y == 0)), found / int(np.sum(y == 1))


def precision_recall(z: Array, y: NDArray[np.int8]) -> tuple[Array, Array]:
    """Recall and precision at a falling threshold: the share of the positives that score at or
    above it, and the share of positives among what does. Both (k,); a positive must be there.

    >>> precision_recall(np.array([3.0, 2.0, 1.0]), np.array([1, 0, 1], np.int8))
    (array([0.5, 0.5, 1. ]), array([1.        , 0.5       , 0.66666667]))
    """
    called, found = _falling(z, y == 1)
    return found[1:] / found[-1], found[1:] / called[1:]


def coverage(
    confidence: Array, wrong: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many examples are answered, and how many of those wrongly, at a falling level of
    confidence (m,) from which on there is an answer: both (k,), from the surest on.

    >>> coverage(np.array([0.9, 0.8, 0.6]), np.array([False, False, True]))
    (array([1, 2, 3]), array([0, 0, 1]))
    """
    answered, errors = _falling(confidence, wrong)
    return answered[1:], errors[1:]


def _falling(values: Array, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many are at or above each value that occurs, and how many of these are chosen: (k + 1,),
    from the highest value on, after a 0."""
    order = np.argsort(-values, kind="stable")
    falls = values[order][1:] != values[order][:-1]
    last = np.flatnonzero(np.append(falls, True)[: len(values)])  # of those that are equal
    counted = np.cumsum(chosen[order])[last]
    return np.concatenate([[0], last + 1]), np.concatenate([[0], counted])
