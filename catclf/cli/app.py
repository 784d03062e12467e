"""The commands and their help; errors become one line and an exit code here and nowhere else."""

import os
import sys
import traceback
import warnings
from contextlib import nullcontext
from importlib import import_module
from typing import Annotated

import typer

from catclf.cli import console
from catclf.errors import CatclfError

WRONG_USAGE, NOTHING_DONE = 2, 4
COMMANDS = {
    "train": "train",
    "eval": "evaluate",
    "predict": "predict",
    "check": "check",
    "info": "info",
    "explain": "explain",
    "learning-curve": "learning_curve",
    "demo": "demo",
}

EXAMPLES = """catclf says whether a photo shows a cat. Three examples:

  catclf predict photo.jpg photos/    one answer a photo
  catclf train data/                  learn from data/cat, data/dog, ...
  catclf eval --test-set              how good it is on photos it has not seen

catclf demo shows them at work on pictures of its own; catclf --help lists all."""


def _version(asked: bool) -> None:
    if asked:
        from catclf import __version__

        console.result(f"catclf {__version__}")
        raise typer.Exit


def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Says whether a photo shows a cat: logistic regression from scratch, in numpy.

    Exit codes: 0 done, 1 check found something, 2 wrong usage, 3 some pictures could not be read,
    4 nothing could be done, 130 and 143 stopped by Ctrl-C or SIGTERM.
    """
    if context.invoked_subcommand is None:
        for line in EXAMPLES.split("\n"):
            console.prose(line, 4 if line.startswith(" ") else 0)


def application(arguments: list[str]) -> typer.Typer:
    """The command line; of its commands only the one that is asked for, where that is plain."""
    # Plain help: rich's takes as long to import as all the rest.
    app = typer.Typer(
        name="catclf",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_main)
    asked = arguments[0] if arguments else ""
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        module = import_module(f"catclf.cli.{name.replace('-', '_')}")
        app.command(name)(getattr(module, COMMANDS[name]))
    return app


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Pillow's remarks on odd files: process-wide state, so set here and not where threads decode.
    warnings.filterwarnings("ignore", module="PIL")
    arguments = sys.argv[1:] if arguments is None else arguments
    console.open_streams()
    # --debug shows what libraries write, too.
    with nullcontext() if "--debug" in arguments else console.our_lines_alone():
        return _answer(arguments)


def _answer(arguments: list[str]) -> int:
    try:
        application(arguments)(arguments, prog_name="catclf")
    except SystemExit as end:
        first = arguments[0] if arguments else ""
        if end.code == WRONG_USAGE and first not in COMMANDS and os.path.exists(first):  # noqa: PTH110
            console.remark(f"did you mean: catclf predict {console.escape(first)}?")
        return end.code if isinstance(end.code, int) else NOTHING_DONE
    except CatclfError as error:
        if "--debug" in arguments:
            traceback.print_exc()
        console.remark(f"catclf: {console.escape(str(error))}")
        for line in error.examples:
            console.remark(console.escape(line))
        return NOTHING_DONE
    finally:
        console.flush()
    return 0
