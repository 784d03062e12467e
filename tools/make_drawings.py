"""Draw the small data set of sample_images/drawn: cats and other things, 64 x 64 pixels.

They let anybody try the program without photos. Position, size, tilt, colours, line width and
background come from the same distributions for both classes, and every thing is scaled to cover
the same share of the picture: only shape tells a cat. Each picture has its own random generator.

    python tools/make_drawings.py [--seed N] [--out sample_images/drawn]
"""

import argparse
import colorsys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 64  # pixels of a finished picture
FINE = 4  # drawn this many times larger and reduced, which smooths the edges
CANVAS = FINE * SIDE
PICTURES = {"train": 150, "test": 75}  # per class
MAIN, SECOND, LIGHT, BRIGHT, DARK = range(5)  # places in the five colours of a picture

Drawing = tuple["Shape", ...]


@dataclass(frozen=True)
class Shape:
    """A polygon or an open line, somewhere within about -1..1."""

    points: NDArray[np.float64]  # (k, 2): x to the right, y down
    colour: int
    filled: bool = True  # else an open line
    mirrored: bool = False  # drawn again on the other side of x = 0
    chance: float = 1.0  # how often it is there at all


def polygon(colour: int, *corners: tuple[float, float]) -> Shape:
    """A filled shape with straight sides."""
    return Shape(np.array(corners), colour)


def line(*corners: tuple[float, float]) -> Shape:
    """An open line, always dark."""
    return Shape(np.array(corners), DARK, filled=False)


def box(colour: int, left: float, top: float, right: float, bottom: float) -> Shape:
    """An upright rectangle."""
    return polygon(colour, (left, top), (right, top), (right, bottom), (left, bottom))


def oval(colour: int, x: float, y: float, rx: float, ry: float) -> Shape:
    """An ellipse about (x, y)."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return Shape(np.column_stack([x + rx * np.cos(t), y + ry * np.sin(t)]), colour)


def rounded(shape: Shape) -> Shape:
    """Cut the corners of a polygon three times (Chaikin 1974)."""
    points = shape.points
    for _ in range(3):
        following = np.roll(points, -1, axis=0)
        cuts = [0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following]
        points = np.stack(cuts, axis=1).reshape(-1, 2)
    return replace(shape, points=points)


def pair(shape: Shape) -> Shape:
    """The shape and its mirror image."""
    return replace(shape, mirrored=True)


def maybe(shape: Shape) -> Shape:
    """The shape in every other picture."""
    return replace(shape, chance=0.5)


def around(shape: Shape, count: int) -> Drawing:
    """The shape and its copies, turned about (0, 0)."""
    turns = (rotation(2 * np.pi * i / count) for i in range(count))
    return tuple(replace(shape, points=shape.points @ turn) for turn in turns)


def rotation(angle: float) -> NDArray[np.float64]:
    """The matrix that turns points standing in rows."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def moved(drawing: Drawing, scale: float, x: float, y: float) -> Drawing:
    """The drawing scaled about (0, 0), then shifted."""
    return tuple(replace(shape, points=shape.points * scale + [x, y]) for shape in drawing)


# Things: heads have their middle at x = 0, because parts are mirrored there.
# fmt: off

EYES = (
    pair(oval(LIGHT, 0.35, -0.1, 0.18, 0.15)), maybe(pair(oval(BRIGHT, 0.35, -0.1, 0.18, 0.15))),
    pair(oval(DARK, 0.35, -0.1, 0.08, 0.13)),
)
CAT_HEAD = (
    pair(polygon(MAIN, (0.86, -0.05), (0.74, -1.2), (0.1, -0.65))),
    pair(polygon(SECOND, (0.7, -0.45), (0.66, -0.95), (0.4, -0.65))),
    oval(MAIN, 0, 0, 0.88, 0.72), *EYES,
    maybe(line((0, -0.7), (0, -0.4))), maybe(pair(line((0.2, -0.68), (0.17, -0.42)))),
    maybe(pair(oval(LIGHT, 0.2, 0.4, 0.3, 0.2))), polygon(DARK, (-0.1, 0.2), (0.1, 0.2), (0, 0.3)),
    pair(line((0, 0.25), (0, 0.38), (0.12, 0.45), (0.24, 0.4))),
    pair(line((0.5, 0.28), (1.08, 0.18))), maybe(pair(line((0.5, 0.4), (1.08, 0.48)))),
)
DOG_HEAD = (
    oval(MAIN, 0, 0, 0.72, 0.82),
    pair(rounded(polygon(SECOND, (0.2, -0.9), (0.8, -0.9), (1.2, 0.4), (0.9, 0.7), (0.5, -0.1)))),
    maybe(oval(BRIGHT, 0, 0.78, 0.15, 0.26)), oval(LIGHT, 0, 0.45, 0.4, 0.34), *EYES,
    polygon(DARK, (-0.18, 0.22), (0.18, 0.22), (0, 0.42)),
    pair(line((0, 0.4), (0, 0.58), (0.14, 0.65), (0.26, 0.58))),
)
BIRD = (
    line((-0.1, 0.5), (-0.1, 1.0), (-0.3, 1.0)), line((0.25, 0.5), (0.25, 1.0), (0.05, 1.0)),
    polygon(SECOND, (0.5, -0.1), (1.4, -0.2), (1.4, 0.25)), oval(MAIN, 0.05, 0.1, 0.8, 0.5),
    polygon(BRIGHT, (-0.9, -0.65), (-1.4, -0.4), (-0.9, -0.3)), oval(MAIN, -0.65, -0.45, 0.4, 0.38),
    oval(LIGHT, -0.75, -0.5, 0.15, 0.15), oval(DARK, -0.77, -0.5, 0.08, 0.08),
    rounded(polygon(SECOND, (-0.2, -0.1), (0.4, -0.2), (1.0, 0.4), (0.2, 0.5))),
    line((0.0, 0.1), (0.5, 0.25)), maybe(line((0.7, 0.0), (1.35, 0.05))),
)
OWL = (
    rounded(polygon(MAIN, (-0.7, -1.2), (0, -0.8), (0.7, -1.2), (0.9, 0.4), (0, 1.4), (-0.9, 0.4))),
    pair(oval(SECOND, 0.62, 0.3, 0.2, 0.6)), pair(oval(LIGHT, 0.32, -0.3, 0.3, 0.3)),
    *moved(EYES, 1, 0, -0.2), polygon(BRIGHT, (-0.12, -0.2), (0.12, -0.2), (0, 0.08)),
    *(pair(line((0.1, y), (0.2, y + 0.12), (0.3, y))) for y in (0.3, 0.6)),
)
FISH = (
    polygon(SECOND, (0.7, 0), (1.35, -0.5), (1.15, 0), (1.35, 0.5)),
    polygon(SECOND, (-0.3, -0.4), (0.4, -0.8), (0.4, -0.3)), oval(MAIN, 0, 0, 1.0, 0.52),
    *(line((x, -0.35), (x + 0.15, 0), (x, 0.35)) for x in (-0.3, -0.05, 0.2, 0.45)),
    polygon(BRIGHT, (-0.1, 0.1), (0.25, 0.0), (0.25, 0.3)), line((-0.92, 0.2), (-0.65, 0.22)),
    oval(LIGHT, -0.6, -0.1, 0.17, 0.17), oval(DARK, -0.62, -0.1, 0.09, 0.09),
)
PERSON = (
    rounded(box(SECOND, -0.95, -1.2, 0.95, 0.5)), maybe(box(SECOND, -0.75, -0.4, 0.75, 1.1)),
    polygon(BRIGHT, (-0.5, 0.9), (0.5, 0.9), (1, 1.4), (-1, 1.4)), oval(MAIN, 0, 0.1, 0.7, 0.85),
    polygon(SECOND, (-0.68, -0.2), (-0.5, -0.75), (0.5, -0.75), (0.68, -0.2), (0, -0.4)), *EYES,
    maybe(pair(line((0.13, -0.1), (0.35, -0.32), (0.57, -0.1), (0.35, 0.12), (0.13, -0.1)))),
    line((0, 0.1), (-0.1, 0.32), (0.05, 0.32)), pair(line((0, 0.65), (0.17, 0.62), (0.32, 0.5))),
    pair(line((0.3, -0.8), (0.45, -0.45))), pair(line((0.3, 0.95), (0.4, 1.35))),
)
HOUSE = (
    box(DARK, 0.35, -1.2, 0.55, -0.5), box(MAIN, -0.9, -0.4, 0.9, 1.0),
    polygon(SECOND, (-1.1, -0.35), (0, -1.1), (1.1, -0.35)), oval(LIGHT, 0, -0.65, 0.14, 0.14),
    *(pair(box(LIGHT, 0.35, y, 0.7, y + 0.35)) for y in (-0.15, 0.4)),
    *(pair(line((0.52, y), (0.52, y + 0.35))) for y in (-0.15, 0.4)),
    box(BRIGHT, -0.18, 0.4, 0.18, 1.0), oval(DARK, 0.1, 0.7, 0.06, 0.06),
)
TREE = (
    box(SECOND, -0.15, 0.2, 0.15, 1.2), pair(oval(MAIN, 0.5, -0.2, 0.55, 0.5)),
    pair(oval(MAIN, 0.22, -0.67, 0.55, 0.5)),
    *(pair(oval(BRIGHT, x, y, 0.12, 0.12)) for x, y in ((0.6, -0.2), (0.2, 0.0), (0.3, -0.6))),
    *(pair(line((x, y), (x + 0.1, y + 0.1), (x + 0.3, y))) for x in (0.1, 0.5) for y in (-0.4, 0)),
)
CAR = (
    polygon(SECOND, (-0.7, -0.1), (-0.45, -0.75), (0.55, -0.75), (0.85, -0.1)),
    polygon(LIGHT, (-0.55, -0.1), (-0.35, -0.62), (0.48, -0.62), (0.7, -0.1)),
    rounded(box(MAIN, -1.4, -0.2, 1.4, 0.55)), oval(BRIGHT, -1.1, 0.05, 0.12, 0.12),
    line((0.05, -0.75), (0.05, 0.45)), line((0.2, 0.05), (0.35, 0.05)),
    *(oval(DARK, x, 0.45, 0.3, 0.3) for x in (-0.65, 0.7)),
    *(oval(LIGHT, x, 0.45, 0.13, 0.13) for x in (-0.65, 0.7)),
)
CUP = (
    oval(SECOND, 0.75, 0, 0.52, 0.48), oval(LIGHT, 0.8, 0, 0.3, 0.27),
    polygon(MAIN, (-0.8, -0.7), (0.8, -0.7), (0.55, 0.9), (-0.55, 0.9)),
    maybe(polygon(BRIGHT, (-0.74, -0.1), (0.74, -0.1), (0.64, 0.35), (-0.64, 0.35))),
    *(oval(SECOND, x, 0.12, 0.12, 0.14) for x in (-0.45, -0.15, 0.15, 0.45)),
    oval(LIGHT, 0, -0.7, 0.8, 0.22), oval(DARK, 0, -0.67, 0.62, 0.13),
    *(line((x, -1.0), (x + 0.12, -1.15), (x, -1.3)) for x in (-0.4, 0, 0.4)),
)
BALL = (
    oval(MAIN, 0, 0, 1, 1), *around(oval(SECOND, 0.55, 0.32, 0.24, 0.22), 6),
    *around(line((0, 0), (1, 0)), 6), oval(BRIGHT, 0, 0, 0.3, 0.3), oval(LIGHT, 0, -0.7, 0.2, 0.1),
)
FLOWER = (
    box(SECOND, -0.07, 0, 0.07, 1.6),
    pair(rounded(polygon(SECOND, (0, 1.5), (0.3, 0.9), (0.9, 0.8), (0.6, 1.4)))),
    *around(oval(MAIN, 0.6, 0, 0.38, 0.36), 6), *around(line((0, 0), (0.7, 0)), 6),
    oval(BRIGHT, 0, 0, 0.34, 0.34),
)


def animals(head: Drawing, tail: Shape) -> tuple[Drawing, ...]:
    """The head alone (four times of six), an animal that sits, one that stands."""
    sitting = (
        *moved((tail,), 1, 0.4, 1.6), oval(MAIN, 0, 1.1, 0.6, 0.7),
        pair(oval(SECOND, 0.25, 1.7, 0.24, 0.14)), *moved(head, 0.85, 0, 0),
    )
    standing = (
        *(box(MAIN, x, 0.9, x + 0.24, 1.7) for x in (0.2, 0.5, 1.35, 1.65)),
        *moved((tail,), 1, 1.7, 0.8), oval(MAIN, 1.05, 0.8, 0.9, 0.45), *moved(head, 0.8, 0, 0.15),
    )
    return head, head, head, head, sitting, standing


CAT_TAIL = rounded(polygon(MAIN, (0, 0.1), (0.9, 0.2), (0.8, -1), (0.6, -1), (0.6, 0), (0, -0.1)))
DOG_TAIL = rounded(polygon(MAIN, (0, 0.1), (0.4, 0.1), (0.8, -0.5), (0.3, -0.2), (0, -0.1)))
CATS = (animals(CAT_HEAD, CAT_TAIL),)
THINGS = ((thing,) for thing in (FISH, PERSON, HOUSE, TREE, CAR, CUP, BALL, FLOWER))
OTHERS = (animals(DOG_HEAD, DOG_TAIL), (BIRD, OWL), *THINGS)
# fmt: on


def shade(rng: np.random.Generator, darkest: float, lightest: float) -> tuple[int, int, int]:
    """A random colour between two lightnesses, every other time a warm one."""
    hue = rng.normal(0.08, 0.05) if rng.random() < 0.5 else rng.random()
    lightness, saturation = rng.uniform(darkest, lightest), rng.uniform(0.15, 0.7)
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


def background(rng: np.random.Generator) -> Image.Image:
    """Flat, shaded from side to side, speckled or striped."""
    first, other = (np.array(shade(rng, 0.65, 0.92)) for _ in range(2))
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    slant = x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)
    speckles = rng.integers(0, 2, (SIDE // 4, SIDE // 4)).repeat(4, axis=0).repeat(4, axis=1)
    stripes = np.floor(slant * rng.uniform(5, 10)) % 2
    amounts = np.zeros((SIDE, SIDE)), np.clip(slant + 0.5, 0, 1), speckles / 2, stripes
    amount = amounts[rng.integers(len(amounts))]
    colours = (first + amount[:, :, None] * (other - first)).round().astype(np.uint8)
    return Image.fromarray(colours).resize((CANVAS, CANVAS), Image.Resampling.NEAREST)


def varied(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """One of its kind: parts left out or scaled, the whole bent, stretched, turned, flipped."""
    bend, stretch = rng.normal(0, 0.04, (3, 2)), rng.uniform(0.9, 1.1)
    matrix = rotation(np.deg2rad(rng.normal(0, 8))) * [stretch * rng.choice([-1, 1]), 1 / stretch]
    shapes = []
    for shape in drawing:
        middle, size = shape.points.mean(axis=0), rng.uniform(0.88, 1.12)
        if rng.random() > shape.chance:
            continue
        once = middle + size * (shape.points - middle)
        for points in [once, once * [-1, 1]] if shape.mirrored else [once]:
            x, y = points.T
            bent = points + np.column_stack([x * x, x * y, y * y]) @ bend
            shapes.append(replace(shape, points=bent @ matrix))
    return tuple(shapes)


def placed(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Scaled to cover a random share of the picture, its middle near the picture's."""
    small = moved(drawing, SIDE / 8, SIDE / 2, SIDE / 2)
    image = Image.new("1", (SIDE, SIDE))
    for shape in small:
        if shape.filled:
            ImageDraw.Draw(image).polygon(shape.points.ravel().tolist(), fill=1)
    mask = np.asarray(image)
    scale = FINE * np.sqrt(rng.uniform(0.22, 0.34) / mask.mean())
    middle = np.argwhere(mask).mean(axis=0)[::-1]  # (x, y)
    x, y = CANVAS * rng.uniform(0.46, 0.54, 2) - scale * middle
    return moved(small, scale, x, y)


def picture(rng: np.random.Generator, kind: tuple[Drawing, ...]) -> Image.Image:
    """One thing of this kind on a background."""
    lightness = (0.2, 0.55), (0.2, 0.55), (0.8, 0.95), (0.5, 0.7), (0.02, 0.12)
    colours = [shade(rng, darkest, lightest) for darkest, lightest in lightness]
    image = background(rng)
    pen = ImageDraw.Draw(image)
    width, outlined = int(rng.integers(4, 9)), rng.random() < 0.6
    for x, y, size in rng.uniform((0, 0, 4), (CANVAS, CANVAS, 12), (rng.integers(0, 8), 3)):
        pen.ellipse((x - size, y - size, x + size, y + size), colours[rng.integers(5)])
    for shape in placed(varied(kind[rng.integers(len(kind))], rng), rng):
        points = [(round(x, 2), round(y, 2)) for x, y in shape.points.tolist()]
        if not shape.filled:
            pen.line(points, colours[shape.colour], width * 2 // 3, joint="curve")
            continue
        pen.polygon(points, colours[shape.colour])
        if outlined and np.ptp(shape.points, axis=0).max() > CANVAS / 6:
            pen.line([*points, points[0]], colours[DARK], width, joint="curve")
    return image.reduce(FINE)


def main() -> None:
    """Write the pictures of both classes, for training and for testing."""
    parser = argparse.ArgumentParser(description="Draw sample_images/drawn again.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("sample_images/drawn"))
    options = parser.parse_args()
    for part, (name, count) in enumerate(PICTURES.items()):
        for label, kinds in enumerate((OTHERS, CATS)):
            folder = options.out / name / ("non-cat", "cat")[label]
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                rng = np.random.default_rng([options.seed, part, label, number])
                image = picture(rng, kinds[number % len(kinds)])
                image.save(folder / f"{number:03}.png", optimize=True)


if __name__ == "__main__":
    main()
