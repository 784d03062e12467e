"""EfficientNet-Lite0 without its classifier: x is the square root of the mean of its last map.

Source: Tan and Le 2019, "EfficientNet", table 1; the Lite variant has ReLU6 for activation and no
squeeze-and-excitation, so it is convolutions, additions and clips. A picture is (height, width,
channels): there a 1 x 1 convolution is one matrix product. Batch normalization is folded into the
weights (`tools/convert_conv.py`).
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from catclf.data.decode import Loading
from catclf.features.blas import one_thread

Map = NDArray[np.float32]  # (height, width, channels)

WEIGHTS = Path(__file__).with_name("conv.npz")
CENTRE, SCALE = np.float32(127), np.float32(128)  # of a pixel, as the network was trained
N_X = 1280


class Block(NamedTuple):
    """A row of the table, once for each of its repetitions."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


def _blocks(
    repeats: int, kernel: int, stride: int, expansion: int, inputs: int, outputs: int
) -> tuple[Block, ...]:
    """The first block of a stage takes the stride and the new channels, the others keep both."""
    first = Block(kernel, stride, expansion, inputs, outputs)
    return (first,) + (repeats - 1) * (Block(kernel, 1, expansion, outputs, outputs),)


STEM = 32  # channels of the first map, half as high and wide as the picture
BLOCKS = (
    *_blocks(1, 3, 1, 1, STEM, 16),
    *_blocks(2, 3, 2, 6, 16, 24),
    *_blocks(2, 5, 2, 6, 24, 40),
    *_blocks(3, 3, 2, 6, 40, 80),
    *_blocks(3, 5, 1, 6, 80, 112),
    *_blocks(4, 5, 2, 6, 112, 192),
    *_blocks(1, 3, 1, 6, 192, 320),
)


class Conv:
    """x (1280,) of a picture (size, size, 3): the mean over positions of the last map, and its
    square root, which brings a few large numbers nearer to the many small ones."""

    name = "conv"
    sha256 = "4d04ade942f15331773fd9a605355aacd80e1feb17ee1ca6d91f3fcb88125d89"  # of conv.npz

    def __init__(self, loading: Loading) -> None:
        self.loading = loading
        self.n_x = N_X

    def column(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """x (1280,) of a picture (size, size, 3) uint8: one picture at a time on one thread, so
        that it is the same to the bit whatever else is computed."""
        with one_thread():
            return np.sqrt(forward(pixels, weights()))


@cache
def weights() -> dict[str, Map]:
    """The network's arrays in float32 by name, read once."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def forward(pixels: NDArray[np.uint8], w: dict[str, Map]) -> NDArray[np.float32]:
    """The whole network, from (size, size, 3) uint8 to (1280,), the mean of its last map."""
    x = (pixels - CENTRE) / SCALE
    x = relu6(pointwise(patches(x, 3, 2), w["stem/w"], w["stem/b"]))
    for i, block in enumerate(BLOCKS):
        x = _block(x, block, f"{i:02}", w)
    x = relu6(pointwise(x, w["head/w"], w["head/b"]))
    x_mean: NDArray[np.float32] = x.mean(axis=(0, 1))
    return x_mean


def _block(x: Map, block: Block, name: str, w: dict[str, Map]) -> Map:
    """Expansion, depthwise convolution, projection; x is added where the shape stays."""
    y = x
    if block.expansion > 1:
        y = relu6(pointwise(x, w[f"{name}/expand/w"], w[f"{name}/expand/b"]))
    y = relu6(depthwise(y, block.stride, w[f"{name}/depthwise/w"], w[f"{name}/depthwise/b"]))
    y = pointwise(y, w[f"{name}/project/w"], w[f"{name}/project/b"])
    return y + x if block.stride == 1 and block.inputs == block.outputs else y


def pointwise(x: Map, w: Map, b: Map) -> Map:
    """1 x 1 convolution: each position's channels (inputs,) times w (inputs, outputs), plus b."""
    height, width, inputs = x.shape
    y: Map = x.reshape(-1, inputs) @ w
    y += b
    return y.reshape(height, width, -1)


def relu6(x: Map) -> Map:
    """min(max(x, 0), 6), where it stands."""
    return np.clip(x, np.float32(0), np.float32(6), out=x)


def padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, the larger half after, as the network was trained."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def padded(x: Map, kernel: int, stride: int) -> Map:
    """x with zeros around it."""
    size, channels = len(x), x.shape[2]
    before, after = padding(size, kernel, stride)
    y = np.zeros((before + size + after, before + size + after, channels), np.float32)
    y[before : before + size, before : before + size] = x  # a tenth of the time of np.pad
    return y


def patches(x: Map, kernel: int, stride: int) -> Map:
    """(height / stride, width / stride, kernel * kernel * channels)."""
    x = padded(x, kernel, stride)
    size = (len(x) - kernel) // stride + 1
    a, b, c = x.strides
    view = as_strided(
        x, (size, size, kernel, kernel, x.shape[2]), (a * stride, b * stride, a, b, c)
    )
    return view.reshape(size, size, -1)


def depthwise(x: Map, stride: int, w: Map, b: Map) -> Map:
    """Each channel with its own kernel: w (kernel, kernel, channels), b (channels,)."""
    kernel, channels = len(w), x.shape[2]
    x = padded(x, kernel, stride)
    size = (len(x) - kernel) // stride + 1
    r, c, item = x.strides
    if stride == 1:  # whole rows at a time: the kernel's row is repeated along them
        windows = as_strided(x, (kernel, kernel, size, size * channels), (r, c, r, item))
        y: Map = np.einsum("ijhe,ije->he", windows, np.tile(w, size))
    else:
        windows = as_strided(
            x, (kernel, kernel, size, size, channels), (r, c, stride * r, stride * c, item)
        )
        y = np.einsum("ijhwc,ijc->hwc", windows, w)
    y = y.reshape(size, size, channels)
    y += b
    return y
