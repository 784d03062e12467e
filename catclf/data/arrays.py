"""`.npz` with images and labels, and what HDF5 shares with it: arrays of pictures.

Images are (m, H, W, 3) or (m, H, W), whole numbers 0 to 255; labels are (m,), (m, 1) or (1, m).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catclf.data.dataset import Dataset, Labelled, Pixels, resolve
from catclf.data.zips import Zip
from catclf.errors import DataError

# Names under which images and labels are found, with the split that each pair stands for.
_PAIRS = (
    ("images", "labels", None),
    ("X", "y", None),
    ("x", "y", None),
    ("train_images", "train_labels", "train"),
    ("test_images", "test_labels", "test"),
    ("x_train", "y_train", "train"),
    ("x_test", "y_test", "test"),
    ("X_train", "y_train", "train"),
    ("X_test", "y_test", "test"),
)


def read(path: Path, positive: str | None) -> Dataset:
    """The data set in an `.npz`: images and labels, or x_train, y_train, x_test, y_test."""
    with Zip(path) as archive:
        held = {name.removesuffix(".npy"): name for name in archive.names}
        pairs = [pair for pair in _PAIRS if pair[0] in held and pair[1] in held]
        if not pairs:
            what = f"holds {', '.join(held) or 'nothing'}, but no images and labels"
            do = "save it with numpy.savez(path, images=..., labels=...)"
            raise DataError(what, where=str(path), do=do)
        loaded = [
            (archive.array(held[images]), archive.array(held[labels]), split)
            for images, labels, split in pairs
        ]
        names = archive.array(held["class_names"]) if "class_names" in held else None
    examples = [
        example
        for images, labels, split in loaded
        for example in labelled(path, path.name, images, labels, names, split)
    ]
    return resolve(path, examples, positive, size=common_size([images for images, *_ in loaded]))


def labelled(
    path: Path,
    prefix: str,
    images: NDArray[np.generic],
    labels: NDArray[np.generic],
    names: Sequence[str] | NDArray[np.generic] | None,
    split: str | None,
) -> list[Labelled]:
    """One example a picture, called prefix[j]. names: of the classes, indexed by the labels."""
    images = _as_pixels(path, images)
    classes = _as_class_names(path, labels, names)
    if len(images) != len(classes):
        what = f"{len(images)} images but {len(classes)} labels"
        raise DataError(what, where=str(path), do="give one label an image")
    return [
        Labelled(f"{prefix}[{j}]", Pixels(image), class_name, split)
        for j, (image, class_name) in enumerate(zip(images, classes, strict=True))
    ]


def common_size(batches: Sequence[NDArray[np.generic]]) -> int | None:
    """The side of the pictures where all are squares of one size."""
    sides = {side for images in batches for side in images.shape[1:3]}
    return sides.pop() if len(sides) == 1 else None


def _as_pixels(path: Path, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    fits = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (3, 4))
    if not fits or 0 in images.shape[1:]:
        what = f"images of shape {images.shape} are not (m, H, W, 3)"
        raise DataError(what, where=str(path), do="store them as (m, H, W, 3) uint8")
    if images.dtype != np.uint8:
        narrowed = images.astype(np.uint8) if images.dtype.kind in "iu" else None
        if narrowed is None or not np.array_equal(narrowed, images):
            what = f"images of type {images.dtype} are not whole numbers from 0 to 255"
            raise DataError(what, where=str(path), do="store them as (m, H, W, 3) uint8")
        return narrowed
    return images.astype(np.uint8, copy=False)


def _as_class_names(
    path: Path, labels: NDArray[np.generic], names: Sequence[str] | NDArray[np.generic] | None
) -> list[str]:
    """A name a picture; labels 0 and 1 without names are non-cat and cat."""
    if labels.size != max(labels.shape, default=0):
        what = f"labels of shape {labels.shape} are not one a picture"
        raise DataError(what, where=str(path), do="store them as (m,)")
    values = labels.reshape(-1)
    if values.dtype.kind in "SU":
        return [_text(value) for value in values]
    known = ["non-cat", "cat"] if names is None else [_text(name) for name in np.ravel(names)]
    numbers = values.astype(np.float64) if values.dtype.kind in "biuf" else np.full(1, np.nan)
    odd = np.flatnonzero(~np.isin(numbers, np.arange(len(known))))
    if len(odd):
        what = f"label {odd[0]} is {values[odd[0]]}, not one of 0 to {len(known) - 1}"
        raise DataError(what, where=str(path), do="label each image with a class's number")
    return [known[int(number)] for number in numbers]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
