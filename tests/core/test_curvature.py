"""The metric of the curvature: directions, and steps scaled along them."""

import numpy as np
import pytest

from catclf.core import curvature
from catclf.core.curvature import Leading, Metric, Whole, heavy, inverse_factor, spread
from catclf.core.descent import Objective, accelerated_descent
from catclf.core.design import Gram, Primal, Standardization
from catclf.core.logistic import Array

RNG = np.random.default_rng(5)


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


def design_of(form: type[Gram] | type[Primal], X: Array) -> Gram | Primal:
    return form(X, Standardization.identity(len(X)))


@pytest.mark.parametrize("form", [Gram, Primal])
@pytest.mark.parametrize(("n_x", "m"), [(60, 25), (25, 60)])
def test_whole_it_is_the_curvature_itself_and_its_inverse(
    form: type[Gram] | type[Primal], n_x: int, m: int
) -> None:
    X, c, l2 = correlated(n_x, m), weights(m), np.array([0.1, 0.3, 0.1])
    found = design_of(form, X).curvature(c)
    assert isinstance(found, Whole)
    alpha = RNG.standard_normal((3, m))
    w = alpha @ X.T
    theta, back = (alpha, X.T) if form is Gram else (w, np.eye(n_x))
    C = (X * c) @ X.T
    np.testing.assert_allclose(found.mean @ back, X @ c, atol=1e-12)
    np.testing.assert_allclose(theta @ found.score, w @ X @ c, atol=1e-9)
    np.testing.assert_allclose(found.times(theta) @ back, w @ C, atol=1e-9)
    steps = found.solve(theta, l2) @ back
    for p in range(3):
        expected = np.linalg.solve(C + l2[p] * np.eye(n_x), w[p])
        np.testing.assert_allclose(steps[p], expected, rtol=1e-8, atol=1e-9)


def test_an_example_without_weight_does_no_harm_to_gram() -> None:
    X, c = correlated(60, 25), weights(25)
    c[3] = 0
    alpha = RNG.standard_normal((1, 25))
    step = design_of(Gram, X).curvature(c).solve(alpha, np.array([0.1]))
    expected = np.linalg.solve((X * c) @ X.T + 0.1 * np.eye(60), (alpha @ X.T)[0])
    np.testing.assert_allclose((step @ X.T)[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", [Gram, Primal])
def test_the_leading_directions_are_solved_for_as_they_are_multiplied(
    form: type[Gram] | type[Primal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catclf.core.design.SAMPLE", 20)
    monkeypatch.setattr(curvature, "SAMPLE", 20)
    X, c, l2 = correlated(60, 40), weights(40), np.array([0.1, 0.3])
    found = design_of(form, X).curvature(c)
    assert isinstance(found, Leading)
    theta = RNG.standard_normal((2, 40 if form is Gram else 60))
    raised = found.times(theta) + l2[:, None] * theta
    np.testing.assert_allclose(found.solve(raised, l2), theta, rtol=1e-7, atol=1e-7)
    assert np.all(np.diff(found.values) <= 0)


def test_gram_and_primal_have_the_same_leading_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catclf.core.design.SAMPLE", 20)
    monkeypatch.setattr(curvature, "SAMPLE", 20)
    X, c, l2 = correlated(60, 40), weights(40), np.array([0.1, 0.3])
    primal, gram = design_of(Primal, X).curvature(c), design_of(Gram, X).curvature(c)
    alpha = RNG.standard_normal((2, 40))
    np.testing.assert_allclose(gram.solve(alpha, l2) @ X.T, primal.solve(alpha @ X.T, l2))
    np.testing.assert_allclose(gram.times(alpha) @ X.T, primal.times(alpha @ X.T), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_step_of_the_metric_solves_for_w_and_b_together(dtype: type) -> None:
    """By the dense second derivative in (w, b); C about zero stands for C about the mean."""
    n_x, m, k, l2 = 20, 50, 0.1, 0.2
    X, c = correlated(n_x, m, dtype), weights(m)
    metric = Metric(design_of(Primal, X).curvature(c), k, np.array([l2]))
    mean = X.astype(np.float64) @ c
    second = np.zeros((n_x + 1, n_x + 1))
    second[:n_x, :n_x] = k * ((X * c) @ X.T + np.outer(mean, mean)) + l2 * np.eye(n_x)
    second[n_x, :n_x] = second[:n_x, n_x] = k * mean
    second[n_x, n_x] = k
    g = RNG.standard_normal(n_x + 1)
    step, step_b = metric.solve(g[None, :n_x], g[n_x:], np.array([0]))
    expected = np.linalg.solve(second, g)
    np.testing.assert_allclose([*step[0], step_b[0]], expected, rtol=1e-3, atol=1e-3)
    again, again_b = metric.times(step, step_b, np.array([0]))
    np.testing.assert_allclose([*again[0], again_b[0]], g, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("n", [1, 128, 129, 400])
def test_the_inverse_by_halves_is_the_inverse(n: int) -> None:
    A = RNG.standard_normal((n, 2 * n))
    A = A @ A.T
    F = inverse_factor(A)
    np.testing.assert_allclose(F.T @ F @ A, np.eye(n), atol=1e-8)
    assert np.array_equal(F, np.tril(F))


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
    c = weights(18_000)
    for chosen, share in (spread(c), heavy(np.full(18_000, 1 / 18_000), curvature.SAMPLE)):
        assert len(chosen) == curvature.SAMPLE
        assert np.ptp(np.diff(chosen)) <= 1
        assert chosen[0] < 12
        assert chosen[-1] >= 18_000 - 12
        assert share.sum() == pytest.approx(1)
    chosen, share = spread(c)
    np.testing.assert_allclose(share / share[0], c[chosen] / c[chosen[0]])


@pytest.mark.parametrize("some", [spread, lambda c: heavy(c, 1500)])
def test_a_sample_of_few_is_all_of_them(some) -> None:
    c = weights(7)
    chosen, share = some(c)
    assert chosen.tolist() == list(range(7))
    np.testing.assert_allclose(share, c)


def test_the_heavy_are_in_the_sample_with_their_weight() -> None:
    c = RNG.uniform(0, 1, 1000) ** 40
    c /= c.sum()
    chosen, share = heavy(c, 100)
    assert share.sum() == pytest.approx(1)
    assert np.sum(c > 1 / 100) > 0
    assert set(np.flatnonzero(c > 1 / 100)) <= set(chosen)
    assert np.abs(share - c[chosen]).max() < 1 / 100
