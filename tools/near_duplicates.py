"""How many copies of a photo are known as such, and how many different photos are taken for copies.

Usage: python tools/near_duplicates.py PHOTOS [--n 2000] [--seed 0]
PHOTOS is a data set; its test split is not touched. Of n photos drawn each is mirrored, halved in
size, and saved again as a JPEG of quality 50; then the photos are compared with one another.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from catclf.cli.console import interval, percent
from catclf.core.metrics import wilson
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading, Picture, decode
from catclf.data.similarity import Hashes, alike_groups, as_rows, near_groups, thumbnail


def _stored(image: Image.Image, **how: int | str) -> bytes:
    file = io.BytesIO()
    image.save(file, **{"format": "PNG", **how})  # type: ignore[arg-type]
    return file.getvalue()


CHANGES: dict[str, Callable[[Image.Image], bytes]] = {
    "mirrored": lambda image: _stored(ImageOps.mirror(image)),
    "half the size": lambda image: _stored(image.resize((image.width // 2, image.height // 2))),
    "JPEG of quality 50": lambda image: _stored(image, format="JPEG", quality=50),
}


def main() -> None:
    """Print recall by change, and the pairs that are no copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    examples = open_dataset(asked.photos).split("train")
    drawn = np.random.default_rng(asked.seed).permutation(len(examples))[: asked.n]
    contents = [bytes(examples[i].source.read()) for i in drawn]
    originals = [decode(data, Loading()) for data in contents]
    print("| change | n | known by the hash (train, eval) | by the thumbnail (check) |")
    print("| --- | ---: | --- | --- |")
    for name, change in CHANGES.items():
        changed = [change(Image.open(io.BytesIO(data)).convert("RGB")) for data in contents]
        copies = [decode(data, Loading()) for data in changed]
        pairs = list(zip(originals, copies, strict=True))
        known = [
            share(sum(len(set(groups(pair))) == 1 for pair in pairs), len(pairs))
            for groups in (by_hash, by_thumbnail)
        ]
        print(f"| {name} | {len(pairs):,} | {' | '.join(known)} |")

    print(f"\ntaken for copies of another among the {len(drawn):,}:")
    for way, groups in {"hash": by_hash(originals), "thumbnail": by_thumbnail(originals)}.items():
        alike = [k for k, group in enumerate(groups) if groups.count(group) > 1]
        print(f"  by the {way} {len(alike)}", *(examples[drawn[k]].name for k in alike))


def by_hash(pictures: Sequence[Picture]) -> list[int]:
    """The group of each picture by its perceptual hash."""
    hashes = as_rows([picture.perceptual_hash for picture in pictures])
    return list(near_groups(_different(len(pictures)), hashes).tolist())


def by_thumbnail(pictures: Sequence[Picture]) -> list[int]:
    """The group of each picture by its thumbnail."""
    thumbnails = np.array([thumbnail(picture.pixels) for picture in pictures])
    return list(alike_groups(_different(len(pictures)), thumbnails).tolist())


def _different(n: int) -> Hashes:
    """Hashes of n files that are all different."""
    return as_rows([i.to_bytes(32, "big") for i in range(n)])


def share(part: int, n: int) -> str:
    """A share in percent with its interval."""
    within = wilson(part, n)
    return f"{percent(part / n)} {interval(within.low, within.high)}"


if __name__ == "__main__":
    main()
