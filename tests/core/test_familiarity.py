"""What sticks out of the training examples' patterns."""

import numpy as np
import pytest

from catclf.core.familiarity import SAMPLE, WITHIN, Familiarity

N_X = 200


def usual(m: int, seed: int = 0):
    """X (N_X, m): mixtures of five patterns, and a little of their own."""
    rng = np.random.default_rng(seed)
    mixed = np.random.default_rng(99).uniform(size=(N_X, 5))
    return (mixed @ rng.uniform(size=(5, m)) + 0.1 * rng.uniform(size=(N_X, m))).astype(np.float32)


def folds(m: int):
    return np.arange(m) % 5


@pytest.mark.parametrize("m", [40, 400, 3 * SAMPLE])
def test_one_in_a_hundred_like_the_training_ones_is_flagged(m: int) -> None:
    familiarity = Familiarity.fit(usual(m), folds(m))
    others = usual(1000, seed=1)
    flagged = 1 - np.mean([familiarity.knows(x) for x in others.T])
    assert flagged <= 3 * (1 - WITHIN) + 2 / m


def test_other_patterns_are_flagged() -> None:
    familiarity = Familiarity.fit(usual(400), folds(400))
    rng = np.random.default_rng(2)
    for x in rng.uniform(size=(50, N_X)) ** 4:
        assert not familiarity.knows(x)
    assert not familiarity.knows(np.eye(N_X)[3])


def test_a_weak_x_is_far_however_usual_its_pattern() -> None:
    familiarity = Familiarity.fit(usual(400), folds(400))
    for x in usual(20, seed=3).T:
        assert familiarity.distance(x / 10) == pytest.approx(100 * familiarity.distance(x))
        assert not familiarity.knows(x / 10)


def test_by_its_definition() -> None:
    """The length of what least squares leaves of the pattern, without its centre, over |x|²."""
    familiarity = Familiarity.fit(usual(400), folds(400))
    for x in usual(5, seed=4).T:
        d = x / np.linalg.norm(x) - familiarity.centre
        left = d - familiarity.directions.T @ np.linalg.lstsq(familiarity.directions.T, d)[0]
        expected = np.linalg.norm(left) / np.sum(x**2)
        assert familiarity.distance(x) == pytest.approx(expected, rel=1e-4)


def test_directions_are_a_tenth_of_the_examples_and_orthonormal() -> None:
    D = Familiarity.fit(usual(100), folds(100)).directions
    assert D.shape == (10, N_X)
    assert np.allclose(D @ D.T, np.eye(10), atol=1e-5)
    assert D.dtype == np.float32


def test_x_of_zeros_and_examples_that_are_all_equal() -> None:
    familiarity = Familiarity.fit(usual(100), folds(100))
    assert not familiarity.knows(np.zeros(N_X, np.float32))
    same = np.ones((N_X, 20), np.float32)
    assert Familiarity.fit(same, folds(20)).distance(same[:, 0]) == pytest.approx(0, abs=1e-3)


def test_the_same_examples_give_the_same_bits() -> None:
    one, two = (Familiarity.fit(usual(300), folds(300)) for _ in range(2))
    assert one.directions.tobytes() == two.directions.tobytes()
    assert one.limit == two.limit
