"""Ctrl-C, SIGTERM and a terminal that closes: over at once, whatever goes on, and tidy.

Each test stops a process that would go on for a minute otherwise, once it says that it is where it
should be. How quickly it ends is measured by tools/stress.py; here it is only not waited for.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from catclf.modelfile import load_model

ROOT = Path(__file__).resolve().parents[1]
DRAWN = ROOT / "sample_images/drawn"
CHELSEA = ROOT / "sample_images/photos/chelsea.jpg"
WAIT_SECONDS = 30  # on a busy machine; what is stopped would take twice that

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="no signals of this kind here"
)

# What a process does for a minute when it says that it is there.
BUSY = {
    "sleep": "import time; time.sleep(60)",
    "python": "while True: pass",
    "product": (
        "import numpy as np\n"
        "a = np.ones((4000, 4000))\n"
        "while True: a @ a @ a @ a @ a @ a @ a @ a @ a @ a @ a @ a"
    ),
    "eigenvalues": (
        "import numpy as np\n"
        "a = np.random.default_rng(0).normal(size=(4000, 4000))\n"
        "while True: np.linalg.eigh(a)"
    ),
    "threads": (
        "import time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool: list(pool.map(time.sleep, 20 * [60]))"
    ),
}


def begin(
    code: str, *arguments: object, folder: Path, says: str = "stdout", **how
) -> subprocess.Popen[str]:
    """A process that runs the code, and has said that it is where it should be."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    running = subprocess.Popen(
        command,
        cwd=folder,
        # Unbuffered would hide what is held back.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        stdout=how.pop("stdout", subprocess.PIPE),
        stderr=how.pop("stderr", subprocess.PIPE),
        text=True,
        preexec_fn=how.pop("before", heeding),
        **how,
    )
    assert "here\n" in iter(getattr(running, says).readline, ""), running.communicate()
    return running


def heeding() -> None:
    """Who is in the background of a script, or under nohup, has signals ignored, and so has all
    that it starts."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def stop(running: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Exit code and stderr of a process that gets the signal."""
    running.send_signal(number)
    try:
        err = running.communicate(timeout=WAIT_SECONDS)[1]
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()
        raise
    return running.returncode, err


def watched(code: str, last: str = "lambda said: print('; '.join(said), file=sys.stderr)") -> str:
    return f"import sys\nfrom catclf import stopping\nstopping.watch({last})\n{code}"


class TestWatch:
    """catclf.stopping by itself."""

    @pytest.mark.parametrize(
        ("number", "code"),
        [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
        ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
    )
    @pytest.mark.parametrize("busy", BUSY)
    def test_it_ends_whatever_goes_on(self, tmp_path, busy, number, code) -> None:
        begun = watched(f"print('here', flush=True)\n{BUSY[busy]}")
        assert stop(begin(begun, folder=tmp_path), number) == (code, "\n")

    def test_a_signal_that_was_ignored_stays_so(self, tmp_path) -> None:
        running = begin(
            watched("import time; print('here', flush=True); time.sleep(60)"),
            folder=tmp_path,
            before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        running.send_signal(signal.SIGINT)  # is delivered before the next one
        assert stop(running, signal.SIGTERM) == (143, "\n")

    def test_actions_that_last_are_called_the_first_one_first(self, tmp_path) -> None:
        code = watched(
            "import time\n"
            "with stopping.tidying(lambda: 'over'): pass\n"
            "with stopping.tidying(lambda: 'one'), stopping.tidying(lambda: None):\n"
            "    with stopping.tidying(lambda: 1 / 0), stopping.tidying(lambda: 'two'):\n"
            "        print('here', flush=True)\n"
            "        time.sleep(60)\n"
        )
        assert stop(begin(code, folder=tmp_path), signal.SIGINT) == (130, "one; two\n")

    @pytest.mark.parametrize("last", ["lambda said: None", "lambda said: time.sleep(60)"])
    def test_an_action_that_does_not_end_is_left(self, tmp_path, last) -> None:
        code = watched(
            "import time\n"
            "with stopping.tidying(lambda: time.sleep(60)):\n"
            "    print('here', flush=True)\n"
            "    time.sleep(60)\n",
            last,
        )
        assert stop(begin(code, folder=tmp_path), signal.SIGINT) == (130, "")

    def test_nothing_begins_once_all_is_tidy(self, tmp_path) -> None:
        code = watched(
            "import pathlib, time\n"
            "print('here', flush=True)\n"
            "while not pathlib.Path('last').exists(): pass\n"
            "with stopping.tidying(lambda: None): pathlib.Path('begun').touch()\n"
            "time.sleep(60)\n",
            "lambda said: (pathlib.Path('last').touch(), time.sleep(60))",
        )
        assert stop(begin(code, folder=tmp_path), signal.SIGTERM) == (143, "")
        assert [path.name for path in tmp_path.iterdir()] == ["last"]


# A command that stays where it is told to, for a minute, and says that it is there.
COMMAND = """
import importlib, json, os, sys, threading
from catclf import __main__
sys.argv = ["catclf", *json.loads(sys.argv[1])]
home, _, name = sys.argv.pop().rpartition(":")
module = importlib.import_module(home)
once = threading.Lock()
def stay(*arguments, **named):
    if once.acquire(blocking=False):
        os.write(1, b"here\\n")  # past rich, which takes sys.stdout while it draws
    import time
    time.sleep(60)
*path, last = name.split(".")
for part in path:
    module = getattr(module, part)
setattr(module, last, stay)
__main__.main()
"""
PIXELS = ("--features", "pixels", "--size", "8")
TRAIN = ("train", DRAWN, "-o", "model.npz", *PIXELS)
PREDICT = ("predict", CHELSEA, CHELSEA, CHELSEA)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("command", "place"),
    [
        (TRAIN, "catclf.training:open_dataset"),
        (TRAIN, "catclf.features:column"),  # in threads
        ((*TRAIN, "--max-memory", "1K"), "catclf.features:column"),
        (TRAIN, "catclf.training:near_groups"),
        (TRAIN, "catclf.core.design:Standardization.fit"),
        (TRAIN, "catclf.recipes:accelerated_descent"),
        (TRAIN, "catclf.training:evaluate_examples"),
        (TRAIN, "os:fsync"),
        (TRAIN, "os:replace"),
        (PREDICT, "catclf.modelfile:load_model"),
        (PREDICT, "catclf.model:load_one"),  # in threads
        (("eval", DRAWN), "catclf.evaluation:column"),
        (("info",), "catclf.modelfile:load_model"),
        (("check", DRAWN), "catclf.checking:_odd"),
        (("demo",), "catclf.cli.demo:_samples"),
        (("demo",), "catclf.model:load_one"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_that_is_stopped(tmp_path, command, place, number, code) -> None:
    """No traceback; nothing is left in the folder, nor where temporary files go."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    arguments = json.dumps([*map(str, command), place])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(tmp_path / "tmp"))
        running = begin(COMMAND, arguments, folder=tmp_path / "work")
    ended, err = stop(running, number)
    assert ended == code
    assert err.splitlines()[-1] == "catclf: stopped"
    assert "Traceback" not in err
    assert list(tmp_path.glob("*/*")) == []


def test_a_second_ctrl_c_changes_nothing(tmp_path) -> None:
    code = watched(
        "import time\n"
        "with stopping.tidying(lambda: (print('tidy', file=sys.stderr), time.sleep(0.1))[1]):\n"
        "    print('here', flush=True)\n"
        "    time.sleep(60)\n"
    )
    running = begin(code, folder=tmp_path)
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    assert running.stderr.readline() == "tidy\n"
    assert stop(running, signal.SIGINT) == (130, "\n")


ROWS = """
import sys, time
from catclf import __main__
from catclf.cli import console
real, rows = console.result, []
def result(line):
    if len(rows) == 20:
        print("here", file=sys.stderr, flush=True)
        time.sleep(60)
    rows.append(line)
    real(line)
console.result = result
console._REDRAW_SECONDS = 60  # until then they wait
__main__.main()
"""


def test_all_rows_that_are_known_are_written(tmp_path) -> None:
    (tmp_path / "names").write_text(f"{CHELSEA}\n" * 50)
    command = ("predict", "--files-from", "names", "--csv", "--quiet")
    with (tmp_path / "out.csv").open("wb") as out:
        running = begin(ROWS, *command, folder=tmp_path, stdout=out, says="stderr")
        assert stop(running, signal.SIGTERM) == (143, "catclf: stopped\n")
    rows = (tmp_path / "out.csv").read_text()
    assert rows.endswith("\n")
    assert [row.count(",") for row in rows.splitlines()] == 20 * [4]


def test_the_bar_goes_and_the_cursor_comes_back(tmp_path) -> None:
    pty = pytest.importorskip("pty")
    mine, theirs = pty.openpty()
    arguments = json.dumps([*map(str, TRAIN), "catclf.recipes:accelerated_descent"])
    parts: list[bytes] = []
    reader = threading.Thread(target=lambda: parts.extend(iter(lambda: read_terminal(mine), b"")))
    reader.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TERM", "xterm")
        running = begin(COMMAND, arguments, folder=tmp_path, stderr=theirs)
    os.close(theirs)
    with running:
        running.send_signal(signal.SIGINT)
        assert running.wait(WAIT_SECONDS) == 130
    reader.join()
    os.close(mine)
    shown = b"".join(parts).decode()
    assert "reading" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") >= 0
    assert shown.endswith("catclf: stopped\r\n")


def read_terminal(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when its other end is closed."""
    try:
        return os.read(descriptor, 10_000)
    except OSError:  # Linux's way to say so
        return b""


class TestFeatures:
    """What is dear: features are kept as they are computed, and the same command goes on there."""

    CODE = """
import sys, threading, time
from catclf import __main__
from catclf.features import cache, conv
cache.WORTH_SECONDS, cache.WAITING_SECONDS = 0.0, float(sys.argv.pop(1))
computed, stay_at = 0, int(sys.argv.pop(1))
real = conv.Conv.column
def column(self, pixels):
    global computed
    if computed == stay_at:
        print("here", flush=True)
        time.sleep(60)
    computed += 1
    return real(self, pixels)
conv.Conv.column = column
try:
    __main__.main()
finally:
    print("computed", computed)
"""

    @pytest.mark.parametrize(
        ("number", "waiting"), [(signal.SIGINT, 60), (signal.SIGTERM, 60), (signal.SIGKILL, 0)]
    )
    def test_a_stopped_training_goes_on_where_it_was(
        self, tmp_path, number, waiting, monkeypatch
    ) -> None:
        for kind in ("cat", "non-cat"):
            (tmp_path / "data" / kind).mkdir(parents=True)
            for path in sorted((DRAWN / "train" / kind).iterdir())[:8]:
                (tmp_path / "data" / kind / path.name).symlink_to(path)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        command = ("train", "data", "--size", "32", "--l2", "1", "-j", "1")
        code, err = stop(begin(self.CODE, waiting, 12, *command, folder=tmp_path), number)
        if number == signal.SIGKILL:
            assert code == -9
        else:
            assert code == 128 + number
            kept = f"features of 12 photos kept in {tmp_path}/cache/catclf, 0 MB"
            assert err == f"catclf: stopped; {kept}\n"
        assert not (tmp_path / "model.npz").exists()
        assert list((tmp_path / "cache/catclf").glob("*.tmp")) == []
        done = subprocess.run(
            [sys.executable, "-c", self.CODE, "60", "-1", *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "computed 4\n"
        assert len(load_model(tmp_path / "model.npz").train_files) == 16
