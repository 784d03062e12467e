"""Options that several commands share, and what each of them sets before numpy is imported."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catclf.cli import completion, console

if TYPE_CHECKING:
    from catclf.data.loading import InOrder
    from catclf.model import Model

Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Threads. [default: cores]")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
MaxMegapixels = Annotated[
    int, typer.Option(metavar="N", min=1, help="Larger photos are refused.", show_default=True)
]
ModelPath = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        autocompletion=completion.models,
        help="The model. [default: ./model.npz, or the bundled one]",
    ),
]
Prior = Annotated[
    float | None,
    typer.Option(metavar="P", help="Share of positives to expect. [default: the model's, or 0.5]"),
]
Report = Annotated[
    Path | None,
    typer.Option(metavar="PAGE", help="Write a page to look at, as page.html. [an extra]"),
]
MEGA = 10**6
USUAL_MEGAPIXELS = 200  # the loader's own limit, which is not imported for a help text
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Photos are read and computed by the workers of this Dask scheduler, or by N "
        "processes here: local:N. [an extra]",
    ),
]
DEFAULT_MODEL = Path("model.npz")
BUNDLED_MODEL = Path(__file__).parents[1] / "bundled.npz"


def a_number(value: float | None) -> float | None:
    """The value; usage error for nan and inf, which `min` and `max` let pass."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number to work with")
    return value


def check_prior(prior: float | None) -> None:
    """Usage error unless it is a share, above 0 and below 1."""
    if prior is not None and not 0 < prior < 1:
        raise typer.BadParameter("a share, above 0 and below 1", param_hint="--prior")


def set_blas_threads(threads: int | None) -> None:
    """How many threads a matrix product may use; None leaves it to BLAS. Before numpy's import."""
    if threads is not None:
        for library in ("OPENBLAS", "MKL", "OMP"):
            os.environ.setdefault(f"{library}_NUM_THREADS", str(threads))


def find_model(path: Path | None) -> Path:
    """The model asked for, or ./model.npz, or the one that comes with the program."""
    if path is not None:
        return path
    return DEFAULT_MODEL if DEFAULT_MODEL.exists() else BUNDLED_MODEL


def open_model(path: Path | None, quiet: bool, max_megapixels: int = USUAL_MEGAPIXELS) -> "Model":
    """The model there, to read photos of this size; says which one where nobody named it."""
    from catclf.modelfile import load_model

    found = find_model(path)
    model = load_model(found)
    if max_megapixels != USUAL_MEGAPIXELS:
        loading = replace(model.loading, max_pixels=max_megapixels * MEGA)
        model = replace(model, loading=loading)
    if path is None and not quiet:
        origin = "the bundled model" if found == BUNDLED_MODEL else str(found)
        console.remark(f"using {origin}, trained on {console.escape(model.record.data)}")
    return model


@contextmanager
def workers(cluster: str | None, quiet: bool) -> "Iterator[InOrder]":
    """Who reads and computes while this lasts: the threads of this process, or a cluster."""
    if cluster is None:
        from catclf.data.loading import in_order

        yield in_order
        return
    from catclf.cluster import Cluster

    with Cluster(cluster) as opened:
        if not quiet:
            n, threads = opened.size
            there = f"{console.count(n, 'worker')} with {console.count(threads, 'thread')}"
            console.remark(f"{console.escape(cluster)}: {there}; dashboard: {opened.dashboard}")
        yield opened.in_order


def check_report(path: Path | None) -> None:
    """CatclfError where a page is asked for that cannot be made, before the work begins."""
    if path is not None:
        from catclf.report.page import check_target

        check_target(path)


def say_written(path: Path) -> None:
    """The line that closes a command which wrote a page."""
    console.remark(f"wrote {console.escape(str(path))}, {path.stat().st_size / 1024:,.0f} KB")
