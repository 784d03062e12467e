"""Small pictures, and folders of them."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Tree = Callable[..., Path]


@pytest.fixture(scope="session")
def picture() -> Callable[[str], bytes]:
    """The bytes of a PNG, another one for each name."""

    def make(name: str) -> bytes:
        rng = np.random.default_rng(list(name.encode("utf-8", "surrogateescape")))
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).save(file, "PNG")
        return file.getvalue()

    return make


@pytest.fixture
def tree(tmp_path: Path, picture: Callable[[str], bytes]) -> Tree:
    """Writes pictures of these names below a new folder."""

    def make(*names: str, root: str = "data") -> Path:
        for name in names:
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(name))
        return tmp_path / root

    return make
