"""Probabilities that mean something: of the photos called 90% a cat, nine in ten should be cats.

Slope and offset for scores (Platt 1999), fitted on examples that the scores were not trained on;
how far probabilities are from what happens (calibration error, reliability curve); and below which
probability it is more honest to answer "unsure". Scores z and labels y are (m,), y is 0 or 1.
Both classes' weights follow a prior, the share of positives that probabilities shall assume:
otherwise the classes' shares among the examples would move it silently.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array, sigmoid
from catclf.core.losses import cross_entropy

FEW = 50  # examples of a class: with fewer the offset is left at 0
BINS = 15
WRONG = 0.15  # share of wrong answers that is no longer an answer
LEVEL, ENOUGH = 0.8, 300  # the level to answer from, with fewer examples than enough
NEWTON_STEPS = 100
_TINY = 1e-12


def prior_weights(y: NDArray[np.int8], prior: float) -> Array:
    """Weights (m,) that sum to m, the positives' to prior * m. Both classes must be there.

    >>> prior_weights(np.array([1, 0, 0, 0], np.int8), 0.5).round(3)
    array([2.   , 0.667, 0.667, 0.667])
    """
    m, positives = len(y), int(y.sum())
    return np.where(y == 1, prior * m / positives, (1 - prior) * m / (m - positives))


def logit(p: float) -> float:
    """log(p / (1 - p)), the z of a probability inside (0, 1)."""
    return float(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class Platt:
    """p = σ(slope * z + offset); slope_alone where the offset was not fitted."""

    slope: float
    offset: float
    slope_alone: bool = False


def platt(z: Array, y: NDArray[np.int8], prior: float) -> Platt:
    """Slope and offset with the least cross-entropy at the prior, by Newton's method.

    Targets are (n_pos + 1) / (n_pos + 2) and 1 / (n_neg + 2) instead of 1 and 0, so that scores in
    perfect order do not ask for an infinite slope. With fewer than `FEW` examples of a class the
    slope alone is fitted. A slope is never below 0: scores that rank wrongly end up at p = σ(0).
    Source: Platt 1999; Lin, Lin and Weng 2007 for the method.
    """
    positives = int(y.sum())
    negatives = len(y) - positives
    targets = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    c = prior_weights(y, prior) / len(y)
    few = min(positives, negatives) < FEW
    free = np.array([True, not few])
    unit = float(np.sqrt(np.mean(z**2))) or 1.0
    rows = np.vstack([z / unit, np.ones(len(z))])  # (2, m)
    theta = np.zeros(2)

    def cost(theta: Array) -> float:
        return float(np.sum(c * cross_entropy(theta @ rows, targets)))

    for _ in range(NEWTON_STEPS):
        a = sigmoid(theta @ rows)
        gradient = (rows @ (c * (a - targets)))[free]
        if np.linalg.norm(gradient) < _TINY:
            break
        curvature = (rows * (c * a * (1 - a))) @ rows.T + _TINY * np.eye(2)
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient)
        size = 1.0
        while cost(theta - size * step) > cost(theta) and size > _TINY:
            size /= 2
        theta = theta - size * step
    slope, offset = float(theta[0]) / unit, float(theta[1])
    return Platt(slope, offset, few) if slope > 0 else Platt(0.0, 0.0, few)


@dataclass(frozen=True)
class Bin:
    """Examples of similar probability: their mean p, the share of positives among them (at the
    prior), and how many there are."""

    probability: float
    share: float
    n: int


@dataclass(frozen=True)
class Reliability:
    """The curve, and the mean distance of its points from the diagonal: 0 would be perfect."""

    bins: tuple[Bin, ...]
    error: float


def reliability(z: Array, y: NDArray[np.int8], prior: float, bins: int = BINS) -> Reliability:
    """Reliability curve in bins of equal count, and the expected calibration error, at a prior.

    Source: Naeini, Cooper and Hauskrecht 2015; Nixon et al. 2019 for bins of equal count.
    """
    order = np.argsort(z, kind="stable")
    p, c = sigmoid(z), prior_weights(y, prior)
    found, error = [], 0.0
    for part in np.array_split(order, min(bins, len(z))):
        weight = float(c[part].sum())
        mean = float(np.sum(c[part] * p[part])) / weight
        share = float(np.sum(c[part] * y[part])) / weight
        found.append(Bin(mean, share, len(part)))
        error += weight * abs(mean - share) / len(z)
    return Reliability(tuple(found), error)


def unsure_level(z: Array, y: NDArray[np.int8], prior: float) -> float:
    """The max(p, 1 - p) from which on at most `WRONG` of the answers nearby are wrong.

    The share of wrong answers as a falling function of max(p, 1 - p) is the closest one to the
    examples (isotonic regression). With fewer than `ENOUGH` examples it would be guesswork: then
    the level is `LEVEL`.
    """
    if len(z) < ENOUGH:
        return LEVEL
    p = sigmoid(z)
    confidence = np.maximum(p, 1 - p)
    wrong = ((p > 0.5) != (y == 1)).astype(float)
    order = np.argsort(-confidence, kind="stable")
    c = prior_weights(y, prior)[order]
    shares = rising(wrong[order], c)  # from the surest on
    answered = np.flatnonzero(shares <= WRONG)
    return float(confidence[order[answered[-1]]]) if len(answered) else 1.0


def rising(values: Array, c: Array) -> Array:
    """The never falling sequence (m,) closest to values (m,) in squares weighted by c (m,).

    Neighbours in the wrong order are pooled to their mean until none are (Ayer et al. 1955).

    >>> rising(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    means: list[float] = []
    weights: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), c.tolist(), strict=True):
        length = 1
        while means and means[-1] >= value:
            total = weights[-1] + weight
            value = (means[-1] * weights[-1] + value * weight) / total
            weight, length = total, length + lengths[-1]
            means.pop(), weights.pop(), lengths.pop()
        means.append(value)
        weights.append(weight)
        lengths.append(length)
    return np.repeat(means, lengths)
