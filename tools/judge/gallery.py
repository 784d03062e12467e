"""A contact sheet of a model's surest mistakes, for a person to count the wrong labels among."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pictures import opened
from PIL import Image, ImageDraw, ImageFont

from catclf.data.dataset import Source

COLUMNS = 10
SIDE, CAPTION, GAP = 160, 48, 8  # pixels of a picture, of the lines under it, between two
FONT = 11


@dataclass(frozen=True)
class Mistake:
    """A picture and the lines under it."""

    source: Source
    lines: tuple[str, ...]


def save(mistakes: Sequence[Mistake], path: Path) -> None:
    """Write the sheet, numbered by rows from 1."""
    rows = -(-len(mistakes) // COLUMNS)
    width, height = SIDE + GAP, SIDE + CAPTION
    sheet = Image.new("RGB", (COLUMNS * width, max(1, rows) * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT)
    for i, mistake in enumerate(mistakes):
        x, y = i % COLUMNS * width, i // COLUMNS * height
        image = opened(mistake.source)
        scale = SIDE / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        sheet.paste(image.resize(size, Image.Resampling.BICUBIC), (x, y))
        text = "\n".join((f"{i + 1}. {mistake.lines[0]}", *mistake.lines[1:]))
        pen.multiline_text((x, y + SIDE + 2), text, "black", font, spacing=2)
    sheet.save(path)
