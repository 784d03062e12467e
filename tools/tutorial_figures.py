"""docs/tutorial/figures/: drawn by the program, from sample_images/ and the numbers of the pages.

Usage: python tools/tutorial_figures.py [--check]. With --check nothing is written: it fails if a
figure is not what would be drawn. Needs the extra `report`.
"""

import argparse
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

import catclf
from catclf import plots
from catclf.core.graph import Node, worked_example
from catclf.core.logistic import Array, backward, cost, forward, initialize, sigmoid, update
from catclf.core.losses import LOSSES, Loss
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import picture_of
from catclf.features import feature_map, matrix
from catclf.learning import learning_curve

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/tutorial/figures"
DRAWN = ROOT / "sample_images/drawn"
INK, LINE, BLUE, ORANGE, PURPLE = "#1d1d1b", "#8a8a86", "#0b5394", "#b45309", "#6b3fa0"
PALE = "#dce8f4"
STYLE: Any = {
    "font.size": 11,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, PURPLE]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "catclf",  # the same file each time
}
DPI = 160  # of the figures that hold pictures
SAID = re.compile(r"<text[^>]*>(.*?)</text>")
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
HASH = re.compile(r"\b[mph][0-9a-f]{10}\b")  # of a path, in which roundings show
MOVED = 1.0  # points that a line, levels that a pixel may be off: another processor's rounding

# What the pages compute with
NEURON_X, NEURON_W, NEURON_B = [1.0, 0.0, 1.0], [1.0, -3.0, 2.0], -1.0
NEURON_NAMES = ("pointed ears", "barks", "whiskers")
FOUR_X, FOUR_Y = np.array([2.0, 1.0, -1.0, 0.5]), np.array([1.0, 0.0, 0.0, 1.0])
SIX_X, SIX_Y = np.array([8, 0.5, 0.5, 0.5, 0.5, 0.5]), np.array([0.0, 1, 1, 1, 1, 0])
EDGES = (
    ("b", "u = bc"), ("c", "u = bc"), ("a", "v = a + u"), ("u = bc", "v = a + u"),
    ("v = a + u", "J = 3v"),
)  # fmt: skip
RATES, ITERATIONS = (0.0001, 0.001, 0.01, 0.05), 2000


def neuron(figure: Figure) -> None:
    """Three inputs, their weights, the sum and σ of it, with the numbers of the first page."""
    axes = _blank(figure, 10, 5)
    z = float(np.dot(NEURON_W, NEURON_X) + NEURON_B)
    a = forward(np.array(NEURON_W)[:, None], NEURON_B, np.array(NEURON_X)[:, None])[0, 0]
    for i, (name, x, w) in enumerate(zip(NEURON_NAMES, NEURON_X, NEURON_W, strict=True)):
        y = 4.4 - 1.7 * i
        axes.text(1.55, y, f"{name}\nx{'₁₂₃'[i]} = {x:g}", ha="center", va="center")
        _arrow(axes, (2.9, y), (4.75, 2.7 + 0.25 * (1 - i)), f"{w:+g}".replace("-", "−"), BLUE)
    _arrow(axes, (5.3, 0.75), (5.3, 1.95), "", BLUE)
    axes.text(5.3, 0.4, f"b = {NEURON_B:g}".replace("-", "−"), ha="center", va="center", color=BLUE)
    _box(axes, 5.3, 2.7, f"Σ\nz = {z:g}")
    _arrow(axes, (5.95, 2.7), (7.0, 2.7))
    _box(axes, 7.65, 2.7, "σ")
    _arrow(axes, (8.3, 2.7), (9.0, 2.7))
    axes.text(9.5, 2.7, f"a =\n{a:.2f}", ha="center", va="center", color=ORANGE)


def examples(figure: Figure) -> None:
    """Training drawings with their labels."""
    for i, axes in enumerate(figure.subplots(2, 5).flat):
        example = open_dataset(DRAWN).split("train")[29 * i + 5]
        axes.imshow(picture_of(example.source.read(), Loading(size=64)).pixels)
        axes.set_title(f"y = {example.label}", fontsize=11)
        axes.set_axis_off()


def scaling(figure: Figure) -> None:
    """Accuracy against the number of drawings: `catclf learning-curve`."""
    curve = learning_curve(DRAWN, features="pixels", l2=1, jobs=1)
    plots.learning(figure.subplots(), list(curve.points)).legend(loc="lower right")


def column(figure: Figure) -> None:
    """A drawing of 8 x 8 pixels, its three colours, and the column x that they make."""
    example = open_dataset(DRAWN).split("train")[5]
    pixels = picture_of(example.source.read(), Loading(size=8)).pixels
    parts = figure.subplots(1, 5, width_ratios=(3, 3, 3, 3, 1.1))
    parts[0].imshow(pixels)
    parts[0].set_title("8 × 8 × 3", fontsize=11)
    for channel, name in enumerate(("red", "green", "blue")):
        one = np.zeros_like(pixels)
        one[..., channel] = pixels[..., channel]
        parts[1 + channel].imshow(one)
        parts[1 + channel].set_title(name, fontsize=11)
    x = feature_map("pixels", Loading(size=8)).column(pixels)
    shown, colours = x[:9], ("#c0392b", "#1e8449", "#2471a3")
    for i, value in enumerate(shown):
        parts[4].add_patch(Rectangle((0, i), 1, 1, facecolor=str(value), edgecolor=LINE))
        ink = "white" if value < 0.5 else "black"
        parts[4].text(0.5, i + 0.5, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)
        parts[4].add_patch(Rectangle((-0.35, i), 0.3, 1, facecolor=colours[i % 3]))
    parts[4].text(0.5, 9.9, "⋮", ha="center", va="center")
    parts[4].set_xlim(-0.4, 1.05)
    parts[4].set_ylim(10.5, 0)
    parts[4].set_title("x", fontsize=11)
    for axes in parts:
        axes.set_axis_off()


def sigmoid_curve(figure: Figure) -> None:
    """σ beside the straight line that linear regression would answer with."""
    axes, z = figure.subplots(), np.linspace(-8, 8, 161)
    axes.axhspan(0, 1, color=PALE, zorder=0)
    axes.plot(z, sigmoid(z), label="σ(z), logistic")
    axes.plot(z, 0.5 + z / 4, "--", label="½ + z / 4, linear")
    axes.plot([0], [0.5], "o", color=INK)
    axes.set_ylim(-0.6, 1.6)
    axes.set_xlabel("z = wᵀx + b")
    axes.set_ylabel("ŷ")
    axes.text(7.9, 0.05, "what a probability can be", ha="right", color=INK)
    axes.legend(loc="upper left")


def losses(figure: Figure) -> None:
    """Both losses of a cat (y = 1) and of anything else (y = 0), against the answer."""
    z = np.linspace(-6, 6, 241)
    for axes, y in zip(figure.subplots(1, 2, sharey=True), (1, 0), strict=True):
        for (name, loss), dash in zip(LOSSES.items(), ("-", "--"), strict=True):
            axes.plot(sigmoid(z), loss.value(z, np.full_like(z, y)), dash, label=name)
        axes.set_title(f"y = {y}", fontsize=11)
        axes.set_xlabel("the answer ŷ")
        axes.set_ylim(-0.1, 5)
        if y:
            axes.set_ylabel("loss")
            axes.legend(loc="upper right")


def both_sides(figure: Figure) -> None:
    """One weight, four examples: the slope on either side of the minimum, and a step from there."""
    axes, w = figure.subplots(), np.linspace(-3, 4, 211)
    loss = LOSSES["cross-entropy"]
    axes.plot(w, _cost(loss, w, FOUR_X, FOUR_Y), color=INK)
    for start, said in ((-2.0, "slope −: w grows"), (3.0, "slope +: w shrinks")):
        J, slope = _cost(loss, start, FOUR_X, FOUR_Y), _slope(loss, start, FOUR_X, FOUR_Y)
        ends = np.array([start - 0.8, start + 0.8])
        axes.plot(ends, J + slope * (ends - start), color=ORANGE)
        axes.plot([start], [J], "o", color=ORANGE)
        moved = start - 2.0 * float(slope)
        _arrow(axes, (start, float(J)), (moved, float(J)), "", BLUE)
        side = "left" if start < 0 else "right"
        axes.text(start, float(J) + 0.22, f"{said}\n", ha=side, va="center", color=BLUE)
    axes.set_xlabel("w")
    axes.set_ylabel("J(w)")


def optima(figure: Figure) -> None:
    """Six examples and one weight: two descents on the squared error, and on cross-entropy."""
    w = np.linspace(-3, 6, 361)
    for axes, name in zip(figure.subplots(1, 2), ("squared-error", "cross-entropy"), strict=True):
        loss = LOSSES[name]
        axes.plot(w, _cost(loss, w, SIX_X, SIX_Y), color=INK)
        for start, colour in ((-2.5, BLUE), (5.5, ORANGE)):
            path = [start]
            for _ in range(5000):
                path.append(path[-1] - 0.5 * float(_slope(loss, path[-1], SIX_X, SIX_Y)))
            steps = np.array(path[:200:10])
            axes.plot(steps, _cost(loss, steps, SIX_X, SIX_Y), ".", color=colour)
            axes.plot(path[:1], _cost(loss, np.array(path[:1]), SIX_X, SIX_Y), "o", color=colour)
            axes.plot(path[-1:], _cost(loss, np.array(path[-1:]), SIX_X, SIX_Y), "*", color=colour,
                      markersize=14)  # fmt: skip
        axes.set_title(name, fontsize=11)
        axes.set_xlabel("w")
    figure.axes[0].set_ylabel("J(w)")


def graph_forward(figure: Figure) -> None:
    """J = 3(a + bc), values from left to right."""
    _graph(figure, backward=False)


def graph_backward(figure: Figure) -> None:
    """The same, derivatives from right to left."""
    _graph(figure, backward=True)


def shapes(figure: Figure) -> None:
    """z = wᵀX + b as rectangles: one row times m columns, and b for each of them."""
    axes = _blank(figure, 13, 4.3)
    _matrix(axes, 0.2, 2.0, 3, 1, "wᵀ", "(1, n_x)", BLUE)
    axes.text(3.65, 2.5, "@", ha="center", va="center")
    _matrix(axes, 4.1, 1.0, 4, 3, "X", "(n_x, m)", INK)
    axes.text(8.5, 2.5, "+", ha="center", va="center")
    _matrix(axes, 8.9, 2.0, 1, 1, "b", "number", BLUE)
    axes.text(10.3, 2.5, "=", ha="center", va="center")
    axes.set_xlim(0, 15)
    _matrix(axes, 10.7, 2.0, 4, 1, "z", "(1, m)", ORANGE)
    axes.add_patch(Rectangle((5.0, 1), 0.6, 3, fill=False, edgecolor=ORANGE, linewidth=2))
    axes.text(5.3, 4.25, "one picture", ha="center", va="center", color=ORANGE)


def broadcasting(figure: Figure) -> None:
    """(2, 3) minus (2, 1): the column is stretched over three columns."""
    axes = _blank(figure, 14, 3)
    X, mean = np.array([[1.0, 2, 6], [4, 4, 1]]), np.array([[3.0], [3.0]])
    _numbers(axes, 0.3, X, INK)
    axes.text(3.8, 1.5, "−", ha="center", va="center")
    _numbers(axes, 4.3, np.repeat(mean, 3, axis=1), BLUE, stretched=True)
    axes.text(7.8, 1.5, "=", ha="center", va="center")
    _numbers(axes, 8.3, X - mean, ORANGE)
    for x, said in ((1.8, "X, (2, 3)"), (5.8, "mean, (2, 1)"), (9.8, "(2, 3)")):
        axes.text(x, 0.15, said, ha="center", va="center")
    axes.set_xlim(0, 11.6)


def rates(figure: Figure) -> None:
    """The cost on 300 drawings of 16 x 16 pixels with four learning rates."""
    dataset, pixels = open_dataset(DRAWN), feature_map("pixels", Loading(size=16))
    train = dataset.split("train")
    X = matrix(pixels, [example.source for example in train], jobs=1).X.astype(float)
    y = np.array([[example.label for example in train]])
    axes = figure.subplots()
    for rate, dash in zip(RATES, (":", "--", "-", "-."), strict=True):
        (w, b), costs = initialize(n_x=len(X)), []
        for _ in range(ITERATIONS):
            A = forward(w, b, X)
            costs.append(cost(A, y))
            w, b = update(w, b, *backward(A, X, y), learning_rate=rate)
        axes.plot(costs, dash, label=f"α = {rate:g}", color=INK if rate == RATES[0] else None)
    axes.set_ylim(0, 2.2)
    axes.set_xlabel("iteration")
    axes.set_ylabel("cost J, 300 drawings")
    axes.legend()


def weights(figure: Figure) -> None:
    """w after 2,000 iterations as a picture, and its two signs."""
    model = catclf.train(DRAWN, recipe="course", size=16, learning_rate=0.01)
    for axes, part in zip(figure.subplots(1, 3), get_args(plots.Part), strict=True):
        plots.weights(axes, model, part).set_title(part, fontsize=11)


FIGURES: dict[str, tuple[Callable[[Figure], None], tuple[float, float]]] = {
    "neuron.svg": (neuron, (6, 3)),
    "examples.png": (examples, (6, 2.8)),
    "scaling.svg": (scaling, (5.4, 3.4)),
    "column.png": (column, (6, 1.9)),
    "sigmoid.svg": (sigmoid_curve, (5.4, 3.2)),
    "losses.svg": (losses, (6, 3)),
    "both-sides.svg": (both_sides, (5.4, 3.2)),
    "optima.svg": (optima, (6, 3)),
    "graph.svg": (graph_forward, (6, 3.1)),
    "backward.svg": (graph_backward, (6, 3.1)),
    "shapes.svg": (shapes, (6, 1.8)),
    "broadcasting.svg": (broadcasting, (5.4, 1.5)),
    "rates.svg": (rates, (5.4, 3.4)),
    "weights.png": (weights, (6, 2.2)),
}


def _cost(loss: Loss, w: Array | float, x: Array, y: Array) -> Array:
    """J(w) of a neuron with one weight and no bias, in any shape of w."""
    z = np.asarray(w)[..., None] * x
    return np.asarray(loss.value(z, y).mean(axis=-1))


def _slope(loss: Loss, w: float, x: Array, y: Array) -> Array:
    return np.asarray((x * loss.derivative(w * x, y)).mean())


def _graph(figure: Figure, backward: bool) -> None:
    a, b, c = Node(5.0), Node(3.0), Node(2.0)
    u, v, J = worked_example(a, b, c)
    J.backward()
    axes = _blank(figure, 10, 5.2)
    places = {
        "a": (1, 4.6, a), "b": (1, 2.85, b), "c": (1, 1.1, c),
        "u = bc": (3.7, 1.95, u), "v = a + u": (6.3, 3.3, v), "J = 3v": (9, 3.3, J),
    }  # fmt: skip
    for name, (x, y, node) in places.items():
        _box(axes, x, y, f"{name}\n{node.value:g}", 1.7 if "=" in name else 1.1)
        if backward:
            said = "1" if node is J else f"∂J/∂{name[0]} = {node.grad:g}"
            axes.text(x, y - 0.78, said, ha="center", va="center", color=ORANGE)
    for one, other in EDGES:
        (x1, y1, _), (x2, y2, _) = places[one], places[other]
        x1, x2 = x1 + (0.85 if "=" in one else 0.55), x2 - 0.85
        start, end = (x1 + 0.05, y1), (x2 - 0.05, y2)
        _arrow(axes, *((end, start) if backward else (start, end)), "", ORANGE if backward else INK)


def _blank(figure: Figure, width: float, height: float) -> Axes:
    axes = figure.subplots()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return axes


def _box(axes: Axes, x: float, y: float, said: str, width: float = 1.3) -> None:
    axes.add_patch(Rectangle((x - width / 2, y - 0.5), width, 1, facecolor=PALE, edgecolor=BLUE))
    axes.text(x, y, said, ha="center", va="center")


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    said: str = "",
    colour: str = INK,
) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour})
    x, y = (np.array(start) + end) / 2
    axes.text(x, y + 0.28, said, ha="center", va="center", color=colour)


def _matrix(
    axes: Axes, x: float, y: float, width: float, height: float, name: str, shape: str, colour: str
) -> None:
    axes.add_patch(Rectangle((x, y), width, height, facecolor=PALE, edgecolor=colour))
    axes.text(x + width / 2, y + height / 2, name, ha="center", va="center", color=colour)
    axes.text(x + width / 2, y - 0.45, shape, ha="center", va="center")


def _numbers(axes: Axes, x: float, table: Array, colour: str, stretched: bool = False) -> None:
    for (row, place), value in np.ndenumerate(table):
        copy = stretched and place > 0
        corner = (x + place, 1.5 - row)
        dash = ":" if copy else "-"
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=PALE if not copy else "white",
                                 edgecolor=colour, linestyle=dash))  # fmt: skip
        axes.text(corner[0] + 0.5, corner[1] + 0.5, f"{value:g}".replace("-", "−"), ha="center",
                  va="center", color=LINE if copy else INK)  # fmt: skip


def drawn(name: str) -> bytes:
    """A figure as the bytes of its file."""
    draw, size = FIGURES[name]
    kind = name.rpartition(".")[2]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        file = io.BytesIO()
        undated = {"Date": None} if kind == "svg" else {}
        figure.savefig(file, format=kind, dpi=DPI, metadata=undated)
    return file.getvalue()


def same(one: bytes, other: bytes) -> bool:
    """Whether two files show the same, up to the rounding of another processor."""
    if one.startswith(b"\x89PNG"):
        a, b = (np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in (one, other))
        return a.shape == b.shape and float(np.abs(a.astype(int) - b).mean()) <= MOVED
    files = [HASH.sub("", file.decode()) for file in (one, other)]
    a, b = (np.array([float(number) for number in NUMBER.findall(file)]) for file in files)
    letters, forms = ({tuple(SAID.findall(f)) for f in files}, {NUMBER.sub("", f) for f in files})
    return len(letters) == len(forms) == 1 and bool(np.all(np.abs(a - b) <= MOVED))


def drawn_by_this_matplotlib(file: bytes) -> bool:
    """Another version may place things otherwise, and nothing is wrong then."""
    version = re.search(rb"Matplotlib v(?:ersion)?([\d.]+)", file)
    return version is not None and version[1].decode() == matplotlib.__version__


def main() -> None:
    """Draw all, or hold those that are there against what would be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wrong = []
    for name in FIGURES:
        path = FOLDER / name
        if not check:
            path.write_bytes(drawn(name))
            print(f"{name}: {path.stat().st_size / 1000:.0f} kB")
        elif not path.exists():
            wrong.append(name)
        elif not drawn_by_this_matplotlib(path.read_bytes()):
            print(
                f"{name}: not compared, drawn by another matplotlib than {matplotlib.__version__}"
            )
        elif not same(drawn(name), path.read_bytes()):
            wrong.append(name)
    if wrong:
        sys.exit(f"not what is drawn: {', '.join(wrong)}; run python tools/tutorial_figures.py")


if __name__ == "__main__":
    main()
