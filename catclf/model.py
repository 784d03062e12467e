"""A trained model: what prediction needs, and where it came from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catclf.core.logistic import sigmoid
from catclf.data.dataset import File, Pixels, Source
from catclf.data.decode import Loading
from catclf.data.loading import Failure, in_order, load_one
from catclf.data.similarity import Hashes, contained
from catclf.features import FeatureMap, feature_map

Input = str | PathLike[str] | NDArray[np.uint8]


@dataclass(frozen=True)
class Prediction:
    """The answer for one input: label and probability of the positive class, or the error."""

    input: str
    label: str | None
    probability: float | None
    error: str | None = None


@dataclass(frozen=True)
class Record:
    """Where a model came from; every field can be written as JSON.

    data, fingerprint: of the data set. judged_on: "test split", "held-out pictures",
    "out of fold" or "nothing". figures: the evaluation on it, as `eval --json` prints it;
    train_accuracy and m_train are of the training pictures. costs: J at `cost_iterations`.
    fold_losses: out-of-fold log-loss of each of the strengths that l2 was chosen from. left_out:
    unreadable pictures.
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
    left_out: int
    holdout: float
    versions: dict[str, str]
    created: str
    figures: dict[str, Any] | None = None


@dataclass(frozen=True)
class Model:
    """p = σ(w'x + b), with the names, the feature map and the origin that belong to it.

    w (n_x, 1) and b are float64 and hold every scaling: x is the feature map's own. class_names is
    (negative, positive). prior is the share of positives that probabilities assume. Hashes are
    (m, 32) uint8: sha256 of the files, perceptual hashes of the pictures, trained on or held out.
    """

    w: NDArray[np.float64]
    b: float
    features: str
    features_sha256: str
    loading: Loading
    class_names: tuple[str, str]
    threshold: float
    prior: float
    train_files: Hashes = field(repr=False)
    train_pictures: Hashes = field(repr=False)
    held_out_files: Hashes = field(repr=False)
    held_out_pictures: Hashes = field(repr=False)
    record: Record = field(repr=False)

    @cached_property
    def feature_map(self) -> FeatureMap:
        """The map from pictures to x."""
        return feature_map(self.features, self.loading, self.features_sha256)

    def score(self, pixels: NDArray[np.uint8]) -> float:
        """z = w'x + b of one picture (size, size, 3) uint8.

        Not a matrix product: BLAS adds up in an order that depends on batch and threads, and the
        same picture must get the same answer everywhere.
        """
        x = self.feature_map.column(pixels)
        return float(np.sum(self.w[:, 0] * x)) + self.b

    def label(self, probability: float, threshold: float | None = None) -> str:
        """The class name for a probability: positive above the threshold."""
        threshold = self.threshold if threshold is None else threshold
        return self.class_names[int(probability > threshold)]

    def predict(
        self,
        inputs: Input | Iterable[Input],
        threshold: float | None = None,
        jobs: int | None = None,
    ) -> list[Prediction]:
        """One prediction an input, in order; inputs are file names, or arrays (H, W, 3) uint8.

        A picture that cannot be had gives a prediction with `error` and neither label nor
        probability. Nothing is raised for it.
        """
        inputs = [inputs] if isinstance(inputs, str | PathLike | np.ndarray) else list(inputs)
        pairs = [_as_source(position, item) for position, item in enumerate(inputs)]
        return list(self.predict_sources(pairs, threshold, jobs))

    def predict_sources(
        self,
        sources: Iterable[tuple[str, Source]],
        threshold: float | None = None,
        jobs: int | None = None,
    ) -> Iterator[Prediction]:
        """The same for pairs of a name and a source, as they come and as they are known."""
        return in_order(lambda pair: self._prediction(*pair, threshold), sources, jobs)

    def _prediction(self, name: str, source: Source, threshold: float | None) -> Prediction:
        result = load_one(source, self.loading, hashed=False)
        if isinstance(result, Failure):
            return Prediction(name, None, None, result.reason)
        probability = float(sigmoid(np.array(self.score(result.picture.pixels))))
        return Prediction(name, self.label(probability, threshold), probability)

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


def _as_source(position: int, item: Input) -> tuple[str, Source]:
    if isinstance(item, np.ndarray):
        return f"array {position}", Pixels(item)
    return str(item), File(Path(item))
