"""The whole network in numpy beside PyTorch's, on real views.

`conv_reference.npz` holds what PyTorch made of them. With the extras `dev` and `weights`

    python tests/features/test_conv_reference.py WEIGHTS.pth

writes it anew; WEIGHTS.pth is the file that `tools/convert_conv.py` reads.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from catclf.data.decode import Loading, decode, from_array
from catclf.features.conv import N_X, Conv, forward, weights

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "sample_images/photos").glob("*.jpg"))
REFERENCE = Path(__file__).with_name("conv_reference.npz")
SIZES = (224, 97)  # of the views: as the network was trained, and one that is odd on many maps
ROUNDING = 1e-4  # of float32 numbers up to 6, some fifty layers deep

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Arrays = dict[str, NDArray[Any]]


def views(size: int) -> list[Pixels]:
    """Of each photo the whole, as it is decoded, and two pieces of two thirds of its sides: the
    upper left one, and the lower right one mirrored."""
    pixels = []
    for path in PHOTOS:
        pixels.append(decode(path.read_bytes(), Loading(size)).pixels)
        with Image.open(path) as image:
            photo = image.convert("RGB")
        width, height = photo.size
        upper_left = photo.crop((0, 0, 2 * width // 3, 2 * height // 3))
        lower_right = ImageOps.mirror(photo.crop((width // 3, height // 3, width, height)))
        pixels += [
            from_array(np.asarray(p), Loading(size)).pixels for p in (upper_left, lower_right)
        ]
    return pixels


def fingerprint(pixels: list[Pixels]) -> NDArray[np.str_]:
    return np.array([hashlib.sha256(view.tobytes()).hexdigest() for view in pixels])


def networks(*released: str) -> list[Any]:
    """PyTorch's network with the float16 weights of conv.npz, and those with released ones."""
    import torch

    sys.path.insert(0, str(ROOT / "tools"))
    import network

    ours = network.Network().eval()

    def put(name: str, convolution: Any, norm: Any) -> None:
        w = torch.from_numpy(weights()[f"{name}/w"])
        outputs, inputs, kernel, _ = convolution.weight.shape
        w = w.reshape(kernel, kernel, inputs, outputs).permute(3, 2, 0, 1)
        convolution.weight.data.copy_(w)
        norm.weight.data.fill_(1)  # what is left of it is to add b
        norm.bias.data.copy_(torch.from_numpy(weights()[f"{name}/b"]))
        norm.running_mean.fill_(0)
        norm.running_var.fill_(1 - network.EPSILON)

    put("stem", ours._conv_stem, ours._bn0)
    for i, block in enumerate(ours._blocks):
        if block.expands:
            put(f"{i:02}/expand", block._expand_conv, block._bn0)
        put(f"{i:02}/depthwise", block._depthwise_conv, block._bn1)
        put(f"{i:02}/project", block._project_conv, block._bn2)
    put("head", ours._conv_head, ours._bn1)
    return [ours, *map(network.released, released)]


def by_torch(network: Any, pixels: list[Pixels]) -> Array:
    """Its features of all views (n, 1280)."""
    import torch

    with torch.inference_mode():
        batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float()
        features: Array = network(batch).numpy()
        return features


def write_reference(released: str) -> None:
    """conv_reference.npz: hashes of the views, and what PyTorch makes of them."""
    float16, float32 = networks(released)
    arrays: Arrays = {}
    for size in SIZES:
        pixels = views(size)
        arrays[f"views_{size}"] = fingerprint(pixels)
        arrays[f"float16_{size}"] = by_torch(float16, pixels)
    arrays["float32_224"] = by_torch(float32, views(224))
    np.savez_compressed(REFERENCE, **arrays)


@pytest.fixture(scope="module")
def reference() -> Arrays:
    with np.load(REFERENCE) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def found() -> dict[int, Array]:
    """The mean of the last map, of all views, by size."""
    return {size: np.stack([forward(view, weights()) for view in views(size)]) for size in SIZES}


def test_the_views_are_those_of_the_reference(reference: Arrays) -> None:
    """Otherwise the decoder has changed, not the network: the reference is to be made anew."""
    for size in SIZES:
        assert fingerprint(views(size)).tolist() == reference[f"views_{size}"].tolist()


@pytest.mark.parametrize("size", SIZES)
def test_the_same_weights_give_the_same_features(
    size: int, reference: Arrays, found: dict[int, Array]
) -> None:
    expected = reference[f"float16_{size}"]
    assert expected.shape == (3 * len(PHOTOS), N_X)
    assert np.abs(expected).max() > 1  # so that the tolerance means something
    assert np.abs(found[size] - expected).max() <= ROUNDING


def test_x_is_the_square_root(reference: Arrays) -> None:
    x = np.stack([Conv(Loading(224)).column(view) for view in views(224)[:3]])
    assert x.dtype == np.float32
    assert np.abs(x**2 - reference["float16_224"][:3]).max() <= ROUNDING


def test_float16_weights_cost_less_than_a_hundredth(
    reference: Arrays, found: dict[int, Array]
) -> None:
    """0.7% of all the views' features, and 1.4% of those of a piece of clock.jpg."""
    expected = reference["float32_224"]
    difference = found[224] - expected
    assert np.linalg.norm(difference) <= 0.01 * np.linalg.norm(expected)
    by_view = np.linalg.norm(difference, axis=1) / np.linalg.norm(expected, axis=1)
    assert by_view.max() <= 0.02
    assert by_view.min() > 1e-3  # it is not the float16 reference once more


def test_pytorch_says_so_today(reference: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(sys, "path", list(sys.path))
    (network,) = networks()
    for size in SIZES:
        difference = by_torch(network, views(size)) - reference[f"float16_{size}"]
        assert np.abs(difference).max() <= ROUNDING


if __name__ == "__main__":
    write_reference(sys.argv[1])
