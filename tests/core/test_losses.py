"""The losses: values, derivatives, curvature, and why the squared error trains badly."""

import numpy as np
import pytest

from catclf.core.descent import Objective, gradient_descent
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


def test_squared_error_does_not_recover_from_being_confidently_wrong() -> None:
    X, y = np.array([[30.0, 31.0, -29.0, -33.0]]), np.array([1.0, 1.0, 0.0, 0.0])
    wrong = Primal(-X, Standardization.identity(1))  # w = 1 was right; now it is as wrong as can be
    costs = {}
    for name, loss in LOSSES.items():
        objective = Objective.single(wrong, y, loss=loss)
        _, dtheta, _ = objective.evaluate(np.ones((1, 1)), np.zeros(1), np.array([0]))
        costs[name] = abs(float(dtheta[0, 0]))
    assert costs["cross-entropy"] > 10
    assert costs["squared-error"] < 1e-9
    *_, last = gradient_descent(Objective.single(wrong, y), 0.1, 20)
    assert last.theta[0, 0] < -0.1
