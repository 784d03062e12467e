"""Files by chance, to see whether anything breaks the program. Each finding is kept.

Usage: python tools/fuzz/fuzz.py [--seconds 60 | --tries N] [--seed S] [--kind image] [--keep DIR]
A kind of file after the other, in processes of their own: the library of HDF5 can end one. What
broke the program is written to DIR, by default tests/findings, where the tests try it for ever.
Exit code 1 where something was found.
"""

import argparse
import hashlib
import os
import random
import re
import resource
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
from attempts import KINDS, SUFFIXES, attempt
from inputs import ROOT, changed, made_up, real

FINDINGS = ROOT / "tests" / "findings"
HANGS_SECONDS = 20
ADDRESS_SPACE = 6 * 2**30  # so that no file takes the machine down
MADE_UP = 20  # by hypothesis, then as many times PER_MADE_UP real files that are changed
PER_MADE_UP = 10
DEPTH = 40  # changes on top of one another


def main() -> int:
    """All kinds in turn; how many files were tried and what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tries", type=int, help="that many of each kind, however long it takes")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--keep", type=Path, default=FINDINGS)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    seed = random.randrange(2**32) if asked.seed is None else asked.seed
    if asked.worker:
        work(asked.kind, seed, asked.seconds, asked.tries, asked.worker)
        return 0
    kinds = [asked.kind] if asked.kind else list(KINDS)
    found = 0
    for kind in kinds:
        tried, kept = one_kind(kind, seed, asked.seconds / len(kinds), asked.tries, asked.keep)
        print(f"{kind:10}{tried:8,} files, {len(kept)} findings (seed {seed})", flush=True)
        for path, why in kept:
            print(f"  {path}: {why}", flush=True)
        found += len(kept)
    return 1 if found else 0


def one_kind(
    kind: str, seed: int, seconds: float, tries: int | None, keep: Path
) -> tuple[int, list[tuple[Path, str]]]:
    """How many files were tried, and the findings with the last line of what was said."""
    until = time.monotonic() + seconds
    tried, kept = 0, []
    with TemporaryDirectory() as name:
        folder = Path(name)
        while tried < tries if tries else time.monotonic() < until:
            left = max(1.0, until - time.monotonic())
            goal = None if tries is None else tries - tried
            why = watched(kind, seed + tried, left, goal, folder)
            counted = folder / "tried"
            tried += max(1, int(counted.read_text() or 0) if counted.exists() else 0)
            if why is None:
                break
            data = current(kind, folder).read_bytes()
            keep.mkdir(parents=True, exist_ok=True)
            path = keep / f"{kind}-{hashlib.sha256(data).hexdigest()[:8]}{SUFFIXES[kind]}"
            path.write_bytes(data)
            kept.append((path, why))
    return tried, kept


def current(kind: str, folder: Path) -> Path:
    """The file that is being tried."""
    return folder / f"data{SUFFIXES[kind]}"


def watched(kind: str, seed: int, seconds: float, tries: int | None, folder: Path) -> str | None:
    """Why a worker ended before its time, or None."""
    command = [sys.executable, __file__, "--kind", kind, "--seed", str(seed)]
    command += ["--seconds", str(seconds), "--worker", str(folder)]
    command += ["--tries", str(tries)] if tries else []
    said = folder / "said"
    with said.open("wb") as stderr:
        running = subprocess.Popen(command, stderr=stderr)
        while running.poll() is None:
            time.sleep(0.05)
            path = current(kind, folder)
            if path.exists() and time.time() - path.stat().st_mtime > HANGS_SECONDS:
                running.kill()
                running.wait()
                return f"more than {HANGS_SECONDS} seconds"
    if running.returncode == 0:
        return None
    if running.returncode < 0:
        return f"ended by signal {-running.returncode}"
    lines = said.read_text(errors="replace").splitlines()
    raised = [line for line in lines if re.match(r"\w+(\.\w+)*: |\w+(Error|Fault)$", line)]
    return raised[-1] if raised else f"exit code {running.returncode}"


def work(kind: str, seed: int, seconds: float, tries: int | None, folder: Path) -> None:
    """Try files until time or number are up; whatever is raised ends the process."""
    warnings.filterwarnings("ignore", module="PIL")  # as the command line does
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    chance = random.Random(seed)
    path = current(kind, folder)
    done = 0
    until = time.monotonic() + seconds

    def goes_on() -> bool:
        return done < tries if tries else time.monotonic() < until

    def attempted(data: bytes) -> None:
        nonlocal done
        if goes_on():
            path.write_bytes(data)
            done += 1
            (folder / "tried").write_text(str(done))
            attempt(kind, path)

    files = real(kind)
    while goes_on():
        if tries is None or kind != "hdf5":
            by_hypothesis(kind, attempted, chance.randrange(2**32))
        for _ in range(MADE_UP * PER_MADE_UP // DEPTH):
            data = chance.choice(files)
            for _ in range(DEPTH):
                data = changed(kind, data, files, chance)
                attempted(data)
                if chance.random() < 0.4 or not data:
                    data = chance.choice(files)
    path.unlink(missing_ok=True)


def by_hypothesis(kind: str, attempted: Callable[[bytes], None], seed: int) -> None:
    """Some made-up files; of one that breaks the program a small one that does so as well."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=MADE_UP,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(made_up(kind))
    def tried(data: bytes) -> None:
        attempted(data)

    tried()


if __name__ == "__main__":
    try:
        code = main()
    except Exception:
        traceback.print_exc()
        code = 3
    sys.stdout.flush()
    os._exit(code)  # without the clean-up of libraries, which may be broken by now
