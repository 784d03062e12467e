"""Figures for papers and notebooks: each takes a matplotlib Axes, draws into it and returns it.

>>> from matplotlib.figure import Figure
>>> import catclf.plots
>>> axes = Figure().subplots()
>>> catclf.plots.roc(axes, catclf.evaluate(model))                       # doctest: +SKIP

Colours are the style's own (C0, C1, ...), so figures follow `matplotlib.style.use`. Nothing is
shown or saved here, and matplotlib (the extra `report`) is not imported: it comes with the Axes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from catclf.core import curves
from catclf.core.logistic import Array, sigmoid
from catclf.core.metrics import wilson
from catclf.errors import CatclfError, DataError
from catclf.evaluation import Evaluation, Scored
from catclf.model import Model
from catclf.occlusion import overlay
from catclf.text import escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from catclf.learning import Point

GREY = "0.5"  # of what is only there to compare with: seen on white and on black
PROBABILITY_BINS = 20
EDGES = (-0.02, 1.02)  # of an axis of shares, so that points at 0 and 1 are whole
BAND_POINTS = 200  # of a curve's interval

Part = Literal["both", "positive", "negative"]


def scored_of(evaluation: Evaluation) -> Scored:
    """The pictures and scores behind an evaluation; DataError where it has none."""
    if evaluation.scored is None:
        raise DataError("an evaluation without its pictures' scores has no curves")
    return evaluation.scored


def _of_both_classes(evaluation: Evaluation) -> Scored:
    scored = scored_of(evaluation)
    if len(np.unique(scored.y)) < 2:
        raise DataError("pictures of one class have no such curve")
    return scored


def _names(scored: Scored) -> tuple[str, str]:
    """The two class names, (negative, positive), as they can be shown."""
    negative, positive = scored.model.class_names
    return escape(negative), escape(positive)


def confusion(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """How many pictures of each class were called what: four counts, as shares of their row."""
    counts = evaluation.confusion
    negative, positive = _names(scored_of(evaluation))
    table = np.array([[counts.tp, counts.fn], [counts.fp, counts.tn]])
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), n in np.ndenumerate(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{n:,}", ha="center", va="center", color=colour)
    axes.set_xticks((0, 1), [f"called {positive}", f"called {negative}"])
    axes.set_yticks((0, 1), [positive, negative])
    return axes


def roc(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """The receiver operating characteristic: positives found against negatives called positive, as
    the threshold falls. The dashed line is chance; the cross the model's own threshold."""
    scored, counts = _of_both_classes(evaluation), evaluation.confusion
    negative, positive = _names(scored)
    false, true = curves.roc(scored.z, scored.y)
    label = None if evaluation.auc is None else f"AUC {evaluation.auc.value:.3f}"
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.plot(false, true, label=label)
    axes.plot(
        [counts.fp / (counts.fp + counts.tn)],
        [counts.tp / (counts.tp + counts.fn)],
        "x",
        color="C1",
        label=f"threshold {scored.model.threshold:.2g}",
    )
    axes.legend()
    return _shares(axes, f"share of {negative} called {positive}", f"share of {positive} found")


def precision_recall(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """How many of those called positive are so, against how many positives are found. The dashed
    line is chance; the cross the model's own threshold."""
    scored, counts = _of_both_classes(evaluation), evaluation.confusion
    positive = _names(scored)[1]
    recall, precision = curves.precision_recall(scored.z, scored.y)
    chance = float(scored.y.mean())
    axes.plot([0, 1], [chance, chance], color=GREY, linestyle="--", label="chance")
    axes.plot(recall, precision)
    if counts.tp + counts.fp:
        axes.plot(
            [counts.tp / (counts.tp + counts.fn)],
            [counts.tp / (counts.tp + counts.fp)],
            "x",
            color="C1",
            label=f"threshold {scored.model.threshold:.2g}",
        )
    said = f"share of {positive} among those called so"
    axes.legend(loc="lower left")
    return _shares(axes, f"share of {positive} found", said)


def reliability(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """What was said against what was so, in bins of equal count, at the model's prior."""
    if evaluation.reliability is None:
        raise DataError("pictures of one class have no such curve")
    bins = evaluation.reliability.bins
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="as said")
    axes.plot(
        [part.probability for part in bins],
        [part.share for part in bins],
        "o-",
        label=f"calibration error {evaluation.reliability.error:.4f}",
    )
    axes.legend()
    return _shares(axes, "probability said", "share that is so")


def probabilities(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """How many pictures of each class were given which probability, on a logarithmic scale."""
    scored = scored_of(evaluation)
    p = sigmoid(scored.z)
    edges = np.linspace(0, 1, PROBABILITY_BINS + 1).tolist()
    parts = [p[scored.y == 1], p[scored.y == 0]]
    negative, positive = _names(scored)
    axes.hist(parts, edges, label=[positive, negative], color=["C1", "C0"])
    axes.set_yscale("log")
    axes.set_ylim(0.7, None)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlim(*EDGES)
    axes.set_xlabel(f"probability of {positive}")
    axes.set_ylabel("pictures")
    axes.legend()
    return axes


def coverage(axes: "Axes", evaluation: Evaluation) -> "Axes":
    """The share of wrong answers against the share of pictures that is answered, as the level of
    "unsure" falls, with Wilson's 95% interval. What is unlike the training pictures is not answered
    at any level. The cross is the model's own level, the triangle an answer to everything.
    """
    scored = scored_of(evaluation)
    n, known = len(scored.y), ~scored.unfamiliar
    answered, errors = curves.coverage(scored.confidence[known], scored.wrong[known])
    axes.plot(answered / n, errors / answered)
    if len(answered):
        some = np.unique(np.linspace(0, len(answered) - 1, BAND_POINTS).round().astype(int))
        limits = [wilson(int(errors[i]), int(answered[i])) for i in some]
        low, high = [limit.low for limit in limits], [limit.high for limit in limits]
        axes.fill_between(answered[some] / n, low, high, alpha=0.2, linewidth=0)
    own = evaluation.coverage
    if own.error is not None:
        label = f"the model's level, {scored.model.unsure_level:.2f}"
        axes.plot([own.share.value], [own.error.value], "x", color="C1", label=label)
    axes.plot([1], [1 - evaluation.accuracy], "^", color="C1", label="everything answered")
    axes.set_xlim(*EDGES)
    # A single wrong one among the surest is a large share; what matters lies further right.
    top = max(0.02, 1.5 * (1 - evaluation.accuracy), 1.2 * (own.error.high if own.error else 0))
    axes.set_ylim(EDGES[0] * top, top)
    axes.set_xlabel("share answered")
    axes.set_ylabel("share wrong of these")
    axes.legend()
    return axes


def groups(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> "Axes":
    """The accuracy of each group with its interval, the first at the top."""
    values = list(evaluations.values())
    places = np.arange(len(values))
    accuracy = np.array([one.accuracy for one in values])
    spread = [
        accuracy - np.array([one.interval.low for one in values]),
        np.array([one.interval.high for one in values]) - accuracy,
    ]
    axes.errorbar(accuracy, places, xerr=spread, fmt="o", capsize=3)
    axes.set_yticks(places, [f"{escape(name)} ({one.n:,})" for name, one in evaluations.items()])
    axes.invert_yaxis()
    axes.set_xlim(None, 1.002)
    axes.set_xlabel("share that is right")
    return axes


def cost(axes: "Axes", model: Model, held_out: Sequence[float] = ()) -> "Axes":
    """The cost J on the training pictures as the descent went on, as far as the record keeps it.

    held_out: the log-loss on other pictures at the same iterations.
    """
    record = model.record
    axes.plot(record.cost_iterations, record.costs, ".-", label="training")
    axes.set_xlabel("iteration")
    axes.set_ylabel("cost J, training pictures")
    if held_out:
        axes.plot(record.cost_iterations, held_out, ".-", label="others")
        axes.set_ylabel("cost J")
        axes.legend()
    return axes


def strengths(axes: "Axes", model: Model) -> "Axes":
    """The out-of-fold log-loss of each strength of L2 that was tried, a cross on the chosen one."""
    record = model.record
    if not record.strengths:
        raise CatclfError("no folds chose the strength of L2 of this model")
    axes.plot(record.strengths, record.fold_losses, ".-")
    if record.l2 in record.strengths:
        loss = record.fold_losses[record.strengths.index(record.l2)]
        axes.plot([record.l2], [loss], "x", color="C1", label=f"chosen: {record.l2:.3g}")
        axes.legend()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("strength of L2")
    axes.set_ylabel("log-loss, pictures left out")
    return axes


def learning(axes: "Axes", points: "Sequence[Point]") -> "Axes":
    """The accuracy against the number of training pictures, as `catclf.learning` finds it: the draw
    in the middle with its interval, and all others as dots."""
    m = np.array([point.m for point in points])
    middle = np.array([point.accuracy for point in points])
    low, high = np.array([(point.interval.low, point.interval.high) for point in points]).T
    axes.errorbar(m, middle, (middle - low, high - middle), fmt=".-", label="in the middle, 95%")
    draws = [(point.m, right / point.n) for point in points for right in point.right]
    axes.plot(*zip(*draws, strict=True), ".", color=GREY, markersize=4, label="each draw")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("pictures to learn from")
    axes.set_ylabel("accuracy on others")
    axes.legend(loc="lower right")
    return axes


def weights(axes: "Axes", model: Model, part: Part = "both") -> "Axes":
    """w of a model on pixels as a picture; see `weights_picture`."""
    axes.imshow(weights_picture(model, part), interpolation="nearest")
    axes.set_axis_off()
    return axes


def occlusion(axes: "Axes", pixels: NDArray[np.uint8], worth: Array) -> "Axes":
    """A picture with the parts that its score came from, as `catclf.occlusion` finds them: orange
    for the positive class, blue against it."""
    axes.imshow(overlay(pixels, worth))
    axes.set_axis_off()
    return axes


def weights_picture(model: Model, part: Part = "both") -> NDArray[np.uint8]:
    """w of a model on pixels as a picture (size, size, 3) uint8: bright where brightness speaks for
    the positive class.

    "both": grey is 0, and red, green and blue are the weights of red, green and blue. "positive"
    and "negative": one sign alone, black is 0 and bright means for and against. All are on one
    scale, in which the largest of a thousand weights is full. CatclfError where x is no picture.
    """
    if model.features != "pixels":
        raise CatclfError(f"w belongs to features of {model.features}, which are no picture")
    size = model.loading.size
    w = model.w[:, 0].reshape(size, size, 3)
    full = float(np.quantile(np.abs(w), 0.999)) or 1.0
    scaled = np.clip(w / full, -1, 1)
    shown = {
        "both": (scaled + 1) / 2,
        "positive": np.maximum(scaled, 0),
        "negative": np.maximum(-scaled, 0),
    }[part]
    return np.asarray((255 * shown).round().astype(np.uint8))


def _shares(axes: "Axes", x: str, y: str) -> "Axes":
    axes.set_xlim(*EDGES)
    axes.set_ylim(*EDGES)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes
