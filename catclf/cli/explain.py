"""catclf explain: what a photo's score is made of, and which parts of the photo it came from."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import console, drawing, options
from catclf.cli.console import escape

if TYPE_CHECKING:
    from catclf.core.logistic import Array
    from catclf.explanation import Explanation
    from catclf.model import Model, Prediction

PNG = ".png"
TERM_COLUMN = 12  # where the words beside a number of the sum begin


def explain(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    model: options.ModelPath = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PNG", help="Write the map over the photo."),
    ] = None,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say where a photo's score comes from.

    First the score as the sum that it is, then the photo covered part by part: how far the score
    falls tells what the part was worth. Orange speaks for the positive class, blue against it.
    """
    options.set_blas_threads(1)
    from catclf.data.dataset import File
    from catclf.data.loading import Failure, load_one
    from catclf.errors import UnreadableImage
    from catclf.explanation import explain as explained
    from catclf.nearest import did_you_mean, nearest_path
    from catclf.occlusion import overlay

    if output is not None:
        from catclf.report import page, pictures

        if output.suffix.lower() != PNG:
            raise typer.BadParameter("a name that ends in .png", param_hint="--output")
        page.check_place(output, pictures.MARK, "picture")
    opened = options.open_model(model, quiet)
    loaded = load_one(File(photo), opened.loading, hashed=False)
    if isinstance(loaded, Failure):
        do = did_you_mean(nearest_path(photo))
        raise UnreadableImage(loaded.reason, where=str(photo), do=do)
    pixels = loaded.picture.pixels
    explanation = explained(opened, pixels, jobs)
    screen = drawing.screen_of(sys.stdout)
    answer = opened.prediction(str(photo), opened.score_loaded(loaded))
    console.prose(_answer(opened, answer))
    for line in _sum(opened, explanation):
        console.prose(line, TERM_COLUMN)
    for line in _parts(explanation):
        console.result(line)
    seen = overlay(pixels, explanation.covered)
    if screen is not None:
        for line in ["", *drawing.picture(seen, screen)]:
            console.result(line)
    console.hand_over()
    if output is not None:
        _write(output, pictures.png(seen))
        if not quiet:
            options.say_written(output)


def _write(path: Path, data: bytes) -> None:
    from catclf.errors import CatclfError
    from catclf.writing import write_whole

    try:
        write_whole(path, [data])
    except OSError as error:
        raise CatclfError(f"cannot be written ({error.strerror})", where=str(path)) from error


def _answer(model: "Model", answer: "Prediction") -> str:
    positive = escape(model.class_names[1])
    note = ", unlike the photos that the model was trained on" if answer.unfamiliar else ""
    label = f"{escape(answer.input)}: {escape(answer.label or '')}"
    return f"{label}; the probability of {positive} is {answer.probability:.4f}{note}"


def _sum(model: "Model", explanation: "Explanation") -> list[str]:
    """z = b + Σ wx, with the strongest terms by name."""
    positive = escape(model.class_names[1])
    lines = ["", f"  {explanation.b:+8.3f}  b, where every photo starts"]
    for term in explanation.terms:
        lines.append(f"  {term.worth:+8.3f}  {_name(model, term.feature)}, x = {term.x:.3f}")
    others = explanation.n_x - len(explanation.terms)
    if others:
        lines.append(f"  {explanation.rest:+8.3f}  the other {others:,} of {explanation.n_x:,}")
    lines.append(f"  {explanation.z:+8.3f}  z, the sum: above 0 speaks for {positive}")
    return lines


def _name(model: "Model", feature: int) -> str:
    if model.features != "pixels":
        return f"feature {feature}"
    place, colour = divmod(feature, 3)
    row, column = divmod(place, model.loading.size)
    return f"{('red', 'green', 'blue')[colour]} of the pixel in row {row}, column {column}"


def _parts(explanation: "Explanation") -> list[str]:
    lines = []
    if explanation.regions is not None:
        lines += ["", "wx by region of the photo: with b their", "sum is z again:", ""]
        lines += _grid(explanation.regions)
    lines += [
        "",
        "How far z falls where a part is covered",
        "in the photo's mean colour, which does",
        "not add up, as the covers overlap:",
        "",
    ]
    return lines + _grid(explanation.covered)


def _grid(values: "Array") -> list[str]:
    """Numbers in four characters each: .12, 1.2 or 12 with their sign."""
    largest = float(abs(values).max())
    digits = 2 if largest < 0.995 else 1 if largest < 9.95 else 0
    return ["  " + " ".join(_short(value, digits) for value in row) for row in values.tolist()]


def _short(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("0.", ".", 1 if digits == 2 else 0).rjust(4)
