"""Figures in a page: each drawn twice as SVG, for a light and for a dark page."""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catclf.report.pictures import data_address

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.8, 3.4  # inches; at 72 points each that is a phone's width


@dataclass(frozen=True)
class _Colours:
    """Of text, of lines that only help, and of what is drawn, in turn."""

    ink: str
    line: str
    cycle: tuple[str, ...]


_LIGHT = _Colours("#1d1d1b", "#c9c9c4", ("#0b5394", "#b45309", "#6b3fa0"))
_DARK = _Colours("#efefec", "#4a4a46", ("#8fc4ff", "#ffb27a", "#cdb4ff"))


@dataclass(frozen=True)
class Figure:
    """A figure as addresses of its two forms, with its title and what it shows in words."""

    title: str
    alt: str
    light: str
    dark: str


def figure(
    title: str,
    alt: str,
    *draw: Callable[["Axes"], object],
    heights: Sequence[float] = (1,),
    height: float = HEIGHT,
) -> Figure:
    """The figure that these draw, one Axes each, one below another in the ratio of heights."""
    light, dark = (
        data_address(_svg(draw, heights, height, colours), "svg+xml") for colours in (_LIGHT, _DARK)
    )
    return Figure(title, alt, light, dark)


def _svg(
    draw: Sequence[Callable[["Axes"], object]],
    heights: Sequence[float],
    height: float,
    colours: _Colours,
) -> bytes:
    import matplotlib
    import matplotlib.figure
    from cycler import cycler

    style: Any = {
        "svg.hashsalt": "catclf",  # the same figure is the same bytes
        "svg.fonttype": "none",  # text stays text, so that the browser finds every character
        "text.parse_math": False,  # a class may be called $
        "font.family": ["DejaVu Sans", "sans-serif"],  # the first comes with matplotlib
        "font.size": 10,
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": cycler(color=colours.cycle),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": colours.line,
        "grid.linewidth": 0.5,
        "axes.edgecolor": colours.line,
        "legend.frameon": False,
        "lines.markersize": 5,
        "text.color": colours.ink,
        "axes.labelcolor": colours.ink,
        "xtick.color": colours.ink,
        "ytick.color": colours.ink,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of characters that its own font lacks
        drawn = matplotlib.figure.Figure(figsize=(WIDTH, height))
        all_axes = drawn.subplots(len(draw), height_ratios=heights, squeeze=False)[:, 0]
        for axes, into in zip(all_axes, draw, strict=True):
            into(axes)
        file = io.BytesIO()
        drawn.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()
