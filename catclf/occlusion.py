"""Which parts of a picture a score came from: cover one after the other, and see how z moves.

Works for every feature map, because it asks the model and looks at nothing inside it. numpy alone.
Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 3.
"""

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array
from catclf.data.loading import in_order
from catclf.model import Model

PLACES = 7  # of a map in a row
COVER = 2  # places that are covered at once in a row: one alone hides too little to be missed

_FOR = np.array([255, 140, 0], np.float64)  # orange and blue, told apart by every eye
_AGAINST = np.array([0, 110, 255], np.float64)
_GREY, _STRONGEST = 0.75, 0.65  # of the picture's own brightness; of the colour over it


def occlusion_map(
    model: Model, pixels: NDArray[np.uint8], places: int = PLACES, jobs: int | None = None
) -> Array:
    """How much of z = w'x + b each part of a picture is worth: (places, places) float64.

    pixels (size, size, 3) uint8 is the picture as the model's `loading` prepares it. Above 0: the
    part speaks for the positive class, z falls by as much where a square around it, twice as wide
    as a place, is covered in the picture's mean colour. jobs: threads, by default one a core.
    ValueError where the picture is of another size, or has fewer pixels in a row than places.
    """
    size = model.loading.size
    if pixels.shape != (size, size, 3) or pixels.dtype != np.uint8:
        raise ValueError(f"the model takes ({size}, {size}, 3) uint8, not {pixels.shape}")
    if not 1 <= places <= size:
        raise ValueError(f"{places} places in a row of {size} pixels")
    whole = model.score(pixels).z
    cover = pixels.mean(axis=(0, 1)).round().astype(np.uint8)
    step, half = size / places, COVER * size / places / 2

    def fall(place: tuple[int, ...]) -> float:
        """How far z falls where the square around the middle of this place is covered."""
        (top, bottom), (left, right) = (
            (max(0, round((i + 0.5) * step - half)), round((i + 0.5) * step + half)) for i in place
        )
        covered = pixels.copy()
        covered[top:bottom, left:right] = cover
        return whole - model.score(covered).z

    falls = list(in_order(fall, np.ndindex(places, places), jobs))
    return np.array(falls).reshape(places, places)


def overlay(pixels: NDArray[np.uint8], worth: Array) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 in grey with its map over it: orange what speaks for the positive
    class, blue what speaks against it, the strongest part in full colour."""
    height, width = pixels.shape[:2]
    strength = _enlarged(worth, height, width) / (float(np.abs(worth).max()) or 1.0)
    opacity = _STRONGEST * np.abs(strength)[:, :, None]
    colour = np.where(strength[:, :, None] > 0, _FOR, _AGAINST)
    grey = _GREY * pixels.mean(axis=2, keepdims=True)
    return np.asarray(((1 - opacity) * grey + opacity * colour).round().astype(np.uint8))


def _enlarged(values: Array, height: int, width: int) -> Array:
    """Values (h, w) at the middles of their places, and straight lines between: (height, width)."""
    for axis, length in ((0, height), (1, width)):
        at = (np.arange(length) + 0.5) * values.shape[axis] / length - 0.5
        at = np.clip(at, 0, values.shape[axis] - 1)
        before = np.floor(at).astype(np.intp)
        after = np.minimum(before + 1, values.shape[axis] - 1)
        part = (at - before).reshape((-1, 1) if axis == 0 else (1, -1))
        values = (1 - part) * values.take(before, axis) + part * values.take(after, axis)
    return values
