"""Trainings that are killed, or stopped, at random moments: what is left, and how soon.

    python tools/stress.py          200 kills and 40 stops on drawings: a minute on an idle machine
    python tools/stress.py --kills 0 --stops 20 --data DATA [options of train]

Kills (SIGKILL): half of them anywhere in a training, half while the model is written; the old model
or the new one must be there, whole. Stops (Ctrl-C and SIGTERM in turn): exit code 130 or 143, no
traceback, the old model or the new one, no file beside it, within half a second. Ends with 1 where
anything else came out, or took twice that. Each training is a fork of this process: importing would
take longer.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # BLAS has no threads yet when this forks

from catclf import __main__ as command_line
from catclf import modelfile, training  # noqa: F401 - before the forks
from catclf.errors import CatclfError

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn/train"
OPTIONS = ("--features", "pixels", "--size", "16", "--l2", "1")
LIMIT_SECONDS = 1.0  # half a second is promised; a machine that runs tests besides may take twice
WRITING_SECONDS = 0.004  # at the most, from the begin of a write to its end
EACH = 40  # drawings of a class


@dataclass(frozen=True)
class Ended:
    """How a training ended: exit code, seconds from the signal to the end, what it said."""

    code: int
    seconds: float
    said: str


class Trainings:
    """Trainings into one model, each with a seed of its own."""

    def __init__(self, folder: Path, data: Path, options: list[str]) -> None:
        self.model = folder / "models/model.npz"
        self.model.parent.mkdir()
        self._data = data
        self._options = options
        self._seed = 0

    def run(self, number: int | None, delay: float, writing: bool = False) -> Ended:
        """One training that gets the signal after a delay, counted from when the model is about to
        be written where that is asked for."""
        self._seed += 1
        told, tell = os.pipe()
        read, write = os.pipe()
        sys.stdout.flush()  # or the fork, which ends like any command, would say it again
        pid = os.fork()
        if pid == 0:
            self._train(tell, write, writing)
        os.close(tell)
        os.close(write)
        os.read(told, 1)
        os.close(told)
        time.sleep(delay)
        began = time.monotonic()
        if number is not None:
            os.kill(pid, number)
        _, status = os.waitpid(pid, 0)
        took = time.monotonic() - began
        with open(read, errors="replace") as said:  # noqa: PTH123 - a descriptor
            return Ended(os.waitstatus_to_exitcode(status), took, said.read())

    def _train(self, tell: int, write: int, writing: bool) -> None:
        os.dup2(write, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's job has it ignored
        if writing:
            write_whole = vars(modelfile)["write_whole"]

            def announced(*given: object) -> None:
                os.write(tell, b"!")
                write_whole(*given)

            vars(modelfile)["write_whole"] = announced
        else:
            os.write(tell, b"!")
        options = [*self._options, "--seed", str(self._seed), "-q"]
        sys.argv = ["catclf", "train", str(self._data), "-o", str(self.model), *options]
        code = 1
        try:
            command_line.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            os._exit(code)

    def seed_left(self) -> int | None:
        """The seed of the model that is there; None where there is no whole one."""
        try:
            return modelfile.load_model(self.model).record.seed
        except CatclfError:
            return None

    def beside(self) -> list[str]:
        """Names of the files beside the model, which are removed."""
        found = [path for path in self.model.parent.iterdir() if path != self.model]
        for path in found:
            path.unlink()
        return [path.name for path in found]


def drawings(folder: Path) -> Path:
    """A few drawings in class folders."""
    for kind in ("cat", "non-cat"):
        (folder / kind).mkdir(parents=True)
        for path in sorted((DRAWN / kind).iterdir())[:EACH]:
            (folder / kind / path.name).symlink_to(path)
    return folder


def kills(trainings: Trainings, n: int, whole: float, chance: random.Random) -> int:
    """Kill n trainings; how many left what they must not."""
    old = new = wrong = beside = through = 0
    before = trainings.seed_left()
    for i in range(n):
        writing = i % 2 == 1
        delay = chance.uniform(0, WRITING_SECONDS if writing else whole)
        ended = trainings.run(signal.SIGKILL, delay, writing)
        left = trainings.seed_left()
        through += ended.code == 0
        old += left == before
        new += left is not None and left != before
        wrong += left is None
        beside += bool(trainings.beside())
        before = left
    print(
        f"{n} kills: {old} left the old model, {new} the new one, {wrong} neither; {through} "
        f"came too late, {beside} left a temporary file"
    )
    return wrong


def stops(trainings: Trainings, n: int, whole: float, chance: random.Random) -> int:
    """Stop n trainings; how many ended otherwise than they must."""
    wrong = through = 0
    seconds = []
    for i in range(n):
        number = (signal.SIGINT, signal.SIGTERM)[i % 2]
        ended = trainings.run(number, chance.uniform(0.02, whole))
        beside = trainings.beside()
        if ended.code == 0:
            through += 1
            continue
        seconds.append(ended.seconds)
        right = (
            ended.code == 128 + number
            and "Traceback" not in ended.said
            and trainings.seed_left() is not None
            and not beside
            and ended.seconds < LIMIT_SECONDS
        )
        if not right:
            wrong += 1
            print(f"  {ended}, beside the model {beside}")
    slowest, middle = max(seconds, default=0), sorted(seconds)[len(seconds) // 2] if seconds else 0
    print(
        f"{n} stops: {len(seconds) - wrong} as they should, {wrong} otherwise; {through} came too "
        f"late; over after {1000 * middle:.0f} ms, the slowest after {1000 * slowest:.0f} ms"
    )
    return wrong


def main() -> int:
    """Kill and stop as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--stops", type=int, default=40)
    parser.add_argument("--data", type=Path, help="a data set in place of the drawings")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked, options = parser.parse_known_args()
    print(f"seed {asked.seed}")
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="catclf-") as folder:
        data = asked.data or drawings(Path(folder) / "data")
        trainings = Trainings(Path(folder), data, options or [*OPTIONS])
        began = time.monotonic()
        first = trainings.run(None, 0)
        whole = time.monotonic() - began
        if first.code:
            print(first.said)
            return 1
        print(f"a training takes {whole:.2f} s")
        wrong = kills(trainings, asked.kills, whole, chance) if asked.kills else 0
        wrong += stops(trainings, asked.stops, whole, chance) if asked.stops else 0
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
