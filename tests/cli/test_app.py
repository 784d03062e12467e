"""What holds for every command: help, wrong usage, errors, start-up, and what is left alone."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import catclf
from catclf.cli.app import application

PIXELS = ("--features", "pixels")  # the cheaper map
CHELSEA = Path(__file__).resolve().parents[2] / "sample_images/photos/chelsea.jpg"
COMMANDS = typer.main.get_command(application([])).commands


def test_every_command_and_every_option_has_a_help_text() -> None:
    assert {"train", "eval", "predict"} <= set(COMMANDS)
    for name, command in COMMANDS.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_every_option(cli, name) -> None:
    ran = cli(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.rows[0].startswith(f"Usage: catclf {name}")
    for parameter in COMMANDS[name].params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            assert option.startswith("-") is False or option in ran.out
    assert cli(name, "-h").out == ran.out


def test_without_arguments_come_three_examples(cli) -> None:
    ran = cli()
    assert (ran.code, ran.err) == (0, "")
    for command in ("catclf predict photo.jpg", "catclf train data/", "catclf eval --test-set"):
        assert command in ran.out


def test_version(cli) -> None:
    assert cli("--version").out == f"catclf {catclf.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "a.jpg", "--jsn"), "--json"),
        (("train", "data", "--hold-out", "0"), "--holdout"),
        (("evl",), "eval"),
        (("train",), "DATA"),
        (("predict", "a.jpg", "--jobs", "many"), "--jobs"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(cli, arguments, words) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.raw) == (2, b"")
    assert words in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predct", "a.jpg"), "'predict'"),
        (("train", "data", "--featurs", "conv"), "--features"),
        (("train", "dta"), "dta: no such file or folder; did you mean data?"),
        (("train", "dta/catt"), "did you mean data/cat?"),
        (("train", "data", "--positive", "cta"), "did you mean cat?"),
        (("predict", "data/cat/001.pgn"), "data/cat/001.pgn: did you mean data/cat/001.png?"),
        (("predict", "data", "--only", "cta"), "did you mean cat?"),
        (("predict", "data", "-m", "modle.npz"), "no such model; did you mean model.npz?"),
        (("eval", "data", "--by", "clas", "-m", "model.npz"), "did you mean class?"),
        (("data",), "did you mean: catclf predict data?"),
    ],
)  # fmt: skip
def test_a_typing_error_is_answered_with_what_is_nearest(
    cli, data, split_model, arguments, words
) -> None:
    shutil.copy(split_model, "model.npz")
    ran = cli(*arguments)
    assert ran.code != 0
    assert words in ran.err


def test_nothing_is_suggested_where_nothing_is_near(cli, tmp_path) -> None:
    (tmp_path / "holiday.jpg").touch()
    for arguments in (("train", "data"), ("predict", "photo.png"), ("info", "x.npz")):
        assert "did you mean" not in cli(*arguments).err


def test_debug_shows_the_traceback_of_an_error(cli) -> None:
    for command in (("train", "nowhere"), ("eval", "-m", "x"), ("predict", "a", "-m", "x")):
        plain, debug = cli(*command), cli(*command, "--debug")
        assert plain.code == debug.code == 4
        assert len(plain.err.splitlines()) == 1
        assert "Traceback" in debug.err
        assert debug.err.endswith(plain.err)


def test_what_is_no_error_of_ours_keeps_its_traceback(cli, monkeypatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("catclf.cli.options.open_model", broken)
    with pytest.raises(ZeroDivisionError):
        cli("predict", "a.jpg")


def test_an_interrupt_ends_with_130(cli, monkeypatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catclf.cli.options.open_model", interrupted)
    assert cli("predict", "a.jpg").code == 130


def test_the_same_words_with_colours_and_without(train, data, monkeypatch) -> None:
    plain = train(data)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = train(data, "-o", "other.npz")
    assert plain.code == coloured.code == 0
    assert coloured.err == plain.err.replace("model.npz", "other.npz")
    assert "\x1b" not in coloured.err


class TestLeftAlone:
    """The network, and all files but the one asked for."""

    @pytest.fixture
    def no_network(self, monkeypatch) -> None:
        def refuse(*arguments: object, **options: object) -> None:
            raise AssertionError("a connection was opened")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "create_connection", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    def test_no_command_opens_a_connection(self, cli, linked, tmp_path, no_network) -> None:
        linked(tmp_path / "data/train", 5, 5)
        linked(tmp_path / "data/test", 5, 5, "test")
        assert cli("train", "data", "--l2", "1").code == 0
        assert cli("train", "data", "--l2", "1").code == 0  # compares with the first
        assert cli("eval", "--by", "folder").code == 0
        assert cli("predict", CHELSEA, "none.jpg").code == 3
        assert cli("--help").code == 0

    def test_nothing_is_written_but_the_model(self, train, data, listing, tmp_path) -> None:
        before = listing()
        for _ in range(2):
            assert train(data).code == 0
            after = listing()
            assert after.keys() - before.keys() == {str(tmp_path / "model.npz")}
            assert {name: after[name] for name in before} == before

    def test_eval_and_predict_write_nothing(self, cli, split_model, split_data, listing) -> None:
        shutil.copy(split_model, "model.npz")
        before = listing()
        assert cli("eval").code == 0
        assert cli("eval", split_data, "--json").code == 0
        assert cli("predict", CHELSEA, split_data, "--csv").code == 0
        assert listing() == before


def modules_after(code: str, folder: Path) -> set[str]:
    """Top-level modules that a fresh process has imported when this is done."""
    lines = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


HEAVY = {"numpy", "rich", "h5py", "PIL"}


class TestStartUp:
    """Nothing heavy is imported before it is used."""

    @pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"], []])
    def test_help_needs_nothing_heavy(self, tmp_path, arguments) -> None:
        code = f"from catclf.cli.app import run; run({arguments})"
        assert modules_after(code, tmp_path).isdisjoint(HEAVY)

    def test_predict_needs_no_tables_and_no_hdf5(self, tmp_path, split_model) -> None:
        arguments = ["predict", str(CHELSEA), "-m", str(split_model)]
        code = f"from catclf.cli.app import run; assert run({arguments}) == 0"
        assert modules_after(code, tmp_path).isdisjoint({"rich", "h5py"})

    def test_no_command_needs_what_makes_pages(self, tmp_path, split_data) -> None:
        asked = (
            ["train", str(split_data), "--features", "pixels", "--l2", "1"],
            ["eval"],
            ["predict", str(CHELSEA)],
        )
        code = f"from catclf.cli.app import run\nfor a in {asked}: assert run(a) == 0"
        assert modules_after(code, tmp_path).isdisjoint({"jinja2", "matplotlib"})

    def test_import_catclf_needs_nothing(self, tmp_path) -> None:
        assert modules_after("import catclf; dir(catclf)", tmp_path).isdisjoint({*HEAVY, "typer"})


def test_python_m_catclf_runs_the_three_commands(linked, tmp_path) -> None:
    linked(tmp_path / "data/train", 10, 10)
    linked(tmp_path / "data/test", 5, 5, "test")

    def catclf_(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "catclf", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert catclf_("train", "data") == ""
    assert re.search(r"of 10; always the commoner class: 50\.0%", catclf_("eval", "--test-set"))
    assert catclf_("predict", str(CHELSEA)).startswith(f"{CHELSEA}\t")


class TestStreams:
    """Streams that are closed, full, or a terminal."""

    def shell(self, line: str, folder: Path, model: Path) -> subprocess.CompletedProcess[str]:
        variables = {"catclf": f"{sys.executable} -m catclf", "photo": str(CHELSEA)}
        return subprocess.run(
            ["sh", "-c", line],
            cwd=folder,
            env={**os.environ, **variables, "model": str(model), "PYTHONUNBUFFERED": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    @pytest.mark.parametrize("command", ["predict $photo $photo -m $model", "eval -m $model"])
    def test_a_full_disk_behind_stdout_is_an_error(self, tmp_path, split_model, command) -> None:
        done = self.shell(f"$catclf {command} >/dev/full", tmp_path, split_model)
        assert done.returncode == 4
        assert done.stderr == (
            "catclf: standard output: cannot be written (No space left on device)\n"
        )

    def test_a_closed_stderr_leaves_stdout_clean(self, tmp_path, split_model) -> None:
        done = self.shell("$catclf predict $photo $photo -m $model 2>&-", tmp_path, split_model)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)

    def test_a_closed_stdout_is_no_crash(self, tmp_path, split_model) -> None:
        done = self.shell("$catclf predict $photo $photo -m $model >&-", tmp_path, split_model)
        assert done.returncode == 0
        assert done.stderr.startswith("2 photos: ")

    def train_on_a_terminal(self, folder: Path, data: Path, *more: str, term: str) -> str:
        """What stands on the terminal that stderr is."""
        pty = pytest.importorskip("pty")
        mine, theirs = pty.openpty()
        command = [sys.executable, "-m", "catclf", "train", str(data), *PIXELS, *more]
        environment = {**os.environ, "TERM": term, "COLUMNS": "120"}
        with subprocess.Popen(command, cwd=folder, env=environment, stderr=theirs) as running:
            os.close(theirs)
            shown = b"".join(iter(lambda: read_terminal(mine), b"")).decode()
            assert running.wait() == 0
        os.close(mine)
        return shown

    def test_a_bar_is_drawn_on_a_terminal(self, tmp_path, split_data) -> None:
        shown = self.train_on_a_terminal(tmp_path, split_data, term="xterm")
        assert re.search(r"reading.* 60 photos, [\d,]+/s", shown)
        assert re.search(r"training.* [\d,]+ iterations, [\d,]+/s +cost 0\.\d{4}", shown)
        assert "wrote model.npz" in shown

    def test_no_bar_where_nobody_wants_one(self, tmp_path, split_data) -> None:
        shown = self.train_on_a_terminal(tmp_path, split_data, term="dumb")
        assert shown.startswith("trained on 60 photos")
        assert "\x1b" not in shown
        assert self.train_on_a_terminal(tmp_path, split_data, "--quiet", term="xterm") == ""


def read_terminal(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when its other end is closed."""
    try:
        return os.read(descriptor, 10_000)
    except OSError:  # Linux's way to say so
        return b""
