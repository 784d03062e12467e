"""catclf info: the card of a model, for a person or as JSON."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catclf.cli import console, options
from catclf.cli.console import count, escape, percent

if TYPE_CHECKING:
    from catclf.model import Model


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL", help="[default: model.npz in this folder, or the bundled one]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    debug: options.Debug = False,
) -> None:
    """Print a model's card: purpose, data, recipe, accuracy with intervals, known failures."""
    path = options.find_model(model)
    opened = options.open_model(path, quiet=True)
    if as_json:
        console.result(json.dumps(_plain(path, opened)))
    else:
        for line in _lines(path, opened):
            console.result(line)
    console.hand_over()


def _plain(path: Path, model: "Model") -> dict[str, Any]:
    return {
        "model": str(path),
        "sha256": _sha256(path),
        "class_names": list(model.class_names),
        "features": model.features,
        "features_sha256": model.features_sha256,
        "loading": dataclasses.asdict(model.loading),
        "threshold": model.threshold,
        "prior": model.prior,
        "unsure_level": model.unsure_level,
        "unfamiliar_limit": model.familiarity.limit if model.familiarity else None,
        "held_out": len(model.held_out_files),
        **dataclasses.asdict(model.record),
    }


def _lines(path: Path, model: "Model") -> list[str]:
    record = model.record
    negative, positive = (escape(name) for name in model.class_names)
    size = f"{model.loading.size} x {model.loading.size}, {model.loading.crop}"
    weights = f", weights {model.features_sha256[:16]}" if model.features_sha256 else ""
    chosen = ", chosen by folds" if len(record.strengths) > 1 else ""
    lines = [
        f"model       {escape(str(path))}, sha256 {_sha256(path)[:16]}",
        f"tells       {positive} from {negative}",
        *(f"note        {escape(note)}" for note in record.notes),
        f"looks at    {model.features} of {size}{weights}",
        f"trained on  {count(record.m_train, 'photo')} of {escape(record.data)}, "
        f"{escape(record.created)}; fingerprint {escape(record.fingerprint[:16])}",
        f"recipe      {escape(record.recipe)}, l2 {record.l2:.3g}{chosen}, seed {record.seed}; "
        f"{escape(record.stopped)}",
        f"made with   {', '.join(f'{escape(k)} {escape(v)}' for k, v in record.versions.items())}",
        f"assumes     {100 * model.prior:.3g}% {positive}",
        f"answers     {_answers(model)}",
        f"calibrated  {_calibrated(model)}",
    ]
    return lines + _judged(model)


def _answers(model: "Model") -> str:
    parts = [f"{model.class_names[1]} above {model.threshold:.2f}"]
    if model.unsure_level > 0.5:
        parts.append(f"unsure where the likelier class is below {model.unsure_level:.3f}")
    if model.familiarity is not None:
        parts.append("or where the photo is unlike those it was trained on")
    return escape(", ".join(parts))


def _calibrated(model: "Model") -> str:
    record = model.record
    if not record.calibrated_n:
        return "no"
    photos = f"{count(record.calibrated_n, 'photo')} {record.calibrated_on}"
    return escape(f"on {photos}: z times {record.slope:.3g}, {record.offset:+.3g}")


def _judged(model: "Model") -> list[str]:
    record = model.record
    figures = record.figures
    if figures is None:
        return ["judged      by no photos: its accuracy on others is not known"]
    lines = [f"judged      {escape(record.judged_on)}: {_accuracy(figures)}"]
    error = figures.get("calibration_error")
    if error is not None:
        lines.append(f"            calibration error {error:.4f}")
    groups = figures.get("groups", {})
    width = max((len(escape(name)) for name in groups), default=0)
    lines += [
        f"            {escape(name):{width}}  {_accuracy(group)}" for name, group in groups.items()
    ]
    return lines


def _accuracy(figures: dict[str, Any]) -> str:
    low, high = figures["interval"]
    interval = console.interval(low, high)
    return f"{percent(figures['accuracy'])} {interval} right of {count(figures['n'], 'photo')}"


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
