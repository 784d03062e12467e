"""catclf train: what is asked for, and the summary of what came out."""

import math
import re
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catclf.cli import console, drawing, options
from catclf.cli.console import count, escape, percent

if TYPE_CHECKING:
    from catclf.data.loading import InOrder
    from catclf.evaluation import Comparison
    from catclf.learning import Point
    from catclf.model import Model, Record
    from catclf.training import Options, Training


class RecipeName(StrEnum):
    """`--recipe`."""

    default = "default"
    course = "course"


class FeaturesName(StrEnum):
    """`--features`."""

    conv = "conv"
    pixels = "pixels"


class CropName(StrEnum):
    """`--crop`."""

    centre = "centre"
    stretch = "stretch"


def train(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Class folders, a zip of them, a CSV or TSV manifest, HDF5 or .npz.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the model goes.")
    ] = options.DEFAULT_MODEL,
    recipe: Annotated[
        RecipeName, typer.Option(help="How to train; course: as the course does, to the digit.")
    ] = RecipeName.default,
    features: Annotated[
        FeaturesName | None,
        typer.Option(
            help="What x is: what a network trained on ImageNet sees, or the pixels. "
            "[default: conv; pixels for the course]"
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=1, max=4096, help="Side of the pictures. [default: 224; pixels: 64, or the arrays']"
        ),
    ] = None,
    crop: Annotated[
        CropName, typer.Option(help="Photos that are not square: their centre, or squeezed.")
    ] = CropName.centre,
    l2: Annotated[
        str | None,
        typer.Option(metavar="X|auto", help="Strength of L2; auto, the default: folds choose it."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            callback=options.a_number,
            help="Plain gradient descent at this rate. [default: from the curvature]",
        ),
    ] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Iterations at the most.")] = None,
    holdout: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.9,
            callback=options.a_number,
            help="Share of the photos that judges, without a test split.",
        ),
    ] = 0.2,
    positive: Annotated[
        str | None, typer.Option(metavar="NAME", help="The positive class. [default: cat]")
    ] = None,
    prior: options.Prior = None,
    seed: Annotated[int, typer.Option(help="Draws which photos are held out.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="A broken photo is an error.")] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Features may take this much memory, as 4G; more lie in a temporary file. "
            "[default: half of what is free]",
        ),
    ] = None,
    max_megapixels: options.MaxMegapixels = options.USUAL_MEGAPIXELS,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache", help="Keep features that took long, and take those kept."
        ),
    ] = True,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve", help="Also what fewer photos would bring, as catclf learning-curve."
        ),
    ] = False,
    report: options.Report = None,
    cluster: options.Cluster = None,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train a model on DATA and write it to model.npz.

    Classes count equally, however many photos each has: probabilities assume 50% cats. Where DATA
    has no test split, a fifth of the photos is held out and judges; under 200 photos, folds do.
    """
    options.set_blas_threads(jobs)
    from catclf.modelfile import check_target
    from catclf.recipes import descend
    from catclf.training import MIN_SIZE, Options, fit

    if learning_rate is not None and learning_rate <= 0:
        raise typer.BadParameter("a learning rate is above 0", param_hint="--learning-rate")
    options.check_prior(prior)
    plain = features == FeaturesName.pixels or (features is None and recipe == RecipeName.course)
    if size is not None and size < MIN_SIZE and not plain:
        raise typer.BadParameter(f"at least {MIN_SIZE} for the map conv", param_hint="--size")
    usual = recipe == RecipeName.default and size is None and crop == CropName.centre
    if learning_curve and not usual:
        what = "--learning-curve goes with the default recipe, size and crop"
        raise typer.BadParameter(what)
    check_target(output)
    options.check_report(report)
    asked = Options(
        recipe=recipe.value,
        features=features.value if features else None,
        size=size,
        crop=crop.value,
        l2=_strength(l2),
        learning_rate=learning_rate,
        iterations=iterations,
        holdout=holdout,
        positive=positive,
        seed=seed,
        strict=strict,
        jobs=jobs,
        max_memory=_bytes(max_memory),
        prior=prior,
        cache=cache and cluster is None,
        max_pixels=max_megapixels * options.MEGA,
    )
    with options.workers(cluster, quiet) as in_order:
        with console.ProgressBar(quiet) as bar:
            way = partial(descend, keep=report is not None)
            training = fit(data, asked, bar, way, in_order)
        replaced = _replaced(output, training, jobs, in_order)
    training.model.save(output)
    if not quiet:
        for line in _summary(training):
            console.remark(line)
        kilobytes = output.stat().st_size / 1024
        console.remark(f"wrote {escape(str(output))}, {kilobytes:,.0f} KB")
        if replaced:
            console.remark(replaced)
    points = _learning(data, training, asked, quiet) if learning_curve else ()
    if report is not None:
        from catclf.report.training import write

        write(report, training, jobs, points)
        if not quiet:
            options.say_written(report)


def _learning(
    data: Path, training: "Training", asked: "Options", quiet: bool
) -> "tuple[Point, ...]":
    """The learning curve with the strength that was chosen; its rows are told like all else."""
    from catclf.cli import learning_curve as command
    from catclf.learning import learning_curve

    with console.ProgressBar(quiet) as bar:
        learning = learning_curve(
            data,
            features=asked.map_name(),
            l2=training.model.record.l2,
            positive=asked.positive,
            seed=asked.seed,
            jobs=asked.jobs,
            watch=bar,
        )
        points = tuple(learning.points)
    if not quiet:
        console.remark(command.judged(learning))
        for point in points:
            console.remark(command.row(point, drawing.screen_of(sys.stderr)))
    return points


def _strength(l2: str | None) -> "float | Literal['auto'] | None":
    if l2 is None or l2 == "auto":
        return l2  # type: ignore[return-value]
    try:
        strength = float(l2)
    except ValueError:
        strength = math.nan
    if not 0 <= strength < math.inf:
        raise typer.BadParameter("a number from 0 up, or auto", param_hint="--l2")
    return strength


def _bytes(size: str | None) -> int | None:
    """A size such as 800M or 4G in bytes."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)i?B?", size.strip(), re.IGNORECASE)
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter("a size such as 800M or 4G", param_hint="--max-memory")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _summary(training: "Training") -> list[str]:
    model, record = training.model, training.model.record
    photos = f"{count(record.m_train, 'photo')} of {model.loading.size} x {model.loading.size}"
    negative, positive = (escape(name) for name in model.class_names)
    lines = [f"trained on {photos} pixels to tell {positive} from {negative}"]
    lines += [escape(remark) for remark in training.remarks]
    lines += console.left_out(training.left_out)
    lines += _descent(record)
    lines.append(f"accuracy on the training photos {record.train_accuracy:.2%}")
    lines += _judgement(training)
    if record.recipe == "default":
        lines.append(
            f"probabilities assume that {_share(model.prior)} of the photos are {positive}"
        )
    return lines + _calibration(record)


def _calibration(record: "Record") -> list[str]:
    if not record.calibrated_n:
        return []
    photos = f"{count(record.calibrated_n, 'photo')} {record.calibrated_on}"
    if not record.slope:
        return [f"on {photos} the scores told nothing: every probability is the prior"]
    few = ", the slope alone: under 50 photos of a class" if record.slope_alone else ""
    return [f"calibrated on {photos}{few}: z becomes {record.slope:.3g} z {record.offset:+.3g}"]


def _share(prior: float) -> str:
    return f"{100 * prior:.3g}%"


def _descent(record: "Record") -> list[str]:
    curve = console.sparkline(record.costs)
    lines = [f"cost {record.costs[0]:.4f} {curve} {record.costs[-1]:.4f}; {record.stopped}"]
    screen = drawing.screen_of(sys.stderr)
    if screen is not None:
        lines += drawing.chart(record.costs, screen)
        scale = " (log)" if record.learning_rate is None else ""
        lines.append(f"{'':9}└ 0 to {record.iterations:,} iterations{scale}")
    if len(record.strengths) > 1:
        losses = console.sparkline(record.fold_losses)
        low, high = record.strengths[0], record.strengths[-1]
        lines.append(
            f"l2 {record.l2:.3g}, chosen by folds: log-loss {losses} from {low:g} to {high:g}"
        )
    if record.learning_rate is not None:
        pairs = zip(record.cost_iterations, record.costs, strict=True)
        lines += [f"  iteration {iteration:6,}  cost {cost:.6f}" for iteration, cost in pairs]
    return lines


def _judgement(training: "Training") -> list[str]:
    evaluation = training.evaluation
    if evaluation is None:
        return ["no photos judge this model: its accuracy on others is not known"]
    interval = console.interval(evaluation.interval.low, evaluation.interval.high)
    lines = [
        f"accuracy {percent(evaluation.accuracy)} {interval} on {count(evaluation.n, 'photo')} "
        f"({escape(evaluation.what)}); the commoner class alone: {percent(evaluation.baseline)}"
    ]
    if training.model.record.judged_on == "out of fold":
        lines.append(
            "under 200 photos: each was judged by a model that had not seen it, "
            "and the final model was trained on all"
        )
    lines += console.left_out(evaluation.left_out)
    return lines + [f"note: {escape(warning)}" for warning in evaluation.warnings]


def _replaced(
    output: Path, training: "Training", jobs: int | None, in_order: "InOrder"
) -> str | None:
    """What is said of the model that stands where the new one goes."""
    if not output.exists():
        return None
    from catclf.errors import ModelError
    from catclf.evaluation import compare
    from catclf.modelfile import load_model

    try:
        older = load_model(output)
    except ModelError as error:
        return f"replaced a model that this version cannot use ({escape(error.what)})"
    comparison = compare(older, training.model, training.judges, jobs, in_order)
    return f"replaced {_described(older)}; {_compared(comparison)}"


def _described(model: "Model") -> str:
    return f"the model of {escape(model.record.created)}, trained on {escape(model.record.data)}"


def _compared(comparison: "Comparison | None") -> str:
    if comparison is None:
        return "there are no photos to compare the two that neither was trained on"
    return (
        f"on {count(comparison.n, 'photo')} that neither was trained on it was right on "
        f"{percent(comparison.older)}, this one is on {percent(comparison.newer)}"
    )
