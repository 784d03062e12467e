"""Every file of two corpora by five ways: one row or one reason each, and the same by all.

The corpora are Pillow's own test pictures, many of them broken on purpose, and a folder as people
have them. They lie beside the real data.
"""

import json
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from catclf.training import Options, fit

MAX_SECONDS = 2
MAX_BYTES = 500 * 10**6
KINDS = ("cat", "non-cat")

# One picture after the other in a process of its own, with what each took.
ONE_BY_ONE = """
import json, os, resource, sys, time, warnings
from pathlib import Path
from catclf import load_model
from catclf.data.dataset import File
from catclf.data.loading import load_one

warnings.filterwarnings("ignore", module="PIL")
model = load_model(sys.argv[1])
for name in sys.stdin.buffer.read().split(b"\\0"):
    begun = time.process_time()
    prediction = model.predict(os.fsdecode(name))[0]
    took = time.process_time() - begun
    known_by = ""
    if prediction.error is None:
        loaded = load_one(File(Path(prediction.input)), model.loading)
        known_by = loaded.picture.perceptual_hash.hex()
    row = prediction.probability, prediction.error, known_by, took
    print(json.dumps(row), flush=True)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


@dataclass(frozen=True)
class Answer:
    """What was said of a file: a probability, or why there is none; and its perceptual hash."""

    probability: float | None
    error: str | None
    known_by: str
    seconds: float


@dataclass(frozen=True)
class Corpus:
    """The files, what was said of each, and the most memory that it took."""

    files: tuple[Path, ...]
    answers: tuple[Answer, ...]
    peak: int

    def names(self) -> bytes:
        return b"\0".join(map(os.fsencode, self.files))


@pytest.fixture(scope="module")
def corpus(shared_data: Path, corpora: Path, split_model: Path) -> Corpus:
    """The answers that the other ways must give as well: one by one, in a process of its own."""
    folders = (corpora / "pillow", shared_data / "messy")
    files = tuple(sorted(p for folder in folders for p in folder.rglob("*") if p.is_file()))
    command = [sys.executable, "-c", ONE_BY_ONE, str(split_model)]
    names = b"\0".join(map(os.fsencode, files))
    ran = subprocess.run(command, input=names, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()
    *rows, peak = map(json.loads, ran.stdout.splitlines())
    return Corpus(files, tuple(Answer(*row) for row in rows), peak)


def test_one_by_one_each_is_a_row_or_a_reason(corpus: Corpus) -> None:
    assert len(corpus.files) > 1100
    assert len(corpus.answers) == len(corpus.files)
    for path, answer in zip(corpus.files, corpus.answers, strict=True):
        assert (answer.probability is None) == bool(answer.error), path
        assert "\n" not in (answer.error or ""), path
    readable = sum(answer.error is None for answer in corpus.answers)
    assert readable > 750


def test_none_takes_long_or_much_memory(
    corpus: Corpus, record_testsuite_property: Callable[[str, object], None]
) -> None:
    took = dict(zip(corpus.files, (answer.seconds for answer in corpus.answers), strict=True))
    slowest = max(corpus.files, key=took.__getitem__)
    record_testsuite_property("slowest file", f"{slowest}: {took[slowest]:.2f} s")
    record_testsuite_property("memory", f"{corpus.peak / 1e6:.0f} MB")
    assert took[slowest] < MAX_SECONDS, slowest
    assert corpus.peak < MAX_BYTES


def test_all_at_once(corpus: Corpus, split_model: Path) -> None:
    command = [sys.executable, "-m", "catclf", "predict", "--json", "-m", str(split_model)]
    command += ["--files-from", "-", "-0"]
    ran = subprocess.run(command, input=corpus.names(), capture_output=True)
    assert ran.returncode == 3
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["input"] for row in rows] == [str(path) for path in corpus.files]
    expected = [(answer.probability, answer.error) for answer in corpus.answers]
    assert [(row["probability"], row["error"]) for row in rows] == expected
    (summary,) = ran.stderr.decode().splitlines()  # and not a word of any library
    assert summary.startswith(f"{len(rows):,} photos: ")


def test_on_standard_input(corpus: Corpus, split_model: Path, cli: Callable) -> None:
    for path, answer in zip(corpus.files, corpus.answers, strict=True):
        ran = cli("predict", "--json", "-m", split_model, "-", stdin=path.read_bytes())
        assert ran.code == (3 if answer.error else 0), path
        (row,) = map(json.loads, ran.rows)
        assert (row["probability"], row["error"]) == (answer.probability, answer.error), path
        assert ran.err == ("1 photo: 1 unreadable\n" if answer.error else "")


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_to_train_on(corpus: Corpus, form: str, tmp_path: Path) -> None:
    """Each under a name that makes a picture of it, for others are left alone in a folder."""
    names = [f"{KINDS[i % 2]}/{i:05}.jpg" for i in range(len(corpus.files))]
    data = tmp_path / "data"
    if form == "folder":
        for name, path in zip(names, corpus.files, strict=True):
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).symlink_to(path)
    else:
        with zipfile.ZipFile(data, "w") as archive:
            for name, path in zip(names, corpus.files, strict=True):
                archive.write(path, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the command line does
        training = fit(data, Options(features="pixels", size=64, l2=1.0, holdout=0))
    said = dict(zip(names, corpus.answers, strict=True))
    assert dict(training.left_out) == {n: a.error for n, a in said.items() if a.error}
    expected = [said[name].known_by for name in sorted(names) if not said[name].error]
    assert [row.tobytes().hex() for row in training.model.train_pictures] == expected
