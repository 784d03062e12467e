"""The notes' own features: the picture's pixels, flattened and divided by 255.

Source: the notes, "Binary classification": an RGB image becomes an input vector.
"""

import numpy as np
from numpy.typing import NDArray

from catclf.data.decode import Loading


class Pixels:
    """x = pixels / 255, row by row, red, green, blue: n_x = size * size * 3."""

    name = "pixels"
    sha256 = ""

    def __init__(self, loading: Loading) -> None:
        self.loading = loading
        self.n_x = loading.size * loading.size * 3

    def column(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """x (n_x,) of a picture (size, size, 3) uint8.

        >>> white = np.full((64, 64, 3), 255, np.uint8)
        >>> Pixels(Loading(size=64)).column(white).shape
        (12288,)
        """
        return pixels.reshape(-1).astype(np.float32) / np.float32(255)
