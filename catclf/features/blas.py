"""One thread for matrix products, for as long as somebody needs that.

BLAS adds up in another order on two threads than on one, so the last bits of a product would depend
on the machine's cores; and pictures that are computed side by side share the cores out already.
numpy has no switch for it: this is OpenBLAS's own, as numpy's wheels bring it.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_lock = threading.Lock()
_users = 0
_before = 0  # threads, to be restored when the last user is done


@contextmanager
def one_thread() -> Iterator[None]:
    """Products run on one thread inside, in all threads of the process; nothing changes where
    numpy was built with another BLAS."""
    global _users, _before
    switch = _switch()
    if switch is None:
        yield
        return
    get_threads, set_threads = switch
    with _lock:
        if _users == 0:
            _before = get_threads()
            set_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                set_threads(_before)


@cache
def _switch() -> tuple[Any, Any] | None:
    """OpenBLAS's functions that get and set its number of threads."""
    package = Path(np.__file__).parent
    for folder in (package.with_name("numpy.libs"), package / ".dylibs"):
        for path in folder.glob("*openblas*"):
            library = ctypes.CDLL(str(path))
            for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
                names = [f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set")]
                if all(hasattr(library, name) for name in names):
                    return getattr(library, names[0]), getattr(library, names[1])
    return None
