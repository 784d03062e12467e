"""Who judges: by seed, by group, and no photo moves another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catclf.data.splitting import fold_numbers, hold_out

SETS = st.tuples(st.integers(2, 60), st.integers(0, 2**32 - 1), st.integers(0, 5))


def drawn(m: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.int8]]:
    """Files, groups (numbers of their first members) and labels."""
    rng = np.random.default_rng(seed)
    files = rng.integers(0, 256, (m, 32), np.uint8)
    kinds = rng.integers(0, max(1, m // 2), m)
    groups = np.array([np.flatnonzero(kinds == kind)[0] for kind in kinds], np.intp)
    return files, groups, rng.integers(0, 2, m).astype(np.int8)


@settings(deadline=None)
@given(SETS, st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]))
def test_groups_never_straddle_and_the_order_does_not_matter(
    given_set: tuple[int, int, int], fraction: float
) -> None:
    m, seed, split_seed = given_set
    files, groups, labels = drawn(m, seed)
    held_out = hold_out(files, groups, labels, fraction, split_seed)
    assert np.array_equal(held_out, hold_out(files, groups, labels, fraction, split_seed))
    for group in np.unique(groups):
        assert len(set(held_out[groups == group].tolist())) == 1
    order = np.random.default_rng(seed).permutation(m)
    shuffled = hold_out(files[order], groups[order], labels[order], fraction, split_seed)
    assert np.array_equal(shuffled, held_out[order])


def alone(m: int) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.int8]]:
    files, _, labels = drawn(m, m)
    return files, np.arange(m), labels


def test_a_further_photo_moves_no_other() -> None:
    files, groups, labels = alone(500)
    before = hold_out(files[:-1], groups[:-1], labels[:-1], 0.2, 0)
    after = hold_out(files, groups, labels, 0.2, 0)
    assert np.array_equal(before, after[:-1])


def test_each_class_gives_about_the_share() -> None:
    files, groups, labels = alone(20_000)
    held_out = hold_out(files, groups, labels, 0.2, 3)
    for label in (0, 1):
        n = (labels == label).sum()
        share = held_out[labels == label].mean()
        assert abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / n)


def test_the_seed_decides() -> None:
    files, groups, labels = alone(500)
    one, other = (hold_out(files, groups, labels, 0.2, seed) for seed in (0, 1))
    assert 0 < (one & other).sum() < one.sum()


def test_no_share_holds_out_nothing() -> None:
    assert not hold_out(*alone(50), 0.0, 0).any()


def test_a_small_class_gives_one_if_it_has_another() -> None:
    files, groups, _ = alone(40)
    for seed in range(30):
        labels = np.array([1] * 2 + [0] * 38, np.int8)
        held_out = hold_out(files, groups, labels, 0.05, seed)
        assert held_out[labels == 1].any()
        assert held_out[labels == 0].any()
    single = np.array([1] + [0] * 39, np.int8)
    kept = [hold_out(files, groups, single, 0.01, seed)[0] for seed in range(30)]
    assert not all(kept)


@settings(deadline=None)
@given(SETS, st.integers(2, 6))
def test_folds_keep_groups_together(given_set: tuple[int, int, int], folds: int) -> None:
    m, seed, split_seed = given_set
    files, groups, labels = drawn(m, seed)
    fold = fold_numbers(files, groups, labels, folds, split_seed)
    assert np.array_equal(fold, fold_numbers(files, groups, labels, folds, split_seed))
    assert fold.min() >= 0
    assert fold.max() < folds
    for group in np.unique(groups):
        assert len(set(fold[groups == group].tolist())) == 1


@pytest.mark.parametrize("m", [20, 101, 1000])
def test_folds_are_stratified(m: int) -> None:
    files, groups, _ = alone(m)
    labels = (np.arange(m) < m // 4).astype(np.int8)
    fold = fold_numbers(files, groups, labels, 5, 0)
    for label in (0, 1):
        sizes = np.bincount(fold[labels == label], minlength=5)
        assert np.ptp(sizes) <= 1
    assert np.ptp(np.bincount(fold, minlength=5)) <= 1
