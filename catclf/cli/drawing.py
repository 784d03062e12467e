"""What a terminal shows beyond the text: bars, curves and pictures made of block characters.

Each drawing is a list of lines that fit the screen, in its colours if it has any. A pipe has no
screen, so that nothing of this ever gets into one.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from catclf.core.calibration import Bin
    from catclf.core.metrics import Confusion

FOR, AGAINST, ASIDE = "yellow", "blue", "bright_black"  # the positive class, the other, neither
EIGHTHS = " ▏▎▍▌▋▊▉█"  # from the left
LEVELS = " ▁▂▃▄▅▆▇█"  # from below
CHART_ROWS = 6
WIDEST = 60  # columns of a drawing: more shows nothing more
CURVE_ROWS = 11  # a row every tenth of the true share
FALLBACK_WIDTH = 80
INTERVAL, UNBROKEN = re.compile(r"(\[[\d.]+,) ([\d.]+\])"), "\\1\u00a0\\2"
COLOUR_STEPS = 6  # of red, green and blue in the palette of 256 colours, which begins with
CUBE = 16  # the 16 of the terminal's own


@dataclass(frozen=True)
class Screen:
    """A terminal to draw on: its columns, and whether it wants colours."""

    width: int
    colour: bool

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are any."""
        return typer.style(text, fg=colour) if self.colour else text


def screen_of(stream: TextIO) -> Screen | None:
    """The screen behind a stream; None where there is none, or none to draw on (TERM=dumb).

    COLUMNS says how wide it is where the terminal does not, NO_COLOR that no colours are wanted.
    """
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return None
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        width = 0
    asked = shutil.get_terminal_size((width or FALLBACK_WIDTH, 0)).columns  # COLUMNS first
    return Screen(asked, not os.environ.get("NO_COLOR"))


def fold(line: str, screen: Screen | None, column: int | None = None) -> list[str]:
    """A line of words, broken between them where it is wider than the screen.

    What follows begins at this column, by default two further in than the line. An interval stays
    whole, and so does a word that is too long, so that a path can be copied; a drawing fits as it
    is.

    >>> fold("  no such model; train one with: catclf train DATA", Screen(30, False))
    ['  no such model; train one', '    with: catclf train DATA']
    """
    if screen is None or len(line) <= screen.width or "\x1b" in line:
        return [line]
    import textwrap

    own = len(line) - len(line.lstrip(" "))
    lines = textwrap.wrap(
        INTERVAL.sub(UNBROKEN, line),
        screen.width,
        subsequent_indent=" " * (own + 2 if column is None else column),
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace("\u00a0", " ") for part in lines]


def bar(share: float, width: int) -> str:
    """A share of a width, to an eighth of a character.

    >>> bar(0.55, 5)
    '██▊  '
    """
    whole, rest = divmod(round(share * width * 8), 8)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(width)


def chart(values: Sequence[float], screen: Screen) -> list[str]:
    """A curve as columns of blocks, with its highest and its lowest value beside it.

    >>> print("\\n".join(chart([3, 2, 1], Screen(18, False))[:2]))
      3.0000 ┤█
             │█▇
    """
    low, high = min(values), max(values)
    width = max(1, min(WIDEST, screen.width - 12))
    columns = [_between(values, i / max(1, width - 1)) for i in range(width)]
    scale = (CHART_ROWS * 8 - 1) / (high - low) if high > low else 0.0
    heights = [1 + round((value - low) * scale) for value in columns]  # in eighths of a row
    lines = []
    for row in reversed(range(CHART_ROWS)):
        blocks = "".join(LEVELS[max(0, min(8, height - 8 * row))] for height in heights)
        side = {CHART_ROWS - 1: f"{high:8.4f} ┤", 0: f"{low:8.4f} ┤"}.get(row, " " * 9 + "│")
        lines.append(side + screen.paint(blocks.rstrip(), FOR))
    return lines


def _between(values: Sequence[float], place: float) -> float:
    """The value at a place from 0, the first, to 1, the last, along straight lines."""
    before, part = divmod(place * (len(values) - 1), 1)
    i = int(before)
    return values[i] + part * (values[min(i + 1, len(values) - 1)] - values[i])


def confusion(counts: "Confusion", names: tuple[str, str], screen: Screen) -> list[str]:
    """How much of each class was called what. names: (negative, positive), as they are shown."""
    negative, positive = names
    indent = max(len(negative), len(positive))
    width = max(8, min(WIDEST, screen.width - indent - 4))
    lines = []
    for name, called, not_called in (
        (positive, counts.tp, counts.fn),
        (negative, counts.fp, counts.tn),
    ):
        n = round(width * called / max(1, called + not_called))
        if called and not_called:
            n = min(max(n, 1), width - 1)  # what is there is seen
        blocks = screen.paint("█" * n, FOR) + screen.paint("░" * (width - n), AGAINST)
        lines.append(f"  {name:>{indent}}  {blocks if called + not_called else ''}".rstrip())
    keys = [f"{screen.paint('█', FOR)} called {positive}"]
    keys.append(f"{screen.paint('░', AGAINST)} called {negative}")
    beside = indent + 4 + len(f"█ called {positive}  ░ called {negative}") <= screen.width
    return [*lines, *(f"  {'':{indent}}  {key}" for key in (["  ".join(keys)] if beside else keys))]


def reliability(bins: "Sequence[Bin]", positive: str, screen: Screen) -> list[str]:
    """The share that is positive (up) of those that were given a probability (to the right), and
    where the two are equal."""
    width = max(11, min(WIDEST - 9, screen.width - 9))
    cells = [[" "] * width for _ in range(CURVE_ROWS)]
    for column in range(width):
        row = round(column / (width - 1) * (CURVE_ROWS - 1))
        cells[row][column] = screen.paint("·", ASIDE)
    for part in bins:
        row, column = round(part.share * (CURVE_ROWS - 1)), round(part.probability * (width - 1))
        cells[row][column] = screen.paint("●", FOR)
    sides = {0: "  0% ┤", (CURVE_ROWS - 1) // 2: " 50% ┤", CURVE_ROWS - 1: "100% ┤"}
    lines = [f"  share of {positive}"]
    for row in reversed(range(CURVE_ROWS)):
        lines.append(f" {sides.get(row, '     │')}{''.join(cells[row])}".rstrip())
    lines.append(" " * 6 + "└" + "─" * width)
    lines.append(f"{'':7}0%{'50%':^{width - 6}}100%")
    return [*lines, f"{'':7}probability said"]


def picture(pixels: "NDArray[np.uint8]", screen: Screen) -> list[str]:
    """A square picture (size, size, 3) uint8 in coloured half blocks; nothing without colours."""
    import numpy as np

    if not screen.colour:
        return []
    width = min(WIDEST, screen.width - 4, len(pixels)) // 2 * 2
    edges = np.linspace(0, len(pixels), width + 1).astype(int)
    areas = np.outer(np.diff(edges), np.diff(edges))[:, :, None]
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(float), edges[:-1], 0), edges[:-1], 1)
    means = sums / areas  # (width, width, 3)
    spot = _true_colour if os.environ.get("COLORTERM") in ("truecolor", "24bit") else _cube_colour
    return [
        "  " + "".join(f"\x1b[38;{spot(a)};48;{spot(b)}m▀" for a, b in pairs) + "\x1b[0m"
        for pairs in (zip(*rows, strict=True) for rows in zip(means[::2], means[1::2], strict=True))
    ]


def _true_colour(colour: Any) -> str:
    return "2;" + ";".join(str(round(part)) for part in colour)


def _cube_colour(colour: Any) -> str:
    """The nearest of the 216 colours of a cube that most terminals know."""
    red, green, blue = (round(part / 255 * (COLOUR_STEPS - 1)) for part in colour)
    return f"5;{CUBE + COLOUR_STEPS * (COLOUR_STEPS * red + green) + blue}"
