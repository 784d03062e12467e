"""Data -> features -> core -> Model: the only place that knows the order."""

import datetime
import os
import platform
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

from catclf.core.calibration import LEVEL, logit, platt, unsure_level
from catclf.core.familiarity import Familiarity
from catclf.core.logistic import Array
from catclf.data.dataset import Dataset, Example, open_dataset
from catclf.data.decode import CROPS, MAX_PIXELS, Crop, Loading
from catclf.data.loading import InOrder, in_order
from catclf.data.similarity import Hashes, near_groups
from catclf.data.splitting import fold_numbers, hold_out
from catclf.errors import DataError, TrainingError
from catclf.evaluation import Evaluation, evaluate_examples, judge
from catclf.features import SIZES, Columns, FeatureMap, FeatureName, feature_map, matrix
from catclf.features.cache import Cache
from catclf.model import Model, Record
from catclf.recipes import (
    RECIPES,
    Descended,
    Passed,
    Progress,
    Recipe,
    Watch,
    descend,
    unwatched,
)
from catclf.stopping import tidying

FEW = 200  # fewer training pictures than this are too few to hold a part of them out
FOLDS = 5
OUT_OF_FOLD = "out of fold"
COPIES_WORTH_SAYING = 0.01  # of the training photos
MAX_SIZE = 4096
MIN_SIZE = 32  # of a picture for conv: its last map has one place then

# X (n_x, m), y (m,), recipe, fold (m,) or None, watch -> w and b, as `recipes.descend` finds them.
Descend = Callable[[Array, NDArray[np.int8], Recipe, NDArray[np.intp] | None, Watch], Descended]


@dataclass(frozen=True)
class Options:
    """What can be asked of a training; see `train`."""

    recipe: str = "default"
    features: FeatureName | None = None
    size: int | None = None
    crop: Crop = "centre"
    l2: float | Literal["auto"] | None = None
    learning_rate: float | None = None
    iterations: int | None = None
    holdout: float = 0.2
    positive: str | None = None
    seed: int = 0
    strict: bool = False
    jobs: int | None = None
    max_memory: int | None = None
    prior: float | None = None
    cache: bool = True
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f"no recipe {self.recipe}; there are: {', '.join(RECIPES)}")
        if self.features is not None and self.features not in SIZES:
            raise ValueError(f"no features {self.features}; there are: {', '.join(SIZES)}")
        if self.crop not in CROPS:
            raise ValueError(f"no crop {self.crop}; there are: {', '.join(CROPS)}")
        if self.l2 not in (None, "auto") and not (_is_number(self.l2) and 0 <= self.l2 < np.inf):
            raise ValueError('l2 is a number from 0 up, or "auto"')
        rate = self.learning_rate
        if rate is not None and not (_is_number(rate) and 0 < rate < np.inf):
            raise ValueError("a learning rate is a number above 0")
        for name in ("iterations", "jobs", "max_memory", "max_pixels"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | np.integer) and value > 0):
                raise ValueError(f"{name} is a whole number from 1 up")
        if self.positive is not None and not isinstance(self.positive, str):
            raise ValueError("positive is the name of a class")
        if not 0 <= self.holdout < 1:
            raise ValueError("holdout is a share, from 0 to less than 1")
        if self.size is not None and not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"size is a number of pixels, 1 to {MAX_SIZE}")
        if self.size is not None and self.size < MIN_SIZE and self.map_name() == "conv":
            raise ValueError(f"the map conv sees nothing in fewer than {MIN_SIZE} x {MIN_SIZE}")
        if self.prior is not None and not 0 < self.prior < 1:
            raise ValueError("a prior is a share, above 0 and below 1")

    def map_name(self) -> FeatureName:
        """The feature map asked for, or the recipe's."""
        return self.features or ("pixels" if self.recipe == "course" else "conv")

    def chosen_recipe(self) -> Recipe:
        """The recipe of that name, with what was asked for in its place."""
        given = {"l2": self.l2, "learning_rate": self.learning_rate, "iterations": self.iterations}
        given = {
            key: None if value == "auto" else value
            for key, value in given.items()
            if value is not None
        }
        return replace(RECIPES[self.recipe], **given)  # type: ignore[arg-type]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


@dataclass(frozen=True)
class Training:
    """A trained model, with what the training found out besides.

    evaluation judges the model on pictures that it has not seen; None where there are none.
    left_out: name and reason of every picture that could not be had. remarks: what the reader of
    the data set left alone. judges: the examples that evaluation is about, where they are any.
    passed: where the descent came by, if that was asked for.
    """

    model: Model
    evaluation: Evaluation | None
    left_out: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    judges: tuple[Example, ...]
    passed: Passed | None = None


def train(
    data: Path | str,
    *,
    recipe: str = "default",
    features: FeatureName | None = None,
    size: int | None = None,
    crop: Crop = "centre",
    l2: float | Literal["auto"] | None = None,
    learning_rate: float | None = None,
    iterations: int | None = None,
    holdout: float = 0.2,
    positive: str | None = None,
    seed: int = 0,
    strict: bool = False,
    jobs: int | None = None,
    max_memory: int | None = None,
    prior: float | None = None,
    cache: bool = True,
    max_pixels: int = MAX_PIXELS,
) -> Model:
    """Train a model on the data set at a path; `model.save(path)` writes it.

    recipe: "default" or "course". features: "conv", what a network trained on ImageNet sees, or
    "pixels", which is what the course takes. size: the side that pictures are brought to, by
    default the map's, or for pixels the arrays' own. crop: "centre" or "stretch". l2: the strength
    of L2, by default chosen by five folds of the training pictures. learning_rate, iterations: in
    place of the recipe's; a learning rate means plain gradient descent. holdout: the share of the
    training pictures that judges, where the data have no test split and 200 pictures or more; with
    fewer, folds judge and the model trains on all. positive: name of the positive class. seed:
    draws what is held out. strict: an unreadable picture is an error. jobs: threads that read.
    max_memory: bytes that X may take, by default half of what is free; a larger one lies in a
    temporary file. prior: the share of positives that probabilities shall assume, by default 0.5
    (the course's recipe: their share in training). cache: keep the features that took long in the
    user's cache folder, and take those that are there. max_pixels: larger pictures are left out.

    Raises `DataError` or `TrainingError`, both `CatclfError`.
    """
    options = Options(
        recipe,
        features,
        size,
        crop,
        l2,
        learning_rate,
        iterations,
        holdout,
        positive,
        seed,
        strict,
        jobs,
        max_memory,
        prior,
        cache,
        max_pixels,
    )
    return fit(data, options).model


def fit(
    data: Path | str,
    options: Options,
    watch: Watch = unwatched,
    descend: Descend = descend,
    in_order: InOrder = in_order,
) -> Training:
    """The same with all that was found out, and with someone watching.

    descend: another way from X and y to w and b. in_order: another place where pictures become
    columns; without a cache, which stays here.
    """
    recipe = options.chosen_recipe()
    dataset = open_dataset(data, options.positive)
    name = options.map_name()
    own = dataset.size if name == "pixels" else None
    size = options.size or own or SIZES[name]
    features = feature_map(name, Loading(size, options.crop, options.max_pixels))
    # Pixels are had as soon as a photo is read, and take more room than it does.
    cache = Cache(features) if options.cache and name != "pixels" else None
    # What was computed is not lost to an error or to a stop.
    with tidying(cache.save) if cache else nullcontext():
        try:
            training = _fit(dataset, features, recipe, options, watch, cache, descend, in_order)
        finally:
            kept = cache.save() if cache else None
    return replace(training, remarks=(*training.remarks, kept)) if kept else training


def _fit(
    dataset: Dataset,
    features: FeatureMap,
    recipe: Recipe,
    options: Options,
    watch: Watch,
    cache: Cache | None,
    descend: Descend,
    in_order: InOrder,
) -> Training:
    columns, y, left_out = _read(dataset, features, recipe, options, watch, cache, in_order)

    groups = near_groups(columns.files, columns.pictures)
    judges = _choose_judges(dataset, columns, groups, y, options)
    learns = ~judges.held_out
    _check_classes(dataset, y[learns])
    X, y_train = _compact(columns.X, learns), y[learns]
    fold = None
    if judges.name == OUT_OF_FOLD or recipe.l2 is None or recipe.calibrated:
        fold = folds_of(columns.files[learns], columns.pictures[learns], y_train, options.seed)
    familiarity = None
    if recipe.calibrated and fold is not None:
        familiarity = Familiarity.fit(X, fold)
    descended = descend(X, y_train, recipe, fold, watch)

    model = Model(
        w=descended.w[:, None],
        b=descended.b,
        features=features.name,
        features_sha256=features.sha256,
        loading=features.loading,
        class_names=dataset.class_names,
        threshold=0.5,
        prior=0.5 if recipe.balanced else float(y_train.mean()),
        unsure_level=LEVEL if recipe.calibrated else 0.5,
        familiarity=familiarity,
        train_files=columns.files[learns],
        train_pictures=columns.pictures[learns],
        held_out_files=columns.files[judges.held_out],
        held_out_pictures=columns.pictures[judges.held_out],
        record=_record(dataset, options, recipe, descended, y_train, judges.name, len(left_out)),
    )
    if recipe.calibrated and descended.selection is not None:
        model = calibrated(model, descended.selection.z, y_train, OUT_OF_FOLD)
    if options.prior is not None:
        model = with_prior(model, options.prior)
    right = float(np.mean((_probable(model, descended.z) > 0) == y_train))
    model = replace(model, record=replace(model.record, train_accuracy=right))

    evaluation, remarks = None, (*dataset.remarks, *_copies(dataset, groups, y))
    where = f"{judges.name} of {dataset.path}"
    if judges.examples:
        try:
            evaluation = evaluate_examples(
                model, judges.examples, where, options.jobs, watch, cache=cache, in_order=in_order
            )
        except DataError as error:  # what judges is no good; what was learned is not lost for that
            remarks = (*remarks, f"not judged: {error}")
    elif judges.name == OUT_OF_FOLD and descended.selection is not None:
        where = f"{OUT_OF_FOLD} on {dataset.path}"
        evaluation = judge(model, _probable(model, descended.selection.z), y_train, where)
    if evaluation is not None:
        model = replace(model, record=replace(model.record, figures=evaluation.as_json()))
    passed = descended.passed
    return Training(model, evaluation, left_out, remarks, judges.examples, passed)


def calibrated(model: Model, z: Array, y: NDArray[np.int8], on: str) -> Model:
    """The model with slope and offset folded into w and b, and the level from which it answers.

    z (m,) are its scores of pictures that it has not seen, y (m,) their labels; on says which.
    """
    found = platt(z, y, model.prior)
    record = replace(
        model.record,
        calibrated_on=on,
        calibrated_n=len(y),
        slope=found.slope,
        offset=found.offset,
        slope_alone=found.slope_alone,
    )
    return replace(
        model,
        w=found.slope * model.w,
        b=found.slope * model.b + found.offset,
        unsure_level=unsure_level(found.slope * z + found.offset, y, model.prior),
        record=record,
    )


def _probable(model: Model, z: Array) -> Array:
    """Scores (m,) as they came out of the descent, calibrated and at the prior as the model's."""
    return model.record.slope * z + model.record.offset


def with_prior(model: Model, prior: float) -> Model:
    """The model for another share of positives: only b moves."""
    shift = logit(prior) - logit(model.prior)
    record = replace(model.record, offset=model.record.offset + shift)
    return replace(model, b=model.b + shift, prior=prior, record=record)


def _read(
    dataset: Dataset,
    features: FeatureMap,
    recipe: Recipe,
    options: Options,
    watch: Watch,
    cache: Cache | None,
    in_order: InOrder,
) -> tuple[Columns, NDArray[np.int8], tuple[tuple[str, str], ...]]:
    """The training split as columns, their labels (m,), and what could not be read."""
    examples = dataset.split("train")
    n = len(examples)
    if not n:
        what = "has a test split but nothing to train on"
        raise DataError(what, where=str(dataset.path), do="name the whole data set")
    try:
        columns = matrix(
            features,
            [example.source for example in examples],
            recipe.dtype,
            lambda done: watch(Progress("reading", done / n, done, "photos")),
            options.max_memory or default_max_memory(),
            options.jobs,
            cache,
            in_order,
        )
    except MemoryError as error:
        gigabytes = features.n_x * n * np.dtype(recipe.dtype).itemsize / 2**30
        what = f"{n:,} pictures of {features.n_x:,} numbers need {gigabytes:.1f} GiB of memory"
        raise DataError(what, where=str(dataset.path), do="take a smaller --size") from error
    left_out = tuple((examples[i].name, reason) for i, reason in columns.failures)
    if left_out and options.strict:
        name, reason = left_out[0]
        raise DataError(reason, where=name, do="mend or remove it, or train without --strict")
    if len(left_out) == n:
        name, reason = left_out[0]
        what = f"none of {n:,} pictures can be read (the first, {name}: {reason})"
        raise DataError(what, where=str(dataset.path))
    y = np.array([examples[position].label for position in columns.kept], np.int8)
    _check_classes(dataset, y)
    return columns, y, left_out


def _check_classes(dataset: Dataset, y: NDArray[np.int8]) -> None:
    for label, name in enumerate(dataset.class_names):
        if not (y == label).any():
            what = f"no readable picture of {name} to train on"
            raise TrainingError(what, where=str(dataset.path), do="two classes are needed")


@dataclass(frozen=True)
class _Judges:
    """What judges the model: other examples (the test split, or those held out), folds, nothing."""

    name: str
    held_out: NDArray[np.bool_]  # (m,)
    examples: tuple[Example, ...] = ()


def _choose_judges(
    dataset: Dataset,
    columns: Columns,
    groups: NDArray[np.intp],
    y: NDArray[np.int8],
    options: Options,
) -> _Judges:
    none = np.zeros(len(y), bool)
    tests = dataset.split("test")
    if tests:
        return _Judges("test split", none, tests)
    if options.holdout == 0:
        return _Judges("nothing", none)
    if len(y) < FEW:
        return _Judges(OUT_OF_FOLD, none)
    held_out = hold_out(columns.files, groups, y, options.holdout, options.seed)
    examples = dataset.split("train")
    judging = tuple(examples[position] for position in columns.kept[held_out])
    return _Judges("held-out pictures", held_out, judging)


def folds_of(
    files: Hashes, pictures: Hashes, y: NDArray[np.int8], seed: int
) -> NDArray[np.intp] | None:
    """The fold of each picture (m,); None where a class has too few that differ."""
    groups = near_groups(files, pictures)
    folds = min(FOLDS, *(len(np.unique(groups[y == label])) for label in (0, 1)))
    return fold_numbers(files, groups, y, folds, seed) if folds > 1 else None


def _copies(dataset: Dataset, groups: NDArray[np.intp], y: NDArray[np.int8]) -> tuple[str, ...]:
    """A line on training photos that are nearly the same, for `catclf check` to say more of.

    Some alike are in every collection: they are worth a line from one in a hundred on.
    """
    further = len(groups) - len(np.unique(groups))
    both = int(np.isin(groups, np.intersect1d(groups[y == 1], groups[y == 0])).sum())
    if further < COPIES_WORTH_SAYING * len(groups) and not both:
        return ()
    line = f"near-copies of other photos: {further:,}"
    if both:
        line += f"; photos under both labels: {both:,}"
    return (f"{line}; catclf check {dataset.path} names them",)


def _compact(X: Array, chosen: NDArray[np.bool_]) -> Array:
    """The chosen columns of X, moved together where they stand: no second X."""
    positions = np.flatnonzero(chosen)
    for new, old in enumerate(positions):
        if new != old:
            X[:, new] = X[:, old]
    return X[:, : len(positions)]


def _record(
    dataset: Dataset,
    options: Options,
    recipe: Recipe,
    descended: Descended,
    y: NDArray[np.int8],
    judged_on: str,
    left_out: int,
) -> Record:
    selection = descended.selection
    return Record(
        recipe=recipe.name,
        seed=options.seed,
        data=str(dataset.path.resolve()),
        fingerprint=dataset.fingerprint(),
        judged_on=judged_on,
        m_train=len(y),
        train_accuracy=float(np.mean((descended.z > 0) == y)),  # before calibration
        l2=descended.l2,
        strengths=() if selection is None else tuple(selection.strengths.tolist()),
        fold_losses=() if selection is None else tuple(selection.losses.tolist()),
        calibrated_on="nothing",
        calibrated_n=0,
        slope=1.0,
        offset=0.0,
        slope_alone=False,
        notes=(),
        learning_rate=recipe.learning_rate,
        iterations=descended.iterations,
        stopped=descended.stopped,
        cost_iterations=descended.cost_iterations,
        costs=descended.costs,
        left_out=left_out,
        holdout=options.holdout,
        versions=_versions(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def default_max_memory() -> int:
    """Half of the memory that is free, in bytes; of all there is where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 // 2
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _versions() -> dict[str, str]:
    import PIL

    import catclf

    return {
        "catclf": catclf.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "python": platform.python_version(),
    }
