"""Curves against counting one threshold at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catclf.core.curves import coverage, precision_recall, roc
from catclf.core.metrics import auc


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, and labels of both classes."""
    m = draw(st.integers(2, 30))
    z = np.array(draw(st.lists(st.integers(-4, 4), min_size=m, max_size=m)), float)
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=m, max_size=m)), np.int8)
    y[:2] = (0, 1)
    return z, y


@given(judged())
def test_each_point_is_what_counting_at_its_threshold_gives(pictures) -> None:
    z, y = pictures
    thresholds = np.unique(z)[::-1]
    called = z[None, :] >= thresholds[:, None]
    true = (called & (y == 1)).sum(axis=1) / (y == 1).sum()
    false = (called & (y == 0)).sum(axis=1) / (y == 0).sum()
    np.testing.assert_allclose(roc(z, y), [[0, *false], [0, *true]])
    precision = (called & (y == 1)).sum(axis=1) / called.sum(axis=1)
    np.testing.assert_allclose(precision_recall(z, y), [true, precision])
    answered, errors = coverage(z, y == 0)
    assert answered.tolist() == called.sum(axis=1).tolist()
    assert errors.tolist() == (called & (y == 0)).sum(axis=1).tolist()


@given(judged())
def test_the_area_under_roc_is_the_auc(pictures) -> None:
    z, y = pictures
    assert np.trapezoid(*roc(z, y)[::-1]) == pytest.approx(auc(z, y).value)


def test_nothing_has_no_coverage() -> None:
    answered, errors = coverage(np.zeros(0), np.zeros(0, bool))
    assert answered.tolist() == errors.tolist() == []
