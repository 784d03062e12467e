"""The network in numpy: each operation beside plain loops, its file, and x to the last bit.

The whole network stands beside PyTorch's in `test_conv_reference.py`.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catclf import load_model, train
from catclf.data.dataset import File
from catclf.data.decode import Loading, decode, from_array
from catclf.errors import ModelError
from catclf.features import feature_map, matrix
from catclf.features.blas import one_thread
from catclf.features.conv import (
    BLOCKS,
    N_X,
    STEM,
    WEIGHTS,
    Conv,
    depthwise,
    padding,
    patches,
    pointwise,
    relu6,
)

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "sample_images/photos").glob("*.jpg"))
MEBIBYTE = 2**20

Array = NDArray[np.float32]


def random(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


# Plain loops: numbers times numbers, and what lies outside of the map is left out of the sum.


def before(length: int, kernel: int, stride: int) -> int:
    """Rows that TensorFlow's SAME adds above: in the words of its documentation of tf.nn."""
    rest = length % stride
    total = max(kernel - stride, 0) if rest == 0 else max(kernel - rest, 0)
    return total // 2


def taps(length: int, kernel: int, stride: int, position: int) -> list[tuple[int, int]]:
    """Places in the kernel and in the map that meet where the kernel is at a position."""
    first = position * stride - before(length, kernel, stride)
    return [(i, first + i) for i in range(kernel) if 0 <= first + i < length]


def halved(length: int, stride: int) -> int:
    """Positions along a side: ceil(length / stride)."""
    return (length + stride - 1) // stride


def slow_depthwise(x: Array, stride: int, w: Array, b: Array) -> NDArray[np.float64]:
    length, channels, kernel = len(x), x.shape[2], len(w)
    y = np.zeros((halved(length, stride), halved(length, stride), channels))
    for row, column, channel in np.ndindex(y.shape):
        y[row, column, channel] = b[channel]
        for i, r in taps(length, kernel, stride, row):
            for j, c in taps(length, kernel, stride, column):
                y[row, column, channel] += float(x[r, c, channel]) * float(w[i, j, channel])
    return y


def slow_full(x: Array, stride: int, w: Array, b: Array) -> NDArray[np.float64]:
    """Each output from all inputs: w (kernel, kernel, inputs, outputs)."""
    length, (kernel, _, inputs, outputs) = len(x), w.shape
    y = np.zeros((halved(length, stride), halved(length, stride), outputs))
    for row, column, output in np.ndindex(y.shape):
        y[row, column, output] = b[output]
        for i, r in taps(length, kernel, stride, row):
            for j, c in taps(length, kernel, stride, column):
                for k in range(inputs):
                    y[row, column, output] += float(x[r, c, k]) * float(w[i, j, k, output])
    return y


class TestOperations:
    """Against the loops; float32 sums of some ten products are good to 1e-5."""

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8, 11, 12])
    @pytest.mark.parametrize("stride", [1, 2])
    @pytest.mark.parametrize("kernel", [3, 5])
    def test_depthwise(self, kernel: int, stride: int, length: int) -> None:
        x, w, b = random(length, length, 3), random(kernel, kernel, 3), random(3)
        found = depthwise(x, stride, w, b)
        assert found.dtype == np.float32
        assert np.allclose(found, slow_depthwise(x, stride, w, b), rtol=0, atol=1e-5)

    @pytest.mark.parametrize("size", [(1, 1), (4, 4), (3, 5)])
    def test_pointwise(self, size: tuple[int, int]) -> None:
        x, w, b = random(*size, 6), random(6, 4), random(4)
        expected = [
            [[b[o] + sum(x[r, c, i] * w[i, o] for i in range(6)) for o in range(4)]
             for c in range(size[1])]
            for r in range(size[0])
        ]  # fmt: skip
        found = pointwise(x, w, b)
        assert found.dtype == np.float32
        assert np.allclose(found, expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("length", [1, 2, 3, 6, 9])
    def test_the_stem_s_patches_make_a_convolution_one_product(self, length: int) -> None:
        x, w, b = random(length, length, 3), random(3, 3, 3, 4), random(4)
        found = pointwise(patches(x, 3, 2), w.reshape(-1, 4), b)
        assert np.allclose(found, slow_full(x, 2, w, b), rtol=0, atol=1e-5)

    def test_a_patch_is_row_by_row_and_each_place_has_its_channels(self) -> None:
        x = random(7, 7, 2)
        assert np.array_equal(patches(x, 3, 2)[1, 2], x[1:4, 3:6].reshape(-1))

    @pytest.mark.parametrize("stride", [1, 2])
    def test_the_input_is_left_as_it_is(self, stride: int) -> None:
        x = random(6, 6, 3)
        kept = x.copy()
        depthwise(x, stride, random(3, 3, 3), random(3))
        pointwise(x, random(3, 2), random(2))
        patches(x, 3, 2)
        assert np.array_equal(x, kept)

    def test_relu6_cuts_at_both_ends(self) -> None:
        x = np.array([-1, 0, 0.5, 6, 7], np.float32)
        assert relu6(x).tolist() == [0, 0, 0.5, 6, 6]

    @pytest.mark.parametrize("kernel", [1, 3, 5])
    @pytest.mark.parametrize("stride", [1, 2])
    def test_padding_is_tensorflow_s_same(self, kernel: int, stride: int) -> None:
        for length in range(1, 30):
            above, below = padding(length, kernel, stride)
            assert above == before(length, kernel, stride)
            assert 0 <= below - above <= 1  # the larger half comes after
            assert (length + above + below - kernel) // stride + 1 == halved(length, stride)


class TestFile:
    """conv.npz, and the table that says what is in it."""

    def test_its_hash_is_the_one_that_models_name(self) -> None:
        assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == Conv.sha256

    def test_it_is_small_and_read_without_unpacking(self) -> None:
        assert WEIGHTS.stat().st_size <= 7 * MEBIBYTE
        with zipfile.ZipFile(WEIGHTS) as archive:
            assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}

    def test_it_holds_what_the_table_says_in_float16(self) -> None:
        expected: dict[str, tuple[int, ...]] = {"stem/w": (27, STEM), "head/w": (320, N_X)}
        for i, block in enumerate(BLOCKS):
            wide = block.inputs * block.expansion
            if block.expansion > 1:
                expected[f"{i:02}/expand/w"] = (block.inputs, wide)
            expected[f"{i:02}/depthwise/w"] = (block.kernel, block.kernel, wide)
            expected[f"{i:02}/project/w"] = (wide, block.outputs)
        for name, shape in list(expected.items()):
            expected[name.replace("/w", "/b")] = shape[-1:]
        with np.load(WEIGHTS, allow_pickle=False) as stored:
            assert {name: stored[name].shape for name in stored.files} == expected
            for name in stored.files:
                assert stored[name].dtype == np.float16
                assert np.isfinite(stored[name]).all()

    def test_the_table_is_the_paper_s(self) -> None:
        """Table 1 of Tan and Le 2019: resolution in, MBConv's expansion and kernel, channels out,
        layers. Where the next resolution is half, the stage has stride 2."""
        paper = [
            (112, 1, 3, 16, 1),
            (112, 6, 3, 24, 2),
            (56, 6, 5, 40, 2),
            (28, 6, 3, 80, 3),
            (14, 6, 5, 112, 3),
            (14, 6, 5, 192, 4),
            (7, 6, 3, 320, 1),
            (7, 0, 0, 0, 0),
        ]
        rows, channels = [], STEM
        for (length, expansion, kernel, outputs, layers), after in pairwise(paper):
            for layer in range(layers):
                stride = length // after[0] if layer == 0 else 1
                rows.append((kernel, stride, expansion, channels, outputs))
                channels = outputs
        assert [tuple(block) for block in BLOCKS] == rows


FRESH = """
import hashlib, pathlib, sys
from catclf.data.dataset import File
from catclf.data.decode import Loading
from catclf.features import feature_map, matrix
photos = [File(pathlib.Path(name)) for name in sys.argv[1:]]
X = matrix(feature_map("conv", Loading(224)), photos, jobs=2).X
print(hashlib.sha256(X.tobytes("F")).hexdigest())
"""


class TestSameBits:
    """x depends on the picture alone, to the last bit."""

    @pytest.fixture(scope="class")
    @staticmethod
    def alone() -> Array:
        """Each photo asked for alone (1280, 7)."""
        features = feature_map("conv", Loading(224))
        return np.hstack([matrix(features, [File(path)], jobs=1).X for path in PHOTOS])

    @pytest.mark.parametrize("jobs", [1, 2, 5])
    def test_whatever_is_computed_beside_it(self, alone: Array, jobs: int) -> None:
        order = np.random.default_rng(jobs).permutation(len(PHOTOS))
        sources = [File(PHOTOS[i]) for i in order]
        X = matrix(feature_map("conv", Loading(224)), sources, jobs=jobs).X
        assert np.array_equal(X, alone[:, order])

    def test_whatever_the_layout_of_the_pixels(self, alone: Array) -> None:
        pixels = decode(PHOTOS[0].read_bytes(), Loading(224)).pixels
        for same in (pixels, np.asfortranarray(pixels), pixels[::-1].copy()[::-1]):
            assert np.array_equal(Conv(Loading(224)).column(same), alone[:, 0])

    def test_on_however_many_threads_products_run(self, alone: Array, threads: object) -> None:
        column = Conv(Loading(224)).column
        pixels = decode(PHOTOS[0].read_bytes(), Loading(224)).pixels
        assert np.array_equal(column(pixels), alone[:, 0])
        with one_thread():
            assert np.array_equal(column(pixels), alone[:, 0])

    @pytest.mark.parametrize("threads", ["1", "2"])
    def test_in_a_fresh_process(self, alone: Array, threads: str, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", FRESH, *map(str, PHOTOS)],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == hashlib.sha256(alone.tobytes("F")).hexdigest()


class TestSizes:
    """Other sides than the one that it was trained on."""

    @pytest.mark.parametrize("size", [1, 32, 96, 97, 160])
    def test_x_is_always_as_long(self, size: int) -> None:
        x = Conv(Loading(size)).column(decode(PHOTOS[3].read_bytes(), Loading(size)).pixels)
        assert (x.shape, x.dtype) == ((N_X,), np.float32)
        assert np.isfinite(x).all()
        assert size == 1 or x.max() > 0.5

    @pytest.mark.parametrize("shape", [(1, 1), (5, 7), (300, 2)])
    def test_tiny_pictures_are_enlarged(self, shape: tuple[int, int]) -> None:
        picture = np.full((*shape, 3), 200, np.uint8)
        features = feature_map("conv", Loading(224))
        pixels = from_array(picture, features.loading).pixels
        assert pixels.shape == (224, 224, 3)
        whole = features.column(np.full((224, 224, 3), 200, np.uint8))
        assert np.array_equal(features.column(pixels), whole)  # one colour stays that


def test_a_model_on_other_weights_is_refused_by_name(tmp_path: Path) -> None:
    for path in PHOTOS[:4]:
        folder = tmp_path / "data" / ("cat" if "chelsea" in path.name else "other")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).symlink_to(path)
    model = train(tmp_path / "data", l2=1, size=32)
    model.save(tmp_path / "model.npz")
    assert load_model(tmp_path / "model.npz").features_sha256 == Conv.sha256
    replace(model, features_sha256="0123456789abcdef" * 4).save(tmp_path / "model.npz")
    with pytest.raises(ModelError, match="needs the feature map conv 0123456789ab, which this"):
        load_model(tmp_path / "model.npz")
