"""Folds and strengths: each example is judged by a descent that has not seen it."""

import numpy as np
import pytest

from catclf.core.descent import Objective, accelerated_descent
from catclf.core.design import Gram, Primal, Standardization
from catclf.core.logistic import Array
from catclf.core.selection import Problems, select

N_X, M = 40, 15
FOLD = np.arange(M) % 3
STRENGTHS = np.array([0.01, 0.3, 30.0])


def examples() -> tuple[Array, Array, Array]:
    """X (n_x, m), y (m,) and weights c (m,)."""
    random = np.random.default_rng(0)
    X = random.standard_normal((N_X, 3)) @ random.standard_normal((3, M))
    X += 0.3 * random.standard_normal((N_X, M)) + 1
    return np.asfortranarray(X), (np.arange(M) % 4 == 0) * 1.0, random.uniform(0.5, 2, M)


def test_a_problem_is_a_fold_and_a_strength() -> None:
    c = np.arange(1.0, M + 1)
    problems = Problems.of(c, FOLD, STRENGTHS)
    assert problems.l2.tolist() == [0.01] * 3 + [0.3] * 3 + [30.0] * 3
    for p in range(9):
        assert problems.c[p].tolist() == np.where(p % 3 == FOLD, 0, c).tolist()


@pytest.mark.parametrize("form", [Gram, Primal])
def test_out_of_fold_scores_are_those_of_models_that_left_the_fold_out(form: type) -> None:
    X, y, c = examples()
    problems = Problems.of(c, FOLD, STRENGTHS)
    design = form(X, Standardization.identity(N_X))
    *_, last = accelerated_descent(Objective(design, y, problems.c, problems.l2), 1e-9)
    scores = problems.out_of_fold(design.scores(last.theta, last.b))
    for s, l2 in enumerate(STRENGTHS):
        for k in range(3):
            left_out = k == FOLD
            rest = Primal(np.asfortranarray(X[:, ~left_out]), Standardization.identity(N_X))
            seen = Objective.single(rest, y[~left_out], c[~left_out], float(l2))
            *_, alone = accelerated_descent(seen, 1e-9)
            expected = alone.theta[0] @ X[:, left_out] + alone.b[0]
            np.testing.assert_allclose(scores[s, left_out], expected, rtol=1e-5, atol=1e-6)


def test_labels_of_a_fold_do_not_reach_its_own_scores() -> None:
    X, y, c = examples()
    problems = Problems.of(c, FOLD, STRENGTHS)
    design = Gram(X, Standardization.identity(N_X))

    def scores(labels: Array) -> Array:
        *_, last = accelerated_descent(Objective(design, labels, problems.c, problems.l2), 1e-9)
        return problems.out_of_fold(design.scores(last.theta, last.b))

    lied_to = np.where(FOLD == 1, 1 - y, y)
    np.testing.assert_allclose(scores(lied_to)[:, FOLD == 1], scores(y)[:, FOLD == 1], atol=1e-6)
    assert not np.allclose(scores(lied_to)[:, FOLD == 0], scores(y)[:, FOLD == 0], atol=1e-2)


def test_the_strength_with_the_least_weighted_loss_is_chosen() -> None:
    _, y, c = examples()
    problems = Problems.of(c, FOLD, STRENGTHS)
    z = np.random.default_rng(1).standard_normal((9, M))
    found = select(problems, z, y, c)
    losses = []
    for s in range(3):
        total = 0.0
        for j in range(M):
            score = z[3 * s + FOLD[j], j]  # of the problem that was blind to j
            a = 1 / (1 + np.exp(-score))
            total -= c[j] * (y[j] * np.log(a) + (1 - y[j]) * np.log(1 - a))
        losses.append(total / c.sum())
    np.testing.assert_allclose(found.losses, losses, rtol=1e-12)
    assert found.best == STRENGTHS[int(np.argmin(losses))]
    np.testing.assert_array_equal(found.z, problems.out_of_fold(z)[int(np.argmin(losses))])


def test_of_equal_strengths_the_strongest_is_chosen() -> None:
    _, y, c = examples()
    problems = Problems.of(c, FOLD, STRENGTHS)
    assert select(problems, np.zeros((9, M)), y, c).best == 30.0
