"""Options that several commands share, and what each of them sets before numpy is imported."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import console

if TYPE_CHECKING:
    from catclf.model import Model

Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Threads. [default: cores]")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
ModelPath = Annotated[
    Path | None,
    typer.Option("--model", "-m", help="The model. [default: model.npz in this folder]"),
]
DEFAULT_MODEL = Path("model.npz")


def a_number(value: float | None) -> float | None:
    """The value; usage error for nan and inf, which `min` and `max` let pass."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number to work with")
    return value


def set_blas_threads(threads: int | None) -> None:
    """How many threads a matrix product may use; None leaves it to BLAS. Before numpy's import."""
    if threads is not None:
        for library in ("OPENBLAS", "MKL", "OMP"):
            os.environ.setdefault(f"{library}_NUM_THREADS", str(threads))


def open_model(path: Path | None, quiet: bool) -> "Model":
    """The model asked for, or ./model.npz; says which one is used when nobody named it."""
    from catclf.errors import ModelError
    from catclf.modelfile import load_model

    if path is None and not DEFAULT_MODEL.exists():
        do = "train one with: catclf train DATA, or name one with -m"
        raise ModelError("there is no model.npz in this folder", do=do)
    model = load_model(path or DEFAULT_MODEL)
    if path is None and not quiet:
        console.remark(f"using {DEFAULT_MODEL}, trained on {console.escape(model.record.data)}")
    return model
