"""The metric of the curvature: directions, and steps scaled along them."""

import numpy as np
import pytest

from catclf.core import curvature
from catclf.core.curvature import Metric
from catclf.core.descent import Objective, accelerated_descent
from catclf.core.design import Gram, Primal, Standardization
from catclf.core.logistic import Array

RNG = np.random.default_rng(5)
ROUNDED = 2e-6  # of the largest curvature: what `leading` drops as rounding


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(5))


def correlated(n_x: int, m: int, dtype: type = np.float64) -> Array:
    """Columns whose features depend on one another as pixels do: X (n_x, m)."""
    mixing = RNG.standard_normal((n_x, n_x)) / np.arange(1, n_x + 1)
    X = np.asfortranarray(mixing @ RNG.standard_normal((n_x, m)), dtype=dtype)
    Standardization.fit(X).apply(X)
    return X


def weights(m: int) -> Array:
    c = RNG.uniform(0.5, 2, m)
    return c / c.sum()


@pytest.mark.parametrize(("n_x", "m"), [(60, 25), (25, 60)])
def test_a_complete_basis_is_the_curvature_itself(n_x: int, m: int) -> None:
    X, c = correlated(n_x, m), weights(m)
    basis = Primal(X, Standardization.identity(n_x)).basis(c)
    assert basis.complete
    U = basis.expand(np.eye(len(basis.values)))  # (k, n_x)
    np.testing.assert_allclose(U @ U.T, np.eye(len(U)), atol=1e-6)
    curvature_itself = (X * c) @ X.T
    np.testing.assert_allclose(
        U.T * basis.values @ U, curvature_itself, atol=ROUNDED * basis.values[0]
    )


def test_gram_has_the_directions_of_primal_in_its_own_coordinates() -> None:
    X, c = correlated(60, 25), weights(25)
    identity = Standardization.identity(60)
    primal, gram = Primal(X, identity), Gram(X, identity)
    alpha = RNG.standard_normal((2, 25))
    w = alpha @ X.T
    metric = Metric.of(primal.basis(c), 0.25, np.array([0.1, 0.3]))
    twin = Metric.of(gram.basis(c), 0.25, np.array([0.1, 0.3]))
    both = np.arange(2)
    np.testing.assert_allclose(twin.solve(alpha, both) @ X.T, metric.solve(w, both), rtol=1e-6)
    square = primal.inner(w, w)
    np.testing.assert_allclose(gram.inner(alpha, alpha), square)
    np.testing.assert_allclose(
        twin.square(alpha, square, both), metric.square(w, square, both), rtol=1e-6
    )


def test_the_step_of_a_complete_metric_is_newton_s() -> None:
    X, c = correlated(20, 50), weights(50)
    basis = Primal(X, Standardization.identity(20)).basis(c)
    g = RNG.standard_normal((1, 20))
    hessian = 0.25 * (X * c) @ X.T + 0.2 * np.eye(20)
    step = Metric.of(basis, 0.25, np.array([0.2])).solve(g, np.array([0]))
    newton = np.linalg.solve(hessian, g[0])
    assert np.linalg.norm(step[0] - newton) < 1e-4 * np.linalg.norm(newton)


def test_a_sampled_metric_leads_to_the_same_optimum_in_fewer_iterations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n_x, m = 200, 400
    X = correlated(n_x, m)
    y = (RNG.uniform(size=m) < 1 / (1 + np.exp(-3 * X[0]))).astype(float)
    objective = Objective.single(Primal(X, Standardization.identity(n_x)), y, l2=1e-3)
    *_, exact = accelerated_descent(objective, 1e-8)
    monkeypatch.setattr(curvature, "SAMPLE", 120)
    monkeypatch.setattr("catclf.core.design.SAMPLE", 120)
    *_, sampled = accelerated_descent(objective, 1e-8)
    monkeypatch.setattr(curvature, "SAMPLE", 2)
    monkeypatch.setattr("catclf.core.design.SAMPLE", 2)
    *_, hardly = accelerated_descent(objective, 1e-8)
    for step in (sampled, hardly):
        assert step.converged
        np.testing.assert_allclose(step.theta, exact.theta, atol=1e-5)
    assert exact.iteration <= sampled.iteration < hardly.iteration / 2


def test_a_sample_covers_all_parts_evenly() -> None:
    assert curvature.sample(5).tolist() == [0, 1, 2, 3, 4]
    chosen = curvature.sample(18_000)
    assert len(chosen) == curvature.SAMPLE
    assert np.ptp(np.diff(chosen)) <= 1
    assert chosen[[0, -1]].tolist() == [0, 17_999]
