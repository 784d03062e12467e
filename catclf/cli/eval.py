"""catclf eval: the figures, for a person or as JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import console, options
from catclf.cli.console import count, escape, percent

if TYPE_CHECKING:
    from catclf.core.metrics import Estimate
    from catclf.evaluation import Evaluation
    from catclf.model import Model


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
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say how good a model is, with intervals, on photos that it has not seen."""
    options.set_blas_threads(1)
    from catclf.evaluation import evaluate as evaluate_model

    opened = options.open_model(model, quiet)
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
        for line in _lines(opened, evaluation):
            console.result(line)
    console.hand_over()


def _lines(model: "Model", evaluation: "Evaluation") -> list[str]:
    counts = evaluation.confusion
    negative, positive = (escape(name) for name in model.class_names)
    width = max(len(negative), len(positive))
    called = [f"called {positive}", f"called {negative}"]
    lines = [
        f"{escape(evaluation.what)}: {count(evaluation.n, 'photo')}",
        "",
        f"  {'':{width}}  {called[0]}  {called[1]}",
        f"  {positive:>{width}}  {counts.tp:>{len(called[0])},}  {counts.fn:>{len(called[1])},}",
        f"  {negative:>{width}}  {counts.fp:>{len(called[0])},}  {counts.tn:>{len(called[1])},}",
        "",
        *_figures(evaluation),
    ]
    if evaluation.without_shared is not None:
        rest = evaluation.without_shared
        lines += ["", f"without the photos trained on: {count(rest.n, 'photo')}", *_figures(rest)]
    if evaluation.groups:
        lines += ["", *_groups(evaluation)]
    warnings = [f"note: {escape(warning)}" for warning in evaluation.warnings]
    return [*lines, "", *warnings] if warnings else lines


def _figures(evaluation: "Evaluation") -> list[str]:
    right = evaluation.confusion.tp + evaluation.confusion.tn
    baseline = percent(evaluation.baseline)
    interval = console.interval(evaluation.interval.low, evaluation.interval.high)
    return [
        f"  accuracy           {percent(evaluation.accuracy)} {interval}"
        f"  {right:,} of {evaluation.n:,}; always the commoner class: {baseline}",
        f"  balanced accuracy  {_in_percent(evaluation.balanced_accuracy)}",
        f"  AUC                {_plain(evaluation.auc)}",
        f"  log-loss           {evaluation.log_loss:.4f}{_weighted(evaluation)}",
        *_calibration(evaluation),
        *_coverage(evaluation),
    ]


def _weighted(evaluation: "Evaluation") -> str:
    if evaluation.reliability is None:
        return ""
    here = (evaluation.confusion.tp + evaluation.confusion.fn) / evaluation.n
    return f"  at the model's prior, {evaluation.prior:.1%}; here it is {here:.1%}"


def _calibration(evaluation: "Evaluation") -> list[str]:
    """The error, and the curve: what was said against what was so, in bins of equal count."""
    if evaluation.reliability is None:
        return []
    bins = evaluation.reliability.bins
    return [
        f"  calibration error  {evaluation.reliability.error:.4f}  probabilities in "
        f"{count(len(bins), 'bin')} of equal count, in percent:",
        "    said  " + " ".join(f"{100 * part.probability:4.0f}" for part in bins),
        "    true  " + " ".join(f"{100 * part.share:4.0f}" for part in bins),
    ]


def _coverage(evaluation: "Evaluation") -> list[str]:
    coverage = evaluation.coverage
    if coverage.answered == evaluation.n:
        return []
    line = f"  answered           {_in_percent(coverage.share)}"
    if coverage.error is not None:
        line += f", of these wrong {_in_percent(coverage.error)}"
    unsure = evaluation.n - coverage.answered
    strange = f", {coverage.unfamiliar:,} as unlike the training photos"
    return [f"{line}; {unsure:,} unsure{strange if coverage.unfamiliar else ''}"]


def _groups(evaluation: "Evaluation") -> list[str]:
    width = max(len(escape(name)) for name in evaluation.groups)
    return [
        f"  {escape(name):{width}}  {percent(group.accuracy):>6} "
        f"{console.interval(group.interval.low, group.interval.high):<13} of {group.n:,}"
        f"; balanced {_in_percent(group.balanced_accuracy)}"
        for name, group in evaluation.groups.items()
    ]


def _in_percent(estimate: "Estimate | None") -> str:
    if estimate is None:
        return "-"
    return f"{percent(estimate.value)} {console.interval(estimate.low, estimate.high)}"


def _plain(estimate: "Estimate | None") -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
