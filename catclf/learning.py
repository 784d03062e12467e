"""Progress by scaling: accuracy on other pictures against the number of those trained on.

Source: the notes, "Deep learning progress": larger networks and more data; here the second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catclf.core.metrics import Interval, wilson
from catclf.data.dataset import Example, open_dataset
from catclf.data.decode import Loading
from catclf.data.similarity import near_groups
from catclf.data.splitting import hold_out
from catclf.errors import DataError, TrainingError
from catclf.features import SIZES, Columns, FeatureMap, FeatureName, feature_map, matrix
from catclf.features.cache import Cache
from catclf.recipes import DEFAULT, Progress, Recipe, Watch, descend, unwatched
from catclf.training import default_max_memory, folds_of

DRAWS = 5  # of the pictures of each number
HELD_OUT = 0.2  # of the training pictures judges where there is no test split
STEPS = (1, 2, 5)  # of the numbers, in each power of ten
FEWEST = 10


@dataclass(frozen=True)
class Point:
    """Models of m pictures: how many of the n judging ones each of them called right, ascending."""

    m: int
    n: int
    right: tuple[int, ...]

    @property
    def middle(self) -> int:
        """The model in the middle, by what it called right."""
        return self.right[len(self.right) // 2]

    @property
    def accuracy(self) -> float:
        """Its share of the judging pictures."""
        return self.middle / self.n

    @property
    def interval(self) -> Interval:
        """Wilson's 95% for that share: chance in the judging pictures, not in the draws."""
        return wilson(self.middle, self.n)


@dataclass(frozen=True)
class Learning:
    """What the points are about: who judges, the strength of L2, and how many pictures there are.

    points computes each as it is asked for.
    """

    judges: str
    n: int
    m: int
    l2: float
    points: Iterator[Point]


def learning_curve(
    data: Path | str,
    sizes: Sequence[int] = (),
    features: FeatureName = "conv",
    *,
    held_out: bool = False,
    l2: float | None = None,
    positive: str | None = None,
    seed: int = 0,
    jobs: int | None = None,
    watch: Watch = unwatched,
) -> Learning:
    """The curve for a data set: each size is drawn `DRAWS` times, the same share of each class.

    sizes: numbers of pictures, by default 10, 20, 50, ... and all. The test split judges; where
    there is none, or with held_out, a fifth of the training pictures. l2: one strength for all, by
    default the one that folds of all training pictures choose. Raises `DataError`, `TrainingError`.
    """
    dataset = open_dataset(data, positive)
    own = dataset.size if features == "pixels" else None
    x = feature_map(features, Loading(own or SIZES[features]))
    train, y = _read(x, dataset.split("train"), watch, jobs)
    tests = dataset.split("test")
    if held_out or not tests:
        groups = near_groups(train.files, train.pictures)
        judging = hold_out(train.files, groups, y, HELD_OUT, seed)
        learns, judges = ~judging, "held-out pictures"
        X_test, y_test = train.X[:, judging], y[judging]
    else:
        learns, judges = np.ones(len(y), bool), "test split"
        test, y_test = _read(x, tests, watch, jobs)
        X_test = test.X
    X, y = train.X[:, learns], y[learns]
    if len(np.unique(y)) < 2 or not len(y_test):
        what = "two classes to learn from and pictures that judge are needed"
        raise TrainingError(what, where=str(data))
    if l2 is None:
        fold = folds_of(train.files[learns], train.pictures[learns], y, seed)
        l2 = descend(np.array(X, order="F"), y, DEFAULT, fold, watch).l2
    recipe = replace(DEFAULT, l2=l2)
    numbers = sorted({min(size, len(y)) for size in (*(sizes or ladder(len(y))),)})
    points = _points(X, y, X_test, y_test, numbers, recipe, seed, watch)
    return Learning(f"{judges} of {dataset.path}", len(y_test), len(y), l2, points)


def ladder(m: int) -> list[int]:
    """The numbers 10, 20, 50, 100, ... below m, and m.

    >>> ladder(300)
    [10, 20, 50, 100, 200, 300]
    """
    powers = (10**i for i in range(len(str(m))))
    return [*(n for p in powers for n in (k * p for k in STEPS) if FEWEST <= n < m), m]


def _read(
    features: FeatureMap, examples: tuple[Example, ...], watch: Watch, jobs: int | None
) -> tuple[Columns, NDArray[np.int8]]:
    """X and y of the pictures that can be read."""
    n = len(examples)
    cache = Cache(features) if features.sha256 else None
    columns = matrix(
        features,
        [example.source for example in examples],
        each=lambda done: watch(Progress("reading", done / n, done, "photos")),
        max_bytes=default_max_memory(),
        jobs=jobs,
        cache=cache,
    )
    if cache:
        cache.save()
    if not len(columns.kept):
        raise DataError("no picture can be read")
    return columns, np.array([examples[i].label for i in columns.kept], np.int8)


def _points(
    X: NDArray[np.floating],
    y: NDArray[np.int8],
    X_test: NDArray[np.floating],
    y_test: NDArray[np.int8],
    numbers: Sequence[int],
    recipe: Recipe,
    seed: int,
    watch: Watch,
) -> Iterator[Point]:
    """A point a number: draws of the columns of X (n_x, m), judged on those of X_test (n_x, n)."""
    random = np.random.default_rng(seed)
    done = 0
    for m in numbers:
        right = []
        for _ in range(DRAWS if m < len(y) else 1):
            drawn = _draw(y, m, random)
            found = descend(np.asfortranarray(X[:, drawn]), y[drawn], recipe, None, unwatched)
            right.append(int(np.sum((found.w @ X_test + found.b > 0) == y_test)))
            done += 1
            watch(Progress("learning", done / (DRAWS * len(numbers)), done, "models"))
        yield Point(m, len(y_test), tuple(sorted(right)))


def _draw(y: NDArray[np.int8], m: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Positions of about m pictures, the same share of each class as in y, at least one."""
    chosen = []
    for label in (0, 1):
        of_class = np.flatnonzero(y == label)
        share = max(1, round(m * len(of_class) / len(y)))
        chosen.append(random.choice(of_class, min(share, len(of_class)), replace=False))
    return np.concatenate(chosen)
