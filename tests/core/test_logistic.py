"""The notes' formulas: the vectorized form against their loops, differences and the graph."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catclf.core.graph import Node, logistic_cost
from catclf.core.logistic import (
    Array,
    backward,
    cost,
    forward,
    initialize,
    predict,
    sigmoid,
    update,
)
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading
from catclf.features import feature_map, matrix

DRAWN = Path(__file__).resolve().parents[2] / "sample_images/drawn"
Gradients = tuple[float, Array, float]


def one_loop(w: Array, b: float, X: Array, y: Array) -> Gradients:
    """The notes' loop over the examples, with dz = a - y and dw of shape (n_x, 1)."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros((n_x, 1)), 0.0
    for i in range(m):
        x, label = X[:, i : i + 1], float(y[0, i])
        z = float((w.T @ x)[0, 0]) + b
        a = 1 / (1 + math.exp(-z))
        J += -(label * math.log(a) + (1 - label) * math.log(1 - a))
        dz = a - label
        dw += x * dz
        db += dz
    return J / m, dw / m, db / m


def two_loops(w: Array, b: float, X: Array, y: Array) -> Gradients:
    """The notes' loops over examples and features: dw1, dw2, ... one by one."""
    n_x, m = X.shape
    J, dw, db = 0.0, [0.0] * n_x, 0.0
    for i in range(m):
        z = b
        for k in range(n_x):
            z += float(w[k, 0]) * float(X[k, i])
        a = 1 / (1 + math.exp(-z))
        label = float(y[0, i])
        J += -(label * math.log(a) + (1 - label) * math.log(1 - a))
        dz = a - label
        for k in range(n_x):
            dw[k] += float(X[k, i]) * dz
        db += dz
    return J / m, np.array(dw)[:, None] / m, db / m


def vectorized(w: Array, b: float, X: Array, y: Array) -> Gradients:
    A = forward(w, b, X)
    return cost(A, y), *backward(A, X, y)


def assert_equal(found: Gradients, expected: Gradients) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_loops_and_the_vectorized_form_are_equal(n_x: int, m: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    X, w = random.standard_normal((n_x, m)), random.standard_normal((n_x, 1))
    b, y = float(random.standard_normal()), random.integers(0, 2, (1, m)).astype(float)
    found = vectorized(w, b, X, y)
    assert_equal(found, one_loop(w, b, X, y))
    assert_equal(found, two_loops(w, b, X, y))


@pytest.mark.parametrize(("size", "apart"), [(8, 10), (64, 75)])
def test_the_loops_and_the_vectorized_form_are_equal_on_pictures(size: int, apart: int) -> None:
    """Drawings of 64 x 64 x 3 as well, though few: two loops take their time."""
    examples = open_dataset(DRAWN).split("train")[::apart]
    columns = matrix(feature_map("pixels", Loading(size)), [e.source for e in examples])
    X, y = columns.X.astype(np.float64), np.array([[e.label for e in examples]], float)
    assert X.shape == (size * size * 3, 300 // apart)
    assert {0.0, 1.0} == set(y[0])
    w, b = initialize(len(X))
    for _ in range(3):
        found = vectorized(w, b, X, y)
        assert_equal(found, one_loop(w, b, X, y))
        assert_equal(found, two_loops(w, b, X, y))
        w, b = update(w, b, *found[1:], learning_rate=0.001)
    assert cost(forward(w, b, X), y) < found[0] < math.log(2)


def test_the_gradient_is_that_of_central_differences_and_of_the_graph() -> None:
    random = np.random.default_rng(1)
    X, w, b = random.standard_normal((3, 5)), random.standard_normal((3, 1)), 0.3
    y = np.array([[1.0, 0.0, 0.0, 1.0, 1.0]])
    J, dw, db = vectorized(w, b, X, y)
    h = 1e-6
    for k in range(3):
        e = np.eye(3)[:, k : k + 1] * h
        slope = (cost(forward(w + e, b, X), y) - cost(forward(w - e, b, X), y)) / (2 * h)
        assert slope == pytest.approx(dw[k, 0], abs=1e-8)
    slope = (cost(forward(w, b + h, X), y) - cost(forward(w, b - h, X), y)) / (2 * h)
    assert slope == pytest.approx(db, abs=1e-8)

    weights, bias = [Node(float(value)) for value in w[:, 0]], Node(b)
    graph = logistic_cost(weights, bias, X.T.tolist(), y[0].tolist())
    graph.backward()
    assert graph.value == pytest.approx(J, rel=1e-12)
    np.testing.assert_allclose([node.grad for node in weights], dw[:, 0], rtol=1e-12)
    assert bias.grad == pytest.approx(db, rel=1e-12)


def test_a_cost_by_hand() -> None:
    A, y = np.array([[0.5, 0.8, 0.1]]), np.array([[1.0, 1.0, 0.0]])
    by_hand = -(math.log(0.5) + math.log(0.8) + math.log(0.9)) / 3
    assert cost(A, y) == pytest.approx(by_hand, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sigmoid_is_right_everywhere(dtype: type) -> None:
    z = np.array([-1000, -30, -1, 0, 1, 30, 1000], dtype)
    expected = [0.0, math.exp(-30) / (1 + math.exp(-30)), 1 / (1 + math.e), 0.5]
    found = sigmoid(z)
    np.testing.assert_allclose(found[:4], expected, rtol=1e-6)
    np.testing.assert_allclose(found + found[::-1], 1, rtol=1e-6)


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_the_sigmoid_rises_and_is_its_own_mirror(z: float, other: float) -> None:
    a, b, mirrored = sigmoid(np.array([z, other, -z]))
    assert 0 <= a <= 1
    assert (a <= b) if z <= other else (b <= a)
    assert a + mirrored == pytest.approx(1, rel=1e-15)


def test_positive_is_above_the_threshold() -> None:
    A = np.array([[0.2, 0.5, 0.50001, 0.9]])
    assert predict(A).tolist() == [[False, False, True, True]]
    assert predict(A, threshold=0.8).tolist() == [[False, False, False, True]]
