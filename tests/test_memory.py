"""X in a file instead of memory: the same model to the last bit, and nothing left behind."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from catclf.errors import DataError
from catclf.training import default_max_memory, train

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"


def test_a_model_trained_from_a_file_is_the_same_and_the_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small = partial(train, DRAWN, features="pixels", size=16, l2=0.1)
    in_memory = small()
    in_file = small(max_memory=16 * 16 * 3 * 300)  # a quarter of X
    assert np.array_equal(in_memory.w, in_file.w)
    assert in_memory.b == in_file.b
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(DataError, match=r"no room for .* GiB of features"):
        train(DRAWN, max_memory=1)


def test_the_default_is_less_than_the_machine_has() -> None:
    assert 2**20 < default_max_memory() < 2**50
