"""What a shell is offered where a model is asked for.

Where nothing is offered the shell completes file names itself.
"""

import os
import re

_PLAIN = re.compile(r"[\w ./~+,=@%-]+")  # a shell would take other characters for its own


def models(incomplete: str) -> list[str]:
    """The .npz files whose names, as far as they are typed, begin like this."""
    folder, start = os.path.split(incomplete)
    try:
        names = sorted(os.listdir(folder or os.curdir))  # noqa: PTH208 - a fifth of pathlib's time
    except OSError:
        return []
    found = (os.path.join(folder, n) for n in names if n.startswith(start) and n.endswith(".npz"))  # noqa: PTH118
    return [path for path in found if _PLAIN.fullmatch(path)]
