"""Bytes in, one RGB uint8 picture out: every rule about colour, orientation, size and danger.

The only module that opens pictures. The road, the same for every caller:

    header -> limits -> JPEG's reduced-scale decoding -> whole-number reduction, RGB, upright
           -> crop and resize to the model's size; perceptual hash

Reduction works strip by strip and on boxes that the orientation only permutes, so that a huge
picture costs little memory and all eight EXIF orientations of one picture give the same bytes.
Colour profiles are not applied: a wide-gamut photo comes out a little paler, nothing else.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from catclf.errors import UnreadableImage

# Our own limit is checked from the header; Pillow's would refuse pictures that we can reduce.
Image.MAX_IMAGE_PIXELS = None
MAX_PIXELS = 200_000_000

FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Pillow has these ready; to ask it for any other loads all of its plugins, which takes 30 ms.
_READY = ("BMP", "GIF", "JPEG", "PNG", "PPM")
_READY_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8")
EXTENSIONS = frozenset(
    (
        ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
        ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
    )
)  # fmt: skip
SIGNATURE_BYTES = 16
_SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

STRIP_PIXELS = 4_000_000  # converted at a time when a large picture is reduced
HASH_SIDE = 17  # places of a perceptual hash in a row, and one neighbour
GAP = 3  # reduction by a whole number stops at this many times the size: the filter does the rest

Crop = Literal["centre", "stretch"]
CROPS: tuple[Crop, ...] = ("centre", "stretch")


@dataclass(frozen=True)
class Loading:
    """How a picture becomes (size, size, 3): what a model stores, so that predict does as train.

    crop: "centre" takes the middle square, "stretch" squeezes the whole picture into one.
    """

    size: int = 64
    crop: Crop = "centre"


@dataclass(frozen=True)
class Picture:
    """One decoded picture.

    pixels: (size, size, 3) uint8. width, height: of the upright original. perceptual_hash: 32
    bytes, one bit for each of 16 x 16 places: brighter than its left neighbour? format, mode,
    orientation: as it was stored, in Pillow's and EXIF's words; an array has no format.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    perceptual_hash: bytes
    format: str = ""
    mode: str = "RGB"
    orientation: int = 1


def looks_like_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes is in one of the formats read here."""
    if head.startswith(_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    return head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", *_HEIF_BRANDS)


def decode(
    data: bytes, loading: Loading, max_pixels: int = MAX_PIXELS, hashed: bool = True
) -> Picture:
    """The picture in these bytes, or `UnreadableImage` with the reason.

    hashed False leaves the perceptual hash empty, for those who do not ask what else it equals.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as image:
            return _picture(image, loading, max_pixels, hashed)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(_why_unknown(data)) from error
    except MemoryError as error:
        raise UnreadableImage("too large for the memory that is free") from error
    except Exception as error:  # damaged files make Pillow raise a dozen unrelated kinds
        raise UnreadableImage(f"damaged: {_one_line(error)}") from error


def _formats(data: bytes) -> tuple[str, ...]:
    if data.startswith(_READY_SIGNATURES):
        return _READY
    return (*FORMATS, "HEIF") if _is_heif(data) and _heif_is_installed() else FORMATS


def from_array(array: NDArray[np.uint8], loading: Loading, hashed: bool = True) -> Picture:
    """The same for a picture that is an array, (H, W, 3), (H, W, 4) or (H, W) uint8."""
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not fits or not array.size or array.dtype != np.uint8:
        what = f"an array {array.shape} {array.dtype} is no picture"
        raise UnreadableImage(what, do="give (H, W, 3) uint8")
    image = Image.fromarray(np.ascontiguousarray(array))
    return _picture(image, loading, MAX_PIXELS, hashed)


def _picture(image: Image.Image, loading: Loading, max_pixels: int, hashed: bool) -> Picture:
    size = max(loading.size, HASH_SIDE)  # what the hash needs is not reduced away
    width, height = image.size
    image.draft(None, (2 * size, 2 * size))  # JPEG only: decodes at 1/2, 1/4 or 1/8
    # A progressive JPEG is held at its full size however small it is decoded.
    held = width * height if "progressive" in image.info else image.size[0] * image.size[1]
    if held > max_pixels:
        what = f"{held / 1e6:.0f} megapixels, more than the limit of {max_pixels / 1e6:.0f}"
        raise UnreadableImage(what)
    mode = image.mode
    image.load()  # a PNG may tell its orientation last, and Pillow turns a TIFF upright here
    orientation = _orientation(image)
    if orientation >= 5:
        width, height = height, width
    frame = _upright(_reduced(image, min(image.size) // (GAP * size), orientation), orientation)
    perceptual_hash = _perceptual_hash(frame) if hashed else b""
    pixels = _fit(frame, loading)
    return Picture(pixels, width, height, perceptual_hash, image.format or "", mode, orientation)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where it is absent, unreadable or does not exist."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # corrupt EXIF raises SyntaxError, struct.error, ...; the pixels may be fine
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_REVERSES_X = (2, 3, 7, 8)  # orientations in which a stored row runs backwards in the upright
_REVERSES_Y = (3, 4, 6, 7)  # picture, and those in which a stored column does


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TRANSPOSE[orientation]) if orientation != 1 else image


def _reduced(image: Image.Image, factor: int, orientation: int) -> Image.Image:
    """The picture in RGB, each factor x factor box averaged; what does not fill a box is trimmed.

    An odd rest is trimmed at the same side of the *upright* picture whatever the orientation.
    """
    to_rgb = _conversion(image)
    if factor < 2:
        return to_rgb(image)
    width, height = (side // factor for side in image.size)
    left, top = (side % factor // 2 for side in image.size)
    if orientation in _REVERSES_X:
        left = image.size[0] % factor - left
    if orientation in _REVERSES_Y:
        top = image.size[1] % factor - top
    reduced = Image.new("RGB", (width, height))
    rows = max(1, STRIP_PIXELS // (width * factor * factor))
    for row in range(0, height, rows):
        last = min(row + rows, height)
        box = (left, top + row * factor, left + width * factor, top + last * factor)
        reduced.paste(to_rgb(image.crop(box)).reduce(factor), (0, row))
    return reduced


def _conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """How this picture, or a strip of it, becomes RGB as a person would see it."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        black, white = _levels(image)
        return lambda strip: _scaled(strip, black, white)
    if image.has_transparency_data:
        return _on_white
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        return lambda strip: ImageChops.invert(strip).convert("RGB")  # Pillow takes it for Adobe's
    return lambda strip: strip if strip.mode == "RGB" else strip.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float]:
    """Black and white of a picture with more than 8 bits: the whole range of 16-bit ones; for
    32-bit ones only the values tell what is meant."""
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM"):
        return 0.0, 65535.0
    values = np.asarray(image)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    for white in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        if low >= 0 and high <= white:
            return 0.0, white
    return (low, high) if high > low else (low, low + 1)


def _scaled(image: Image.Image, black: float, white: float) -> Image.Image:
    values = (np.asarray(image, np.float64) - black) * (255 / (white - black))
    grey = np.nan_to_num(np.clip(values + 0.5, 0, 255)).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    page = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(page, rgba).convert("RGB")


def _fit(frame: Image.Image, loading: Loading) -> NDArray[np.uint8]:
    width, height = frame.size
    left = top = 0.0
    if loading.crop == "centre":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, width - left, height - top)
    fitted = frame.resize((loading.size, loading.size), Image.Resampling.BICUBIC, box)
    return np.asarray(fitted)


def _perceptual_hash(frame: Image.Image) -> bytes:
    exact = frame.convert("L").convert("F")  # means of whole numbers tie where it is nearly flat
    grey = np.asarray(exact.resize((HASH_SIDE, HASH_SIDE - 1), Image.Resampling.BOX))
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes()


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _heif_is_installed() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _why_unknown(data: bytes) -> str:
    if _is_heif(data) and not _heif_is_installed():
        return "a HEIC picture, which needs an extra: pip install 'catclf[heif]'"
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture"
    if looks_like_picture(data[:SIGNATURE_BYTES]):
        return "damaged: its header cannot be read"
    return "not a picture in a format that catclf reads"


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
