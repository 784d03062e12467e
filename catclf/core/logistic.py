"""Logistic regression as the notes write it: one function a formula, vectorized over m examples.

Source: the notes, "Logistic Regression", "Cost function", "Calculating the derivatives of logistic
regression (with and without vectorization)". Columns are examples: X is (n_x, m), y is (1, m),
w is (n_x, 1), b is a number. Everything is float64 unless X is float32.

>>> import numpy as np
>>> X = np.array([[1.0, 2.0, -1.0], [3.0, 0.5, -2.0]])  # two features, three examples
>>> y = np.array([[1.0, 1.0, 0.0]])
>>> w, b = initialize(n_x=2)
>>> A = forward(w, b, X)
>>> print(A, round(cost(A, y), 6))
[[0.5 0.5 0.5]] 0.693147
>>> dw, db = backward(A, X, y)
>>> w, b = update(w, b, dw, db, learning_rate=0.1)
>>> print(w.round(4).tolist(), round(b, 4))
[[0.0667], [0.0917]] 0.0167
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def initialize(n_x: int) -> tuple[Array, float]:
    """w (n_x, 1) and b, all zero: the cost is convex, so any start leads to the same end."""
    return np.zeros((n_x, 1)), 0.0


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e^-z), any shape, in [0, 1].

    e is only ever raised to a negative power, so no z overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1 / (1 + e), e / (1 + e)))


def forward(w: Array, b: float, X: Array) -> Array:
    """The neuron: z = w'x + b, a = σ(z), for all columns of X (n_x, m) at once; A is (1, m)."""
    z = w.T @ X + b  # (1, m); b is broadcast over the examples
    return sigmoid(z)


def cost(A: Array, y: Array) -> float:
    """J = -1/m Σ (y log a + (1 - y) log(1 - a)), the mean cross-entropy; A and y are (1, m).

    Infinite where an a has rounded to the wrong one of 0 and 1: `losses.py` computes the same
    from z, where nothing rounds.
    """
    m = y.shape[1]
    return float(-np.sum(y * np.log(A) + (1 - y) * np.log(1 - A)) / m)


def backward(A: Array, X: Array, y: Array) -> tuple[Array, float]:
    """dJ/dw (n_x, 1) and dJ/db, by the chain rule through σ and the cross-entropy."""
    m = X.shape[1]
    dz = A - y  # (1, m); the notes' a(1 - a) is the derivative of σ alone
    dw = X @ dz.T / m  # (n_x, 1)
    db = float(np.sum(dz)) / m
    return dw, db


def update(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> tuple[Array, float]:
    """One step of gradient descent: w := w - α dJ/dw, b := b - α dJ/db."""
    return w - learning_rate * dw, b - learning_rate * db


def predict(A: Array, threshold: float = 0.5) -> NDArray[np.bool_]:
    """True where a is above the threshold: the positive class."""
    return threshold < A
