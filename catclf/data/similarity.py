"""Pictures that are nearly the same: rescaled, recompressed, mirrored, or the next of a burst.

A model remembers pictures by the 256-bit difference hashes of `decode.py`. Among 20,000 photos of
different things the nearest two are 27 bits apart, mirrored or not, and copies of one photo at most
some 15: 24 tells them apart, but for copies of pictures of some 64 pixels, which blur more bits.

Where the pictures are at hand their thumbnails of 8 x 8 tell more: copies differ by at most a fifth
of their contrast, different photos by nearly half (`tools/near_duplicates.py`).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

NEAR_BITS = 24
# With fewer bits set, or fewer clear, a picture is nearly flat or one slope: its hash says nothing.
TELLING_BITS = 24
SIDE = 8  # places of a thumbnail in a row
THUMBNAIL = SIDE * SIDE * 3  # values of one
ALIKE = 0.25  # of the contrast: copies differ by less, different photos by more
_ROWS = 1024  # of a comparison at a time

Pairs = Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]

Hashes = NDArray[np.uint8]  # (m, 32)


def as_rows(digests: list[bytes]) -> Hashes:
    """Digests of 32 bytes as rows (m, 32) uint8."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def contained(
    files: Hashes, pictures: Hashes, in_files: Hashes, in_pictures: Hashes
) -> NDArray[np.bool_]:
    """Which of the pictures are also among others, by file hash or nearly by perceptual hash.

    files, pictures: sha256 and perceptual hash of each, (k, 32); in_*: of the others, (m, 32).
    """
    known = {row.tobytes() for row in in_files}
    found = np.array([row.tobytes() in known for row in files], bool)
    for i, _ in _near_pairs(pictures, in_pictures):
        found[i] = True
    return found


def near_groups(files: Hashes, pictures: Hashes) -> NDArray[np.intp]:
    """A group number for each picture (m,): the index of the first picture that it equals, nearly.

    Chains count: where a is near b and b is near c, all three are one group.
    """
    return _joined(files, _near_pairs(pictures))


def alike_groups(files: Hashes, thumbnails: NDArray[np.float32]) -> NDArray[np.intp]:
    """The same by thumbnails (m, 192) in place of hashes."""
    return _joined(files, _alike_pairs(thumbnails))


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of 8 x 8 places of a picture (size, size, 3), size a multiple of 8, as (192,)."""
    step = len(pixels) // SIDE
    places = pixels.reshape(SIDE, step, SIDE, step, 3).mean((1, 3), dtype=np.float32)
    return np.asarray(places.reshape(-1))


def _joined(files: Hashes, pairs: Pairs) -> NDArray[np.intp]:
    parent = np.arange(len(files))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    def join(i: int, j: int) -> None:
        first, second = sorted((root(i), root(j)))
        parent[second] = first

    seen: dict[bytes, int] = {}
    for i, row in enumerate(files):
        join(i, seen.setdefault(row.tobytes(), i))
    for rows, columns in pairs:
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            join(i, j)
    return np.array([root(i) for i in range(len(files))], np.intp)


def _alike_pairs(thumbnails: NDArray[np.float32]) -> Pairs:
    """Indices (i, j) of thumbnails whose distance is small beside their contrast, mirrored or not;
    each pair once at least."""
    n = THUMBNAIL
    mirrored = thumbnails.reshape(-1, SIDE, SIDE, 3)[:, :, ::-1].reshape(-1, n)
    squares = (thumbnails**2).sum(axis=1) / n
    contrast = thumbnails.reshape(-1, SIDE * SIDE, 3).std(axis=1).mean(axis=1)
    for start in range(0, len(thumbnails), _ROWS):
        rows = slice(start, start + _ROWS)
        # squared distance <= ALIKE² (contrast_i contrast_j + 1): a flat picture is its own only
        limit = ALIKE**2 * (contrast[rows, None] * contrast[None, start:] + 1)
        limit -= squares[rows, None] + squares[None, start:]
        product = 2 / n * thumbnails[rows]
        alike = -(product @ thumbnails[start:].T) <= limit
        alike |= -(product @ mirrored[start:].T) <= limit
        i, j = np.nonzero(alike)
        yield i + start, j + start


def _near_pairs(a: Hashes, b: Hashes | None = None) -> Pairs:
    """Indices (i, j) with a[i] near b[j] or near its mirror image, block by block.

    Without b the pairs within a, each once at least.
    """
    signs_a, _ = _signs(a)
    signs_b, mirrored_b = _signs(a if b is None else b)
    limit = 256 - 2 * NEAR_BITS
    for start in range(0, len(a), _ROWS):
        first = start if b is None else 0
        rows = signs_a[start : start + _ROWS]
        near = rows @ signs_b[first:].T >= limit
        near |= rows @ mirrored_b[first:].T >= limit
        i, j = np.nonzero(near)
        yield i + start, j + first


def _signs(hashes: Hashes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Bits as -1 and 1, and those of the mirrored picture: the product of two rows (256,) is
    256 - 2 * differing bits. All 0, and so near to none, where the bits say nothing."""
    bits = _bits(hashes)
    telling = np.abs(bits.sum(axis=1, keepdims=True) - 128) <= 128 - TELLING_BITS
    return (2 * bits - 1) * telling, (2 * _mirrored(bits) - 1) * telling


def _bits(hashes: Hashes) -> NDArray[np.float32]:
    return np.unpackbits(hashes, axis=1).astype(np.float32)


def _mirrored(bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bits of the mirrored picture: columns run backwards, and brighter becomes darker."""
    return 1 - bits.reshape(-1, 16, 16)[:, :, ::-1].reshape(-1, 256)
