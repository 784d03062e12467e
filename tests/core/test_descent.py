"""Descent: Gram and Primal against the plain form, the fast schedule against the optimum, and the
course's own numbers."""

from pathlib import Path

import numpy as np
import pytest

from catclf.core.curvature import Metric
from catclf.core.descent import Objective, Step, accelerated_descent, gradient_descent
from catclf.core.design import Design, Gram, Primal, Standardization
from catclf.core.logistic import Array, backward, forward, initialize, update
from catclf.core.losses import LOSSES, SQUARED_ERROR
from catclf.core.selection import Problems
from catclf.data.hdf5 import read
from catclf.recipes import COURSE, descend, unwatched

N_X, M = 40, 15
FORMS = [Gram, Primal]
Form = type[Gram] | type[Primal]


def examples(seed: int = 0, n_x: int = N_X, m: int = M) -> tuple[Array, Array]:
    """X (n_x, m) of numbers that depend on one another, and labels y (m,) of both kinds."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_x, 3)) @ random.standard_normal((3, m))
    X += 0.3 * random.standard_normal((n_x, m)) + 1
    y = (np.arange(m) % 3 == 0).astype(float)
    return np.asfortranarray(X), y


def unscaled(form: Form, X: Array) -> Gram | Primal:
    return form(X, Standardization.identity(len(X)))


def plain(X: Array, y: Array, rate: float, iterations: int) -> tuple[Array, float]:
    """The notes' descent with the notes' functions."""
    w, b = initialize(len(X))
    for _ in range(iterations):
        dw, db = backward(forward(w, b, X), X, y[None, :])
        w, b = update(w, b, dw, db, rate)
    return w[:, 0], b


def plain_weighted(
    X: Array, y: Array, rate: float, iterations: int, c: Array, l2: float
) -> tuple[Array, float]:
    """The same with weights c (m,) and L2, by the formula."""
    w, b = np.zeros(len(X)), 0.0
    for _ in range(iterations):
        r = c * (1 / (1 + np.exp(-(w @ X + b))) - y) / c.sum()
        w, b = w - rate * (X @ r + l2 * w), b - rate * float(r.sum())
    return w, b


def slope(w: Array, b: float, X: Array, y: Array, c: Array, l2: float) -> float:
    """The gradient's norm in float64, by nothing but the formula."""
    a = 1 / (1 + np.exp(-(w @ X + b)))
    r = c * (a - y) / c.sum()
    return float(np.hypot(np.linalg.norm(X @ r + l2 * w), r.sum()))


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_take_the_steps_of_the_plain_one(form: Form) -> None:
    X, y = examples()
    design = unscaled(form, X)
    for iterations in (1, 300):
        *_, last = gradient_descent(Objective.single(design, y), 0.05, iterations)
        w, b = design.weights(last.theta, last.b)
        expected_w, expected_b = plain(X, y, 0.05, iterations)
        np.testing.assert_allclose(w[0], expected_w, rtol=1e-10)
        assert b[0] == pytest.approx(expected_b, rel=1e-10)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("every", [1, 7])
def test_the_same_with_weights_l2_and_scaling(form: Form, every: int) -> None:
    raw, y = examples()
    c, l2 = np.where(y == 1, 1.7, 0.6), 0.1
    scaled = raw.copy(order="F")
    standardization = Standardization.fit(scaled)
    standardization.apply(scaled)
    design = form(scaled, standardization)
    *_, last = gradient_descent(Objective.single(design, y, c, l2), 0.05, 200, every)
    w, b = design.weights(last.theta, last.b)
    sigma = raw.std(axis=1)
    X = (raw - raw.mean(axis=1)[:, None]) / sigma[:, None]
    expected_w, expected_b = plain_weighted(X, y, 0.05, 200, c, l2)
    np.testing.assert_allclose(w[0], expected_w / sigma, rtol=1e-10)
    np.testing.assert_allclose(
        w[0] @ raw + b[0], expected_w @ X + expected_b, rtol=1e-10, atol=1e-12
    )


def test_a_step_tells_cost_and_norm_of_where_it_stands() -> None:
    X, y = examples()
    c, l2 = np.where(y == 1, 1.7, 0.6), 0.1
    steps = gradient_descent(
        Objective.single(unscaled(Primal, X), y, c, l2), 0.05, iterations=50, every=20
    )
    told = list(steps)
    assert [step.iteration for step in told] == [0, 20, 40, 50]
    assert [step.converged for step in told] == [False, False, False, True]
    for step in told:
        w, b = plain_weighted(X, y, 0.05, step.iteration, c, l2)
        a = 1 / (1 + np.exp(-(w @ X + b)))
        loss = -np.average(y * np.log(a) + (1 - y) * np.log(1 - a), weights=c)
        assert step.cost[0] == pytest.approx(loss + l2 / 2 * w @ w, rel=1e-10)
        assert step.gradient_norm[0] == pytest.approx(slope(w, b, X, y, c, l2), rel=1e-10)


def test_features_that_never_change_do_no_harm() -> None:
    X, y = examples()
    X[3] = 7.0
    X[4] = 0.0
    for form in FORMS:
        scaled = X.copy(order="F")
        standardization = Standardization.fit(scaled)
        standardization.apply(scaled)
        design: Design = form(scaled, standardization)
        *_, last = accelerated_descent(Objective.single(design, y, l2=0.01))
        w, _ = design.weights(last.theta, last.b)
        assert last.converged
        assert np.isfinite(w).all()
        assert np.abs(w[0, 3:5]).max() < 1e-12


def many(X: Array, y: Array, form: Form) -> Objective:
    """Folds x strengths over one design."""
    c = np.where(y == 1, 2.0, 1.0)
    problems = Problems.of(c, np.arange(M) // 5, np.array([0.01, 0.3]))
    return Objective(unscaled(form, X), y, problems.c, problems.l2)


@pytest.mark.parametrize("form", FORMS)
def test_problems_in_one_sweep_are_those_problems_one_by_one(form: Form) -> None:
    X, y = examples()
    objective = many(X, y, form)
    *_, together = gradient_descent(objective, 0.05, 100)
    w, b = objective.design.weights(together.theta, together.b)
    for p in range(len(objective.l2)):
        seen = objective.c[p] > 0
        alone = Objective.single(
            unscaled(Primal, np.asfortranarray(X[:, seen])),
            y[seen],
            objective.c[p, seen],
            float(objective.l2[p]),
        )
        *_, last = gradient_descent(alone, 0.05, 100)
        np.testing.assert_allclose(w[p], last.theta[0], rtol=1e-10)
        assert b[p] == pytest.approx(last.b[0], rel=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_the_fast_schedule_ends_at_every_problem_s_optimum(form: Form) -> None:
    X, y = examples()
    objective = many(X, y, form)
    steps = list(accelerated_descent(objective, 1e-9))
    assert steps[-1].converged
    assert not any(step.converged for step in steps[:-1])
    w, b = objective.design.weights(steps[-1].theta, steps[-1].b)
    for p in range(len(objective.l2)):
        assert slope(w[p], b[p], X, y, objective.c[p], objective.l2[p]) <= 1.01e-9
        seen = Objective.single(objective.design, y, objective.c[p], float(objective.l2[p]))
        *_, alone = accelerated_descent(seen, 1e-9)
        w_alone, b_alone = objective.design.weights(alone.theta, alone.b)
        # The optimum is one; a gradient of 1e-9 is that over the least curvature away from it.
        np.testing.assert_allclose(w[p], w_alone[0], atol=1e-5)
        assert b[p] == pytest.approx(b_alone[0], abs=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_problem_that_has_converged_stays_where_it_is(form: Form) -> None:
    X, y = examples()
    c = np.ones((3, M))
    objective = Objective(unscaled(form, X), y, c, np.array([3.0, 0.3, 0.003]))
    steps = list(accelerated_descent(objective, 1e-6))
    ends = []
    for p in range(3):
        end = next(i for i, step in enumerate(steps) if step.gradient_norm[p] <= 1e-6)
        ends.append(end)
        for step in steps[end:]:
            assert np.array_equal(step.theta[p], steps[end].theta[p])
            assert step.b[p] == steps[end].b[p]
            assert step.cost[p] == steps[end].cost[p]
            assert step.gradient_norm[p] == steps[end].gradient_norm[p]
    assert ends[0] < ends[2] == len(steps) - 1  # it did have to wait for another


def test_the_fast_schedule_s_cost_is_j() -> None:
    X, y = examples()
    objective = many(X, y, Gram)
    for step in accelerated_descent(objective, 1e-6):
        w, b = objective.design.weights(step.theta, step.b)
        z = w @ X + b[:, None]
        loss = (objective.c * (np.logaddexp(0, z) - y * z)).sum(1) / objective.c.sum(1)
        expected = loss + objective.l2 / 2 * (w**2).sum(1)
        np.testing.assert_allclose(step.cost, expected, rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_metric_bounds_the_curvature_and_is_close_to_it(name: str, form: Form) -> None:
    """By the dense second derivative, where every example bends J as much as it can."""
    loss = LOSSES[name]
    X, y = examples()
    y[:] = 1.0
    scores = np.linspace(-8, 8, 4001)
    steepest = scores[np.argmax(np.abs(loss.second_derivative(scores, np.ones_like(scores))))]
    c, l2 = np.random.default_rng(3).uniform(0.5, 2, M), 0.02
    metric = Objective.single(unscaled(form, X), y, c, l2, loss).metric()
    second = np.abs(loss.second_derivative(np.full(M, steepest), y)) * c / c.sum()
    ratios = lengths(metric, form, X) / lengths_by(second, l2, X)
    assert ratios.min() >= 1 - 1e-6
    assert ratios.max() < 2.1  # the part of the mean counts twice


@pytest.mark.parametrize("form", FORMS)
def test_the_metric_is_renewed_by_the_second_derivative_itself(form: Form) -> None:
    X, y = examples()
    X -= X.mean(axis=1, keepdims=True)
    c, l2 = np.random.default_rng(3).uniform(0.5, 2, M), 0.02
    objective = Objective.single(unscaled(form, X), y, c, l2)
    *_, step = gradient_descent(objective, 0.05, 5)
    w, b = objective.design.weights(step.theta, step.b)
    a = 1 / (1 + np.exp(-(w[0] @ X + b[0])))
    metric = objective.metric_at(step.theta, step.b, np.array([0]))
    assert metric.k == pytest.approx(np.sum(c / c.sum() * a * (1 - a)))
    ratios = lengths(metric, form, X) / lengths_by(c / c.sum() * a * (1 - a), l2, X)
    assert ratios.min() >= 1 - 1e-6
    assert ratios.max() < 1.5


STEPS = np.random.default_rng(9).standard_normal((200, M + 1))  # alpha and b


def lengths(metric: Metric, form: Form, X: Array) -> Array:
    """Squared lengths of `STEPS` in a metric of one problem."""
    alpha, b = STEPS[:, :M], STEPS[:, M]
    design = unscaled(form, X)
    theta = alpha if form is Gram else alpha @ X.T
    bent, bent_b = metric.times(theta, b, np.zeros(len(b), int))
    return design.inner(theta, bent) + b * bent_b


def lengths_by(second: Array, l2: float, X: Array) -> Array:
    """The same for a second derivative in z of each example."""
    w = STEPS[:, :M] @ X.T
    return ((w @ X + STEPS[:, M:]) ** 2 * second).sum(axis=1) + l2 * (w**2).sum(axis=1)


def test_float32_converges_too() -> None:
    X, y = examples(n_x=300, m=60)
    single = np.asfortranarray(X, np.float32)
    *_, last = accelerated_descent(Objective.single(unscaled(Primal, single), y, l2=0.01))
    assert last.converged
    assert slope(last.theta[0], last.b[0], X, y, np.ones(60), 0.01) < 2e-5


def test_backtracking_mends_a_metric_that_promises_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = examples()
    honest = Objective.metric

    def boastful(objective: Objective) -> Metric:
        metric = honest(objective)
        return Metric(metric.curvature, metric.k / 100, metric.l2 / 100)

    monkeypatch.setattr(Objective, "metric", boastful)
    objective = many(X, y, Primal)
    *_, last = accelerated_descent(objective, 1e-6)
    assert last.converged
    w, b = objective.design.weights(last.theta, last.b)
    for p in range(len(objective.l2)):
        assert slope(w[p], b[p], X, y, objective.c[p], objective.l2[p]) <= 1.01e-6


def test_steps_stay_as_they_were_handed_out_and_stop_at_the_limit() -> None:
    X, y = examples()
    seen: list[tuple[Step, Array, Array, Array, Array]] = []
    objective = many(X, y, Primal)
    for step in accelerated_descent(objective, 1e-12, max_iterations=40):
        copies = (step.theta.copy(), step.b.copy(), step.cost.copy(), step.gradient_norm.copy())
        seen.append((step, *copies))
    assert [step.iteration for step, *_ in seen] == list(range(41))
    for step, theta, b, cost, norm in seen:
        assert np.array_equal(step.theta, theta)
        assert np.array_equal(step.b, b)
        assert np.array_equal(step.cost, cost)
        assert np.array_equal(step.gradient_norm, norm)
    assert not seen[-1][0].converged


def test_squared_error_descends_too() -> None:
    X, y = examples()
    objective = Objective.single(unscaled(Primal, X), y, l2=0.1)
    other = Objective(objective.design, y, objective.c, objective.l2, SQUARED_ERROR)
    steps = list(accelerated_descent(other, 1e-6))
    assert steps[-1].converged
    assert steps[-1].cost[0] < steps[0].cost[0]


@pytest.mark.parametrize("form", FORMS)
def test_the_smallest_data_there_are(form: Form) -> None:
    X, y = np.array([[1.0, -1.0]], order="F"), np.array([1.0, 0.0])
    objective = Objective.single(unscaled(form, X), y, l2=0.5)
    *_, last = accelerated_descent(objective, 1e-9)
    assert last.converged
    w, b = objective.design.weights(last.theta, last.b)
    assert w[0, 0] == pytest.approx(2 / (1 + np.exp(w[0, 0])), rel=1e-6)
    assert b[0] == pytest.approx(0, abs=1e-8)


COURSE_COSTS = [
    0.693147, 0.584508, 0.466949, 0.376007, 0.331463, 0.303273, 0.279880, 0.260042, 0.242941,
    0.228004, 0.214820, 0.203078, 0.192544, 0.183033, 0.174399, 0.166521, 0.159305, 0.152667,
    0.146542, 0.140872,
]  # fmt: skip


def course(folder: Path, split: str) -> tuple[Array, Array]:
    pictures = read(folder / "course", None).split(split)
    X = np.stack([e.source.read().reshape(-1) for e in pictures], axis=1) / 255  # type: ignore[union-attr]
    return np.asfortranarray(X), np.array([float(e.label) for e in pictures])


def test_the_course_s_costs_and_weights(shared_data: Path) -> None:
    X, y = course(shared_data, "train")
    design = Gram(X, Standardization.identity(len(X)))
    steps = list(gradient_descent(Objective.single(design, y), 0.005, 2000, every=100))
    assert [round(float(step.cost[0]), 6) for step in steps[:-1]] == COURSE_COSTS
    assert f"{steps[-1].cost[0]:.6f}" == "0.135608"
    w, b = design.weights(steps[-1].theta, steps[-1].b)
    assert (round(float(np.linalg.norm(w)), 6), round(float(b[0]), 6)) == (1.886309, -0.015906)
    recipe = descend(X.copy(order="F"), y.astype(np.int8), COURSE, None, unwatched)
    assert recipe.cost_iterations == tuple(range(0, 2001, 100))
    assert [round(cost, 6) for cost in recipe.costs] == [*COURSE_COSTS, 0.135608]
    np.testing.assert_allclose(recipe.w, w[0], rtol=1e-9)
    few = [*gradient_descent(Objective.single(design, y), 0.005, 50)][-1]
    expected, _ = plain(X, y, 0.005, 50)
    np.testing.assert_allclose(design.weights(few.theta, few.b)[0][0], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("rate", "train", "test"),
    [(0.005, 99.04, 70), (0.01, 99.52, 70), (0.001, 91.39, 68), (0.0001, 71.29, 40)],
)
def test_the_course_s_accuracies(shared_data: Path, rate: float, train: float, test: float) -> None:
    X, y = course(shared_data, "train")
    design = Gram(X, Standardization.identity(len(X)))
    *_, last = gradient_descent(Objective.single(design, y), rate, 2000, every=2000)
    w, b = design.weights(last.theta, last.b)
    X_test, y_test = course(shared_data, "test")
    assert 100 * np.mean((w[0] @ X + b[0] > 0) == y) == pytest.approx(train, abs=0.05)
    assert 100 * np.mean((w[0] @ X_test + b[0] > 0) == y_test) == pytest.approx(test)
