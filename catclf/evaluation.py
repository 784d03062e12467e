"""Model + data -> figures with intervals, on pictures that the model has not seen, or said so."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from catclf.core.calibration import Reliability, prior_weights, reliability
from catclf.core.logistic import Array, sigmoid
from catclf.core.metrics import (
    Confusion,
    Estimate,
    Interval,
    auc,
    balanced_accuracy,
    confusion,
    log_loss,
    majority_baseline,
    wilson,
)
from catclf.data.dataset import Dataset, Example, Source, open_dataset
from catclf.data.loading import Failure, InOrder, in_order
from catclf.data.similarity import Hashes, as_rows
from catclf.errors import DataError
from catclf.features import column
from catclf.model import Model, Score
from catclf.nearest import did_you_mean, nearest
from catclf.recipes import Progress, Watch, unwatched

if TYPE_CHECKING:
    from catclf.features.cache import Cache

SplitName = Literal["test", "train"]
Shared = Literal["warn", "drop", "only", "held out"]


@dataclass(frozen=True)
class Coverage:
    """How many of the pictures were answered, the rest being "unsure", and how many of those
    wrongly; shares with Wilson's 95% intervals. error is None where nothing was answered."""

    answered: int
    share: Estimate
    wrong: int
    error: Estimate | None
    unfamiliar: int

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `eval --json` prints them."""
        plain: dict[str, Any] = {
            "answered": self.answered,
            "share": self.share.value,
            "share_interval": [self.share.low, self.share.high],
            "wrong": self.wrong,
            "error": None,
            "unfamiliar": self.unfamiliar,
        }
        if self.error is not None:
            plain["error"] = self.error.value
            plain["error_interval"] = [self.error.low, self.error.high]
        return plain


@dataclass(frozen=True)
class Evaluation:
    """Figures of a model on n labelled pictures, every one of them answered.

    what: which pictures. interval: Wilson's 95% for the accuracy. baseline: always answering with
    the commoner class. balanced_accuracy and auc are None where a class is absent. prior: the share
    of positives that log_loss and reliability weight the classes to, the model's; where a class is
    absent log_loss is unweighted and reliability None. coverage: what the model would answer.
    without_shared: the same without pictures that were trained on, where there are some. groups:
    the same a group. scored: the pictures with their scores, where there are pictures.
    """

    what: str
    n: int
    confusion: Confusion
    accuracy: float
    interval: Interval
    baseline: float
    balanced_accuracy: Estimate | None
    auc: Estimate | None
    log_loss: float
    prior: float
    reliability: Reliability | None
    coverage: Coverage
    warnings: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    without_shared: "Evaluation | None" = None
    groups: dict[str, "Evaluation"] = field(default_factory=dict)
    scored: "Scored | None" = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `eval --json` prints them."""
        plain: dict[str, Any] = {
            "what": self.what,
            "n": self.n,
            "accuracy": self.accuracy,
            "interval": [self.interval.low, self.interval.high],
            "baseline": self.baseline,
            "balanced_accuracy": None,
            "auc": None,
            "log_loss": self.log_loss,
            "prior": self.prior,
            "positives": (self.confusion.tp + self.confusion.fn) / self.n,
            "calibration_error": None,
            "coverage": self.coverage.as_json(),
            "confusion": dataclasses.asdict(self.confusion),
            "warnings": list(self.warnings),
        }
        for name in ("balanced_accuracy", "auc"):
            estimate: Estimate | None = getattr(self, name)
            if estimate is not None:
                plain[name] = estimate.value
                plain[f"{name}_interval"] = [estimate.low, estimate.high]
        if self.reliability is not None:
            plain["calibration_error"] = self.reliability.error
            plain["reliability"] = [dataclasses.asdict(part) for part in self.reliability.bins]
        if self.left_out:
            plain["left_out"] = len(self.left_out)
        if self.without_shared:
            plain["without_shared"] = self.without_shared.as_json()
        if self.groups:
            plain["groups"] = {name: group.as_json() for name, group in self.groups.items()}
        return plain

    def _repr_html_(self) -> str:
        from catclf import notebook

        return notebook.of_evaluation(self)


def judge(
    model: Model,
    z: Array,
    y: NDArray[np.int8],
    what: str,
    unfamiliar: NDArray[np.bool_] | None = None,
) -> Evaluation:
    """The figures for a model's scores z (m,) and labels y (m,)."""
    strange = np.zeros(len(y), bool) if unfamiliar is None else unfamiliar
    pairs = zip(sigmoid(z).tolist(), strange.tolist(), strict=True)
    unsure = np.array([model.is_unsure(p, odd) for p, odd in pairs], bool)
    wrong = (sigmoid(z) > model.threshold) != (y == 1)
    answered, errors = int(np.sum(~unsure)), int(np.sum(wrong & ~unsure))
    coverage = Coverage(
        answered,
        _share(answered, len(y)),
        errors,
        _share(errors, answered) if answered else None,
        int(strange.sum()),
    )
    return figures(z, y, what, model.threshold, model.prior, coverage)


def _share(part: int, n: int) -> Estimate:
    interval = wilson(part, n)
    return Estimate(part / n, interval.low, interval.high)


def figures(
    z: Array,
    y: NDArray[np.int8],
    what: str,
    threshold: float = 0.5,
    prior: float = 0.5,
    coverage: Coverage | None = None,
) -> Evaluation:
    """The figures for scores z (m,) and labels y (m,); without a coverage all is answered."""
    counts = confusion(y, sigmoid(z) > threshold)
    n, right = len(y), counts.tp + counts.tn
    both = 0 < int(y.sum()) < n
    if coverage is None:
        coverage = Coverage(n, _share(n, n), n - right, _share(n - right, n), 0)
    evaluation = Evaluation(
        what=what,
        n=n,
        confusion=counts,
        accuracy=right / n,
        interval=wilson(right, n),
        baseline=majority_baseline(y),
        balanced_accuracy=balanced_accuracy(counts),
        auc=auc(z, y),
        log_loss=log_loss(z, y, prior_weights(y, prior) if both else None),
        prior=prior,
        reliability=reliability(z, y, prior) if both else None,
        coverage=coverage,
    )
    if both and evaluation.interval.low <= evaluation.baseline <= evaluation.interval.high:
        remark = (
            f"always answering with the commoner class is right {evaluation.baseline:.1%} of the "
            "time, which lies inside the interval: not shown to be better than that"
        )
        return replace(evaluation, warnings=(remark,))
    return evaluation


def evaluate(
    model: Model,
    data: Path | str | None = None,
    *,
    split: SplitName = "test",
    by: str | None = None,
    jobs: int | None = None,
    watch: Watch = unwatched,
) -> Evaluation:
    """Judge a model on a data set; without one on the data set that it was trained on.

    split "test": the test split; else the held-out pictures of the training data; else all that the
    model was not trained on. split "train": the pictures that it was trained on. by: a column or
    "folder", for figures a group. Raises `DataError` where what should judge was trained on.
    """
    dataset, remarks = find_dataset(model, data)
    examples = dataset.split(split)
    if split == "test" and not examples:
        examples = dataset.split("train")
        if _is_training_data(model, dataset):
            return _evaluate_held_out(model, dataset, remarks, by, jobs, watch)
        what = f"all of {dataset.path}, less the pictures that the model was trained on"
        return evaluate_examples(
            model, examples, what, jobs, watch, remarks=remarks, by=by, shared="drop"
        )
    if not examples:
        raise DataError(f"has no {split} split", where=str(dataset.path))
    if split == "train":
        what = f"training pictures of {dataset.path}, so not a judgement"
        return evaluate_examples(
            model, examples, what, jobs, watch, remarks=remarks, by=by, shared="only"
        )
    what = f"the test split of {dataset.path}"
    return evaluate_examples(model, examples, what, jobs, watch, remarks=remarks, by=by)


def find_dataset(model: Model, data: Path | str | None = None) -> tuple[Dataset, tuple[str, ...]]:
    """The data set, without a path the one trained on, with the model's own classes; and a line
    where it has changed since. Raises `DataError`."""
    record = model.record
    if data is None and not Path(record.data).exists():
        what = "the data set that the model was trained on is no longer there"
        raise DataError(what, where=record.data, do="give the data set: catclf eval DATA")
    negative, positive = model.class_names
    try:
        # Cats are found under each of their names.
        asked = None if positive.lower() in ("cat", "cats") else positive
        dataset = open_dataset(record.data if data is None else data, asked)
    except DataError as error:
        if "--positive" not in error.do:
            raise
        do = f"the model tells {positive} from {negative}: name a class so"
        raise DataError(error.what, where=error.where, do=do) from error
    same_place = str(dataset.path.resolve()) == record.data
    if same_place and dataset.fingerprint() != record.fingerprint:
        return dataset, (f"{dataset.path} has changed since the model was trained",)
    return dataset, ()


def _is_training_data(model: Model, dataset: Dataset) -> bool:
    same_place = str(dataset.path.resolve()) == model.record.data
    return same_place or dataset.fingerprint() == model.record.fingerprint


def _evaluate_held_out(
    model: Model,
    dataset: Dataset,
    remarks: tuple[str, ...],
    by: str | None,
    jobs: int | None,
    watch: Watch,
) -> Evaluation:
    if not len(model.held_out_files):
        what = "has no test split, and the model holds no pictures of it out"
        known = model.record.figures
        if known is not None and model.record.judged_on == "out of fold":
            low, high = known["interval"]
            what += (
                f"; out of fold it was right on {known['accuracy']:.1%} "
                f"[{low:.0%}, {high:.0%}] of {known['n']}"
            )
        do = "evaluate on other pictures: catclf eval DATA"
        raise DataError(what, where=str(dataset.path), do=do)
    what = f"the held-out pictures of {dataset.path}"
    return evaluate_examples(
        model,
        dataset.split("train"),
        what,
        jobs,
        watch,
        remarks=remarks,
        by=by,
        shared="held out",
    )


def evaluate_examples(
    model: Model,
    examples: Sequence[Example],
    what: str,
    jobs: int | None = None,
    watch: Watch = unwatched,
    *,
    remarks: tuple[str, ...] = (),
    by: str | None = None,
    shared: Shared = "warn",
    cache: "Cache | None" = None,
    in_order: InOrder = in_order,
) -> Evaluation:
    """The figures on these examples. cache: of the model's features. in_order: where they are
    computed.

    shared: what becomes of pictures that were trained on. "warn" keeps them and adds the figures
    without them, and refuses when they are more than half; "drop" leaves them out; "only" keeps
    nothing else; "held out" keeps the recorded held-out pictures alone.
    """
    if by is not None and not any(by in example.groups for example in examples):
        columns = sorted({name for e in examples for name in e.groups})
        what = f"no column {by} to group by; there are: {', '.join(columns) or 'none'}"
        raise DataError(what, do=did_you_mean(nearest(by, columns), "mend --by"))
    scored, left_out = _score(model, examples, jobs, watch, cache, in_order)
    if not len(scored.y):
        name, reason = left_out[0]
        refusal = f"none of {len(left_out):,} pictures can be read (the first, {name}: {reason})"
        raise DataError(refusal, where=what)
    scored, remark = _keep(model, scored, what, shared)
    remarks = (*remarks, *remark)

    trained_on = np.zeros(len(scored.y), bool)
    if shared == "warn":
        trained_on = model.trained_on(scored.files, scored.pictures)
        remarks = (*remarks, *_shared(scored, trained_on, what))
    evaluation = scored.judged(what)
    without = None
    if trained_on.any():
        without = scored.where(~trained_on).judged(f"{what}, less those trained on")
    return replace(
        evaluation,
        warnings=(*remarks, *evaluation.warnings),
        left_out=left_out,
        without_shared=without,
        groups={} if by is None else scored.by(by),
    )


def _keep(
    model: Model, scored: "Scored", what: str, shared: Shared
) -> tuple["Scored", tuple[str, ...]]:
    """The pictures that `shared` asks for, and a line where some are not there or left out."""
    remarks: tuple[str, ...] = ()
    if shared == "held out":
        scored = scored.where(model.held_out(scored.files, scored.pictures))
        missing = len(model.held_out_files) - len(scored.y)
        if missing > 0:
            remarks = (f"{missing} of the held-out pictures are no longer there",)
    elif shared == "only":
        scored = scored.where(model.trained_on(scored.files, scored.pictures))
    elif shared == "drop":
        trained_on = model.trained_on(scored.files, scored.pictures)
        if trained_on.all():
            refusal = "the model was trained on every one of these pictures"
            raise DataError(refusal, where=what, do="give pictures that it has not seen")
        if trained_on.any():
            remarks = (f"{trained_on.sum():,} pictures that were trained on are left out",)
            scored = scored.where(~trained_on)
    if not len(scored.y):
        raise DataError("none of the pictures asked for are there", where=what)
    return scored, remarks


def _shared(scored: "Scored", trained_on: NDArray[np.bool_], what: str) -> tuple[str, ...]:
    """A line that names the pictures that were trained on; DataError when they are most."""
    names = [name for name, bad in zip(scored.names, trained_on, strict=True) if bad]
    if 2 * len(names) > len(trained_on):
        refusal = f"the model was trained on {len(names):,} of these {len(trained_on):,} pictures"
        do = "give pictures that it has not seen, or ask for --train-set"
        raise DataError(refusal, where=what, do=do)
    if not names:
        return ()
    some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return (f"the model was trained on {len(names):,} of these pictures ({some})",)


@dataclass(frozen=True)
class Comparison:
    """Accuracies of an older and a newer model on the same n pictures, unseen by both."""

    n: int
    older: float
    newer: float


def compare(
    older: Model,
    newer: Model,
    examples: Sequence[Example],
    jobs: int | None = None,
    in_order: InOrder = in_order,
) -> Comparison | None:
    """Both models on those of the examples that neither was trained on; None where none are left,
    or where the two tell different classes apart."""
    if older.class_names != newer.class_names or not examples:
        return None
    right = []
    unseen = np.ones(len(examples), bool)
    for model in (older, newer):
        scored, _ = _score(model, examples, jobs, unwatched, None, in_order)
        positions = {example.name: i for i, example in enumerate(examples)}
        at = np.array([positions[name] for name in scored.names], np.intp)
        called = np.zeros(len(examples), bool)
        called[at] = (sigmoid(scored.z) > model.threshold) == scored.y
        right.append(called)
        readable = np.zeros(len(examples), bool)
        readable[at] = ~model.trained_on(scored.files, scored.pictures)
        unseen &= readable
    if not unseen.any():
        return None
    return Comparison(int(unseen.sum()), *(float(r[unseen].mean()) for r in right))


@dataclass(frozen=True)
class Scored:
    """m examples with a model's scores z, whether they are unlike those trained on, their labels y
    (all (m,)) and their hashes (m, 32), side by side."""

    model: Model
    examples: tuple[Example, ...]
    z: NDArray[np.float64]
    unfamiliar: NDArray[np.bool_]
    y: NDArray[np.int8]
    files: Hashes
    pictures: Hashes

    @property
    def names(self) -> list[str]:
        """The examples' names."""
        return [example.name for example in self.examples]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which the model gets wrong where it answers everything: (m,)."""
        return np.asarray((sigmoid(self.z) > self.model.threshold) != (self.y == 1))

    @property
    def confidence(self) -> Array:
        """The probability of the likelier class: (m,)."""
        return np.asarray(sigmoid(np.abs(self.z)))

    def where(self, chosen: NDArray[np.bool_]) -> "Scored":
        """Those that are chosen (m,)."""
        kept = tuple(e for e, keep in zip(self.examples, chosen, strict=True) if keep)
        return Scored(
            self.model,
            kept,
            self.z[chosen],
            self.unfamiliar[chosen],
            self.y[chosen],
            self.files[chosen],
            self.pictures[chosen],
        )

    def judged(self, what: str) -> Evaluation:
        """The figures on them."""
        evaluation = judge(self.model, self.z, self.y, what, self.unfamiliar)
        return replace(evaluation, scored=self)

    def by(self, column: str) -> dict[str, Evaluation]:
        """The figures of each value of a column of the data set."""
        values = np.array([example.groups.get(column, "") for example in self.examples])
        return {
            value: self.where(values == value).judged(f"{column} {value}")
            for value in sorted(set(values.tolist()))
        }


def _score(
    model: Model,
    examples: Sequence[Example],
    jobs: int | None,
    watch: Watch,
    cache: "Cache | None",
    in_order: InOrder,
) -> tuple[Scored, tuple[tuple[str, str], ...]]:
    kept, z, unfamiliar, files, pictures = [], [], [], [], []
    left_out = []
    score = partial(_score_one, model.without_hashes, cache)
    results = in_order(score, [example.source for example in examples], jobs)
    for position, (example, result) in enumerate(zip(examples, results, strict=True)):
        if isinstance(result, Failure):
            left_out.append((example.name, result.reason))
        else:
            found, sha256, perceptual_hash = result
            kept.append(example)
            z.append(found.z)
            unfamiliar.append(found.unfamiliar)
            files.append(sha256)
            pictures.append(perceptual_hash)
        done = position + 1
        watch(Progress("judging", done / len(examples), done, "photos"))
    y = np.array([example.label for example in kept], np.int8)
    scored = Scored(
        model,
        tuple(kept),
        np.array(z),
        np.array(unfamiliar, bool),
        y,
        as_rows(files),
        as_rows(pictures),
    )
    return scored, tuple(left_out)


def _score_one(
    model: Model, cache: "Cache | None", source: Source
) -> tuple[Score, bytes, bytes] | Failure:
    """The score of one picture with its two hashes, or why not."""
    found = column(model.feature_map, source, cache)
    if isinstance(found, Failure):
        return found
    return model.score_of(found.x), found.sha256, found.perceptual_hash
