"""Figures that catclf itself has no use for, each with its uncertainty; numpy alone.

Labels y (m,) are 0 or 1, scores z (m,) with p = σ(z). Intervals are two-sided, 95%.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.calibration import logit, reliability
from catclf.core.logistic import Array, sigmoid
from catclf.core.losses import cross_entropy
from catclf.core.metrics import wilson

Labels = NDArray[np.int8]

K = 1.96  # standard deviations for 95%
RESAMPLINGS = 300  # their spread is known to 4%


@dataclass(frozen=True)
class Figure:
    """A value, which may be below 0, and its interval."""

    value: float
    low: float
    high: float


def paired_loss(before: NDArray[np.bool_], after: NDArray[np.bool_], y: Labels) -> Figure | None:
    """Balanced accuracy before less that after, on the same pictures; None where a class is absent.

    before, after: (m,) whether the answer was right. In a class of n let b pictures be lost and c
    be won: d = (b - c) / n. Limits are those of b/n and c/n (Wilson) put together with the
    correlation that a multinomial gives them, then those of both classes put together.
    Source: Zou and Donner 2008 (MOVER), as `balanced_accuracy` in catclf/core/metrics.py.
    """
    value, below, above = 0.0, 0.0, 0.0
    for label in (0, 1):
        of_class = y == label
        n = int(of_class.sum())
        if not n:
            return None
        lost = int(np.sum(before & ~after & of_class))
        won = int(np.sum(~before & after & of_class))
        p, q = lost / n, won / n
        p_limits, q_limits = wilson(lost, n), wilson(won, n)
        r = -math.sqrt(p * q / ((1 - p) * (1 - q))) if p < 1 and q < 1 else 0.0
        value += (p - q) / 2
        below += _squared(p - p_limits.low, q_limits.high - q, r) / 4
        above += _squared(p_limits.high - p, q - q_limits.low, r) / 4
    return Figure(value, value - math.sqrt(below), value + math.sqrt(above))


def _squared(one: float, other: float, r: float) -> float:
    """The square of a distance of a difference's limit."""
    return one**2 + other**2 - 2 * r * one * other


def calibration_error(z: Array, y: Labels, prior: float, seed: int) -> Figure:
    """Expected calibration error, 15 bins of equal count, at a prior; ± 1.96 standard deviations of
    300 resamplings within the classes. Both classes must be there."""
    value = reliability(z, y, prior).error
    random = np.random.default_rng(seed)
    classes = [np.flatnonzero(y == label) for label in (0, 1)]

    def resampled() -> float:
        drawn = np.concatenate([random.choice(part, len(part)) for part in classes])
        return reliability(z[drawn], y[drawn], prior).error

    half = K * float(np.std(_repeated(resampled), ddof=1))
    return Figure(value, max(0.0, value - half), value + half)


def chance_error(z: Array, y: Labels, prior: float, seed: int) -> float:
    """The calibration error that perfect probabilities of this kind would show on so few pictures.

    The mean over labels drawn from p, which is moved to the share of positives that y has.
    """
    random = np.random.default_rng(seed)
    p = sigmoid(z + logit(float(y.mean())) - logit(prior))

    def drawn() -> float:
        labels = (random.random(len(p)) < p).astype(np.int8)
        if labels.min() == labels.max():  # a class is absent: nothing to weigh it by
            return 0.0
        return reliability(z, labels, prior).error

    return float(np.mean(_repeated(drawn)))


def _repeated(work: Callable[[], float]) -> list[float]:
    return [work() for _ in range(RESAMPLINGS)]


def prior_log_loss(z: Array, y: Labels, prior: float) -> Figure:
    """Mean cross-entropy, in nats, with the classes weighted to a prior; both must be there."""
    losses = cross_entropy(z, y.astype(np.float64))
    value, variance = 0.0, 0.0
    for label, share in ((0, 1 - prior), (1, prior)):
        of_class = losses[y == label]
        value += share * float(of_class.mean())
        variance += share**2 * float(of_class.var()) / len(of_class)
    half = K * math.sqrt(variance)
    return Figure(value, max(0.0, value - half), value + half)
