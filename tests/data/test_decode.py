"""Whatever a picture is made of, it becomes RGB as a person would see it."""

import io
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageChops

from catclf.data import decode as decoding
from catclf.data.decode import GAP, Loading, Picture, decode, from_array, looks_like_picture
from catclf.errors import UnreadableImage

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
LOSSLESS = {
    "PNG": ("RGB", "L", "1", "P"),
    "TIFF": ("RGB", "L", "1", "P", "CMYK", "YCbCr"),
    "BMP": ("RGB", "L", "1", "P"),
    "PPM": ("RGB", "L", "1"),
    "JPEG2000": ("RGB", "L", "CMYK"),
}


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def pixels(data: bytes, size: int = 64, crop: decoding.Crop = "centre") -> NDArray[np.int16]:
    return decode(data, Loading(size, crop)).pixels.astype(np.int16)


def plain(colour: tuple[int, ...], mode: str = "RGB", side: int = 8) -> Image.Image:
    return Image.new(mode, (side, side), colour)


def png(
    width: int,
    height: int,
    depth: int,
    kind: int,
    *chunks: tuple[bytes, bytes],
    interlaced: int = 0,
) -> bytes:
    """A PNG of these chunks, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        parts.append(struct.pack(">I", len(data)) + name + data)
        parts.append(struct.pack(">I", zlib.crc32(name + data)))
    return b"".join(parts)


@pytest.fixture(scope="module")
def scene(cat_photo: Path) -> Image.Image:
    return Image.open(cat_photo).convert("RGB").resize((150, 100))


def reason(data: bytes, **options: int) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(data, Loading(**options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Colour


@pytest.mark.parametrize(
    ("format_name", "mode"), [(name, mode) for name, modes in LOSSLESS.items() for mode in modes]
)
def test_every_mode_becomes_rgb_the_same_way(
    scene: Image.Image, format_name: str, mode: str
) -> None:
    image = scene.convert(mode)
    wanted = pixels(encoded(image.convert("RGB"), "PNG"))
    assert np.array_equal(pixels(encoded(image, format_name)), wanted)


@pytest.mark.parametrize("format_name", ["JPEG", "WEBP", "AVIF", "GIF", "ICO", "MPO", "JPEG2000"])
def test_every_format_shows_the_same_picture(scene: Image.Image, format_name: str) -> None:
    options: dict[str, object] = {"sizes": [scene.size]} if format_name == "ICO" else {}
    picture = decode(encoded(scene, format_name, **options), Loading())
    assert (picture.width, picture.height) == scene.size
    original = pixels(encoded(scene, "PNG"))
    assert np.abs(picture.pixels - original).mean() < 5  # what lossy compression costs


def over_white(image: Image.Image) -> NDArray[np.int16]:
    """The definition, by numbers: alpha times the colour, and white for the rest."""
    rgba = np.asarray(image.convert("RGBA"), np.float64)
    alpha = rgba[:, :, 3:] / 255
    return np.round(rgba[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.int16)


@pytest.mark.parametrize(
    ("mode", "format_name", "options"),
    [
        ("RGBA", "PNG", {}),
        ("RGBA", "TIFF", {}),
        ("RGBA", "JPEG2000", {}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
        ("RGBA", "ICO", {"sizes": [(64, 64)]}),
        ("LA", "PNG", {}),
        ("LA", "TIFF", {}),
        ("PA", "TIFF", {}),
    ],
)
def test_alpha_is_laid_over_white(mode: str, format_name: str, options: dict[str, object]) -> None:
    colours = np.full((64, 64, 4), (200, 30, 160, 255), np.uint8)
    colours[:, :, 3] = np.arange(0, 256, 4)
    image = Image.fromarray(colours).convert(mode)
    if mode == "PA":
        image = Image.fromarray(colours).convert("RGB").quantize(4).convert("PA")
        image.putalpha(Image.fromarray(colours[:, :, 3]))
    shown = pixels(encoded(image, format_name, **options))
    assert np.abs(shown - over_white(image)).max() <= 1
    assert np.all(shown[:, 0] == 255)


def test_a_transparent_index_of_a_palette_is_white() -> None:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([*RED, 255, 0, 255, *BLUE])
    image.paste(0, (0, 0, 32, 64))
    for format_name in ("PNG", "GIF"):
        shown = pixels(encoded(image, format_name, transparency=1))
        assert np.all(shown[:, 0] == RED)
        assert np.all(shown[:, -1] == WHITE)
    assert np.all(pixels(encoded(image, "PNG"))[:, -1] == (255, 0, 255))


def test_a_palette_may_be_transparent_by_degrees() -> None:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([*RED, *BLUE])
    image.paste(0, (0, 0, 32, 64))
    shown = pixels(encoded(image, "PNG", transparency=bytes([255, 128])))
    assert np.all(shown[:, 0] == RED)
    assert np.all(shown[:, -1] == (127, 127, 255))


@pytest.mark.parametrize(("mode", "hidden", "seen"), [("L", 0, 90), ("RGB", GREEN, RED)])
def test_one_colour_may_be_transparent_without_a_palette(
    mode: str, hidden: int | tuple[int, ...], seen: int | tuple[int, ...]
) -> None:
    image = Image.new(mode, (64, 64), hidden)
    image.paste(seen, (0, 0, 32, 64))
    shown = pixels(encoded(image, "PNG", transparency=hidden))
    assert np.all(shown[:, -1] == WHITE)
    assert np.all(shown[:, 0] == seen)


def without_adobe_marker(data: bytes) -> bytes:
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start] + data[start + 2 + length :]


def test_cmyk_jpegs_with_and_without_adobes_marker(scene: Image.Image) -> None:
    cmyk = scene.convert("CMYK")
    wanted = pixels(encoded(cmyk.convert("RGB"), "PNG"))
    marked = encoded(cmyk, "JPEG", quality=95)  # Pillow writes it inverted, as Adobe does
    unmarked = without_adobe_marker(encoded(ImageChops.invert(cmyk), "JPEG", quality=95))
    assert np.abs(pixels(marked) - wanted).mean() < 3
    assert np.abs(pixels(unmarked) - wanted).mean() < 3


RAMP = np.linspace(0, 65535, 64).astype(np.uint16)[None, :].repeat(64, axis=0)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "JPEG2000", "PPM", "big-endian TIFF"])
def test_16_bit_grey_is_scaled(format_name: str) -> None:
    image = Image.fromarray(RAMP)
    if format_name == "big-endian TIFF":
        image = Image.frombytes("I;16B", (64, 64), RAMP.astype(">u2").tobytes())
        format_name = "TIFF"
    shown = pixels(encoded(image, format_name))
    assert np.abs(shown - RAMP[:, :, None] / 257).max() <= 0.5
    assert np.ptp(shown, axis=2).max() == 0


def tiff(width: int, height: int, data: bytes, **tags: int) -> bytes:
    """A TIFF of one strip of grey, for what Pillow does not write. tags: as t258=12."""
    entries = {256: width, 257: height, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: len(data), **{int(name[1:]): value for name, value in tags.items()}}
    directory = struct.pack("<H", len(entries))
    for tag, value in sorted(entries.items()):
        directory += struct.pack("<HHII", tag, 4, 1, value)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + directory + bytes(4)


def test_12_bit_grey_is_scaled_by_its_own_white() -> None:
    ramp = np.linspace(0, 4095, 64).astype(np.uint16)
    left, right = ramp[0::2], ramp[1::2]  # two values in three bytes
    packed = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], axis=1)
    shown = pixels(tiff(64, 64, packed.astype(np.uint8).tobytes() * 64, t258=12))
    assert np.abs(shown - ramp[None, :, None] / 4095 * 255).max() <= 0.51


def test_16_bit_grey_that_counts_from_white() -> None:
    shown = pixels(tiff(64, 64, RAMP.tobytes(), t262=0))
    assert np.abs(shown - (255 - RAMP[:, :, None] / 257)).max() <= 0.51


@pytest.mark.parametrize(
    ("values", "white"),
    [(RAMP / 65535, 1), (RAMP / 257, 255), (RAMP.astype(float), 65535), (RAMP * 3.0, 3 * 65535)],
)
def test_floats_are_scaled_by_the_range_that_they_fill(
    values: NDArray[np.float64], white: float
) -> None:
    data = encoded(Image.fromarray(values.astype(np.float32)), "TIFF")
    assert np.abs(pixels(data) - values[:, :, None] * 255 / white).max() <= 0.51


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_float_that_is_no_number_does_not_blacken_the_rest(odd: float) -> None:
    values = (RAMP / 65535).astype(np.float32)
    values[0, 0] = odd
    shown = pixels(encoded(Image.fromarray(values), "TIFF"))
    assert np.abs(shown[1:] - values[1:, :, None] * 255).max() <= 0.51


def test_32_bit_whole_numbers_are_scaled_and_flat_ones_have_no_range() -> None:
    ramp = Image.fromarray(RAMP.astype(np.int32))
    assert np.abs(pixels(encoded(ramp, "TIFF")) - RAMP[:, :, None] / 257).max() <= 0.5
    flat = Image.fromarray(np.full((8, 8), 10**6, np.int32))
    assert np.ptp(pixels(encoded(flat, "TIFF"))) == 0


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_of_several_frames_the_first_counts(format_name: str) -> None:
    frames = [plain(colour, side=64) for colour in (RED, BLUE, GREEN)]
    data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data) - RED).max() <= 3


def test_of_an_icon_the_largest_counts() -> None:
    data = encoded(plain(RED, side=64), "ICO", sizes=[(16, 16), (48, 48), (32, 32)])
    picture = decode(data, Loading())
    assert (picture.width, picture.height) == (48, 48)


ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def test_an_interlaced_png() -> None:
    array = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, across in ADAM7
        for row in array[top::down, left::across]
    ]
    data = png(64, 64, 8, 2, (b"IDAT", zlib.compress(b"".join(rows))), interlaced=1)
    assert np.array_equal(pixels(data), array)


# Orientation


def stored(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels that a camera writes with this EXIF orientation, by the standard's table."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]


def oriented(upright: NDArray[np.uint8], orientation: int, format_name: str = "PNG") -> bytes:
    image = Image.fromarray(np.ascontiguousarray(stored(upright, orientation)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if format_name == "WEBP" else {}
    return encoded(image, format_name, exif=exif, **options)


def answers(picture: Picture) -> tuple[bytes, int, int, bytes]:
    return picture.pixels.tobytes(), picture.width, picture.height, picture.perceptual_hash


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_all_orientations_give_the_same_bytes(width: int, height: int, seed: int) -> None:
    upright = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    loading = Loading(size=4)  # so that reduction by 2 to 7 happens in most of them
    found = {answers(decode(oriented(upright, o), loading)) for o in range(1, 9)}
    assert len(found) == 1
    assert found.pop()[1:3] == (width, height)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("height", "width"), [(100, 150), (397, 611)])
def test_all_orientations_of_every_lossless_format(
    format_name: str, height: int, width: int, cat_photo: Path
) -> None:
    upright = np.asarray(Image.open(cat_photo).convert("RGB").resize((width, height)))
    found = {answers(decode(oriented(upright, o, format_name), Loading())) for o in range(1, 9)}
    assert len(found) == 1
    assert found.pop()[1:3] == (width, height)


def test_orientation_of_cmyk_and_grey_jpegs(scene: Image.Image) -> None:
    for mode in ("CMYK", "L"):
        upright = np.asarray(scene.convert(mode))
        wanted = pixels(encoded(scene.convert(mode).convert("RGB"), "PNG"))
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            image = Image.frombytes(
                mode,
                stored(upright, orientation).shape[1::-1],
                np.ascontiguousarray(stored(upright, orientation)).tobytes(),
            )
            shown = pixels(encoded(image, "JPEG", quality=95, exif=exif))
            assert np.abs(shown - wanted).mean() < 3


def test_an_orientation_that_a_png_tells_after_its_pixels() -> None:
    upright = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    data = oriented(upright, 6)
    start = data.index(b"eXIf") - 4
    length = 12 + int.from_bytes(data[start : start + 4], "big")
    chunk = data[start : start + length]
    late = data[:start] + data[start + length : -12] + chunk + data[-12:]
    assert answers(decode(late, Loading())) == answers(decode(oriented(upright, 1), Loading()))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(value: int, scene: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert np.array_equal(pixels(encoded(scene, "PNG", exif=exif)), pixels(encoded(scene, "PNG")))


def test_exif_that_cannot_be_read_does_no_harm(scene: Image.Image) -> None:
    for exif in (b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"):
        assert decode(encoded(scene, "JPEG", exif=exif), Loading()).width == scene.width


# Size


def test_a_picture_of_the_models_size_stays_as_it_is() -> None:
    array = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.array_equal(pixels(encoded(Image.fromarray(array), "PNG")), array)
    assert np.array_equal(from_array(array, Loading()).pixels, array)


@pytest.mark.parametrize("size", [1, 7, 64, 128, 300])
def test_any_size(size: int, scene: Image.Image) -> None:
    picture = decode(encoded(scene, "JPEG"), Loading(size))
    assert picture.pixels.shape == (size, size, 3)
    assert picture.pixels.dtype == np.uint8
    assert len(picture.perceptual_hash) == 32


@pytest.mark.parametrize("crop", decoding.CROPS)
@pytest.mark.parametrize(
    "shape", [(1, 1), (2_500_000, 2), (640, 1), (1, 640), (20000, 1), (1, 20000), (2, 3)]
)
def test_odd_shapes(shape: tuple[int, int], crop: decoding.Crop) -> None:
    picture = decode(encoded(Image.new("RGB", shape, RED), "PNG"), Loading(64, crop))
    assert (picture.width, picture.height) == shape
    assert np.all(picture.pixels == RED)


@pytest.mark.parametrize("wide", [True, False])
def test_centre_crops_and_stretch_squeezes(wide: bool) -> None:
    bands = np.full((100, 300, 3), GREEN, np.uint8)
    bands[:, :100], bands[:, 200:] = RED, BLUE
    data = encoded(Image.fromarray(bands if wide else bands.swapaxes(0, 1).copy()), "PNG")
    centre, stretched = pixels(data, crop="centre"), pixels(data, crop="stretch")
    if not wide:
        centre, stretched = centre.swapaxes(0, 1), stretched.swapaxes(0, 1)
    assert np.all(centre[:, 2:-2] == GREEN)  # the filter sees a little beyond the edge
    assert np.all(stretched[:, 0] == RED)
    assert np.all(stretched[:, 31] == GREEN)
    assert np.all(stretched[:, -1] == BLUE)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
@pytest.mark.parametrize(("down", "across"), [(1, 1), (0, 1), (1, 0), (0, 2), (3, 3)])
def test_patterns_too_fine_to_see_become_grey(format_name: str, down: int, across: int) -> None:
    row, column = np.indices((1500, 1500))
    stripes = (row // (down or 1) * bool(down) + column // (across or 1) * bool(across)) % 2
    data = encoded(Image.fromarray((stripes * 255).astype(np.uint8)), format_name)
    inside = pixels(data)[1:-1, 1:-1]  # the edge has half a box too few
    assert np.abs(inside - 127.5).max() <= 6


@pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
def test_sharpness_does_not_depend_on_the_original_size(
    format_name: str, photos: list[Path]
) -> None:
    original = Image.open(photos[0]).convert("RGB").resize((500, 500))
    small = pixels(encoded(original, format_name))
    side = 4000 if format_name == "JPEG" else 2000  # a PNG takes a second
    large = pixels(encoded(original.resize((side, side)), format_name))
    assert np.abs(large - small).mean() < 1.5
    edges = [np.abs(np.diff(shown, axis=1)).mean() for shown in (small, large)]
    assert edges[1] == pytest.approx(edges[0], rel=0.03)


def test_reduced_scale_decoding_is_close_to_full_decoding(photos: list[Path]) -> None:
    for photo in photos:
        original = Image.open(photo).convert("RGB").resize((1000, 800))
        data = encoded(original, "JPEG", quality=90)
        full = encoded(Image.open(io.BytesIO(data)), "BMP")
        difference = np.abs(pixels(data) - pixels(full))
        assert difference.mean() < 0.5
        assert difference.max() <= 4


def slow(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Whole picture to RGB over white, whole boxes averaged, middle square resized."""
    if image.mode in ("I;16", "F"):
        grey = np.asarray(image, np.float64) * (255 / (65535 if image.mode == "I;16" else 1))
        rgb = Image.fromarray((grey + 0.5).astype(np.uint8)).convert("RGB")
    else:
        rgb = Image.new("RGBA", image.size, "white")
        rgb.alpha_composite(image.convert("RGBA"))
        rgb = rgb.convert("RGB")
    factor = max(1, min(image.size) // (GAP * size))
    left, top = (side % factor // 2 for side in image.size)
    width, height = (side // factor for side in image.size)
    box = (left, top, left + width * factor, top + height * factor)
    reduced = rgb.crop(box).reduce(factor) if factor > 1 else rgb
    side = min(width, height)
    x, y = (width - side) / 2, (height - side) / 2
    square = (x, y, width - x, height - y)
    return np.asarray(reduced.resize((size, size), Image.Resampling.BICUBIC, square))


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "RGBA", "LA", "I;16", "F"])
@pytest.mark.parametrize("strip_pixels", [1, 5000, 4_000_000])
def test_strips_equal_the_whole(
    mode: str, strip_pixels: int, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "STRIP_PIXELS", strip_pixels)
    large = scene.resize((271, 193))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(large.convert("L")).astype(np.uint16) * 250)
    elif mode == "F":
        image = Image.fromarray(np.asarray(large.convert("L")) / np.float32(255))
    else:
        image = large.convert(mode)
        if mode in ("RGBA", "LA"):
            image.putalpha(large.convert("L"))
    for size in (17, 25, 40):
        assert np.array_equal(pixels(encoded(image, "TIFF"), size), slow(image, size))


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_the_hash_of_a_photo_does_not_depend_on_the_model_s_size(
    size: int, photos: list[Path]
) -> None:
    """A tiny size reduces no further than the hash needs: photos stay apart."""
    found = [decode(photo.read_bytes(), Loading(size)).perceptual_hash for photo in photos]
    expected = [decode(photo.read_bytes(), Loading(17)).perceptual_hash for photo in photos]
    assert found == expected
    assert len(set(found)) == len(photos)


# Danger


@pytest.mark.parametrize(("side", "said"), [(14_500, "210 megapixels, "), (100_000, "")])
def test_the_pixel_limit_is_looked_at_before_anything_is_decoded(side: int, said: str) -> None:
    bomb = png(side, side, 8, 2, (b"IDAT", b"never looked at"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own remark
        assert f"{said}more than the limit of 200" in reason(bomb)
        assert reason(bomb).endswith("raise it with --max-megapixels")


def test_the_limit_can_be_raised_and_lowered(scene: Image.Image) -> None:
    large = png(15_000, 15_000, 8, 2, (b"IDAT", b"no more than this"))
    assert "damaged" in reason(large, max_pixels=300_000_000)  # it has been looked at
    assert "more than the limit of 0" in reason(encoded(scene, "PNG"), max_pixels=9)


def test_formats_that_are_held_several_times_over_count_as_often(scene: Image.Image) -> None:
    for format_name in ("WEBP", "AVIF", "JPEG2000"):
        data = encoded(scene, format_name)
        said = reason(data, max_pixels=scene.width * scene.height)
        assert f"more than the limit of 0 for {format_name}" in said


def test_the_limit_counts_what_a_jpeg_is_decoded_at() -> None:
    image = Image.new("RGB", (2000, 1000))
    assert decode(encoded(image, "JPEG"), Loading(max_pixels=10**6)).width == 2000
    assert "2 megapixels" in reason(encoded(image, "PNG"), max_pixels=10**6)
    # A progressive one is held whole, whatever it is decoded at.
    progressive = encoded(image, "JPEG", progressive=True)
    assert "2 megapixels" in reason(progressive, max_pixels=10**6)


def icon(inside: bytes, side: int = 16) -> bytes:
    """An icon of one picture that it says to be of this side."""
    entry = struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(inside), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + inside


def test_what_is_in_an_icon_is_looked_at_before_it_is_decoded(scene: Image.Image) -> None:
    assert decode(icon(encoded(scene, "PNG")), Loading()).width == scene.width
    bomb = png(14_000, 14_000, 8, 2, (b"IDAT", b"never looked at"))
    assert reason(icon(bomb)) == "damaged: an icon of 14000 x 14000"
    bitmap = struct.pack("<IiiHHIIiiII", 40, 14_000, 28_000, 1, 32, 0, 0, 0, 0, 0, 0)
    assert reason(icon(bitmap)) == "damaged: an icon of 14000 x 14000"


def test_a_large_picture_that_pillow_decodes_in_python_is_refused() -> None:
    grey = np.zeros((800, 800), np.uint8)
    assert decode(b"P5 800 800 255\n" + grey.tobytes(), Loading()).width == 800
    for header in (b"P5 800 800 100\n", b"P2 800 800 255\n"):
        assert "take too long; save it as PNG" in reason(header + grey.tobytes())
    assert decode(b"P2 2 1 100 0 100", Loading()).pixels[0, -1, 0] > 250


def test_large_pictures_wait_for_one_another(
    scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held by another thread, the lock keeps a large one waiting and lets a small one pass."""
    monkeypatch.setattr(decoding, "LARGE_PIXELS", scene.width * scene.height - 1)
    small, large = (encoded(image, "PNG") for image in (scene.resize((9, 9)), scene))
    done = {name: threading.Event() for name in ("small", "large")}
    work = {"small": small, "large": large}
    threads = [
        threading.Thread(target=lambda n=name: (decode(work[n], Loading()), done[n].set()))
        for name in work
    ]
    with decoding.alone(True):
        for thread in threads:
            thread.start()
        assert done["small"].wait(20)
        assert not done["large"].wait(0.2)
    for thread in threads:
        thread.join()
    assert done["large"].is_set()


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_truncated_picture_is_none(format_name: str, scene: Image.Image) -> None:
    data = encoded(scene, format_name)
    for share in (0.02, 0.3, 0.6, 0.9):
        assert "damaged" in reason(data[: max(20, int(len(data) * share))])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"Dear diary, today I saw a cat.", "not a picture in a format that catclf reads"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page, not a picture"),
        (b"<HTML><body>", "a web page, not a picture"),
        (b"\0" * 1000, "not a picture in a format that catclf reads"),
        (b"%PDF-1.7\n", "not a picture in a format that catclf reads"),
        (b"\xff\xd8\xff", "its header cannot be read: damaged, or of a rare kind"),
        (b"\x89PNG\r\n\x1a\n\0\0", "its header cannot be read: damaged, or of a rare kind"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, said: str) -> None:
    assert reason(data) == said


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
def test_heic_without_the_extra_names_it(brand: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # import raises, as if it were not there
    said = reason(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + b"\0" * 40)
    assert "pip install 'catclf[heif]'" in said


def test_formats_that_run_programs_or_are_for_print_are_not_opened(scene: Image.Image) -> None:
    for format_name in ("EPS", "PDF", "PCX", "TGA", "SGI"):
        assert "not a picture in a format" in reason(encoded(scene, format_name))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_of_any_kind_is_a_reason_or_a_picture(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO"]))
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.linear_gradient("L").resize((40, 24)).convert("RGB")
    broken = bytearray(encoded(image, kind, exif=exif))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    try:
        picture = decode(bytes(broken), Loading(8))
    except UnreadableImage as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert picture.pixels.shape == (8, 8, 3)


def test_first_bytes_tell_a_picture(scene: Image.Image) -> None:
    for format_name in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "AVIF", "JPEG2000"):
        assert looks_like_picture(encoded(scene, format_name)[: decoding.SIGNATURE_BYTES])
    assert not looks_like_picture(b"path,label\na.jpg,cat\n")
    assert not looks_like_picture(b"")


# Arrays


def test_grey_and_transparent_arrays() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    assert np.array_equal(from_array(grey, Loading()).pixels, np.dstack([grey] * 3))
    clear = np.zeros((64, 64, 4), np.uint8)
    assert np.all(from_array(clear, Loading()).pixels == 255)


def test_an_array_need_not_be_contiguous() -> None:
    array = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.array_equal(from_array(array[:, ::-1], Loading()).pixels, array[:, ::-1])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((64, 64, 2), np.uint8),
        np.zeros((64, 64, 5), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.zeros(64, np.uint8),
        np.zeros((), np.uint8),
        np.zeros((64, 64), np.float32),
        np.zeros((64, 64, 3), bool),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array: NDArray[np.generic]) -> None:
    with pytest.raises(UnreadableImage, match="is no picture"):
        from_array(array, Loading())  # type: ignore[arg-type]
