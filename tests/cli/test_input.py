"""What the command line makes of pictures that are large, odd or broken: a row, and no noise."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from catclf.cli import options
from catclf.data.decode import MAX_PIXELS


@pytest.fixture
def broken_tiff(tmp_path: Path) -> Path:
    """One at which libtiff writes a line of its own."""
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "TIFF", compression="packbits")
    data = bytearray(file.getvalue())
    data[300:308] = b"\xff\0\xff\0\x12\x55\xaa\xff"
    path = tmp_path / "packed.tif"
    path.write_bytes(data)
    return path


def test_what_libtiff_says_stays_off_the_terminal(broken_tiff: Path, split_model: Path) -> None:
    """It writes to the process's own stderr, past Python; --debug lets it."""

    def ran(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "catclf", "predict", "-m", str(split_model)]
        inputs = [str(broken_tiff)] * 3  # so that threads decode
        return subprocess.run([*command, *inputs, *options], capture_output=True, text=True)

    plain = ran()
    assert plain.stderr == "3 photos: 3 unreadable\n"
    assert plain.stdout.count("\n") == 3
    assert "PackBits" in ran("--debug").stderr


def test_stderr_is_whole_again_afterwards(cli: Callable) -> None:
    before = os.fstat(2)
    cli("predict", "none.jpg")
    assert os.fstat(2) == before


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "2>/dev/full"])
def test_a_stderr_that_leads_nowhere_is_no_trouble(closed: str, tmp_path: Path) -> None:
    command = f"'{sys.executable}' -m catclf predict none.jpg --quiet {closed}"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, "none.jpg\t\t\tno such file\n")


class TestLimit:
    """--max-megapixels is the same in every command, and no part of a model."""

    @pytest.fixture
    def data(self, linked: Callable[..., Path], tmp_path: Path) -> Path:
        """Drawings, and among the test pictures one of 2 megapixels."""
        root = tmp_path / "data"
        for split in ("train", "test"):
            linked(root / split, 12, 12, split)
        Image.new("RGB", (2000, 1000), "red").save(root / "test/cat/large.png")
        return root

    def test_a_larger_picture_is_left_out_and_named(
        self, train: Callable, cli: Callable, data
    ) -> None:
        reason = "2 megapixels, more than the limit of 1; raise it with --max-megapixels"
        (data / "test/cat/large.png").rename(data / "train/cat/large.png")
        ran = train(data, "--max-megapixels", 1)
        assert (ran.code, f"train/cat/large.png: {reason}" in ran.err) == (0, True)
        ran = cli("predict", data / "train/cat/large.png", "--max-megapixels", 1)
        assert (ran.code, ran.rows[0].split("\t")[-1]) == (3, reason)
        (data / "train/cat/large.png").rename(data / "test/cat/large.png")
        ran = cli("eval", data, "--max-megapixels", 1)
        assert (ran.code, f"test/cat/large.png: {reason}" in ran.err) == (0, True)
        ran = cli("check", data, "--no-labels", "--max-megapixels", 1)
        assert (ran.code, reason in ran.out) == (1, True)

    def test_it_is_the_loader_s(self) -> None:
        assert options.USUAL_MEGAPIXELS * options.MEGA == MAX_PIXELS

    def test_the_model_does_not_remember_it(self, train: Callable, cli: Callable, data) -> None:
        assert train(data, "--max-megapixels", 1, "-o", "low.npz").code == 0
        assert train(data, "-o", "usual.npz").code == 0
        assert cli("info", "low.npz", "--json").out.count("megapixels") == 0
        rows = [
            cli("predict", "-m", name, data / "test/cat/large.png").rows
            for name in ("low.npz", "usual.npz")
        ]
        assert rows[0] == rows[1]
        assert rows[0][0].split("\t")[2]  # it has been read
