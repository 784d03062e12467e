"""What a model is asked about besides clean photos: changed ones, and what is no photo at all.

A change is applied to the whole picture as it lies on the disk, upright and in RGB, before the
model's own loading; what is made from nothing is seeded by its kind and number.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from catclf.data.dataset import File, Pixels, Source

Row = NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]

DRAWINGS = Path(__file__).resolve().parents[2] / "sample_images/drawn"
SIDES = (96, 400)  # of pictures made from nothing: the shortest and the longest
BORDER = 0.1  # of the picture's own side, on each side


def opened(source: Source) -> Image.Image:
    """The whole picture, upright, in RGB."""
    data = source.read()
    if not isinstance(data, bytes):
        return Image.fromarray(data).convert("RGB")
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


@dataclass(frozen=True)
class Changed:
    """A picture after a change; it is read, changed and forgotten in the thread that asks."""

    source: Source
    change: Change

    def read(self) -> Row:
        """(H, W, 3)."""
        return np.asarray(self.change(opened(self.source)))

    def size(self) -> int:
        """That of the picture before."""
        return self.source.size()

    def fingerprint(self) -> str:
        """That of the picture before."""
        return self.source.fingerprint()


def _blur(pixels: float) -> Change:
    return lambda image: image.filter(ImageFilter.GaussianBlur(pixels))


def _half_and_back(image: Image.Image) -> Image.Image:
    half = (max(1, image.width // 2), max(1, image.height // 2))
    return image.resize(half, Image.Resampling.BICUBIC).resize(image.size, Image.Resampling.BICUBIC)


def _compressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _brightness(factor: float) -> Change:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def _stretched(image: Image.Image) -> Image.Image:
    return image.resize((round(image.width * 4 / 3), image.height), Image.Resampling.BICUBIC)


def _border(colour: str) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = round(BORDER * image.width), round(BORDER * image.height)
        return ImageOps.expand(image, (x, y, x, y), colour)

    return change


CHANGES: dict[str, Change] = {
    "blur 0.5 px": _blur(0.5),
    "blur 1 px": _blur(1),
    "blur 2 px": _blur(2),
    "half size and back": _half_and_back,
    "JPEG quality 30": _compressed,
    "grey": _grey,
    "brightness +25%": _brightness(1.25),
    "brightness -25%": _brightness(0.75),
    "wider by 4:3": _stretched,
    "border 10%, black": _border("black"),
    "border 10%, white": _border("white"),
}


def _shape(random: np.random.Generator) -> tuple[int, int, int]:
    height, width = random.integers(*SIDES, 2)
    return int(height), int(width), 3


def _scattered(random: np.random.Generator) -> Row:
    return random.integers(0, 256, _shape(random), np.uint8)


def _normal(random: np.random.Generator) -> Row:
    height, width, _ = _shape(random)
    mean, deviation = random.uniform(60, 200), random.uniform(10, 60)
    grey = random.normal(mean, deviation, (height, width, 1))
    return np.clip(grey, 0, 255).astype(np.uint8).repeat(3, axis=2)


def _black_and_white(random: np.random.Generator) -> Row:
    height, width, _ = _shape(random)
    white = random.random((height, width, 1)) < random.uniform(0.1, 0.9)
    return (255 * white).astype(np.uint8).repeat(3, axis=2)


def _enlarged(random: np.random.Generator, method: Image.Resampling) -> Row:
    """Noise of some 4 to 16 places a side, enlarged: blocks or clouds."""
    height, width, _ = _shape(random)
    places = int(random.integers(4, 17))
    small = Image.fromarray(random.integers(0, 256, (places, places, 3), np.uint8))
    return np.asarray(small.resize((width, height), method))


def _blocks(random: np.random.Generator) -> Row:
    return _enlarged(random, Image.Resampling.NEAREST)


def _clouds(random: np.random.Generator) -> Row:
    return _enlarged(random, Image.Resampling.BICUBIC)


def _flat(random: np.random.Generator) -> Row:
    return np.full(_shape(random), random.integers(0, 256, 3), np.uint8)


def _gradient(random: np.random.Generator) -> Row:
    """From one colour to another, along a line or outwards from a point."""
    height, width, _ = _shape(random)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle, centre = random.uniform(0, 2 * np.pi), random.random(2)
    along = x * np.cos(angle) + y * np.sin(angle)
    outwards = np.hypot(x - centre[0], y - centre[1])
    t = along if random.random() < 0.5 else outwards
    t = (t - t.min()) / np.ptp(t)
    one, other = random.integers(0, 256, (2, 3))
    colours: Row = (one + t[:, :, None] * (other - one)).astype(np.uint8)
    return colours


def _text(random: np.random.Generator) -> Row:
    """A page or a screen of made-up words, dark on light or light on dark."""
    height, width, _ = _shape(random)
    dark, light = (int(value) for value in (random.integers(0, 70), random.integers(190, 256)))
    paper, ink = (light, dark) if random.random() < 0.7 else (dark, light)
    page = Image.new("L", (width, height), paper)
    size = int(random.integers(9, 20))
    letters = np.array(list("aabcdeeeefghiiklmnnoooprrssttuvwy"))
    lines = []
    for _ in range(height // size):
        words = (
            "".join(random.choice(letters, random.integers(1, 10))) for _ in range(width // 20)
        )
        lines.append(" ".join(words))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(page).multiline_text((size, size), "\n".join(lines), ink, font)
    return np.asarray(page.convert("RGB"))


KINDS: dict[str, Callable[[np.random.Generator], Row]] = {
    "noise, coloured": _scattered,
    "noise, grey": _normal,
    "noise, black and white": _black_and_white,
    "noise in blocks": _blocks,
    "noise in clouds": _clouds,
    "flat colour": _flat,
    "gradients": _gradient,
    "pages of text": _text,
}


def no_photos(n: int, seed: int) -> dict[str, list[Source]]:
    """n pictures of each kind that is no photo, and n of the drawings."""
    found: dict[str, list[Source]] = {
        name: [Pixels(make(np.random.default_rng([seed, number, i]))) for i in range(n)]
        for number, (name, make) in enumerate(KINDS.items())
    }
    drawings = sorted(DRAWINGS.rglob("*.png"))
    chosen = np.random.default_rng(seed).permutation(len(drawings))[:n]
    return {**found, "drawings": [File(drawings[i]) for i in sorted(chosen.tolist())]}
