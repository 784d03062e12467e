"""A short round of `make fuzz`, and whatever it has found before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FUZZ = ROOT / "tools" / "fuzz"
FINDINGS = sorted((ROOT / "tests" / "findings").glob("*-*"))
sys.path.insert(0, str(FUZZ))

from attempts import KINDS, Fault, attempt  # noqa: E402


@pytest.mark.filterwarnings("ignore")  # as the command line does
@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_breaks_nothing_any_more(path: Path) -> None:
    assert attempt(path.name.partition("-")[0], path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_round_finds_nothing(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, FUZZ / "fuzz.py", "--kind", kind, "--tries", "150", "--seed", "1"]
    done = subprocess.run(
        [*command, "--keep", tmp_path / "findings"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "150 files, 0 findings" in done.stdout


def test_a_fault_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.image"
    path.write_bytes(b"no picture")
    assert "not a picture" in attempt("image", path)
    monkeypatch.setattr("attempts.MAX_SECONDS", -1.0)
    with pytest.raises(Fault, match="seconds"):
        attempt("image", path)
