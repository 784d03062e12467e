"""The pictures that judge a model, and what it answers to them and to others."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import Array
from catclf.data.dataset import Example, Source
from catclf.data.loading import Failure, in_order, load_one
from catclf.data.similarity import as_rows
from catclf.model import UNSURE, Model

Item = TypeVar("Item")
Chosen = NDArray[np.bool_]

BATCH = 512  # pictures whose hashes are looked up at once
TOLD_SECONDS = 2.0  # between two words on progress
LARGEST_Z = 36.0  # a probability holds no more: beyond it is 1
TINY = "tiny"  # the source whose pictures are 64 x 64 to begin with, so shown apart


@dataclass(frozen=True)
class Judges:
    """m labelled pictures that the model was not trained on; how many others of those asked for it
    was trained on, and how many could not be read."""

    examples: tuple[Example, ...]
    trained_on: int
    unreadable: int

    @cached_property
    def y(self) -> NDArray[np.int8]:
        """Labels (m,)."""
        return np.array([example.label for example in self.examples], np.int8)

    @cached_property
    def tiny(self) -> Chosen:
        """Which are of the source `TINY`: (m,)."""
        return np.array([source == TINY for source in self.values("source")], bool)

    def values(self, column: str) -> list[str]:
        """The column's value of each picture, "" where it has none."""
        return [example.groups.get(column, "") for example in self.examples]


@dataclass(frozen=True)
class Answers:
    """What a model said to m pictures, with everything answered and as it chose to answer.

    flagged: as unlike what it was trained on; None where the model has no such flag.
    """

    z: Array  # (m,)
    positive: Chosen
    answered: Chosen
    flagged: Chosen | None

    def where(self, chosen: Chosen) -> "Answers":
        """Those of some of the pictures."""
        flagged = None if self.flagged is None else self.flagged[chosen]
        return Answers(self.z[chosen], self.positive[chosen], self.answered[chosen], flagged)


def unseen(
    model: Model, examples: Sequence[Example], limit: int | None, seed: int, jobs: int | None
) -> Judges:
    """All the examples that the model was not trained on, or `limit` of them drawn by the seed."""
    if limit is not None:
        order = np.random.default_rng(seed).permutation(len(examples))
        examples = [examples[i] for i in order.tolist()]
    kept: list[Example] = []
    trained_on = unreadable = 0
    for start in range(0, len(examples), BATCH):
        if limit is not None and len(kept) >= limit:
            break
        batch = examples[start : start + BATCH]
        loaded = list(in_order(lambda e: load_one(e.source, model.loading), batch, jobs))
        known = [
            (example, one)
            for example, one in zip(batch, loaded, strict=True)
            if not isinstance(one, Failure)
        ]
        files = as_rows([one.sha256 for _, one in known])
        seen = model.trained_on(files, as_rows([one.picture.perceptual_hash for _, one in known]))
        kept += [example for (example, _), bad in zip(known, seen, strict=True) if not bad]
        trained_on += int(seen.sum())
        unreadable += len(batch) - len(known)
    return Judges(tuple(kept[:limit]), trained_on, unreadable)


def ask(model: Model, sources: Sequence[Source], title: str, jobs: int | None) -> Answers:
    """The model's answers, through the road that every prediction takes."""
    named = ((str(i), source) for i, source in enumerate(sources))
    predictions = list(told(model.predict_sources(named, jobs=jobs), title, len(sources)))
    p = np.empty(len(sources))
    for i, prediction in enumerate(predictions):
        if prediction.probability is None:
            raise ValueError(f"{title}, picture {i}: {prediction.error}")
        p[i] = prediction.probability
    with np.errstate(divide="ignore"):
        z = np.clip(np.log(p) - np.log1p(-p), -LARGEST_Z, LARGEST_Z)
    flagged = None
    if model.familiarity is not None:
        flagged = np.array([prediction.unfamiliar for prediction in predictions], bool)
    return Answers(
        z,
        positive=p > model.threshold,
        answered=np.array([prediction.label != UNSURE for prediction in predictions], bool),
        flagged=flagged,
    )


def told(items: Iterable[Item], title: str, n: int) -> Iterator[Item]:
    """The items, with a line on stderr at their end, and on a terminal before."""
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if done == n or (sys.stderr.isatty() and now - last > TOLD_SECONDS):
            last = now
            end = "\n" if done == n else "\r"
            words = f"{title}: {done:,} of {n:,}, {now - start:.0f} s"
            print(words, end=end, file=sys.stderr, flush=True)
