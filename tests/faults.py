"""A training whose process is killed, or whose disk fails, at each write, flush and rename in turn.

Started as a process of its own by tests and not a test itself:

    python faults.py DATA MODEL kill|ERRNO

One line a moment, as JSON: what was about to be done, how the training ended, the sha256 of MODEL,
the files beside it, and what was said. Each training is a fork of this process, so that importing
costs once.
"""

import errno
import hashlib
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from catclf import modelfile, training  # noqa: F401 - before the forks
from catclf.cli.app import run

PART_BYTES = 1000  # of a file that the disk takes at a time


class Moments:
    """Counts what is done to files, and at the chosen moment lets it fail."""

    def __init__(self, chosen: int, fault: str) -> None:
        self.chosen = chosen
        self.fault = fault
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 != self.chosen:
            return
        os.write(3, name.encode())
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.fault)
        raise OSError(number, os.strerror(number))


def install(moment: Moments) -> None:
    """Let every way to a file pass by `moment` first."""
    real_open, real_fsync, real_replace = os.open, os.fsync, os.replace

    class Disk(io.FileIO):
        def write(self, data: Any) -> int:
            moment("write")
            return super().write(memoryview(data)[:PART_BYTES])

        def close(self) -> None:
            if not self.closed:
                super().close()
                moment("close")

    def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            moment("open")
        return real_open(path, flags, *more, **named)

    def file_of(descriptor: int, mode: str = "r") -> io.BufferedWriter:
        assert mode == "wb"
        return io.BufferedWriter(Disk(descriptor, mode))

    def flushed(descriptor: int) -> None:
        moment("fsync")
        real_fsync(descriptor)

    def replaced(*paths: Any) -> None:
        moment("replace")
        real_replace(*paths)
        if moment.fault == "kill":
            moment("replaced")

    os.open, os.fdopen = opened, file_of  # type: ignore[assignment]
    os.fsync, os.replace = flushed, replaced  # type: ignore[assignment]


def attempt(data: str, model: Path, chosen: int, fault: str, old: bytes) -> dict[str, Any] | None:
    """What came of a training with a fault at this moment; None where it was over before."""
    model.write_bytes(old)
    said, what = (os.pipe() for _ in range(2))
    pid = os.fork()
    if pid == 0:
        os.dup2(said[1], 2)
        os.dup2(what[1], 3)
        install(Moments(chosen, fault))
        arguments = ["--features", "pixels", "--size", "8", "--l2", "1", "--quiet", "--seed", "1"]
        os._exit(run(["train", data, "-o", str(model), "--holdout", "0", *arguments]))
    os.close(said[1])
    os.close(what[1])
    _, status = os.waitpid(pid, 0)
    with open(what[0]) as name, open(said[0]) as lines:  # noqa: PTH123 - descriptors
        moment, text = name.read(), lines.read()
    beside = sorted(path.name for path in model.parent.iterdir() if path != model)
    for name_beside in beside:
        (model.parent / name_beside).unlink()
    if not moment:
        return None
    return {
        "moment": moment,
        "code": os.waitstatus_to_exitcode(status),
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "beside": beside,
        "said": text,
    }


def main(data: str, model: Path, fault: str) -> None:
    """All moments of a training, until one runs through."""
    old = model.read_bytes()
    chosen = 0
    while found := attempt(data, model, chosen, fault, old):
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()  # or the next fork, which ends like any command, would write it again
        chosen += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
