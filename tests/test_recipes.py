"""How w and b are found: the optimum, whatever the road to it, and a word on how it ended."""

from dataclasses import replace

import numpy as np
import pytest

from catclf.core.losses import cross_entropy
from catclf.errors import TrainingError
from catclf.recipes import COURSE, CURVE_POINTS, DEFAULT, STRENGTHS, Recipe, descend, unwatched

N_X, M = 12, 40


@pytest.fixture
def problem():
    """Pixels (n_x, m) that tell a little of the labels; 10 of 40 are positive."""
    generator = np.random.default_rng(3)
    y = (np.arange(M) % 4 == 0).astype(np.int8)
    X = generator.uniform(size=(N_X, M)) + 0.2 * y
    X[5] = 1.0  # a constant pixel
    return np.asfortranarray(X, np.float32), y


def solve(problem, recipe: Recipe, fold=None):
    X, y = problem
    copy = np.array(X, recipe.dtype, order="F")
    return descend(copy, y, recipe, fold, unwatched)


def test_the_gradient_is_nothing_at_the_end(problem) -> None:
    """Of the objective as architecture.md writes it: weights by class, L2 on scaled w, b free."""
    X, y = problem
    found = solve(problem, replace(DEFAULT, l2=0.1))
    mean, sigma = X.mean(axis=1, dtype=float), X.std(axis=1, dtype=float)
    sigma = np.maximum(sigma, 0.1 * np.median(sigma))
    scaled = (X - mean[:, None]) / sigma[:, None]
    c = np.where(y == 1, M / 20, M / 60)
    w = found.w * sigma
    z = found.w @ X + found.b
    dz = c * (1 / (1 + np.exp(-z)) - y) / c.sum()
    gradient = np.append(scaled @ dz + 0.1 * w, dz.sum())
    assert np.linalg.norm(gradient) < 1e-4
    assert found.costs[-1] == pytest.approx(
        np.average(cross_entropy(z, y), weights=c) + 0.05 * w @ w, rel=1e-4
    )
    assert found.z == pytest.approx(z, abs=1e-4)


def test_classes_count_equally(problem) -> None:
    """Every negative twice changes nothing, save where classes are not balanced."""
    X, y = problem
    twice = np.flatnonzero(y == 0)
    doubled = (np.concatenate([X, X[:, twice]], axis=1), np.concatenate([y, y[twice]]))
    recipe = replace(DEFAULT, l2=0.1, standardized=False, dtype=np.float64)
    assert solve(doubled, recipe).w == pytest.approx(solve(problem, recipe).w, abs=1e-4)
    plain = replace(recipe, balanced=False)
    assert solve(doubled, plain).b < solve(problem, plain).b - 0.1


def test_more_l2_makes_smaller_weights(problem) -> None:
    norms = [np.linalg.norm(solve(problem, replace(DEFAULT, l2=l2)).w) for l2 in (0.01, 0.1, 1)]
    assert norms == sorted(norms, reverse=True)


def test_plain_descent_does_the_notes_steps(problem) -> None:
    X, y = problem
    recipe = replace(COURSE, learning_rate=0.1, iterations=50)
    found = solve(problem, recipe)
    X = X.astype(np.float64)
    w, b = np.zeros((N_X, 1)), 0.0
    for _ in range(50):
        A = 1 / (1 + np.exp(-(w.T @ X + b)))
        dz = A - y
        w = w - 0.1 * X @ dz.T / M
        b = b - 0.1 * dz.mean()
    assert found.w == pytest.approx(w[:, 0], abs=1e-12)
    assert found.b == pytest.approx(b, abs=1e-12)
    assert found.stopped.startswith("did the 50 iterations asked for; gradient norm ")
    assert (found.iterations, found.cost_iterations[0], found.cost_iterations[-1]) == (50, 0, 50)


def test_folds_choose_the_strength_and_judge_blindly(problem) -> None:
    fold = np.arange(M) % 5
    found = solve(problem, DEFAULT, fold)
    selection = found.selection
    assert selection.strengths.tolist() == list(STRENGTHS)
    assert found.l2 == selection.best == STRENGTHS[int(np.argmin(selection.losses))]
    X, y = problem
    for number in range(5):
        learns = fold != number
        alone = solve((X[:, learns], y[learns]), replace(DEFAULT, l2=found.l2, dtype=np.float64))
        z = alone.w @ X[:, ~learns] + alone.b
        # Not the same: centre, scale and class weights are those of all five folds.
        assert np.corrcoef(z, selection.z[~learns])[0, 1] > 0.9


def test_without_folds_there_is_a_strength_all_the_same(problem) -> None:
    found = solve(problem, DEFAULT)
    assert found.selection is None
    assert found.l2 > 0


def test_the_input_is_not_copied(problem) -> None:
    """X is centred and scaled where it stands: a second X may not fit into memory."""
    X, y = problem
    before = X.copy()
    descend(X, y, replace(DEFAULT, l2=0.1), None, unwatched)
    assert not np.array_equal(X, before)


def test_it_says_whether_it_converged(problem) -> None:
    recipe = replace(DEFAULT, l2=0.01)
    assert "converged in " in solve(problem, recipe).stopped
    short = solve(problem, replace(recipe, iterations=2))
    assert short.stopped.startswith("not converged after 2 iterations: gradient norm ")


@pytest.mark.parametrize("rate", [1e3, 1e6, 1e200])
def test_diverging_is_an_error(problem, rate) -> None:
    with pytest.raises(TrainingError, match=r"^diverged: .*; take a smaller --learning-rate$"):
        solve(problem, replace(COURSE, learning_rate=rate, l2=1.0, iterations=300))


def test_of_a_long_curve_some_costs_are_kept(problem) -> None:
    found = solve(problem, replace(COURSE, learning_rate=0.01, iterations=1000))
    assert len(found.costs) == len(found.cost_iterations) == CURVE_POINTS + 1
    assert list(found.cost_iterations) == list(range(0, 1001, 50))
    found = solve(problem, replace(DEFAULT, l2=1e-4))
    assert 3 <= len(found.costs) <= CURVE_POINTS + 1
    assert list(found.costs) == sorted(found.costs, reverse=True)


@pytest.mark.parametrize("recipe", [COURSE, replace(DEFAULT, l2=0.1)])
def test_where_it_came_by_is_kept_on_demand(problem, recipe) -> None:
    """w and b at a cost are those that cost as much: the L2 term aside, which COURSE has not."""
    X, y = problem
    assert solve(problem, recipe).passed is None
    found = descend(np.array(X, recipe.dtype, order="F"), y, recipe, None, unwatched, keep=True)
    passed = found.passed
    assert passed.w.shape == (len(found.costs), len(X))
    assert not passed.w[0].any()
    assert passed.w[-1] == pytest.approx(found.w)
    assert passed.b[-1] == pytest.approx(found.b)
    if recipe is COURSE:
        costs = [
            cross_entropy(w @ X + b, y).mean() for w, b in zip(passed.w, passed.b, strict=True)
        ]
        assert costs == pytest.approx(found.costs)
