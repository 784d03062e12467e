"""Probabilities against what happens, by their definitions and on scores whose truth is known."""

import numpy as np
import pytest

from catclf.core.calibration import (
    ENOUGH,
    FEW,
    LEVEL,
    WRONG,
    logit,
    platt,
    prior_weights,
    reliability,
    rising,
    unsure_level,
)
from catclf.core.logistic import sigmoid


def drawn(m: int, slope: float, offset: float, seed: int = 0, spread: float = 2.0):
    """Scores z, and labels for which σ(slope z + offset) is the truth."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, spread, m)
    return z, (rng.uniform(size=m) < sigmoid(slope * z + offset)).astype(np.int8)


def own_prior(y) -> float:
    return float(y.mean())


class TestPlatt:
    @pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.4, 1.0), (3.0, -0.5)])
    def test_finds_the_slope_and_offset_that_made_the_labels(self, slope, offset) -> None:
        z, y = drawn(40_000, slope, offset)
        found = platt(z, y, own_prior(y))
        assert found.slope == pytest.approx(slope, rel=0.05)
        assert found.offset == pytest.approx(offset, abs=0.06)

    def test_no_slope_or_offset_nearby_has_a_smaller_cost(self) -> None:
        z, y = drawn(500, 0.7, 0.3)
        found = platt(z, y, 0.3)
        positives = int(y.sum())
        targets = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
        c = prior_weights(y, 0.3)

        def cost(slope: float, offset: float) -> float:
            a = sigmoid(slope * z + offset)
            return float(-np.sum(c * (targets * np.log(a) + (1 - targets) * np.log(1 - a))))

        best = cost(found.slope, found.offset)
        for d_slope, d_offset in [(1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)]:
            assert cost(found.slope + d_slope, found.offset + d_offset) > best

    def test_scores_in_perfect_order_ask_for_no_infinite_slope(self) -> None:
        z = np.concatenate([np.linspace(-3, -1, 100), np.linspace(1, 3, 100)])
        y = (z > 0).astype(np.int8)
        found = platt(z, y, 0.5)
        assert 1 < found.slope < 20
        assert found.offset == pytest.approx(0, abs=1e-6)
        # n + 1 of n + 2: what the largest slope would say of 100 that were all right
        assert sigmoid(found.slope * z + found.offset).max() < 0.9999

    def test_few_of_a_class_move_the_slope_alone(self) -> None:
        z, y = drawn(4 * FEW, 1.0, -2.5)
        assert y.sum() < FEW
        assert platt(z, y, 0.5).offset == 0
        z, y = drawn(40 * FEW, 1.0, -2.5)
        assert y.sum() >= FEW
        assert platt(z, y, 0.5).offset != 0

    def test_scores_that_rank_wrongly_say_nothing(self) -> None:
        z, y = drawn(1000, -1.0, 0.0)
        assert platt(z, y, 0.5) == type(platt(z, y, 0.5))(0.0, 0.0)

    def test_the_prior_of_the_examples_does_not_move_the_fit(self) -> None:
        z, y = drawn(60_000, 1.0, 0.0)
        some = np.flatnonzero((y == 1) | (np.arange(len(y)) % 10 == 0))  # a tenth of the negatives
        all_, part = platt(z, y, 0.5), platt(z[some], y[some], 0.5)
        assert part.slope == pytest.approx(all_.slope, rel=0.05)
        assert part.offset == pytest.approx(all_.offset, abs=0.1)

    @pytest.mark.parametrize("scale", [1e-6, 1e6])
    def test_any_scale_of_scores(self, scale) -> None:
        z, y = drawn(2000, 1.0, 0.2)
        found, scaled = platt(z, y, 0.5), platt(scale * z, y, 0.5)
        assert scaled.slope * scale == pytest.approx(found.slope, rel=1e-4)
        assert scaled.offset == pytest.approx(found.offset, abs=1e-4)


class TestReliability:
    def test_of_a_true_probability_is_near_the_diagonal(self) -> None:
        z, y = drawn(30_000, 1.0, 0.0)
        found = reliability(z, y, own_prior(y))
        assert found.error < 0.01
        assert len(found.bins) == 15
        assert {part.n for part in found.bins} == {2000}

    def test_by_its_definition(self) -> None:
        """Two bins of two: |0.2 - 0| / 2 + |0.9 - 0.5| / 2, at the examples' own prior."""
        p = np.array([0.1, 0.3, 0.8, 1.0 - 1e-12])
        y = np.array([0, 0, 0, 1], np.int8)
        found = reliability(np.array([logit(x) for x in p]), y, 0.25, bins=2)
        assert [round(part.probability, 6) for part in found.bins] == [0.2, 0.9]
        assert [part.share for part in found.bins] == [0.0, 0.5]
        assert found.error == pytest.approx(0.3)

    def test_overconfidence_is_an_error(self) -> None:
        z, y = drawn(30_000, 1.0, 0.0)
        assert reliability(4 * z, y, own_prior(y)).error > 0.05

    def test_at_a_prior_the_classes_are_weighted_to_it(self) -> None:
        z, y = drawn(60_000, 1.0, 0.0)
        shifted = reliability(z + logit(0.1) - logit(own_prior(y)), y, 0.1)
        assert shifted.error < 0.01
        assert reliability(z, y, 0.1).error > 0.1

    def test_fewer_examples_than_bins(self) -> None:
        found = reliability(np.array([1.0, -1.0]), np.array([1, 0], np.int8), 0.5)
        assert [part.n for part in found.bins] == [1, 1]


class TestUnsureLevel:
    def test_is_where_15_percent_are_wrong(self) -> None:
        z, y = drawn(50_000, 1.0, 0.0)  # a true probability p is wrong 1 - p of the time
        assert unsure_level(z, y, own_prior(y)) == pytest.approx(1 - WRONG, abs=0.03)

    def test_is_stated_where_there_are_too_few(self) -> None:
        z, y = drawn(ENOUGH - 1, 1.0, 0.0)
        assert unsure_level(z, y, 0.5) == LEVEL
        z, y = drawn(ENOUGH, 1.0, 0.0)
        assert unsure_level(z, y, 0.5) != LEVEL

    def test_one_that_is_never_wrong_answers_all_it_saw(self) -> None:
        z = np.linspace(-5, 5, 1000)
        assert unsure_level(z, (z > 0).astype(np.int8), 0.5) == pytest.approx(0.5, abs=0.01)

    def test_one_that_is_always_wrong_answers_nothing(self) -> None:
        z = np.linspace(-5, 5, 1000)
        assert unsure_level(z, (z < 0).astype(np.int8), 0.5) == 1.0


def test_rising_is_the_closest_never_falling_sequence() -> None:
    rng = np.random.default_rng(1)
    values, c = rng.normal(size=40) + np.linspace(0, 2, 40), rng.uniform(0.5, 2, 40)
    found = rising(values, c)
    assert (np.diff(found) >= 0).all()

    def distance(x) -> float:
        return float(np.sum(c * (x - values) ** 2))

    for seed in range(200):
        other = np.sort(found + 0.1 * np.random.default_rng(seed).normal(size=40))
        assert distance(other) >= distance(found)


def test_prior_weights_sum_to_the_prior() -> None:
    y = np.array([1, 1, 0, 0, 0, 0, 0], np.int8)
    c = prior_weights(y, 0.2)
    assert c.sum() == pytest.approx(7)
    assert c[y == 1].sum() / c.sum() == pytest.approx(0.2)


def test_logit_is_the_inverse_of_sigmoid() -> None:
    for p in (0.01, 0.5, 0.999):
        assert sigmoid(np.array(logit(p))) == pytest.approx(p)
