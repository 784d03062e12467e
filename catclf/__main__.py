"""python -m catclf, and the console script."""

import os
import sys
from collections.abc import Sequence

from catclf import stopping


def main() -> None:
    """Run the command line and leave with its exit code."""
    stopping.watch(_stopped)
    from catclf.cli.app import run

    sys.exit(run())


def _stopped(said: Sequence[str]) -> None:
    # Past Python's stream, which the thread that was at work may hold; as it may the other one, so
    # that comes last.
    line = "; ".join(["catclf: stopped", *said]) + "\n"
    os.write(sys.stderr.fileno(), line.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
