"""Descent: Gram and Primal against the plain form, the fast schedule against the optimum, and the
course's own numbers."""

from pathlib import Path

import numpy as np
import pytest

from catclf.core.curvature import Metric
from catclf.core.descent import Objective, Step, accelerated_descent, gradient_descent
from catclf.core.design import Design, Gram, Primal, Standardization, choose_design
from catclf.core.logistic import Array, backward, forward, initialize, update
from catclf.core.losses import SQUARED_ERROR
from catclf.core.selection import Problems, select
from catclf.data.hdf5 import read

N_X, M = 40, 15


def examples(seed: int = 0, n_x: int = N_X, m: int = M) -> tuple[Array, Array]:
    """X (n_x, m) of numbers that depend on one another, and labels y (m,) of both kinds."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_x, 3)) @ random.standard_normal((3, m))
    X += 0.3 * random.standard_normal((n_x, m)) + 1
    y = (np.arange(m) % 3 == 0).astype(float)
    return np.asfortranarray(X), y


def plain(X: Array, y: Array, rate: float, iterations: int) -> tuple[Array, float]:
    """The notes' descent with the notes' functions."""
    w, b = initialize(len(X))
    for _ in range(iterations):
        dw, db = backward(forward(w, b, X), X, y[None, :])
        w, b = update(w, b, dw, db, rate)
    return w[:, 0], b


def slope(w: Array, b: float, X: Array, y: Array, c: Array, l2: float) -> float:
    """The gradient's norm in float64, by nothing but the formula."""
    a = 1 / (1 + np.exp(-(w @ X + b)))
    r = c * (a - y) / c.sum()
    return float(np.hypot(np.linalg.norm(X @ r + l2 * w), r.sum()))


@pytest.mark.parametrize("form", [Gram, Primal])
def test_both_forms_take_the_steps_of_the_plain_one(form: type[Gram] | type[Primal]) -> None:
    X, y = examples()
    design = form(X, Standardization.identity(N_X))
    for iterations in (1, 300):
        *_, last = gradient_descent(Objective.single(design, y), 0.05, iterations)
        w, b = design.weights(last.theta, last.b)
        expected_w, expected_b = plain(X, y, 0.05, iterations)
        np.testing.assert_allclose(w[0], expected_w, rtol=1e-10)
        assert b[0] == pytest.approx(expected_b, rel=1e-10)


@pytest.mark.parametrize("form", [Gram, Primal])
def test_scaling_is_undone_in_the_weights(form: type[Gram] | type[Primal]) -> None:
    raw, y = examples()
    X = raw.copy(order="F")
    standardization = Standardization.fit(X)
    standardization.apply(X)
    np.testing.assert_allclose(X.mean(axis=1), 0, atol=1e-12)
    design = form(X, standardization)
    *_, last = gradient_descent(Objective.single(design, y, l2=0.1), 0.05, 50)
    w, b = design.weights(last.theta, last.b)
    np.testing.assert_allclose(w[0] @ raw + b[0], design.scores(last.theta, last.b)[0], rtol=1e-9)


def test_features_that_never_change_do_no_harm() -> None:
    X, y = examples()
    X[3] = 7.0
    X[4] = 0.0
    for form in (Gram, Primal):
        scaled = X.copy(order="F")
        standardization = Standardization.fit(scaled)
        standardization.apply(scaled)
        design: Design = form(scaled, standardization)
        *_, last = accelerated_descent(Objective.single(design, y, l2=0.01))
        w, _ = design.weights(last.theta, last.b)
        assert last.converged
        assert np.isfinite(w).all()
        assert np.abs(w[0, 3:5]).max() < 1e-12
    flat = np.full((5, 4), 3.0)
    Standardization.fit(flat).apply(flat)
    assert not flat.any()


def many(X: Array, y: Array, form: type[Gram] | type[Primal]) -> Objective:
    """Folds x strengths over one design."""
    c = np.where(y == 1, 2.0, 1.0)
    problems = Problems.of(c, np.arange(M) // 5, np.array([0.01, 0.3]))
    return Objective(form(X, Standardization.identity(N_X)), y, problems.c, problems.l2)


@pytest.mark.parametrize("form", [Gram, Primal])
def test_problems_in_one_sweep_are_those_problems_one_by_one(
    form: type[Gram] | type[Primal],
) -> None:
    X, y = examples()
    objective = many(X, y, form)
    *_, together = gradient_descent(objective, 0.05, 100)
    w, b = objective.design.weights(together.theta, together.b)
    for p in range(len(objective.l2)):
        seen = objective.c[p] > 0
        alone = Objective.single(
            Primal(np.asfortranarray(X[:, seen]), Standardization.identity(N_X)),
            y[seen],
            objective.c[p, seen],
            float(objective.l2[p]),
        )
        *_, last = gradient_descent(alone, 0.05, 100)
        np.testing.assert_allclose(w[p], last.theta[0], rtol=1e-10)
        assert b[p] == pytest.approx(last.b[0], rel=1e-10)


@pytest.mark.parametrize("form", [Gram, Primal])
def test_the_fast_schedule_ends_at_every_problem_s_optimum(
    form: type[Gram] | type[Primal],
) -> None:
    X, y = examples()
    objective = many(X, y, form)
    steps = list(accelerated_descent(objective, 1e-7))
    assert steps[-1].converged
    assert not any(step.converged for step in steps[:-1])
    w, b = objective.design.weights(steps[-1].theta, steps[-1].b)
    for p in range(len(objective.l2)):
        assert slope(w[p], b[p], X, y, objective.c[p], objective.l2[p]) <= 1.01e-7


def test_the_fast_schedule_needs_float32_no_better_than_it_is() -> None:
    X, y = examples(n_x=300, m=60)
    single = np.asfortranarray(X, np.float32)
    *_, last = accelerated_descent(
        Objective.single(Primal(single, Standardization.identity(300)), y, l2=0.01)
    )
    assert last.converged
    assert slope(last.theta[0], last.b[0], X, y, np.ones(60), 0.01) < 2e-5


def test_backtracking_mends_a_metric_that_promises_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = examples()
    honest = Objective.metric

    def boastful(objective: Objective) -> Metric:
        metric = honest(objective)
        return Metric(metric.basis, metric.along / 100, metric.across / 100, metric.of_b / 100)

    monkeypatch.setattr(Objective, "metric", boastful)
    objective = many(X, y, Primal)
    *_, last = accelerated_descent(objective, 1e-6)
    assert last.converged
    w, b = objective.design.weights(last.theta, last.b)
    assert slope(w[0], b[0], X, y, objective.c[0], objective.l2[0]) <= 1.01e-6


def test_steps_stay_as_they_were_handed_out_and_stop_at_the_limit() -> None:
    X, y = examples()
    seen: list[tuple[Step, Array, Array]] = []
    objective = many(X, y, Primal)
    for step in accelerated_descent(objective, 1e-12, max_iterations=40):
        seen.append((step, step.theta.copy(), step.cost.copy()))
    assert [step.iteration for step, *_ in seen] == list(range(41))
    for step, theta, cost in seen:
        assert np.array_equal(step.theta, theta)
        assert np.array_equal(step.cost, cost)
    assert not seen[-1][0].converged


def test_squared_error_descends_too() -> None:
    X, y = examples()
    objective = Objective.single(Primal(X, Standardization.identity(N_X)), y, l2=0.1)
    other = Objective(objective.design, y, objective.c, objective.l2, SQUARED_ERROR)
    steps = list(accelerated_descent(other, 1e-6))
    assert steps[-1].converged
    assert steps[-1].cost[0] < steps[0].cost[0]


@pytest.mark.parametrize("form", [Gram, Primal])
def test_the_smallest_data_there_are(form: type[Gram] | type[Primal]) -> None:
    X, y = np.array([[1.0, -1.0]], order="F"), np.array([1.0, 0.0])
    objective = Objective.single(form(X, Standardization.identity(1)), y, l2=0.5)
    *_, last = accelerated_descent(objective, 1e-9)
    assert last.converged
    w, b = objective.design.weights(last.theta, last.b)
    assert w[0, 0] == pytest.approx(2 / (1 + np.exp(w[0, 0])), rel=1e-6)
    assert b[0] == pytest.approx(0, abs=1e-8)


def test_the_cheaper_form_is_chosen() -> None:
    identity = Standardization.identity(50)
    assert isinstance(choose_design(np.zeros((50, 10)), identity, 2000), Gram)
    assert isinstance(choose_design(np.zeros((50, 500)), identity, 2000), Primal)


def test_out_of_fold_scores_are_those_of_models_that_left_the_fold_out() -> None:
    X, y = examples()
    fold, strengths, c = np.arange(M) // 5, np.array([0.01, 0.3, 30.0]), np.ones(M)
    problems = Problems.of(c, fold, strengths)
    design = Gram(X, Standardization.identity(N_X))
    *_, last = accelerated_descent(Objective(design, y, problems.c, problems.l2), 1e-9)
    found = select(problems, design.scores(last.theta, last.b), y, c)
    scores = problems.out_of_fold(design.scores(last.theta, last.b))
    for s, l2 in enumerate(strengths):
        for k in range(3):
            left_out = fold == k
            rest = Primal(np.asfortranarray(X[:, ~left_out]), Standardization.identity(N_X))
            *_, alone = accelerated_descent(Objective.single(rest, y[~left_out], l2=l2), 1e-9)
            expected = alone.theta[0] @ X[:, left_out] + alone.b[0]
            np.testing.assert_allclose(scores[s, left_out], expected, rtol=1e-5, atol=1e-6)
    losses = [float(np.mean(np.logaddexp(0, z) - y * z)) for z in scores]
    np.testing.assert_allclose(found.losses, losses)
    assert found.best == strengths[int(np.argmin(losses))]
    np.testing.assert_array_equal(found.z, scores[int(np.argmin(losses))])


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
