"""A trained model: what prediction needs, and where it came from."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import tee
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import sigmoid
from catclf.data.dataset import File, Pixels, Source
from catclf.data.decode import Loading
from catclf.data.loading import Failure, InOrder, Loaded, in_order, load_one
from catclf.data.similarity import Hashes, as_rows, contained
from catclf.features import FeatureMap, feature_map

if TYPE_CHECKING:
    from catclf.core.familiarity import Familiarity

UNSURE = "unsure"  # a label that is no class

Input = str | PathLike[str] | NDArray[np.uint8]


@dataclass(frozen=True)
class Prediction:
    """The answer for one input: label and probability of the positive class, or the error.

    The label is a class name or "unsure". unfamiliar: unlike everything that was trained on.
    """

    input: str
    label: str | None
    probability: float | None
    error: str | None = None
    unfamiliar: bool | None = None


@dataclass(frozen=True)
class Score:
    """z = w'x + b of one picture, and whether x is unlike everything that was trained on."""

    z: float
    unfamiliar: bool


@dataclass(frozen=True)
class Answering:
    """How scores become answers, where it is not as the model says.

    threshold: positive above this probability. prior: the share of positives that is expected.
    always: never "unsure".
    """

    threshold: float | None = None
    prior: float | None = None
    always: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError("a threshold is a probability, from 0 to 1")
        if self.prior is not None and not 0 < self.prior < 1:
            raise ValueError("a prior is a share, above 0 and below 1")


AS_TRAINED = Answering()


@dataclass(frozen=True)
class Record:
    """Where a model came from; every field can be written as JSON.

    data, fingerprint: of the data set. judged_on: "test split", "held-out pictures",
    "out of fold" or "nothing". figures: the evaluation on it, as `eval --json` prints it;
    train_accuracy and m_train are of the training pictures. costs: J at `cost_iterations`.
    fold_losses: out-of-fold log-loss of each of the strengths that l2 was chosen from. slope,
    offset: what made the scores of calibrated_n pictures (`calibrated_on`: "out of fold",
    "set apart" or "nothing") into probabilities; slope_alone: they were too few for an offset.
    notes: what else its users should know. left_out: unreadable pictures.
    """

    recipe: str
    seed: int
    data: str
    fingerprint: str
    judged_on: str
    m_train: int
    train_accuracy: float
    l2: float
    learning_rate: float | None
    iterations: int
    stopped: str
    cost_iterations: tuple[int, ...]
    costs: tuple[float, ...]
    strengths: tuple[float, ...]
    fold_losses: tuple[float, ...]
    calibrated_on: str
    calibrated_n: int
    slope: float
    offset: float
    slope_alone: bool
    notes: tuple[str, ...]
    left_out: int
    holdout: float
    versions: dict[str, str]
    created: str
    figures: dict[str, Any] | None = None


@dataclass(frozen=True)
class Model:
    """p = σ(w'x + b), with the names, the feature map and the origin that belong to it.

    w (n_x, 1) and b are float64 and hold every scaling: x is the feature map's own. class_names is
    (negative, positive). prior is the share of positives that probabilities assume. A label is
    "unsure" where max(p, 1 - p) is below unsure_level (0.5: never), or where familiarity does not
    know x. Hashes are (m, 32) uint8: sha256 of the files, perceptual hashes of the pictures,
    trained on or held out.
    """

    w: NDArray[np.float64]
    b: float
    features: str
    features_sha256: str
    loading: Loading
    class_names: tuple[str, str]
    threshold: float
    prior: float
    unsure_level: float
    familiarity: "Familiarity | None" = field(repr=False)
    train_files: Hashes = field(repr=False)
    train_pictures: Hashes = field(repr=False)
    held_out_files: Hashes = field(repr=False)
    held_out_pictures: Hashes = field(repr=False)
    record: Record = field(repr=False)

    @cached_property
    def feature_map(self) -> FeatureMap:
        """The map from pictures to x."""
        return feature_map(self.features, self.loading, self.features_sha256)

    def score(self, pixels: NDArray[np.uint8]) -> Score:
        """z = w'x + b of one picture (size, size, 3) uint8, and whether x is unfamiliar."""
        return self.score_of(self.feature_map.column(pixels))

    def score_of(self, x: NDArray[np.float32]) -> Score:
        """The same of a picture's column x (n_x,).

        Not a matrix product: BLAS adds up in an order that depends on batch and threads, and the
        same picture must get the same answer everywhere.
        """
        z = float(np.sum(self.w[:, 0] * x)) + self.b
        return Score(z, self.familiarity is not None and not self.familiarity.knows(x))

    def is_unsure(self, probability: float, unfamiliar: bool) -> bool:
        """Whether no answer is more honest than one."""
        return unfamiliar or max(probability, 1 - probability) < self.unsure_level

    def answer(self, score: Score, answering: Answering = AS_TRAINED) -> tuple[str, float]:
        """Label and probability: a class name, positive above the threshold, or "unsure"."""
        prior = self.prior if answering.prior is None else answering.prior
        z = score.z
        if prior != self.prior:
            z += math.log(prior / (1 - prior)) - math.log(self.prior / (1 - self.prior))
        probability = float(sigmoid(np.array(z)))
        if not answering.always and self.is_unsure(probability, score.unfamiliar):
            return UNSURE, probability
        threshold = self.threshold if answering.threshold is None else answering.threshold
        return self.class_names[int(probability > threshold)], probability

    def predict(
        self,
        inputs: Input | Iterable[Input],
        threshold: float | None = None,
        jobs: int | None = None,
        prior: float | None = None,
        always_answer: bool = False,
    ) -> list[Prediction]:
        """One prediction an input, in order; inputs are file names, or arrays (H, W, 3) uint8.

        threshold: positive above this probability, by default the model's. prior: the share of
        positives that is expected, by default the model's. always_answer: never "unsure".

        A picture that cannot be had gives a prediction with `error` and neither label nor
        probability. Nothing is raised for it.
        """
        if isinstance(inputs, str | PathLike | np.ndarray):
            inputs = [inputs]
        elif isinstance(inputs, bytes) or not isinstance(inputs, Iterable):
            raise TypeError(f"{type(inputs).__name__} is neither a file name nor an array")
        pairs = [_as_source(position, item) for position, item in enumerate(inputs)]
        answering = Answering(threshold, prior, always_answer)
        return list(self.predict_sources(pairs, answering, jobs))

    def predict_sources(
        self,
        sources: Iterable[tuple[str, Source]],
        answering: Answering = AS_TRAINED,
        jobs: int | None = None,
        in_order: InOrder = in_order,
    ) -> Iterator[Prediction]:
        """The same for pairs of a name and a source, as they come and as they are known.

        in_order: where the scores are computed.
        """
        named, sourced = tee(sources)
        scores = in_order(self.without_hashes.score_source, (pair[1] for pair in sourced), jobs)
        # The score first: it has gone through the sources as far as that is due.
        for score, (name, _) in zip(scores, named, strict=False):
            yield self.prediction(name, score, answering)

    def score_source(self, source: Source) -> Score | Failure:
        """The score of the picture there, or why it cannot be had."""
        return self.score_loaded(load_one(source, self.loading, hashed=False))

    def score_loaded(self, loaded: Loaded | Failure) -> Score | Failure:
        """The score of what was loaded as the model's `loading` says."""
        return loaded if isinstance(loaded, Failure) else self.score(loaded.picture.pixels)

    def prediction(
        self, name: str, score: Score | Failure, answering: Answering = AS_TRAINED
    ) -> Prediction:
        """The answer to a score, under this name."""
        if isinstance(score, Failure):
            return Prediction(name, None, None, score.reason)
        label, probability = self.answer(score, answering)
        return Prediction(name, label, probability, unfamiliar=score.unfamiliar)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: the map's weights are wherever catclf is."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def without_hashes(self) -> "Model":
        """All that answers need: the hashes of a million photos are 64 MB."""
        none = as_rows([])
        return replace(
            self, train_files=none, train_pictures=none, held_out_files=none, held_out_pictures=none
        )

    def trained_on(self, files: Hashes, pictures: Hashes) -> NDArray[np.bool_]:
        """Which pictures, by their hashes (k, 32), were trained on: (k,)."""
        return contained(files, pictures, self.train_files, self.train_pictures)

    def held_out(self, files: Hashes, pictures: Hashes) -> NDArray[np.bool_]:
        """Which pictures were held out to judge the model: (k,)."""
        return contained(files, pictures, self.held_out_files, self.held_out_pictures)

    def save(self, path: str | PathLike[str]) -> None:
        """Write model.npz, whole or not at all; ModelError where another file would be lost."""
        from catclf import modelfile

        modelfile.save(self, Path(path))

    def _repr_html_(self) -> str:
        from catclf import notebook

        return notebook.of_model(self)


def _as_source(position: int, item: Input) -> tuple[str, Source]:
    if isinstance(item, np.ndarray):
        return f"array {position}", Pixels(item)
    return str(item), File(Path(item))
