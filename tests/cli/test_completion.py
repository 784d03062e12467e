"""What a shell is offered: commands, options, model files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("a.npz", "my model.npz", "$(touch gone).npz", "notes.txt", "models/old.npz")

# The line that is being typed, and what is offered.
CASES = [
    ("catclf ", {"train", "eval", "predict", "check", "info", "explain", "learning-curve", "demo"}),
    ("catclf pre", {"predict"}),
    ("catclf predict --on", {"--only"}),
    ("catclf predict -m ", {"a.npz", "my model.npz"}),
    ("catclf predict --model a", {"a.npz"}),
    ("catclf info models/", {"models/old.npz"}),
    ("catclf info nowhere/", set()),
    ("catclf train --features ", {"conv", "pixels"}),
    ("catclf predict ph", set()),  # the shell offers files itself
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    for name in NAMES:
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_zsh_and_fish(cli, folder, monkeypatch, line, expected) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_CATCLF_COMPLETE", "complete_zsh")
    zsh = cli().out
    if expected:
        assert all(f'"{word}"' in zsh for word in expected)
        assert "notes.txt" not in zsh
        assert "touch" not in zsh
    else:
        assert zsh.strip() == "_files"
    monkeypatch.setenv("_CATCLF_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    fish = cli().out
    assert {row.partition("\t")[0] for row in fish.splitlines() if row} == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash(folder: Path) -> None:
    """In a bash of its own, with the script that `--show-completion` prints."""
    (folder / "bin").mkdir()
    program = folder / "bin/catclf"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m catclf "$@"\n')
    program.chmod(0o755)
    asked = [
        f'COMP_WORDS=({line}{"" if not line.endswith(" ") else chr(34) * 2}); '
        f'COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _catclf_completion catclf; '
        f'printf "%s|" "${{COMPREPLY[@]}}"; echo'
        for line, _ in CASES[1:5]
    ]  # fmt: skip
    script = "\n".join(['eval "$(catclf --show-completion bash)"', *asked])
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    rows = [set(row.split("|")) - {""} for row in done.stdout.splitlines()]
    assert rows == [expected for _, expected in CASES[1:5]]
    assert not (folder / "gone").exists()
