"""Figures that judge a classifier: counts, accuracies, ranking and loss, each with its uncertainty.

Labels y (m,) are 0 or 1 (or bool), scores (m,) are higher for what is more likely positive. Knows
nothing of models. Intervals are two-sided, 95% unless asked otherwise, and lie in [0, 1]. A figure
that needs both classes is None where one is absent. Sources stand with the functions.

>>> counts = confusion(y=[1, 1, 1, 0, 0], predicted=[1, 1, 0, 0, 1])
>>> counts
Confusion(tp=2, fp=1, tn=1, fn=1)
>>> estimate = balanced_accuracy(counts)
>>> print(f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]")
0.583 [0.28, 0.83]
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catclf.core.logistic import Array
from catclf.core.losses import cross_entropy


@dataclass(frozen=True)
class Interval:
    """Where the truth probably lies: 0 <= low <= high <= 1."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval: 0 <= low <= value <= high <= 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """How many examples were called positive (tp, fp) and negative (tn, fn), rightly and not."""

    tp: int
    fp: int
    tn: int
    fn: int


def confusion(y: ArrayLike, predicted: ArrayLike) -> Confusion:
    """Counts of labels y (m,) against predicted labels (m,), both 0 or 1; m may be 0.

    ValueError where they are not of one length or anything else than 0 and 1.
    """
    positive, found = _labels(y), _labels(predicted)
    _check_lengths(positive, found)
    return Confusion(
        tp=int(np.sum(positive & found)),
        fp=int(np.sum(~positive & found)),
        tn=int(np.sum(~positive & ~found)),
        fn=int(np.sum(positive & ~found)),
    )


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """The score interval of a proportion: all p for which |successes/n - p| <= k sqrt(p(1 - p)/n).

    Unlike p ± k sd it never leaves [0, 1] and never shrinks to a point; n = 0 gives (0, 1). Neither
    number has to be whole (`auc` has use for that). ValueError unless 0 <= successes <= n and
    0 < confidence < 1. Source: Wilson 1927; Brown, Cai and DasGupta 2001 compare it with others.

    >>> interval = wilson(35, 50)
    >>> print(f"[{interval.low:.4f}, {interval.high:.4f}]")
    [0.5625, 0.8090]
    """
    if not (0 <= successes <= n < math.inf and 0 < confidence < 1):
        raise ValueError(f"not a proportion or a confidence: {successes} of {n} at {confidence}")
    if n == 0:
        return Interval(0.0, 1.0)
    k = NormalDist().inv_cdf((1 + confidence) / 2)  # 1.96 for 95%
    centre = (successes + k**2 / 2) / (n + k**2)
    half = k / (n + k**2) * math.sqrt(successes * (n - successes) / n + k**2 / 4)
    return Interval(  # at its ends exactly 0 and 1, where rounding leaves 1e-17
        low=centre - half if successes > 0 else 0.0,
        high=centre + half if successes < n else 1.0,
    )


def balanced_accuracy(counts: Confusion) -> Estimate | None:
    """The mean of the two classes' accuracies; None where a class is absent.

    Its limits lie as far away as the two accuracies' Wilson limits do together, by Pythagoras.
    Source: Newcombe 1998, method 10 (for a difference); Zou and Donner 2008 name it MOVER.
    """
    positives, negatives = counts.tp + counts.fn, counts.tn + counts.fp
    if positives == 0 or negatives == 0:
        return None
    p, q = counts.tp / positives, counts.tn / negatives
    p_interval, q_interval = wilson(counts.tp, positives), wilson(counts.tn, negatives)
    value = (p + q) / 2
    return Estimate(
        value,
        low=value - math.hypot(p - p_interval.low, q - q_interval.low) / 2,
        high=value + math.hypot(p_interval.high - p, q_interval.high - q) / 2,
    )


def auc(scores: ArrayLike, y: ArrayLike) -> Estimate | None:
    """P(a positive example scores above a negative one), ties counted half; None without both.

    scores (m,) may be infinite; NaN is a ValueError, as are labels other than 0 and 1.

    The interval is Wilson's for n_eff examples, where AUC (1 - AUC) / n_eff is DeLong's variance:
    as many independent examples would leave the same doubt. In the middle that is AUC ± 1.96 sd;
    near 0 and 1 it stays inside. There DeLong's variance hangs on the few pairs that are in the
    wrong order, and is 0 where there are none, so n_eff has two limits:

    - n_eff <= 2 min(n_pos, n_neg): what Hanley and McNeil's variance (1982) comes to for a nearly
      perfect ranking.
    - n_eff = min(n_pos, n_neg) where the variance is 0, or unknown for a class of one: whatever the
      distributions, it is at most AUC (1 - AUC) / min(n_pos, n_neg) (Birnbaum and Klose 1957).

    Simulated with normal, exponential and unequally spread scores, 10 to 500 a class and AUC 0.7 to
    0.998, it holds the truth in 94% of trials or more, and in 90% where some positives score below
    everything else; AUC ± 1.96 sd falls to 57% there.
    """
    positive = _labels(y)
    s = _scores(scores)
    _check_lengths(positive, s)
    smaller_class = min(int(positive.sum()), int((~positive).sum()))
    if smaller_class == 0:
        return None
    value, variance = delong(s[positive], s[~positive])
    if variance > 0:
        n_eff = min(value * (1 - value) / variance, 2.0 * smaller_class)
    else:
        n_eff = float(smaller_class)
    interval = wilson(value * n_eff, n_eff)
    return Estimate(value, interval.low, interval.high)


def delong(positive: ArrayLike, negative: ArrayLike) -> tuple[float, float]:
    """AUC and its variance from the scores of the positive (p,) and the negative (n,) examples.

    With v_i the share of negatives that positive i scores above, and u_j the share of positives
    that negative j scores below (ties half), AUC = mean v = mean u and its variance is
    var(v) / p + var(u) / n. All v and u come from ranks, so the p n pairs are never formed. The
    variance is NaN where p or n is 1; ValueError where one is 0, or a score is NaN.
    Source: DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014 for the ranks.
    """
    P, N = _scores(positive), _scores(negative)
    p, n = len(P), len(N)
    if p == 0 or n == 0:
        raise ValueError("both classes are needed")
    ranks = _midranks(np.concatenate([P, N]))
    v = (ranks[:p] - _midranks(P)) / n  # (p,); rank among all less rank among one's own
    u = 1 - (ranks[p:] - _midranks(N)) / p  # (n,)
    if p == 1 or n == 1:
        return float(np.mean(v)), math.nan
    return float(np.mean(v)), float(np.var(v, ddof=1) / p + np.var(u, ddof=1) / n)


def log_loss(z: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Σ c L(z, y) / Σ c, the mean cross-entropy of scores z (m,) with p = σ(z), in nats.

    Taken from z, so that no p rounds to 0 or 1; weights c (m,) are 1 unless given. log 2 = 0.693 is
    what p = 0.5 throughout would give. ValueError where a z is not finite, a weight is negative or
    not finite, or nothing is left to take a mean of.
    """
    positive = _labels(y)
    s = np.asarray(z, np.float64)
    c = np.ones(len(positive)) if weights is None else np.asarray(weights, np.float64)
    _check_lengths(positive, s)
    _check_lengths(positive, c)
    if not np.isfinite(s).all():
        raise ValueError("a score is not finite")
    if not (np.isfinite(c).all() and (c >= 0).all() and c.sum() > 0):
        raise ValueError("weights must be finite, not negative, and not all 0")
    return float(np.sum(c * cross_entropy(s, positive.astype(np.float64))) / np.sum(c))


def majority_baseline(y: ArrayLike) -> float:
    """The accuracy of always answering with the commoner class of y (m,): in [0.5, 1].

    ValueError where y is empty or holds anything else than 0 and 1.
    """
    positive = _labels(y)
    if not len(positive):
        raise ValueError("no labels")
    positives = int(np.sum(positive))
    return max(positives, len(positive) - positives) / len(positive)


def _labels(y: ArrayLike) -> NDArray[np.bool_]:
    labels = np.asarray(y)
    if labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, in one dimension; got shape {labels.shape}")
    return labels.astype(np.bool_)


def _check_lengths(labels: NDArray[np.bool_], values: Array | NDArray[np.bool_]) -> None:
    if values.shape != labels.shape:
        raise ValueError(f"one value for each label: shapes {values.shape} and {labels.shape}")


def _scores(x: ArrayLike) -> Array:
    scores = np.asarray(x, np.float64)
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    return scores


def _midranks(x: Array) -> Array:
    """Ranks from 1, equal values sharing the mean of theirs: [5, 7, 7] -> [1, 2.5, 2.5]."""
    _, place, ties = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(ties) - (ties - 1) / 2)[place])
