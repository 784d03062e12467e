"""catclf learning-curve: accuracy against the number of photos to learn from."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import console, drawing, options
from catclf.cli.console import count, escape, percent
from catclf.cli.train import FeaturesName

if TYPE_CHECKING:
    from catclf.learning import Learning, Point

BAR = 40  # columns for 100%
ROOM = 60  # columns in which the range of the draws has room too


def learning_curve(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="As for catclf train: class folders, a zip, ...")
    ],
    sizes: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Numbers of photos. [default: 10, 20, 50, ... all]"),
    ] = None,
    features: Annotated[
        FeaturesName, typer.Option(help="What x is, as for catclf train.")
    ] = FeaturesName.conv,
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="A fifth of the training photos judges, no test split."),
    ] = False,
    l2: Annotated[
        float | None,
        typer.Option(
            min=0, callback=options.a_number, help="Strength of L2. [default: folds choose it]"
        ),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(metavar="NAME", help="The positive class. [default: cat]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the photos.")] = 0,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say how accuracy grows with the number of photos to learn from.

    Each number of photos is drawn five times. The range is that of the draws, the interval that of
    the photos that judge, for the draw in the middle.
    """
    options.set_blas_threads(1)
    from catclf.learning import learning_curve as curve

    numbers = _numbers(sizes)
    with console.ProgressBar(quiet) as bar:
        learning = curve(
            data,
            numbers,
            features.value,
            held_out=held_out,
            l2=l2,
            positive=positive,
            seed=seed,
            jobs=jobs,
            watch=bar,
        )
        points = list(learning.points)
    if not quiet:
        console.remark(judged(learning))
    screen = drawing.screen_of(sys.stdout)
    for point in points:
        console.result(row(point, screen))
    console.hand_over()


def judged(learning: "Learning") -> str:
    """Who judges, and how many draws there are."""
    from catclf.learning import DRAWS

    photos = f"{count(learning.n, 'photo')} ({escape(learning.judges)})"
    return f"judged on {photos}, {DRAWS} draws a number, l2 {learning.l2:.3g}"


def _numbers(sizes: str | None) -> list[int]:
    try:
        numbers = [int(size) for size in (sizes or "").split(",") if size]
    except ValueError:
        numbers = [0]
    if any(number < 2 for number in numbers):
        raise typer.BadParameter("numbers from 2 up, with commas", param_hint="--sizes")
    return numbers


def row(point: "Point", screen: drawing.Screen | None) -> str:
    """A number of photos and the accuracy that they bring."""
    low, high = point.interval.low, point.interval.high
    line = f"{point.m:7,} photos  {percent(point.accuracy)} {console.interval(low, high)}"
    if screen is None or screen.width >= ROOM:
        least, most = point.right[0] / point.n, point.right[-1] / point.n
        line = f"{line:<37}  draws {100 * least:.1f} to {100 * most:.1f}"
    if screen is not None:
        line = f"{line:<60}" if screen.width >= ROOM + 10 else f"{line:<32}"
        width = min(BAR, screen.width - len(line) - 1)
        line += " " + screen.paint(drawing.bar(point.accuracy, width).rstrip(), drawing.FOR)
    return line
