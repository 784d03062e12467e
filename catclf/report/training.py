"""The page of `catclf train --report`: how it learned, what it learned, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from catclf import plots, summary
from catclf.core.calibration import prior_weights
from catclf.core.logistic import sigmoid
from catclf.core.metrics import log_loss
from catclf.data.dataset import Example
from catclf.data.loading import Failure, load
from catclf.evaluation import Scored, find_dataset
from catclf.features import matrix
from catclf.features.cache import Cache
from catclf.learning import Point
from catclf.model import Model
from catclf.occlusion import occlusion_map, overlay
from catclf.report import page, pictures
from catclf.report.figures import Figure, figure
from catclf.training import Training

LOOKED_AT = 3  # pictures of each class that are covered part by part, a second or two each
SIDE = 224  # pixels of a picture, at most


@dataclass(frozen=True)
class Covered:
    """A picture and its occlusion map as addresses; name, class, score, probability of the positive
    class; and what its strongest part is worth."""

    picture: str
    map: str
    name: str
    label: str
    z: float
    probability: float
    strongest: float


@dataclass(frozen=True)
class Weights:
    """w, or one sign of it, as the address of a picture, with what bright means there."""

    picture: str
    title: str
    alt: str


def write(
    path: Path, training: Training, jobs: int | None = None, points: Sequence[Point] = ()
) -> None:
    """The page, with the points of a learning curve if there are any; CatclfError where it cannot
    go."""
    model, evaluation = training.model, training.evaluation
    others = costs_on_others(training, jobs)
    page.write(
        path,
        "training",
        model=model,
        record=model.record,
        facts=summary.figures(evaluation) if evaluation else (),
        evaluation=evaluation,
        card=summary.card(model),
        remarks=training.remarks,
        left_out=(*training.left_out, *(evaluation.left_out if evaluation else ())),
        held_out=bool(others),
        figures=[*figures(model, others), *(_learning(points) if points else ())],
        weights=weights(model) if model.features == "pixels" else (),
        covered=() if model.features == "pixels" else covered(model, _examples(training), jobs),
    )


def costs_on_others(training: Training, jobs: int | None = None) -> tuple[float, ...]:
    """The log-loss on the pictures that judge at each of the record's costs; classes count as they
    did in training. Empty where there are none, or the descent did not keep where it came by."""
    model, passed = training.model, training.passed
    if passed is None or not training.judges:
        return ()
    features = model.feature_map
    sources = [example.source for example in training.judges]
    cache = Cache(features) if features.sha256 else None
    columns = matrix(features, sources, jobs=jobs, cache=cache)
    y = np.array([training.judges[i].label for i in columns.kept], np.int8)
    if not 0 < y.sum() < len(y):
        return ()
    c = prior_weights(y, 0.5) if model.record.calibrated_n else None
    z = passed.w @ columns.X.astype(np.float64) + passed.b[:, None]  # (k, m)
    return tuple(log_loss(row, y, c) for row in z)


def figures(model: Model, others: Sequence[float] = ()) -> list[Figure]:
    """How the model learned, as far as its record says. others: the costs on other pictures."""
    record = model.record
    on_others = f"; on others from {others[0]:.4f} to {others[-1]:.4f}" if others else ""
    drawn = [
        figure(
            "The cost as it fell",
            f"Cost J on the training pictures, from {record.costs[0]:.4f} to "
            f"{record.costs[-1]:.4f} in {record.iterations:,} iterations{on_others}.",
            partial(plots.cost, model=model, held_out=others),
        )
    ]
    if len(record.strengths) > 1:
        tried = ", ".join(
            f"{loss:.4f} at {strength:.3g}"
            for strength, loss in zip(record.strengths, record.fold_losses, strict=True)
        )
        drawn.append(
            figure(
                "The strength of L2",
                f"Log-loss out of fold: {tried}. Chosen: {record.l2:.3g}.",
                partial(plots.strengths, model=model),
            )
        )
    return drawn


def _learning(points: Sequence[Point]) -> list[Figure]:
    said = ", ".join(f"{100 * point.accuracy:.1f}% with {point.m:,}" for point in points)
    return [
        figure(
            "What more pictures bring",
            f"Accuracy on pictures not trained on: {said}.",
            partial(plots.learning, points=points),
        )
    ]


def weights(model: Model) -> list[Weights]:
    """w of a model on pixels, and its two signs."""
    name = model.class_names[1]
    titles: dict[plots.Part, str] = {
        "both": f"w: bright means {name}, dark means not, grey says nothing",
        "positive": f"Positive part: bright here speaks for {name}",
        "negative": f"Negative part: bright here speaks against {name}",
    }
    return [
        Weights(
            pictures.data_address(pictures.png(plots.weights_picture(model, part)), "png"),
            title,
            f"{title}; {model.loading.size} x {model.loading.size} pixels, a weight a colour.",
        )
        for part, title in titles.items()
    ]


def _examples(training: Training) -> Sequence[Example]:
    """A few pictures of each class: of those that judged the one most surely right, the one in the
    middle and the one most wrong; where none did, the first that were trained on."""
    scored = training.evaluation.scored if training.evaluation else None
    if scored is not None:
        return [scored.examples[i] for i in _telling(scored)]
    dataset, _ = find_dataset(training.model)
    examples = dataset.split("train")
    return [e for y in (1, 0) for e in [e for e in examples if e.label == y][:LOOKED_AT]]


def _telling(scored: Scored) -> list[int]:
    """Positions, the positive class first, from the right to the wrong end of each class."""
    chosen: list[int] = []
    for y in (1, 0):
        places = np.flatnonzero(scored.y == y)
        rightly = places[np.argsort(-scored.z[places] if y else scored.z[places], kind="stable")]
        some = np.linspace(0, len(rightly) - 1, min(LOOKED_AT, len(rightly))).round().astype(int)
        chosen += rightly[some].tolist()
    return chosen


def covered(model: Model, examples: Sequence[Example], jobs: int | None = None) -> list[Covered]:
    """The examples that can be read, each with its occlusion map."""
    found = []
    results = load([example.source for example in examples], model.loading, jobs)
    for example, result in zip(examples, results, strict=True):
        if isinstance(result, Failure):
            continue
        pixels = result.picture.pixels
        worth, z = occlusion_map(model, pixels, jobs=jobs), model.score(pixels).z
        shown, mapped = (
            pictures.data_address(pictures.thumbnail(p, SIDE), "jpeg")
            for p in (pixels, overlay(pixels, worth))
        )
        found.append(
            Covered(
                shown,
                mapped,
                example.name,
                model.class_names[example.label],
                z,
                float(sigmoid(np.array(z))),
                float(worth.flat[np.abs(worth).argmax()]),
            )
        )
    return found
