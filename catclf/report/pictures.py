"""Pictures as they lie in a page: small files in text."""

import base64
import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

MARK = b"Software\0catclf"  # of our pictures, near their start
QUALITY = 70  # of JPEG: a thumbnail of 96 x 96 pixels takes some 2.5 kB


def thumbnail(pixels: NDArray[np.uint8], side: int) -> bytes:
    """A JPEG of a square picture (size, size, 3) uint8, at most side x side pixels."""
    image = Image.fromarray(pixels)
    if image.width > side:
        image = image.resize((side, side), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of a picture (H, W, 3) uint8, with every pixel as it is, and with `MARK`."""
    file, info = io.BytesIO(), PngInfo()
    info.add_text("Software", "catclf")
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def data_address(data: bytes, kind: Literal["jpeg", "png", "svg+xml"]) -> str:
    """The picture itself as an address: `<img src="...">` needs no file and no connection."""
    return f"data:image/{kind};base64,{in_text(data)}"


def in_text(data: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(data).decode("ascii")
