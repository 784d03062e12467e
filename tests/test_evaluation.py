"""Figures with intervals, on pictures that the model has not seen; the rest is in tests/cli."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catclf import evaluate, train
from catclf.data.dataset import open_dataset
from catclf.errors import DataError
from catclf.evaluation import compare, evaluate_examples, figures
from catclf.training import Options, fit

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"


def link(root: Path, start: int, end: int, split: str = "train") -> Path:
    """Class folders with links to the drawings from start to end of each class."""
    for kind in ("cat", "non-cat"):
        (root / kind).mkdir(parents=True)
        for path in sorted((DRAWN / split / kind).iterdir())[start:end]:
            (root / kind / path.name).symlink_to(path)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    link(root / "train", 0, 20)
    link(root / "test", 0, 15, "test")
    return root


@pytest.fixture(scope="module")
def model(data):
    return train(data, l2=1, features="pixels")


class TestFigures:
    """From scores and labels alone."""

    z = np.array([2.0, 1.0, -1.0, 0.0, -3.0])
    y = np.array([1, 0, 1, 0, 0], np.int8)

    def test_by_hand(self) -> None:
        found = figures(self.z, self.y, "five")
        counts = found.confusion
        assert (counts.tp, counts.fp, counts.tn, counts.fn) == (1, 1, 2, 1)
        assert (found.n, found.accuracy, found.baseline) == (5, 0.6, 0.6)
        assert found.balanced_accuracy.value == pytest.approx((1 / 2 + 2 / 3) / 2)
        assert found.auc.value == pytest.approx(4 / 6)
        losses = np.log1p(np.exp([-2.0, 1.0, 1.0, 0.0, -3.0]))
        of_cats, of_others = losses[self.y == 1].mean(), losses[self.y == 0].mean()
        assert found.log_loss == pytest.approx((of_cats + of_others) / 2)
        rare = figures(self.z, self.y, "five", prior=0.1)
        assert rare.log_loss == pytest.approx(0.1 * of_cats + 0.9 * of_others)
        assert rare.accuracy == found.accuracy

    def test_half_is_not_above_the_threshold(self) -> None:
        found = figures(np.array([0.0]), np.array([1], np.int8), "one")
        assert found.confusion.fn == 1

    def test_another_threshold(self) -> None:
        found = figures(self.z, self.y, "five", threshold=0.8)
        assert (found.confusion.tp, found.confusion.fp) == (1, 0)

    def test_a_baseline_inside_the_interval_is_said(self) -> None:
        (warning,) = figures(self.z, self.y, "five").warnings
        assert "right 60.0% of the time, which lies inside the interval" in warning
        sure = figures(np.where(np.arange(100) % 2, 9.0, -9.0), np.arange(100) % 2, "sure")
        assert sure.warnings == ()

    def test_one_class(self) -> None:
        found = figures(self.z, np.zeros(5, np.int8), "one class")
        assert found.balanced_accuracy is found.auc is None
        assert found.warnings == ()
        assert json.loads(json.dumps(found.as_json()))["auc"] is None

    def test_scores_beyond_all_measure_stay_json(self) -> None:
        found = figures(np.array([1e4, -1e4]), np.array([0, 1], np.int8), "wrong")
        json.dumps(found.as_json(), allow_nan=False)
        assert found.log_loss == pytest.approx(1e4)


def test_evaluation_is_on_the_test_split(model, data) -> None:
    found = evaluate(model)
    assert (found.n, found.what) == (30, f"the test split of {data.resolve()}")
    assert found == evaluate(model, jobs=1) == evaluate(model, data, jobs=5)
    z = {
        prediction.input: prediction.label == "cat"
        for prediction in model.predict(sorted((data / "test").rglob("*.png")), always_answer=True)
    }
    right = sum(("/cat/" in name) == called_cat for name, called_cat in z.items())
    assert found.accuracy == right / 30


def test_the_model_s_threshold_is_used(model) -> None:
    found = evaluate(replace(model, threshold=1.0))
    assert found.confusion.tp == found.confusion.fp == 0


def test_a_refusal_comes_before_any_figure(model, data) -> None:
    examples = open_dataset(data).split("train")
    with pytest.raises(DataError, match="trained on 40 of these 40 pictures"):
        evaluate_examples(model, examples, "these")


def test_just_half_is_warned_of_and_one_more_is_refused(model, data) -> None:
    dataset = open_dataset(data)
    half = (*dataset.split("train")[:30], *dataset.split("test"))
    found = evaluate_examples(model, half, "half")
    assert (found.n, found.without_shared.n) == (60, 30)
    assert found.warnings[0].startswith("the model was trained on 30 of these pictures (train/cat/")
    assert found.warnings[0].endswith(", ...)")
    with pytest.raises(DataError, match="31 of these 61"):
        evaluate_examples(model, (*dataset.split("train")[:31], *dataset.split("test")), "more")


def test_groups_hold_every_picture_once(model, data) -> None:
    found = evaluate(model, by="class")
    assert {name: group.n for name, group in found.groups.items()} == {"cat": 15, "non-cat": 15}
    with pytest.raises(DataError, match="no column sauce to group by; there are: class, folder"):
        evaluate(model, by="sauce")


def test_progress_is_told(model) -> None:
    seen = []
    evaluate(model, watch=seen.append)
    assert [progress.count for progress in seen] == list(range(1, 31))
    assert {progress.stage for progress in seen} == {"judging"}


class TestCompare:
    """Two models on what neither was trained on."""

    @pytest.fixture(scope="class")
    @staticmethod
    def trainings(tmp_path_factory):
        root = tmp_path_factory.mktemp("both")
        link(root / "train", 0, 20)
        link(root / "test", 0, 15, "test")
        older = fit(root, Options(l2=100.0, features="pixels")).model
        return older, fit(root, Options(l2=1.0, features="pixels"))

    def test_on_the_same_pictures(self, trainings) -> None:
        older, newer = trainings
        found = compare(older, newer.model, newer.judges)
        assert found.n == 30
        assert found.newer == newer.evaluation.accuracy
        assert found.older == older.record.figures["accuracy"]

    def test_without_those_that_the_older_was_trained_on(self, trainings, tmp_path) -> None:
        _, newer = trainings
        link(tmp_path / "data", 0, 10, "test")
        older = train(tmp_path / "data", l2=1, features="pixels")
        assert compare(older, newer.model, newer.judges).n == 10

    def test_each_on_its_own_features(self, trainings, tmp_path) -> None:
        _, newer = trainings
        older = train(link(tmp_path / "data", 20, 25), l2=1)
        assert (older.features, newer.model.features) == ("conv", "pixels")
        judges = newer.judges[::3]
        found = compare(older, newer.model, judges)
        assert (found.n, found.older) == (10, evaluate_examples(older, judges, "all").accuracy)

    def test_without_those_that_cannot_be_read(self, trainings, tmp_path) -> None:
        older, newer = trainings
        link(tmp_path / "data/test", 0, 5, "test")
        (tmp_path / "data/test/cat/0.png").touch()
        examples = open_dataset(tmp_path / "data").split("test")
        assert compare(older, newer.model, examples).n == 10

    def test_not_at_all(self, trainings) -> None:
        older, newer = trainings
        assert compare(older, newer.model, ()) is None
        assert (
            compare(replace(older, class_names=("dog", "mug")), newer.model, newer.judges) is None
        )
        seen = replace(
            older,
            train_files=np.zeros((0, 32), np.uint8),
            train_pictures=np.zeros((0, 32), np.uint8),
        )
        assert compare(seen, newer.model, newer.judges) is not None


def test_evaluation_of_a_copy_elsewhere_is_the_same(model, data, tmp_path) -> None:
    copy = shutil.copytree(data, tmp_path / "copy")
    assert evaluate(model, copy).confusion == evaluate(model).confusion
