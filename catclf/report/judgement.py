"""The page of `catclf eval --report`: figures, curves, and the mistakes themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catclf import plots, summary
from catclf.core.logistic import sigmoid
from catclf.data.loading import Failure, load
from catclf.evaluation import Evaluation, Scored
from catclf.report import page, pictures
from catclf.report.figures import HEIGHT, Figure, figure
from catclf.text import percent

SIDE = 160  # pixels of a picture
MISTAKES, LEAST_SURE = 100, 50
GROUPS, GROUP_HEIGHT = 30, 0.28  # in the figure; inches of each


@dataclass(frozen=True)
class Card:
    """A judged picture: its address, "" where it could not be read again; its name; the class that
    it is labelled with; the probability of the positive class; whether that is wrong."""

    picture: str
    name: str
    label: str
    probability: float
    is_wrong: bool


def write(
    path: Path, evaluation: Evaluation, column: str = "class", jobs: int | None = None
) -> None:
    """The page, with figures a group of this column; CatclfError where it cannot go."""
    scored = plots.scored_of(evaluation)
    without = evaluation.without_shared
    groups = scored.by(column)
    page.write(
        path,
        "judgement",
        model=scored.model,
        evaluation=evaluation,
        facts=summary.figures(evaluation),
        without=summary.figures(without) if without else (),
        card=summary.card(scored.model),
        figures=figures(evaluation, groups),
        column=column,
        groups=groups,
        in_percent=summary.in_percent,
        side=SIDE,
        mistakes=int(scored.wrong.sum()),
        wrong=cards(scored, surest_mistakes(scored), jobs),
        least_sure=cards(scored, least_sure(scored), jobs),
    )


def surest_mistakes(scored: Scored) -> NDArray[np.intp]:
    """Positions of the pictures that the model is wrong about, the surest first."""
    wrong = np.flatnonzero(scored.wrong)
    return wrong[np.argsort(-scored.confidence[wrong], kind="stable")][:MISTAKES]


def least_sure(scored: Scored) -> NDArray[np.intp]:
    """Positions of the pictures whose probability says least, that first which says nothing."""
    return np.argsort(scored.confidence, kind="stable")[:LEAST_SURE]


def cards(scored: Scored, positions: NDArray[np.intp], jobs: int | None = None) -> list[Card]:
    """The pictures at these positions, read again, cropped as the model sees them."""
    names = scored.model.class_names
    chosen = positions.tolist()
    loading = replace(scored.model.loading, size=SIDE)
    results = load([scored.examples[i].source for i in chosen], loading, jobs)
    found = []
    for i, result in zip(chosen, results, strict=True):
        address = ""
        if not isinstance(result, Failure):
            small = pictures.thumbnail(result.picture.pixels, SIDE)
            address = pictures.data_address(small, "jpeg")
        example, p = scored.examples[i], float(sigmoid(scored.z[i : i + 1])[0])
        found.append(Card(address, example.name, names[example.label], p, bool(scored.wrong[i])))
    return found


def figures(evaluation: Evaluation, groups: Mapping[str, Evaluation]) -> list[Figure]:
    """The curves that these pictures have, and the accuracies of the groups."""
    negative, positive = plots.scored_of(evaluation).model.class_names
    drawn: list[Figure] = []
    if evaluation.auc is not None:
        drawn += [
            figure(
                "ROC",
                f"ROC curve: share of {positive} found against share of {negative} called "
                f"{positive}; area {evaluation.auc.value:.3f}.",
                partial(plots.roc, evaluation=evaluation),
            ),
            figure(
                "Precision and recall",
                f"Share of {positive} among those called so, against share of {positive} found.",
                partial(plots.precision_recall, evaluation=evaluation),
            ),
        ]
    drawn.append(
        figure(
            "Answered and wrong",
            "Share of wrong answers against the share of pictures answered, as the level of "
            "unsure falls; at the model's own level "
            f"{percent(evaluation.coverage.share.value)} are answered, {_wrong(evaluation)}.",
            partial(plots.coverage, evaluation=evaluation),
        )
    )
    if evaluation.reliability is not None:
        bins = evaluation.reliability.bins
        said = ", ".join(f"{b.probability:.0%} said, {b.share:.0%} true" for b in bins)
        drawn.append(
            figure(
                "Are probabilities what they say?",
                f"Reliability curve in bins of equal count: {said}. Below it how many pictures "
                "were given which probability.",
                partial(plots.reliability, evaluation=evaluation),
                partial(plots.probabilities, evaluation=evaluation),
                heights=(3, 2),
                height=1.5 * HEIGHT,
            )
        )
    if len(groups) > 1:
        largest = sorted(groups, key=lambda name: -groups[name].n)[:GROUPS]
        groups = {name: one for name, one in groups.items() if name in largest}
        accuracies = ", ".join(f"{name} {percent(one.accuracy)}" for name, one in groups.items())
        drawn.append(
            figure(
                "Accuracy by group",
                f"Accuracy with 95% intervals: {accuracies}.",
                partial(plots.groups, evaluations=groups),
                height=1 + GROUP_HEIGHT * len(groups),
            )
        )
    return drawn


def _wrong(evaluation: Evaluation) -> str:
    error = evaluation.coverage.error
    return "none" if error is None else f"{percent(error.value)} of them wrongly"
