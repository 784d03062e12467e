"""Losses as functions of the score z and the label y: value, derivative and curvature.

The rest of the core knows a loss only through these, so that another is another row of `LOSSES`.
Source: the notes, "Loss function". Everything is element by element, in any shape and float type.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catclf.core.logistic import Array, sigmoid


@dataclass(frozen=True)
class Loss:
    """L(z, y), dL/dz and d²L/dz², and a bound on |d²L/dz²| over all z and y in {0, 1}."""

    value: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]
    second_derivative: Callable[[Array, Array], Array]
    curvature: float


def cross_entropy(z: Array, y: Array) -> Array:
    """-(y log a + (1 - y) log(1 - a)) with a = σ(z), as log(1 + e^z) - y z: exact for every z.

    >>> cross_entropy(np.array([0.0, 1000.0]), np.array([1.0, 0.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    return np.asarray(softplus - y * z)


def cross_entropy_derivative(z: Array, y: Array) -> Array:
    """dL/dz = a - y, with a = (1 + tanh(z / 2)) / 2: one call where `sigmoid` takes three."""
    a = np.tanh(z * 0.5) * 0.5 + 0.5
    return np.asarray(a - y)


def cross_entropy_second_derivative(z: Array, y: Array) -> Array:
    """a (1 - a)."""
    a = sigmoid(z)
    return a * (1 - a)


def squared_error(z: Array, y: Array) -> Array:
    """½ (a - y)², the notes' first try."""
    return (sigmoid(z) - y) ** 2 / 2


def squared_error_derivative(z: Array, y: Array) -> Array:
    """(a - y) a (1 - a): it vanishes where a is confidently wrong, which is why it trains badly.

    >>> float(squared_error_derivative(np.array(-40.0), np.array(1.0))) > -1e-17
    True
    >>> float(cross_entropy_derivative(np.array(-40.0), np.array(1.0)))
    -1.0
    """
    a = sigmoid(z)
    return (a - y) * a * (1 - a)


def squared_error_second_derivative(z: Array, y: Array) -> Array:
    """a(1 - a) (a(1 - a) + (a - y)(1 - 2a)): negative where a is far off, so not convex."""
    a = sigmoid(z)
    return a * (1 - a) * (a * (1 - a) + (a - y) * (1 - 2 * a))


CROSS_ENTROPY = Loss(
    cross_entropy, cross_entropy_derivative, cross_entropy_second_derivative, curvature=1 / 4
)
# The maximum over 0 <= a <= 1 is 0.07703, at a = 0.3856 for y = 0 and at 1 - 0.3856 for y = 1.
SQUARED_ERROR = Loss(
    squared_error, squared_error_derivative, squared_error_second_derivative, curvature=0.0771
)

LOSSES = {"cross-entropy": CROSS_ENTROPY, "squared-error": SQUARED_ERROR}
