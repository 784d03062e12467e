"""catclf info: the card of a model, for a person or as JSON."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catclf.cli import completion, console, options
from catclf.cli.console import escape

if TYPE_CHECKING:
    from catclf.model import Model


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            autocompletion=completion.models,
            help="[default: model.npz in this folder, or the bundled one]",
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
            console.prose(line, 12)
    console.hand_over()


def _plain(path: Path, model: "Model") -> dict[str, Any]:
    return {
        "model": str(path),
        "sha256": _sha256(path),
        "class_names": list(model.class_names),
        "features": model.features,
        "features_sha256": model.features_sha256,
        "loading": model.loading.stored(),
        "threshold": model.threshold,
        "prior": model.prior,
        "unsure_level": model.unsure_level,
        "unfamiliar_limit": model.familiarity.limit if model.familiarity else None,
        "held_out": len(model.held_out_files),
        **dataclasses.asdict(model.record),
    }


def _lines(path: Path, model: "Model") -> list[str]:
    from catclf.summary import Fact, card

    facts = [Fact("model", f"{path}, sha256 {_sha256(path)[:16]}"), *card(model)]
    return [escape(f"{fact.name:12}{fact.value}") for fact in facts]


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
