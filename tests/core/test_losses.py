"""The losses: values, derivatives, curvature, and why the squared error trains badly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catclf.core.descent import Objective
from catclf.core.design import Primal, Standardization
from catclf.core.logistic import sigmoid
from catclf.core.losses import LOSSES

Z = np.linspace(-12, 12, 2001)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_derivatives_are_those_of_finite_differences(name: str, label: float) -> None:
    loss, y, h = LOSSES[name], np.full_like(Z, label), 1e-5
    slope = (loss.value(Z + h, y) - loss.value(Z - h, y)) / (2 * h)
    np.testing.assert_allclose(loss.derivative(Z, y), slope, atol=1e-9)
    bend = (loss.derivative(Z + h, y) - loss.derivative(Z - h, y)) / (2 * h)
    np.testing.assert_allclose(loss.second_derivative(Z, y), bend, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_the_curvature_is_never_exceeded_and_nearly_reached(name: str) -> None:
    loss = LOSSES[name]
    largest = max(np.abs(loss.second_derivative(Z, np.full_like(Z, y))).max() for y in (0.0, 1.0))
    assert 0.99 * loss.curvature < largest <= loss.curvature


def test_cross_entropy_is_the_notes_formula_and_exact_where_that_rounds() -> None:
    loss = LOSSES["cross-entropy"]
    a, y = sigmoid(Z), (Z > 3).astype(float)
    np.testing.assert_allclose(
        loss.value(Z, y), -(y * np.log(a) + (1 - y) * np.log(1 - a)), rtol=1e-9
    )
    z, y = np.array([-1000.0, 1000.0, -1000.0, 1000.0]), np.array([0.0, 1.0, 1.0, 0.0])
    assert loss.value(z, y).tolist() == [0, 0, 1000, 1000]
    assert loss.derivative(z, y).tolist() == [0, 0, -1, 1]
    assert np.isfinite(LOSSES["squared-error"].value(z, y)).all()


@settings(deadline=None)
@given(st.sampled_from(sorted(LOSSES)), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_what_holds_for_every_score(name: str, z: float, other: float) -> None:
    loss, score = LOSSES[name], np.array(z)
    one, zero = np.array(1.0), np.array(0.0)
    assert 0 <= loss.value(score, one) == pytest.approx(loss.value(-score, zero), abs=1e-12)
    assert -1 <= loss.derivative(score, one) <= 0 <= loss.derivative(score, zero) <= 1
    assert np.sign(other - z) * (loss.value(np.array(other), one) - loss.value(score, one)) <= 1e-12


def test_cross_entropy_is_convex_and_squared_error_is_not() -> None:
    for label in (0.0, 1.0):
        y = np.full_like(Z, label)
        assert (LOSSES["cross-entropy"].second_derivative(Z, y) > 0).all()
        assert LOSSES["squared-error"].second_derivative(Z, y).min() < -0.01


def test_squared_error_does_not_recover_from_being_confidently_wrong() -> None:
    X, y = np.array([[30.0, 31.0, -29.0, -33.0]]), np.array([1.0, 1.0, 0.0, 0.0])
    right = {}
    for name, loss in LOSSES.items():
        objective = Objective.single(Primal(X, Standardization.identity(1)), y, loss=loss)
        w, b = np.array([[-1.0]]), np.zeros(1)  # all four wrong, at scores of about 30
        for _ in range(1000):
            _, dw, db = objective.evaluate(w, b, np.array([0]))
            w, b = w - 0.1 * dw, b - 0.1 * db
        right[name] = int(np.sum((w[0] @ X + b > 0) == y))
    assert right == {"cross-entropy": 4, "squared-error": 0}
