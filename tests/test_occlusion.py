"""The occlusion map: what it is for a model that can be seen through, and for the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import catclf
from catclf.data.dataset import File
from catclf.data.loading import load_one
from catclf.occlusion import occlusion_map, overlay

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"
SIZE = 16


@pytest.fixture(scope="module")
def model():
    """A model on 16 x 16 pixels that looks at the square from (4, 8) to (8, 12), for cats, and at
    the pixel (15, 0), against."""
    w = np.zeros((SIZE, SIZE, 3))
    w[4:8, 8:12] = 0.1
    w[15, 0] = -1
    trained = catclf.train(DRAWN / "test", features="pixels", size=SIZE, l2=1)
    return replace(trained, w=w.reshape(-1, 1), b=0.25)


def test_a_place_is_worth_what_z_loses_without_it(model) -> None:
    pixels = np.full((SIZE, SIZE, 3), 50, np.uint8)
    pixels[4:8, 8:12] = 250
    pixels[15, 0] = 250
    worth = occlusion_map(model, pixels, places=4)
    mean = pixels.mean(axis=(0, 1)).round()[0]
    one = 3 * (250 - mean) / 255
    assert worth.shape == (4, 4)
    # The squares are eight pixels wide, two to the left of their place and two to the right.
    assert worth[1, 2] == pytest.approx(0.1 * 16 * one, rel=1e-5)
    assert worth[1, 1] == pytest.approx(0.1 * 8 * one, rel=1e-5)
    assert worth[0, 2] == pytest.approx(0.1 * 8 * one, rel=1e-5)
    assert worth[0, 1] == pytest.approx(0.1 * 4 * one, rel=1e-5)
    assert worth[3, 0] == pytest.approx(-one, rel=1e-5)
    assert worth[3, 2] == worth[3, 3] == worth[1, 0] == 0


def test_it_does_not_depend_on_threads_and_leaves_the_picture_alone(model) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    before = pixels.copy()
    first = occlusion_map(model, pixels, jobs=1)
    assert first.tobytes() == occlusion_map(model, pixels, jobs=3).tobytes()
    np.testing.assert_array_equal(pixels, before)


def test_the_score_of_a_photo_with_a_cat_in_a_corner_comes_from_there(photos, cat_photo) -> None:
    bundled = catclf.load_model(Path(catclf.__file__).with_name("bundled.npz"))
    (clock,) = (path for path in photos if path.stem == "clock")
    pixels, cat = (
        load_one(File(path), bundled.loading).picture.pixels.copy() for path in (clock, cat_photo)
    )
    pixels[112:, 112:] = cat[::2, ::2]
    worth = occlusion_map(bundled, pixels, places=4)
    assert worth[2:, 2:].max() == worth.max() > 1
    assert worth[2:, 2:].sum() > 0 > worth[:2].sum()


@pytest.mark.parametrize(
    ("shape", "places", "words"),
    [((8, 8, 3), 4, "the model takes"), ((16, 16), 4, "takes"), ((16, 16, 3), 17, "17 places")],
)
def test_another_size_is_refused(model, shape, places, words) -> None:
    with pytest.raises(ValueError, match=words):
        occlusion_map(model, np.zeros(shape, np.uint8), places)


def test_the_overlay_is_orange_for_and_blue_against() -> None:
    pixels = np.full((40, 60, 3), 100, np.uint8)
    worth = np.zeros((4, 4))
    worth[0, 0], worth[3, 3] = 2, -2
    shown = overlay(pixels, worth).astype(int)
    assert shown.shape == (40, 60, 3)
    red, _, blue = shown[2, 3]
    assert red > blue + 100
    red, _, blue = shown[37, 57]
    assert blue > red + 100
    assert len(set(shown[20, 30].tolist())) == 1  # where nothing was found: grey


def test_a_map_of_nothing_is_a_grey_picture() -> None:
    shown = overlay(np.full((8, 8, 3), 100, np.uint8), np.zeros((2, 2)))
    assert np.ptp(shown) == 0
