"""What the program makes of bytes from a stranger: an answer, or one of its own errors. All else is
a fault: another exception, an answer that is none, more than 2 seconds, more than 500 MB.
"""

import dataclasses
import json
import resource
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np

from catclf import load_model
from catclf.cli.console import escape
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading, decode
from catclf.data.loading import Failure, load_one
from catclf.errors import CatclfError, DataError, ModelError, UnreadableImage

MAX_SECONDS = 2.0  # of processor time
MAX_BYTES = 500 * 10**6
LOADING = Loading(24, max_pixels=40_000_000)  # the usual limit may cost more than that
LOADED = 4  # pictures of a data set
SMALL_MODEL = 64


class Fault(Exception):  # noqa: N818 - says what it is
    """What must not happen."""


def attempt(kind: str, path: Path) -> str:
    """Open the file at the path as one of KINDS; what came of it. Raises whatever comes but our own
    errors, and `Fault`."""
    begun, before = time.process_time(), _peak()
    try:
        said = KINDS[kind](path)
    except CatclfError as error:
        said = escape(str(error))
        check_shown(said)
    seconds, grown = time.process_time() - begun, _peak() - before
    if seconds > MAX_SECONDS:
        raise Fault(f"{seconds:.1f} seconds of processor time ({said})")
    if grown > MAX_BYTES:
        raise Fault(f"{grown / 1e6:.0f} MB of memory ({said})")
    return said


def check_shown(line: str) -> None:
    """Fault where a line could do something to a terminal besides being shown there."""
    control = ("Cc", "Cf", "Cs", "Zl", "Zp")
    if any(unicodedata.category(c) in control and c != "\u200d" for c in line):
        raise Fault(f"no line for a person: {line!r}")


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _image(path: Path) -> str:
    try:
        picture = decode(path.read_bytes(), LOADING)
    except UnreadableImage as error:
        if "\n" in str(error):
            raise Fault(f"more than one line: {error}") from error
        raise
    if picture.pixels.shape != (LOADING.size, LOADING.size, 3) or picture.pixels.dtype != np.uint8:
        raise Fault(f"pixels {picture.pixels.shape} {picture.pixels.dtype}")
    return "a picture"


def _model(path: Path) -> str:
    try:
        model = load_model(path)
    except ModelError:
        raise
    except CatclfError as error:
        raise Fault(f"not said of a model: {error}") from error
    json.dumps(dataclasses.asdict(model.record))
    if model.loading.size <= SMALL_MODEL:
        answer = model.predict(np.zeros((8, 8, 3), np.uint8))[0]
        if answer.probability is None or not 0 <= answer.probability <= 1:
            raise Fault(f"no probability: {answer}")
    return "a model"


def _dataset(path: Path) -> str:
    try:
        dataset = open_dataset(path)
    except DataError:
        raise
    except CatclfError as error:
        raise Fault(f"not said of data: {error}") from error
    dataset.fingerprint()
    loaded = [load_one(example.source, LOADING) for example in dataset.examples[:LOADED]]
    for example, one in zip(dataset.examples, loaded, strict=False):
        check_shown(escape(example.name) + escape(one.reason if isinstance(one, Failure) else ""))
    return f"{len(dataset.examples)} pictures"


KINDS: dict[str, Callable[[Path], str]] = {
    "image": _image,
    "model": _model,
    "npz": _dataset,
    "hdf5": _dataset,
    "zip": _dataset,
    "manifest": _dataset,
}
SUFFIXES = {
    "image": ".image",
    "model": ".npz",
    "npz": ".npz",
    "hdf5": ".h5",
    "zip": ".zip",
    "manifest": ".csv",
}
