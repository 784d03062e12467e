"""Bytes in, one RGB uint8 picture out: every rule about colour, orientation, size and danger.

The only module that opens pictures. The road, the same for every caller:

    header -> limits -> JPEG's reduced-scale decoding -> whole-number reduction, RGB, upright
           -> crop and resize to the model's size; perceptual hash

Reduction works strip by strip and on boxes that the orientation only permutes, so that a huge
picture costs little more memory than Pillow's own copy of it, and all eight EXIF orientations of
one picture give the same bytes. Of very large pictures one is decoded at a time.
Colour profiles are not applied: a wide-gamut photo comes out a little paler, nothing else.
"""

import io
import logging
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError
from PIL.JpegImagePlugin import jpeg_factory

from catclf.errors import UnreadableImage

MAX_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow looks at parts too, as the tiles of a TIFF
# Its remarks go to whoever set up logging, and not to the terminal where nobody did.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# These are held several times over while they are decoded, and count as often.
_COPIES = {"AVIF": 2, "HEIF": 2, "JPEG2000": 5, "WEBP": 4}
# Pillow decodes these in Python, a second and more for a megapixel.
_SLOW_DECODERS = ("ppm", "ppm_plain")
SLOW_PIXELS = 500_000
# Larger ones wait for one another.
LARGE_PIXELS = 50_000_000
LARGE_BYTES = 100_000_000
_ICON_SIDE = 1024  # the format says 256, some are larger
_RAISE = "raise it with --max-megapixels"

FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Pillow has these ready; to ask it for any other loads all of its plugins, which takes 30 ms.
_READY = ("BMP", "GIF", "JPEG", "PNG", "PPM")
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_ICON = b"\0\0\1\0"
_READY_SIGNATURES = (_PNG, b"GIF8")
EXTENSIONS = frozenset(
    (
        ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
        ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
    )
)  # fmt: skip
SIGNATURE_BYTES = 16
_SIGNATURES = (
    _JPEG,
    _PNG,
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

STRIP_PIXELS = 1_000_000  # converted at a time when a large picture is reduced
HASH_SIDE = 17  # places of a perceptual hash in a row, and one neighbour
GAP = 3  # reduction by a whole number stops at this many times the size: the filter does the rest

Crop = Literal["centre", "stretch"]
CROPS: tuple[Crop, ...] = ("centre", "stretch")


@dataclass(frozen=True)
class Loading:
    """How a picture becomes (size, size, 3): what a model stores, so that predict does as train.

    crop: "centre" takes the middle square, "stretch" squeezes the whole picture into one.
    max_pixels: larger pictures are refused. No model stores it: it changes no x, it guards the
    machine that reads, and a model from a stranger must not lift it.
    """

    size: int = 64
    crop: Crop = "centre"
    max_pixels: int = MAX_PIXELS

    def stored(self) -> dict[str, int | str]:
        """What a model stores of it."""
        return {"size": self.size, "crop": self.crop}


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


def decode(data: bytes, loading: Loading, hashed: bool = True) -> Picture:
    """The picture in these bytes, or `UnreadableImage` with the reason.

    hashed False leaves the perceptual hash empty, for those who do not ask what else it equals.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    # Raised with ours and never lowered, for Pillow has one limit for all.
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, loading.max_pixels)
    try:
        with _opened(data) as image:
            return _picture(image, loading, hashed)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(_why_unknown(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        what = f"more than the limit of {loading.max_pixels / 1e6:.0f} megapixels"
        raise UnreadableImage(what, do=_RAISE) from error
    except MemoryError as error:
        raise UnreadableImage("too large for the memory that is free") from error
    except Exception as error:  # damaged files make Pillow raise a dozen unrelated kinds
        raise UnreadableImage(f"damaged: {_one_line(error)}") from error


def from_array(array: NDArray[np.uint8], loading: Loading, hashed: bool = True) -> Picture:
    """The same for a picture that is an array, (H, W, 3), (H, W, 4) or (H, W) uint8."""
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not fits or not array.size or array.dtype != np.uint8:
        what = f"an array {array.shape} {array.dtype} is no picture"
        raise UnreadableImage(what, do="give (H, W, 3) uint8")
    image = Image.fromarray(np.ascontiguousarray(array))
    return _picture(image, loading, hashed)


_one_at_a_time = threading.RLock()  # a large file may hold a large picture


@contextmanager
def alone(large: bool) -> Iterator[None]:
    """Where what is large waits until no other such is read or decoded."""
    if not large:
        yield
        return
    with _one_at_a_time:
        yield


def _opened(data: bytes) -> Image.Image:
    """The picture with its header read; UnidentifiedImageError where there is none."""
    file = io.BytesIO(data)
    if data.startswith(_JPEG):  # Image.open knows nothing of reduced scale and refuses large ones
        try:
            return jpeg_factory(file)
        except (IndexError, TypeError, SyntaxError, struct.error) as error:
            raise UnidentifiedImageError from error
    if data.startswith(_ICON):
        _check_icon(data)
    return Image.open(file, formats=_formats(data))


def _formats(data: bytes) -> tuple[str, ...]:
    if data.startswith(_READY_SIGNATURES):
        return _READY
    return (*FORMATS, "HEIF") if _is_heif(data) and _heif_is_installed() else FORMATS


def _check_icon(data: bytes) -> None:
    """Pillow decodes the pictures of an icon as it opens it, whatever size they claim."""
    (count,) = struct.unpack_from("<H", data, 4)
    for entry in range(count):
        (offset,) = struct.unpack_from("<I", data, 6 + 16 * entry + 12)
        if data.startswith(_PNG, offset):
            width, height = struct.unpack_from(">II", data, offset + 16)
        else:
            width, height = struct.unpack_from("<ii", data, offset + 4)
            height //= 2  # the picture and its mask
        if max(width, height) > _ICON_SIDE:
            raise UnreadableImage(f"damaged: an icon of {width} x {height}")


def _picture(image: Image.Image, loading: Loading, hashed: bool) -> Picture:
    size = max(loading.size, HASH_SIDE)  # what the hash needs is not reduced away
    width, height = image.size
    image.draft(None, (2 * size, 2 * size))  # JPEG only: decodes at 1/2, 1/4 or 1/8
    with alone(_checked(image, width * height, loading.max_pixels) > LARGE_PIXELS):
        mode = image.mode
        image.load()  # a PNG may tell its orientation last, and Pillow turns a TIFF upright here
        orientation = _orientation(image)
        if orientation >= 5:
            width, height = height, width
        frame = _upright(_reduced(image, min(image.size) // (GAP * size), orientation), orientation)
        perceptual_hash = _perceptual_hash(frame) if hashed else b""
        pixels, kind = _fit(frame, loading), image.format or ""
        return Picture(pixels, width, height, perceptual_hash, kind, mode, orientation)


def _checked(image: Image.Image, original: int, limit: int) -> int:
    """How many pixels are held while it is decoded; UnreadableImage where they are too many.

    original: pixels before any reduced scale.
    """
    # A progressive JPEG is held at its full size however small it is decoded.
    pixels = original if "progressive" in image.info else image.size[0] * image.size[1]
    copies = _COPIES.get(image.format or "", 1)
    if pixels * copies > limit:
        what = f"{pixels / 1e6:.0f} megapixels, more than the limit of {limit / copies / 1e6:.0f}"
        of_format = f" for {image.format}" if copies > 1 else ""
        raise UnreadableImage(what + of_format, do=_RAISE)
    tiles = getattr(image, "tile", ())
    if pixels > SLOW_PIXELS and tiles and tiles[0][0] in _SLOW_DECODERS:
        what = f"{pixels / 1e6:.1f} megapixels of a PPM in text, or of another depth than 8 bits"
        raise UnreadableImage(f"{what}, take too long", do="save it as PNG")
    return pixels * copies


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
    factor = max(1, factor)
    if factor == 1 and image.width * image.height <= STRIP_PIXELS:
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
        strip = to_rgb(image.crop(box))
        reduced.paste(strip.reduce(factor) if factor > 1 else strip, (0, row))
    return reduced


def _conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """How this picture, or a strip of it, becomes RGB as a person would see it."""
    if _is_16_bit_grey(image):
        shades = _shades(*_levels(image), np.arange(2**16))
        return lambda strip: Image.fromarray(shades[np.asarray(strip)]).convert("RGB")
    if image.mode in ("I", "F"):
        black, white = _range(image)
        return lambda strip: Image.fromarray(_shades(black, white, np.asarray(strip))).convert(
            "RGB"
        )
    if image.has_transparency_data:
        return _on_white
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        return lambda strip: ImageChops.invert(strip).convert("RGB")  # Pillow takes it for Adobe's
    return lambda strip: strip if strip.mode == "RGB" else strip.convert("RGB")


def _is_16_bit_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM")


def _levels(image: Image.Image) -> tuple[float, float]:
    """Black and white of a 16-bit picture. A TIFF may have fewer bits, or count from white."""
    tags = getattr(image, "tag_v2", {})
    bits = min(16, *tags.get(_BITS_PER_SAMPLE, (16,)))
    levels = 0.0, float(2**bits - 1)
    return levels if tags.get(_PHOTOMETRIC) != _WHITE_IS_ZERO else levels[::-1]


_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0


def _range(image: Image.Image) -> tuple[float, float]:
    """Black and white of a picture with 32 bits, of which only the values tell what is meant."""
    low, high = np.inf, -np.inf
    for strip in _strips(image):
        values = np.asarray(strip)
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        low = high = 0.0
    for white in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        if low >= 0 and high <= white:
            return 0.0, white
    return (low, high) if high > low else (low, low + 1)


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    rows = max(1, STRIP_PIXELS // image.width)
    for row in range(0, image.height, rows):
        yield image.crop((0, row, image.width, min(row + rows, image.height)))


def _shades(black: float, white: float, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values as 0 to 255, black and what is no number as 0."""
    scaled = (values.astype(np.float64) - black) * (255 / (white - black)) + 0.5
    scaled[np.isnan(scaled)] = 0
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):  # opaque after all, as most screenshots are
        return rgba.convert("RGB")
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
    across, down = frame.width // (HASH_SIDE * 64), frame.height // (HASH_SIDE * 64)
    if frame.width * frame.height > STRIP_PIXELS * 4:  # very long: a panorama, a page
        frame = frame.reduce((max(1, across), max(1, down)))
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
        return "its header cannot be read: damaged, or of a rare kind"
    return "not a picture in a format that catclf reads"


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
