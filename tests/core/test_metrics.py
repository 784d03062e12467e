"""Figures against counts made by hand, published intervals and slow forms with every pair."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catclf.core.metrics import (
    Confusion,
    auc,
    balanced_accuracy,
    confusion,
    delong,
    log_loss,
    majority_baseline,
    wilson,
)

proportions = st.integers(1, 500).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n))
)  # successes and n
# Few distinct values, so that ties are common.
scores_of_a_class = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=12)


def together(positive, negative):
    """Scores and labels of one data set from the scores of its two classes."""
    return [*positive, *negative], [1] * len(positive) + [0] * len(negative)


# Counts and the baseline


def test_confusion_counts_each_of_the_four_outcomes() -> None:
    y = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    predicted = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    assert confusion(y, predicted) == Confusion(tp=3, fp=2, tn=4, fn=1)
    assert confusion(np.array(y, bool), np.array(predicted, float)) == confusion(y, predicted)
    assert confusion([], []) == Confusion(tp=0, fp=0, tn=0, fn=0)


@pytest.mark.parametrize(
    ("y", "predicted"),
    [([1, 0], [1]), ([1, 2], [1, 0]), ([1, 0], [0.5, 0]), ([1, math.nan], [1, 0]), ([[1]], [[1]])],
)
def test_labels_are_0_and_1_and_in_pairs(y, predicted) -> None:
    with pytest.raises(ValueError):
        confusion(y, predicted)


def test_majority_baseline_is_the_share_of_the_commoner_class() -> None:
    assert majority_baseline([1] * 33 + [0] * 17) == 0.66  # the course's test set
    assert majority_baseline([1] * 17 + [0] * 33) == 0.66
    assert majority_baseline([0, 0]) == 1
    with pytest.raises(ValueError):
        majority_baseline([])


# Wilson's interval


@pytest.mark.parametrize(
    ("successes", "n", "confidence", "low", "high"),
    [  # scipy.stats.binomtest(successes, n).proportion_ci(confidence, "wilson"), scipy 1.17
        (35, 50, 0.95, 0.562496495355, 0.808964464991),
        (33, 50, 0.95, 0.521538260502, 0.775630507775),
        (33, 50, 0.90, 0.544145502307, 0.759427878242),
        (0, 10, 0.95, 0.0, 0.277532799863),
        (10, 10, 0.95, 0.722467200137, 1.0),
        (1, 1, 0.90, 0.269865948784, 1.0),
    ],
)
def test_wilson_equals_scipy(successes, n, confidence, low, high) -> None:
    interval = wilson(successes, n, confidence)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-10)


def test_nothing_seen_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


@given(proportions)
def test_wilson_contains_the_proportion_and_stays_inside(proportion) -> None:
    successes, n = proportion
    interval = wilson(successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert (interval.low == 0) == (successes == 0)
    assert (interval.high == 1) == (successes == n)


@given(proportions)
def test_wilson_is_symmetric(proportion) -> None:
    successes, n = proportion
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert mirrored.low == pytest.approx(1 - interval.high, abs=1e-14)


@given(proportions)
def test_wilson_ends_where_the_score_test_does(proportion) -> None:
    successes, n = proportion
    interval = wilson(successes, n)
    k = 1.959963984540054
    for p in {interval.low, interval.high} - {0.0, 1.0}:
        distance = k * math.sqrt(p * (1 - p) / n)
        assert abs(successes / n - p) == pytest.approx(distance, rel=1e-9)


@pytest.mark.parametrize(
    ("successes", "n", "confidence"),
    [(-0.1, 5, 0.95), (5.1, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0), (math.nan, 5, 0.95)],
)
def test_wilson_refuses_what_is_no_proportion(successes, n, confidence) -> None:
    with pytest.raises(ValueError):
        wilson(successes, n, confidence)


# Balanced accuracy


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [  # Newcombe 1998, table II, method 10, for 56/70 - 48/80 and 10/10 - 0/10: with the second
        # proportion as the false positives', the difference is 2 (balanced accuracy) - 1
        (Confusion(tp=56, fn=14, fp=48, tn=32), 0.0524, 0.3339),
        (Confusion(tp=10, fn=0, fp=0, tn=10), 0.6075, 1.0),
    ],
)
def test_balanced_accuracy_has_newcombes_interval(counts, low, high) -> None:
    estimate = balanced_accuracy(counts)
    assert (2 * estimate.low - 1, 2 * estimate.high - 1) == pytest.approx((low, high), abs=5e-5)


def test_balanced_accuracy_by_hand() -> None:
    estimate = balanced_accuracy(Confusion(tp=24, fn=9, tn=11, fp=6))
    assert estimate.value == pytest.approx((24 / 33 + 11 / 17) / 2, rel=1e-15)
    # from scipy's Wilson limits [0.557824, 0.849326] of 24/33 and [0.413004, 0.826903] of 11/17
    assert (estimate.low, estimate.high) == pytest.approx((0.542688646, 0.795840469), abs=1e-9)


@given(proportions, proportions)
def test_balanced_accuracy_lies_inside_its_interval(positives, negatives) -> None:
    (tp, p), (tn, n) = positives, negatives
    estimate = balanced_accuracy(Confusion(tp=tp, fn=p - tp, tn=tn, fp=n - tn))
    assert 0 <= estimate.low < estimate.high <= 1
    assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("counts", [Confusion(0, 2, 3, 0), Confusion(2, 0, 0, 3)])
def test_no_balanced_accuracy_of_one_class(counts) -> None:
    assert balanced_accuracy(counts) is None


# AUC


def slow_delong(positive, negative) -> tuple[float, float]:
    """AUC and DeLong's variance from all pairs, as the paper defines them."""
    p, n = len(positive), len(negative)
    won = [[1.0 if s > t else 0.5 if s == t else 0.0 for t in negative] for s in positive]
    area = sum(map(sum, won)) / (p * n)
    v = [sum(row) / n for row in won]
    u = [sum(column) / p for column in zip(*won, strict=True)]
    v_variance = sum((v_i - area) ** 2 for v_i in v) / (p - 1)
    u_variance = sum((u_j - area) ** 2 for u_j in u) / (n - 1)
    return area, v_variance / p + u_variance / n


def test_auc_by_hand() -> None:
    # 0.9 beats three, 0.4 beats 0.1 and ties with 0.4, 0.35 beats 0.1: 5.5 of 9 pairs
    estimate = auc([0.9, 0.4, 0.4, 0.1, 0.35, 0.6], [1, 1, 0, 0, 1, 0])
    assert estimate.value == pytest.approx(5.5 / 9, rel=1e-15)
    # the three positives win 1, 1/2, 1/3 of their pairs, the negatives lose 1/2, 1, 1/3 of theirs,
    # each with a variance of 13/108
    assert delong([0.9, 0.4, 0.35], [0.4, 0.1, 0.6])[1] == pytest.approx(
        2 * 13 / 108 / 3, rel=1e-14
    )


@given(scores_of_a_class, scores_of_a_class)
def test_delong_from_ranks_equals_delong_from_pairs(positive, negative) -> None:
    expected = slow_delong(positive, negative)
    assert delong(positive, negative) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert auc(*together(positive, negative)).value == pytest.approx(expected[0], rel=1e-14)


@given(scores_of_a_class, scores_of_a_class)
def test_auc_lies_inside_an_interval_that_is_never_a_point(positive, negative) -> None:
    estimate = auc(*together(positive, negative))
    assert 0 <= estimate.low < estimate.high <= 1
    assert estimate.low <= estimate.value <= estimate.high


@given(scores_of_a_class, scores_of_a_class)
def test_auc_of_reversed_labels_is_the_rest(positive, negative) -> None:
    estimate = auc(*together(positive, negative))
    scores, y = together(positive, negative)
    rest = auc(scores, [1 - label for label in y])
    assert (rest.value, rest.low, rest.high) == pytest.approx(
        (1 - estimate.value, 1 - estimate.high, 1 - estimate.low), abs=1e-12
    )


@given(scores_of_a_class, scores_of_a_class)
def test_auc_asks_only_for_the_order(positive, negative) -> None:
    scores, y = together(positive, negative)
    infinite = {-4.0: -math.inf, 4.0: math.inf}
    assert auc([infinite.get(s, math.exp(s)) for s in scores], y) == auc(scores, y)


def test_the_interval_is_delongs_where_there_are_many_pairs() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1, 1, 2000), rng.normal(0, 1, 3000)
    value, variance = delong(positive, negative)
    estimate = auc(*together(positive, negative))
    k_sd = 1.959963984540054 * math.sqrt(variance)
    # Wilson's limits are off from ± k sd by the order of 1/n
    assert (estimate.low, estimate.high) == pytest.approx((value - k_sd, value + k_sd), abs=5e-4)


@pytest.mark.parametrize(("positives", "negatives"), [(20, 20), (20, 500), (500, 20)])
def test_a_perfect_ranking_is_known_as_well_as_its_smaller_class(positives, negatives) -> None:
    estimate = auc(*together([1.0] * positives, [0.0] * negatives))
    assert (estimate.value, estimate.low, estimate.high) == (1, wilson(20, 20).low, 1)
    estimate = auc(*together([0.0] * positives, [1.0] * negatives))
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, wilson(0, 20).high)


def test_one_pair_in_the_wrong_order_is_not_near_certainty() -> None:
    scores, y = together([*range(1, 100), -1.5], [*range(-100, 0)])
    estimate = auc(scores, y)
    assert estimate.value == pytest.approx(0.9999, rel=1e-15)
    # DeLong's ± 1.96 sd would end at 0.9996
    assert estimate.low == pytest.approx(wilson(200 * 0.9999, 200).low, rel=1e-12)
    assert estimate.low < wilson(200, 200).low


def test_equal_scores_rank_nothing() -> None:
    estimate = auc([0.5] * 30, [1] * 10 + [0] * 20)
    interval = wilson(5, 10)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, interval.low, interval.high)


def test_a_class_of_one_has_a_wide_interval() -> None:
    estimate = auc([2.5, 1.0, 2.0, 3.0, 4.0], [1, 0, 0, 0, 0])
    interval = wilson(0.5, 1)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, interval.low, interval.high)
    assert math.isnan(delong([2.5], [1.0, 2.0, 3.0, 4.0])[1])


@pytest.mark.parametrize("y", [[1, 1], [0, 0]])
def test_no_auc_of_one_class(y) -> None:
    assert auc([0.1, 0.2], y) is None


@pytest.mark.parametrize(
    ("scores", "y"),
    [
        ([0.1, math.nan], [1, 0]),
        ([0.1, math.nan], [1, 1]),
        ([0.1, 0.2], [1, 0.5]),
        ([0.1, 0.2, 0.3], [1, 0]),
        ([[0.1, 0.2]], [1, 0]),
    ],
)
def test_auc_refuses_nan_and_odd_labels(scores, y) -> None:
    with pytest.raises(ValueError):
        auc(scores, y)


@pytest.mark.parametrize(
    ("positive", "negative"), [([], [1.0]), ([1.0], []), ([1.0, math.nan], [0.0, 1.0])]
)
def test_delong_refuses_nan_and_an_absent_class(positive, negative) -> None:
    with pytest.raises(ValueError):
        delong(positive, negative)


# Log-loss

scored_labels = st.lists(
    st.tuples(st.floats(-10, 10), st.sampled_from([0, 1]), st.integers(0, 4)), min_size=1
)


@given(scored_labels)
def test_log_loss_is_the_naive_formula_where_that_is_safe(examples) -> None:
    losses = [
        -math.log(1 / (1 + math.exp(-z)) if y else 1 / (1 + math.exp(z))) for z, y, _ in examples
    ]
    z, y, _ = zip(*examples, strict=True)
    assert log_loss(z, y) == pytest.approx(math.fsum(losses) / len(losses), rel=1e-10)


@given(scored_labels)
def test_a_weight_is_a_number_of_copies(examples) -> None:
    examples = [(0.5, 1, 1), *examples]  # not all weights 0
    z, y, copies = (np.array(column) for column in zip(*examples, strict=True))
    repeated = log_loss(np.repeat(z, copies), np.repeat(y, copies))
    assert log_loss(z, y, weights=copies) == pytest.approx(repeated, rel=1e-12)


def test_log_loss_equals_scikit_learn() -> None:
    z, y = [2.0, -1.0, -0.5], [1, 0, 1]
    # sklearn.metrics.log_loss(y, 1 / (1 + exp(-z)), sample_weight=...), scikit-learn 1.9
    assert log_loss(z, y) == pytest.approx(0.471422227580434, rel=1e-12)
    assert log_loss(z, y, weights=[1, 2, 3]) == pytest.approx(0.61261372310329, rel=1e-12)


def test_log_loss_of_scores_that_would_round_to_certainty() -> None:
    assert log_loss([1000, -1000], [1, 0]) == 0
    assert log_loss([1000, -1000], [0, 1]) == 1000
    assert log_loss(np.array([1000.0, 0.0], np.float32), [0, 1]) == pytest.approx(
        (1000 + math.log(2)) / 2, rel=1e-15
    )


@pytest.mark.parametrize(
    ("z", "y", "weights"),
    [
        ([], [], None),
        ([math.nan], [1], None),
        ([math.inf], [1], None),
        ([1.0], [2], None),
        ([1.0, 2.0], [1], None),
        ([1.0, 2.0], [1, 0], [1.0]),
        ([1.0, 2.0], [1, 0], [2.0, -1.0]),
        ([1.0, 2.0], [1, 0], [0.0, 0.0]),
        ([1.0, 2.0], [1, 0], [1.0, math.nan]),
        ([1.0, 2.0], [1, 0], [1.0, math.inf]),
    ],
)
def test_log_loss_refuses_what_has_no_mean(z, y, weights) -> None:
    with pytest.raises(ValueError):
        log_loss(z, y, weights)
