"""Each figure by what it draws: its data and its labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import catclf
from catclf import plots
from catclf.learning import Point
from catclf.occlusion import overlay

matplotlib_figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"


@pytest.fixture(scope="module")
def model():
    return catclf.train(DRAWN, features="pixels", size=16)


@pytest.fixture(scope="module")
def evaluation(model):
    return catclf.evaluate(model)


@pytest.fixture
def axes():
    return matplotlib_figure.Figure().subplots()


def labels(axes) -> tuple[str, str]:
    return axes.get_xlabel(), axes.get_ylabel()


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def curve(axes, place: int) -> np.ndarray:
    return np.array(axes.lines[place].get_data())


def test_confusion(axes, evaluation) -> None:
    assert plots.confusion(axes, evaluation) is axes
    counts = evaluation.confusion
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    expected = {(0, 0): counts.tp, (1, 0): counts.fn, (0, 1): counts.fp, (1, 1): counts.tn}
    assert shown == {place: str(n) for place, n in expected.items()}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "non-cat"]


def test_roc(axes, evaluation) -> None:
    plots.roc(axes, evaluation)
    x, y = curve(axes, 1)
    assert np.trapezoid(y, x) == pytest.approx(evaluation.auc.value)
    (crossed_x,), (crossed_y,) = axes.lines[2].get_data()
    assert crossed_x == evaluation.confusion.fp / 75
    assert crossed_y == evaluation.confusion.tp / 75
    assert any(np.allclose(point, (crossed_x, crossed_y)) for point in zip(x, y, strict=True))
    assert labels(axes) == ("share of non-cat called cat", "share of cat found")
    assert legend(axes) == ["chance", f"AUC {evaluation.auc.value:.3f}", "threshold 0.5"]


def test_precision_and_recall(axes, evaluation) -> None:
    plots.precision_recall(axes, evaluation)
    recall, precision = curve(axes, 1)
    assert (recall[-1], precision[-1]) == (1, 0.5)
    counts = evaluation.confusion
    (x,), (y,) = axes.lines[2].get_data()
    assert (x, y) == (counts.tp / 75, counts.tp / (counts.tp + counts.fp))
    assert curve(axes, 0)[1].tolist() == [0.5, 0.5]


def test_reliability_and_the_counts_under_it(axes, evaluation) -> None:
    plots.reliability(axes, evaluation)
    bins = evaluation.reliability.bins
    assert curve(axes, 1).T.tolist() == [[b.probability, b.share] for b in bins]
    below = matplotlib_figure.Figure().subplots()
    plots.probabilities(below, evaluation)
    assert sum(bar.get_height() for bar in below.patches) == evaluation.n
    assert legend(below) == ["cat", "non-cat"]


def test_coverage_ends_where_everything_is_answered(axes, evaluation) -> None:
    plots.coverage(axes, evaluation)
    scored, own = evaluation.scored, evaluation.coverage
    known = ~scored.unfamiliar
    share, error = curve(axes, 0)
    assert share[-1] == known.mean()
    assert error[-1] == pytest.approx(scored.wrong[known].mean())
    (x,), (y,) = axes.lines[1].get_data()
    assert (x, y) == (own.share.value, own.error.value)
    on_the_curve = np.flatnonzero(np.isclose(share, x))
    assert len(on_the_curve) == 1
    assert error[on_the_curve[0]] == pytest.approx(y)
    (x,), (y,) = axes.lines[2].get_data()
    assert (x, y) == (1, pytest.approx(1 - evaluation.accuracy))
    assert labels(axes) == ("share answered", "share wrong of these")


def test_groups(axes, evaluation) -> None:
    groups = evaluation.scored.by("class")
    plots.groups(axes, groups)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["cat (75)", "non-cat (75)"]
    assert curve(axes, 0)[0].tolist() == [one.accuracy for one in groups.values()]
    top, bottom = axes.transData.transform([(1, 0), (1, 1)])[:, 1]
    assert top > bottom


def test_cost_and_strengths(axes, model) -> None:
    record = model.record
    plots.cost(axes, model)
    assert curve(axes, 0).tolist() == [[*record.cost_iterations], [*record.costs]]
    other = matplotlib_figure.Figure().subplots()
    plots.strengths(other, model)
    assert curve(other, 0).tolist() == [[*record.strengths], [*record.fold_losses]]
    assert other.lines[1].get_xdata()[0] == record.l2
    assert other.get_xscale() == "log"


def test_weights_are_a_picture_bright_where_they_speak_for_a_cat(axes, model) -> None:
    w = np.zeros((16, 16, 3))
    w[2, 3], w[5, 7, 0] = 0.5, -0.5
    marked = replace(model, w=w.reshape(-1, 1))
    both, for_it, against = (
        plots.weights_picture(marked, part) for part in ("both", "positive", "negative")
    )
    assert both[2, 3].tolist() == [255, 255, 255]
    assert both[5, 7].tolist() == [0, 128, 128]
    assert both[0, 0].tolist() == [128, 128, 128]
    assert (for_it[2, 3].tolist(), for_it[5, 7].tolist()) == ([255] * 3, [0] * 3)
    assert (against[2, 3].tolist(), against[5, 7].tolist()) == ([0] * 3, [255, 0, 0])
    plots.weights(axes, marked)
    np.testing.assert_array_equal(axes.images[0].get_array(), both)


def test_occlusion(axes) -> None:
    pixels, worth = np.full((8, 8, 3), 100, np.uint8), np.array([[1.0, -1.0]])
    plots.occlusion(axes, pixels, worth)
    np.testing.assert_array_equal(axes.images[0].get_array(), overlay(pixels, worth))


def test_what_has_no_such_figure_is_refused_in_words(axes, evaluation, model) -> None:
    one_class = evaluation.scored.where(evaluation.scored.y == 1).judged("cats")
    for draw in (plots.roc, plots.precision_recall, plots.reliability):
        with pytest.raises(catclf.CatclfError, match="one class"):
            draw(axes, one_class)
    with pytest.raises(catclf.CatclfError, match="without its pictures' scores"):
        plots.coverage(axes, replace(evaluation, scored=None))
    with pytest.raises(catclf.CatclfError, match="no folds"):
        plots.strengths(axes, replace(model, record=replace(model.record, strengths=())))
    with pytest.raises(catclf.CatclfError, match="features of conv"):
        plots.weights(axes, replace(model, features="conv"))


def test_class_names_are_escaped(axes, evaluation) -> None:
    odd = replace(evaluation.scored.model, class_names=("a\x00b", "\x1b[31m"))
    named = replace(evaluation, scored=replace(evaluation.scored, model=odd))
    plots.roc(axes, named)
    assert labels(axes) == (r"share of a\x00b called \x1b[31m", r"share of \x1b[31m found")


def test_where_everything_is_unfamiliar_nothing_is_answered_at_any_level(axes, evaluation) -> None:
    scored = evaluation.scored
    strange = replace(scored, unfamiliar=np.ones_like(scored.unfamiliar)).judged("strange")
    plots.coverage(axes, strange)
    assert curve(axes, 0).tolist() == [[], []]
    assert legend(axes) == ["everything answered"]


def test_learning_draws_the_middle_with_its_interval_and_every_draw(axes) -> None:
    points = [Point(10, 50, (20, 25, 30, 31, 40)), Point(100, 50, (45,))]
    assert plots.learning(axes, points) is axes
    middle, draws = axes.lines[0], axes.lines[-1]
    assert middle.get_xdata().tolist() == [10, 100]
    assert middle.get_ydata().tolist() == [0.6, 0.9]
    assert sorted(zip(*draws.get_data(), strict=True)) == [
        *((10, right / 50) for right in points[0].right),
        (100, 0.9),
    ]
    ((low, high), *_) = axes.collections[0].get_segments()
    assert (low[1], high[1]) == pytest.approx((points[0].interval.low, points[0].interval.high))
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "pictures to learn from"


def test_cost_on_others_beside_that_of_training(axes, model) -> None:
    costs = model.record.costs
    plots.cost(axes, model, [cost + 1 for cost in costs])
    assert curve(axes, 1)[0].tolist() == curve(axes, 0)[0].tolist()
    assert curve(axes, 1)[1] == pytest.approx(curve(axes, 0)[1] + 1)
    assert legend(axes) == ["training", "others"]
