"""What counts as the same picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from catclf.data.decode import Loading, decode
from catclf.data.similarity import NEAR_BITS, Hashes, as_rows, contained, near_groups


def hashes(images: list[Image.Image], quality: int = 90, size: int = 64) -> tuple[Hashes, Hashes]:
    """Stand-ins for the files' hashes, all different, and the perceptual hashes."""
    digests = []
    for image in images:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        digests.append(decode(file.getvalue(), Loading(size)).perceptual_hash)
    files = np.random.default_rng(len(images)).integers(0, 256, (len(images), 32), np.uint8)
    return files, as_rows(digests)


@pytest.fixture(scope="module")
def originals(photos: list[Path]) -> list[Image.Image]:
    return [Image.open(photo).convert("RGB") for photo in photos]


def test_different_photos_are_different(originals: list[Image.Image]) -> None:
    files, pictures = hashes(originals)
    assert near_groups(files, pictures).tolist() == list(range(len(originals)))


def half(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2))


def brighter(image: Image.Image) -> Image.Image:
    return image.point(lambda value: min(255, value + 10))


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("copy", [half, ImageOps.mirror, brighter])
def test_copies_are_near(copy: object, size: int, originals: list[Image.Image]) -> None:
    assert callable(copy)
    everything = [*originals, *(copy(image) for image in originals)]
    files, pictures = hashes(everything, size=size)
    n = len(originals)
    assert near_groups(files, pictures).tolist() == [*range(n), *range(n)]


@pytest.mark.parametrize("quality", [40, 50])
def test_recompressed_copies_are_near(quality: int, originals: list[Image.Image]) -> None:
    files, pictures = hashes(originals)
    worse = hashes([half(image) for image in originals], quality)
    groups = near_groups(np.vstack([files, worse[0]]), np.vstack([pictures, worse[1]]))
    n = len(originals)
    assert groups.tolist() == [*range(n), *range(n)]


def test_flat_pictures_of_different_colours_are_different() -> None:
    colours = ["white", "black", "red", "blue", "#808080"]
    files, pictures = hashes([Image.new("RGB", (100, 80), colour) for colour in colours])
    assert near_groups(files, pictures).tolist() == list(range(len(colours)))


def test_slopes_of_different_colours_are_different() -> None:
    slope = Image.linear_gradient("L").rotate(90)
    slopes = [
        ImageOps.colorize(slope, *ends)
        for ends in (("black", "white"), ("black", "red"), ("white", "black"), ("blue", "white"))
    ]
    files, pictures = hashes(slopes)
    assert near_groups(files, pictures).tolist() == list(range(len(slopes)))


def test_equal_files_are_one_group_even_if_flat() -> None:
    files, pictures = hashes([Image.new("RGB", (10, 10), "white")] * 3)
    files[2] = files[0]
    assert near_groups(files, pictures).tolist() == [0, 1, 0]


def bits(n: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 2, (n, 256), np.uint8)


def test_near_means_at_most_so_many_bits() -> None:
    base = bits(1)
    rows = np.repeat(base, 3, axis=0)
    rows[1, :NEAR_BITS] ^= 1
    rows[2, 200 : 200 + NEAR_BITS + 1] ^= 1
    files = np.arange(96, dtype=np.uint8).reshape(3, 32)
    assert near_groups(files, np.packbits(rows, axis=1)).tolist() == [0, 0, 2]


def test_chains_are_one_group() -> None:
    rows = np.repeat(bits(1), 4, axis=0)
    for j in range(1, 4):
        rows[j:, (j - 1) * 20 : j * 20] ^= 1  # each 20 bits from the one before
    order = [2, 0, 3, 1]
    files = np.arange(128, dtype=np.uint8).reshape(4, 32)
    assert near_groups(files, np.packbits(rows[order], axis=1)).tolist() == [0, 0, 0, 0]


def test_groups_across_blocks_equal_a_slow_twin() -> None:
    rows = bits(2300)
    rows[2299] = rows[3]
    rows[1500] = 1 - rows[7].reshape(16, 16)[:, ::-1].reshape(-1)  # its mirror image
    files = np.random.default_rng(1).integers(0, 256, (2300, 32), np.uint8)
    expected = np.arange(2300)
    expected[2299], expected[1500] = 3, 7
    assert np.array_equal(near_groups(files, np.packbits(rows, axis=1)), expected)


def test_contained(originals: list[Image.Image]) -> None:
    known_files, known = hashes(originals[:4])
    others_files, others = hashes([half(originals[1]), originals[5], ImageOps.mirror(originals[3])])
    found = contained(others_files, others, known_files, known)
    assert found.tolist() == [True, False, True]
    flat_files, flat = hashes([Image.new("RGB", (9, 9), "white")] * 2)
    assert contained(flat_files[:1], flat[:1], flat_files[1:], flat[1:]).tolist() == [False]
    assert contained(flat_files[:1], flat[:1], flat_files, flat).tolist() == [True]


def test_nothing_contains_nothing() -> None:
    none = as_rows([])
    files, pictures = hashes([Image.new("RGB", (9, 9))])
    assert none.shape == (0, 32)
    assert contained(files, pictures, none, none).tolist() == [False]
    assert contained(none, none, files, pictures).tolist() == []
    assert near_groups(none, none).tolist() == []
