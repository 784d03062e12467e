"""Which pictures judge: a held-out part, or folds. No group of near-equal pictures straddles."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from catclf.data.similarity import Hashes


def hold_out(
    files: Hashes, groups: NDArray[np.intp], labels: NDArray[np.int8], fraction: float, seed: int
) -> NDArray[np.bool_]:
    """True for the pictures that are held out, (m,).

    Each group draws its place in [0, 1) from a hash of the seed and of its files; those below the
    fraction are held out. So a further photo moves no other (but near-copies of itself), and each
    class gives the same share, up to chance. A class of which chance held out none gives its first
    group, if it has another.
    """
    place = _places(files, groups, seed)
    held_out = place < fraction
    if fraction > 0:
        for label in np.unique(labels):
            of_class = np.flatnonzero(labels == label)
            if not held_out[of_class].any():
                first = groups[of_class[np.argmin(place[of_class])]]
                if (groups[of_class] != first).any():
                    held_out |= groups == first
    return np.asarray(held_out)


def fold_numbers(
    files: Hashes, groups: NDArray[np.intp], labels: NDArray[np.int8], folds: int, seed: int
) -> NDArray[np.intp]:
    """The fold 0 to folds - 1 of each picture, (m,): stratified, groups kept together."""
    place = _places(files, groups, seed)
    fold = np.zeros(len(files), np.intp)
    dealt = 0
    for label in np.unique(labels):
        # A group that has pictures of both classes is dealt once, with its first picture's class.
        heads = [g for g in np.unique(groups[labels == label]) if labels[g] == label]
        for group in sorted(heads, key=lambda g: place[g]):
            fold[groups == group] = dealt % folds
            dealt += 1
    return fold


def _places(files: Hashes, groups: NDArray[np.intp], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each picture, the same within a group, from the files alone."""
    smallest: dict[int, bytes] = {}
    for group, row in zip(groups.tolist(), files, strict=True):
        smallest[group] = min(row.tobytes(), smallest.get(group, b"\xff" * 33))
    place = {
        group: int.from_bytes(hashlib.sha256(b"%d:" % seed + digest).digest()[:8], "big") / 2**64
        for group, digest in smallest.items()
    }
    return np.array([place[group] for group in groups.tolist()])
