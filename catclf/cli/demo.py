"""catclf demo: the commands at work on the sample pictures, in a folder that is gone afterwards."""

from pathlib import Path

import typer

from catclf.cli import console, options
from catclf.stopping import tidying

SAMPLES = "sample_images"
PLACES = (Path(__file__).parents[1] / SAMPLES, Path(__file__).parents[2] / SAMPLES)
STEPS = (
    "catclf predict sample_images/photos",
    "catclf train sample_images/drawn",
    "catclf eval --test-set",
    "catclf predict sample_images/drawn/test/cat/000.png sample_images/photos",
)
LAST_WORDS = """
The drawings are drawings: a model trained on them knows nothing about photos, and says so.
With photos of your own in data/cat and data/dog: catclf train data/"""


def demo(debug: options.Debug = False) -> None:
    """Train, evaluate and predict on the pictures that come with the program.

    Takes seconds, and leaves nothing behind.
    """
    # Here, because the list of all commands loads this file and needs none of these.
    import contextlib
    import shlex
    import shutil
    import tempfile

    from catclf.cli.app import run

    with (
        tempfile.TemporaryDirectory(prefix="catclf-") as folder,
        tidying(lambda: shutil.rmtree(folder, ignore_errors=True)),
    ):
        shutil.copytree(_samples(), Path(folder, SAMPLES))
        with contextlib.chdir(folder):
            for step in STEPS:
                console.remark(f"\n$ {step}")
                code = run(shlex.split(step)[1:] + ["--debug"] * debug)
                console.hand_over()
                if code:
                    raise typer.Exit(code)
    console.remark(LAST_WORDS)


def _samples() -> Path:
    """The sample pictures: in the package when it was installed, above it in a checkout."""
    return next(place for place in PLACES if place.is_dir())
