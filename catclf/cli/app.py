"""The commands and their help; errors become one line and an exit code here and nowhere else."""

import sys
import traceback
import warnings
from typing import Annotated

import typer

from catclf.cli import console
from catclf.cli.eval import evaluate
from catclf.cli.info import info
from catclf.cli.predict import predict
from catclf.cli.train import train
from catclf.errors import CatclfError

NOTHING_DONE = 4

# Plain help: rich's takes as long to import as all the rest.
app = typer.Typer(
    name="catclf",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train)
app.command("eval")(evaluate)
app.command("predict")(predict)
app.command("info")(info)

EXAMPLES = """catclf says whether a photo shows a cat. Three examples:

  catclf train data/                  learn from class folders: data/cat, data/dog, ...
  catclf eval --test-set              how good is the model, on photos it has not seen?
  catclf predict photo.jpg photos/    one answer a photo

catclf --help lists everything."""


def _version(asked: bool) -> None:
    if asked:
        from catclf import __version__

        console.result(f"catclf {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Says whether a photo shows a cat: logistic regression from scratch, in numpy.

    Exit codes: 0 done, 2 wrong usage, 3 some pictures could not be read, 4 nothing could be done.
    """
    if context.invoked_subcommand is None:
        console.result(EXAMPLES)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Pillow's remarks on odd files: process-wide state, so set here and not where threads decode.
    warnings.filterwarnings("ignore", module="PIL")
    arguments = sys.argv[1:] if arguments is None else arguments
    console.open_streams()
    try:
        app(arguments, prog_name="catclf")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else NOTHING_DONE
    except CatclfError as error:
        if "--debug" in arguments:
            traceback.print_exc()
        console.remark(f"catclf: {console.escape(str(error))}")
        return NOTHING_DONE
    finally:
        console.flush()
    return 0
