"""A terminal of a given width, and what a command draws on it."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROWS = 50
COLOURS = re.compile(r"\x1b\[[\d;]*m")


def shown(*arguments: object, columns: int, folder: Path, code: int = 0, **variables: str) -> str:
    """What a command writes to the terminal that is its stdout and stderr, escapes included."""
    import pty

    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "COLORTERM")}
    environment = {**kept, "TERM": "xterm-256color", "HOME": str(folder), **variables}
    command = [sys.executable, "-m", "catclf", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        text = b"".join(iter(lambda: _read(mine), b"")).decode()
        assert running.wait() == code, text
    os.close(mine)
    return text.replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


def fits(lines: list[str], columns: int) -> bool:
    """Nothing is wider than the terminal but words that have a line of their own."""
    return all(len(line) <= columns or " " not in line.strip() for line in lines)


def plain(text: str) -> str:
    """The text without its colours."""
    return COLOURS.sub("", text)
