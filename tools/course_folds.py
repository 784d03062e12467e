"""The course's pictures in ten folds, train and test together, each picture once.

Usage: python tools/course_folds.py COURSE [--folds 10] [--seed 0]
COURSE is the folder of the course's HDF5 files. Its two sets share a picture, so that 258 of 259
differ; 50 to test with leave an interval of 13 points, 258 a third of that. The strength is chosen
by the same folds, out of nine, which flatters by next to nothing.
"""

import argparse
from pathlib import Path

import numpy as np

from catclf.cli.console import interval, percent
from catclf.core.metrics import wilson
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading
from catclf.data.splitting import fold_numbers
from catclf.features import SIZES, feature_map, matrix
from catclf.recipes import DEFAULT, descend, unwatched


def main() -> None:
    """Print the out-of-fold accuracy and its interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("course", type=Path)
    parser.add_argument("--features", choices=("conv", "pixels"), default="conv")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    examples = open_dataset(asked.course).examples
    size = SIZES[asked.features]
    columns = matrix(feature_map(asked.features, Loading(size)), [e.source for e in examples])
    _, distinct = np.unique(columns.files, axis=0, return_index=True)
    y = np.array([examples[i].label for i in columns.kept], np.int8)[distinct]
    files = columns.files[distinct]
    fold = fold_numbers(files, np.arange(len(y)), y, asked.folds, asked.seed)
    found = descend(np.asfortranarray(columns.X[:, distinct]), y, DEFAULT, fold, unwatched)
    assert found.selection is not None
    right = int(np.sum((found.selection.z > 0) == y))
    within = wilson(right, len(y))
    print(f"{len(examples)} pictures, {len(y)} differ, {asked.folds} folds, l2 {found.l2:.3g}")
    print(
        f"accuracy {percent(right / len(y))} {interval(within.low, within.high)}, "
        f"{right} of {len(y)}; always the commoner class: {percent(max(y.mean(), 1 - y.mean()))}"
    )


if __name__ == "__main__":
    main()
