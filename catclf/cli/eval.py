"""catclf eval: the figures, for a person or as JSON."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import console, drawing, options
from catclf.cli.console import count, escape, percent

if TYPE_CHECKING:
    from catclf.evaluation import Evaluation
    from catclf.model import Model

VALUES = 21  # the column where figures begin
ROOM = 60  # columns in which they have room beside their names


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="A data set. [default: the one trained on]"),
    ] = None,
    test_set: Annotated[
        bool,
        typer.Option(
            "--test-set/--train-set",
            help="The test split or held-out photos, or those trained on.",
        ),
    ] = True,
    model: options.ModelPath = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Figures a group: a column, or folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    report: options.Report = None,
    max_megapixels: options.MaxMegapixels = options.USUAL_MEGAPIXELS,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say how good a model is, with intervals, on photos that it has not seen."""
    options.set_blas_threads(1)
    from catclf.evaluation import evaluate as evaluate_model

    options.check_report(report)
    opened = options.open_model(model, quiet, max_megapixels)
    with console.ProgressBar(quiet) as bar:
        evaluation = evaluate_model(
            opened, data, split="test" if test_set else "train", by=by, jobs=jobs, watch=bar
        )
    if not quiet:
        for line in console.left_out(evaluation.left_out):
            console.remark(line)
    if as_json:
        console.result(json.dumps(evaluation.as_json()))
    else:
        for line in _lines(opened, evaluation, drawing.screen_of(sys.stdout)):
            console.result(line)
    console.hand_over()
    if report is not None:
        from catclf.report import judgement

        judgement.write(report, evaluation, by or "class", jobs)
        if not quiet:
            options.say_written(report)


def _lines(model: "Model", evaluation: "Evaluation", screen: drawing.Screen | None) -> list[str]:
    counts = evaluation.confusion
    negative, positive = (escape(name) for name in model.class_names)
    width = max(len(negative), len(positive))
    called = [f"called {positive}", f"called {negative}"]
    lines = [
        *drawing.fold(f"{escape(evaluation.what)}: {count(evaluation.n, 'photo')}", screen),
        "",
        f"  {'':{width}}  {called[0]}  {called[1]}",
        f"  {positive:>{width}}  {counts.tp:>{len(called[0])},}  {counts.fn:>{len(called[1])},}",
        f"  {negative:>{width}}  {counts.fp:>{len(called[0])},}  {counts.tn:>{len(called[1])},}",
        "",
    ]
    if screen is not None:
        lines += [*drawing.confusion(counts, (negative, positive), screen), ""]
    lines += _figures(evaluation, screen)
    if screen is not None and evaluation.reliability is not None:
        lines += ["", *drawing.reliability(evaluation.reliability.bins, positive, screen)]
    if evaluation.without_shared is not None:
        rest = evaluation.without_shared
        lines += [
            "",
            f"without the photos trained on: {count(rest.n, 'photo')}",
            *_figures(rest, screen),
        ]
    if evaluation.groups:
        lines += ["", *(part for row in _groups(evaluation) for part in drawing.fold(row, screen))]
    warnings = [f"note: {escape(warning)}" for warning in evaluation.warnings]
    folded = [part for warning in warnings for part in drawing.fold(warning, screen)]
    return [*lines, "", *folded] if warnings else lines


def _figures(evaluation: "Evaluation", screen: drawing.Screen | None) -> list[str]:
    from catclf.summary import figures

    narrow = screen is not None and screen.width < ROOM
    lines = []
    for fact in figures(evaluation):
        calibration = fact.name == "calibration error" and evaluation.reliability is not None
        remark = f"{fact.remark}, in percent:" if calibration else fact.remark
        name = f"{fact.name}:" if narrow else f"{fact.name:17} "
        line = f"  {name} {fact.value}  {remark}".rstrip()
        lines += drawing.fold(line, screen, None if narrow else VALUES)
        if calibration and evaluation.reliability is not None:
            bins = evaluation.reliability.bins
            fit = len(bins) if screen is None else max(1, (screen.width - 9) // 5)
            row = math.ceil(len(bins) / math.ceil(len(bins) / fit))  # rows of one length
            for i in range(0, len(bins), row):
                said = (f"{100 * b.probability:4.0f}" for b in bins[i : i + row])
                true = (f"{100 * b.share:4.0f}" for b in bins[i : i + row])
                lines += ["    said  " + " ".join(said), "    true  " + " ".join(true)]
    return lines


def _groups(evaluation: "Evaluation") -> list[str]:
    from catclf.summary import in_percent

    width = max(len(escape(name)) for name in evaluation.groups)
    return [
        f"  {escape(name):{width}}  {percent(group.accuracy):>6} "
        f"{console.interval(group.interval.low, group.interval.high):<13} of {group.n:,}"
        f"; balanced {in_percent(group.balanced_accuracy)}"
        for name, group in evaluation.groups.items()
    ]
