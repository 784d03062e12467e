"""Progress by scaling: accuracy on other pictures against the number of training pictures.

Usage: python tools/learning_curve.py DATA [--features conv] [--sizes 20,50,...] [--held-out]
The test split judges; with --held-out a fifth of the training pictures, and the test split is left
alone. Each size is drawn `repeats` times, the same share of each class; the range is that of the
draws, the interval (Wilson) that of the judging pictures, for the draw in the middle.
"""

import argparse
import os

# Most draws are small: on more threads their products wait for one another more than they gain.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from catclf.core.metrics import wilson
from catclf.data.dataset import Example, open_dataset
from catclf.data.decode import Loading
from catclf.data.similarity import near_groups
from catclf.data.splitting import hold_out
from catclf.features import SIZES, Columns, FeatureMap, feature_map, matrix
from catclf.features.cache import Cache
from catclf.recipes import DEFAULT, Recipe, descend, unwatched

BAR = 40  # characters for 100%


def read(examples: tuple[Example, ...], features: FeatureMap) -> tuple[Columns, NDArray[np.int8]]:
    """X and y of the pictures that can be read."""
    cache = Cache(features) if features.sha256 else None
    columns = matrix(features, [example.source for example in examples], cache=cache)
    if cache:
        cache.save()
    return columns, np.array([examples[i].label for i in columns.kept], np.int8)


def draw(y: NDArray[np.int8], size: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Positions of `size` pictures, the same share of each class as in y."""
    chosen = []
    for label in (0, 1):
        of_class = np.flatnonzero(y == label)
        share = max(1, round(size * len(of_class) / len(y)))
        chosen.append(random.choice(of_class, min(share, len(of_class)), replace=False))
    return np.concatenate(chosen)


def accuracy(
    X: NDArray[np.floating], y: NDArray[np.int8], test: NDArray[np.floating],
    y_test: NDArray[np.int8], recipe: Recipe,
) -> int:  # fmt: skip
    """How many test pictures a model trained on X (n_x, m) and y calls right."""
    found = descend(np.asfortranarray(X), y, recipe, None, unwatched)
    return int(np.sum((found.w @ test + found.b > 0) == y_test))


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--features", choices=("conv", "pixels"), default="pixels")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--sizes", default="10,20,50,100,200,300")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--l2", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    dataset = open_dataset(asked.data)
    own = dataset.size if asked.features == "pixels" else None
    features = feature_map(asked.features, Loading(own or SIZES[asked.features]))
    train, y = read(dataset.split("train"), features)
    if asked.held_out:
        groups = near_groups(train.files, train.pictures)
        judges = hold_out(train.files, groups, y, 0.2, asked.seed)
        X, test, y, y_test = train.X[:, ~judges], train.X[:, judges], y[~judges], y[judges]
    else:
        judging, y_test = read(dataset.split("test"), features)
        X, test = train.X, judging.X
    if not len(y_test):
        parser.error(f"{asked.data} has no test split to judge by")
    recipe = Recipe(**{**vars(DEFAULT), "l2": asked.l2})
    random = np.random.default_rng(asked.seed)
    print(f"{len(y_test):,} judging pictures, {asked.repeats} draws a size")
    for m in sorted({min(int(size), len(y)) for size in asked.sizes.split(",")}):
        draws = [draw(y, m, random) for _ in range(asked.repeats if m < len(y) else 1)]
        right = sorted(accuracy(X[:, d], y[d], test, y_test, recipe) for d in draws)
        middle, n = right[len(right) // 2], len(y_test)
        low, high = (f"{100 * k / n:.1f}" for k in (right[0], right[-1]))
        interval = wilson(middle, n)
        print(
            f"{m:7,} pictures  {middle / n:6.1%} [{100 * interval.low:.0f}, "
            f"{100 * interval.high:.0f}]  draws {low} to {high}  {'#' * round(BAR * middle / n)}"
        )


if __name__ == "__main__":
    main()
