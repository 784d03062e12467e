"""What somebody may have meant who named something that is not there.

Knows nothing of what the names are for.
"""

import contextlib
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

LOOKED_AT = 10_000  # names of a folder: more take longer than the hint is worth


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, whatever the case; None where none is.

    >>> nearest("Dgo", ["cat", "dog"])
    'dog'
    """
    import difflib

    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    return by_lower[close[0]] if close else None


def nearest_path(path: Path) -> Path | None:
    """The file or folder that is there and most like this one, mended from the first part that is
    not there on. None where the path is there, or nothing is like it."""
    with contextlib.suppress(OSError, ValueError):  # names that no file can have
        for part in (*reversed(path.parents), path):
            if part.exists():
                continue
            with os.scandir(part.parent) as entries:
                names = sorted(entry.name for entry in islice(entries, LOOKED_AT))
            found = nearest(part.name, (name for name in names if not name.startswith(".")))
            if found is None or not part.with_name(found).exists():  # a link to nothing
                return None
            whole = part.with_name(found) / path.relative_to(part)
            return whole if whole.exists() else nearest_path(whole) or part.with_name(found)
    return None


def did_you_mean(found: object, otherwise: str = "") -> str:
    """The question about what was found, or what is said where nothing was."""
    return otherwise if found is None else f"did you mean {found}?"
