"""Files that are written whole or not at all, whatever happens meanwhile."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from catclf.stopping import tidying

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # Windows has the last


def write_whole(
    path: Path, parts: Iterable[bytes], mode: int = 0o666, flushed: bool = True
) -> None:
    """Write to a file beside `path`, flush it to the disk, rename it.

    Until then, and where anything fails, what was there stays as it was. mode: the permissions,
    less the umask. flushed False is for what may get lost when the power goes. Raises OSError.
    """
    temporary = path.with_name(f".catclf-{os.urandom(8).hex()}{path.suffix[:10]}.tmp")
    with tidying(partial(temporary.unlink, missing_ok=True)):
        try:
            with os.fdopen(os.open(temporary, NEW, mode), "wb") as file:
                file.writelines(parts)
                file.flush()
                if flushed:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                temporary.unlink(missing_ok=True)
            raise
