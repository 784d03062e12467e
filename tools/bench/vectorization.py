"""How much vectorization gains: one iteration of logistic regression in the notes' three forms.

Usage: python tools/bench/vectorization.py. Pictures of the course's shape, 209 of 12,288 numbers,
drawn at random. Two loops take so long that they run on some of the features, and count for all.
The forms take turns, so that whatever else the machine does meets all of them alike.
"""

import math
import os
import statistics
import time
from collections.abc import Callable

# On more threads a product of this size waits for a core that is busy, now and then for 10 ms.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from catclf.core.descent import Objective, gradient_descent
from catclf.core.design import Gram, Standardization
from catclf.core.logistic import Array, backward, cost, forward

M, N_X, SOME = 209, 12_288, 256
ROUNDS = 15


def two_loops(w: Array, b: float, X: Array, y: Array) -> tuple[float, Array, float]:
    """The notes' first form: a loop over the examples, and in it one over the features."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros((n_x, 1)), 0.0
    for i in range(m):
        z = b
        for k in range(n_x):
            z += w[k, 0] * X[k, i]
        a = 1 / (1 + math.exp(-z))
        J -= y[0, i] * math.log(a) + (1 - y[0, i]) * math.log(1 - a)
        dz = a - y[0, i]
        for k in range(n_x):
            dw[k, 0] += X[k, i] * dz
        db += dz
    return J / m, dw / m, db / m


def one_loop(w: Array, b: float, X: Array, y: Array) -> tuple[float, Array, float]:
    """The notes' second form: a loop over the examples."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros((n_x, 1)), 0.0
    for i in range(m):
        x = X[:, i : i + 1]
        a = 1 / (1 + math.exp(-float((w.T @ x)[0, 0] + b)))
        J -= y[0, i] * math.log(a) + (1 - y[0, i]) * math.log(1 - a)
        dz = a - y[0, i]
        dw += x * dz
        db += dz
    return J / m, dw / m, db / m


def vectorized(w: Array, b: float, X: Array, y: Array) -> tuple[float, Array, float]:
    """No loop: `core/logistic.py`."""
    A = forward(w, b, X)
    return cost(A, y), *backward(A, X, y)


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the time of an iteration in each form, and the gain over the slowest."""
    random = np.random.default_rng(0)
    X = np.asfortranarray(random.integers(0, 256, (N_X, M)) / 255)
    y = (random.uniform(size=(1, M)) < 0.34).astype(float)
    w, b = np.zeros((N_X, 1)), 0.0
    gram = Objective.single(Gram(X, Standardization.identity(N_X)), y[0])
    # Each form with the number of iterations, or the share of one, that a call does.
    forms: dict[str, tuple[Callable[[], object], float]] = {
        "two loops": (lambda: two_loops(w[:SOME], b, X[:SOME], y), SOME / N_X),
        "one loop": (lambda: [one_loop(w, b, X, y) for _ in range(10)], 10),
        "vectorized": (lambda: [vectorized(w, b, X, y) for _ in range(10)], 10),
        "vectorized, on K = X'X": (lambda: list(gradient_descent(gram, 0.005, 200, 200)), 200),
    }
    rounds = [[seconds(work) / n for work, n in forms.values()] for _ in range(ROUNDS)]
    times = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print(f"one iteration on {M} pictures of {N_X:,} numbers, one thread, median of {ROUNDS}")
    for name, median in zip(forms, times, strict=True):
        print(f"  {name:24} {median * 1e3:12,.3f} ms  {times[0] / median:12,.0f} x")


if __name__ == "__main__":
    main()
