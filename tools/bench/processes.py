"""Rows of `run.py` about whole processes: start-up, pages and peak memory."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from run import in_turn, rows_of

from catclf.core.design import gram_is_cheaper
from catclf.data.dataset import open_dataset
from catclf.recipes import LIKELY_ITERATIONS
from catclf.training import FOLDS

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
PAGE_PHOTOS = 1000


def _process(*arguments: str) -> Callable[[], object]:
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def start(data: Path) -> list[str]:
    """A cold `catclf predict photo.jpg` and `catclf --help`, beside bare imports."""
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder, "model.npz"))
        train = ("-m", "catclf", "train", str(SAMPLES / "drawn"), "-o", model)
        _process(*train, "--features", "pixels")()
        photo = str(SAMPLES / "photos/chelsea.jpg")
        works = {
            "predict, pixels": _process("-m", "catclf", "predict", photo, "-m", model),
            "predict, the bundled model": _process("-m", "catclf", "predict", photo),
            "import numpy, PIL.Image, typer": _process("-c", "import numpy, PIL.Image, typer"),
            "import torch": _process("-c", "import torch"),
        }
        lines = rows_of(
            "cold start of predict", in_turn(works, 15), "(0.74; bundled 0.63 of the imports; 7 x)"
        )
    works = {
        "catclf --help": _process("-m", "catclf", "--help"),
        "import typer": _process("-c", "import typer"),
    }
    return lines + rows_of("cold start of --help", in_turn(works, 15), "(0.77)")


def pages(data: Path) -> list[str]:
    """Whole predictions with the contact sheet of --report, and without."""
    examples = open_dataset(data / "photos").split("train")
    some = examples[:: len(examples) // PAGE_PHOTOS][:PAGE_PHOTOS]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        names, model = Path(folder, "names.txt"), str(Path(folder, "model.npz"))
        names.write_text("\n".join(str((data / "photos" / e.name).resolve()) for e in some))
        train = ("-m", "catclf", "train", str(SAMPLES / "drawn"), "-o", model)
        _process(*train, "--features", "pixels")()
        plain = ("-m", "catclf", "predict", "--files-from", str(names))
        page = ("--report", str(Path(folder, "page.html")))
        for name, which in (("bundled model", ()), ("pixels", ("-m", model))):
            works = {
                "predict": _process(*plain, *which),
                "predict --report": _process(*plain, *which, *page),
            }
            title = f"{len(some):,} photos, {name}"
            lines += rows_of(title, in_turn(works, 5), "(--report at most 1.3)")
    return lines


_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
"""


def _usage(command: list[str]) -> tuple[int, float]:
    """Peak memory in KiB and seconds of processor time of a command.

    A small process starts it: a child's peak begins with what its parent held.
    """
    measured = [sys.executable, "-c", _MEASURE, *command]
    done = subprocess.run(measured, check=True, capture_output=True, text=True)
    kibibytes, seconds = done.stdout.split()
    return int(kibibytes), float(seconds)


def memory(data: Path) -> list[str]:
    """Peak memory of training on all photos, against the bytes of one float32 X."""
    m = len(open_dataset(data / "photos").split("train"))
    size = 4 * 12288 * m
    lines = [f"| **peak memory, {m:,} photos, X of {size / 2**20:,.0f} MiB** (2.5 x X) | | | |"]
    with tempfile.TemporaryDirectory() as folder:
        for name, further in {
            "l2 = 3": ["--l2", "3"],
            "l2 by folds": [],
            "X in a file, a quarter of it in memory": ["--l2", "3", "--max-memory", str(size // 4)],
        }.items():
            command = ["-m", "catclf", "train", str(data / "photos"), "-q", *further]
            command += ["--features", "pixels", "-o", str(Path(folder, "model.npz"))]
            kibibytes, seconds = _usage([sys.executable, *command])
            peak = kibibytes * 1024
            ratio = f"{peak / size:.2f} x X"
            lines.append(f"| {name} | {peak / 2**20:,.0f} MiB | {ratio} | {seconds:.0f} s of cpu |")
    return lines


def scaling(data: Path) -> list[str]:
    """Whole trainings on pixels: more photos, larger pictures, and an X of 4 times the limit."""
    examples = open_dataset(data / "photos").split("train")
    lines = ["| **train on pixels, l2 = 0.1: photos, size, X** | seconds | peak, x X | form |"]
    runs = [(200, 64, 0), (2000, 64, 0), (18000, 64, 0), (2000, 128, 0), (18000, 64, 4)]
    with tempfile.TemporaryDirectory() as folder:
        for m, size, times in runs:
            some = examples[:: max(1, len(examples) // m)][:m]
            manifest = Path(folder, f"{m}.csv")
            rows = [f"{(data / 'photos' / e.name).resolve()},{e.groups['class']}" for e in some]
            manifest.write_text("\n".join(["path,label", *rows]))
            n_x = 3 * size * size
            needed = 4 * n_x * len(some)
            command = [sys.executable, "-m", "catclf", "train", str(manifest), "-q"]
            command += ["--features", "pixels", "--size", str(size), "--holdout", "0"]
            command += ["--l2", "0.1", "-o", str(Path(folder, "model.npz"))]
            command += ["--max-memory", str(needed // times)] if times else []
            start = time.perf_counter()
            kibibytes, _ = _usage(command)
            seconds = time.perf_counter() - start
            # With a strength given there is a problem a fold.
            gram = gram_is_cheaper(n_x, len(some), LIKELY_ITERATIONS, FOLDS)
            form = "Gram" if gram else "Primal"
            what = f"{len(some):,}, {size}, {needed / 2**20:,.0f} MiB"
            what += f", {times} times the limit" if times else ""
            ratio = kibibytes * 1024 / needed
            lines.append(f"| {what} | {seconds:.1f} s | {ratio:.2f} | {form} |")
    return lines
