"""Accuracy against the number of pictures to learn from."""

from pathlib import Path

import numpy as np
import pytest

from catclf.errors import DataError, TrainingError
from catclf.learning import DRAWS, _draw, ladder, learning_curve

ROOT = Path(__file__).resolve().parents[1]
DRAWINGS = ROOT / "sample_images/drawn"


def test_the_numbers_that_are_tried() -> None:
    assert ladder(10) == [10]
    assert ladder(7) == [7]
    assert ladder(1000) == [10, 20, 50, 100, 200, 500, 1000]


def test_a_draw_has_the_share_of_each_class_and_nothing_twice() -> None:
    y = np.array([1] * 10 + [0] * 90, np.int8)
    random = np.random.default_rng(0)
    for m, cats in ((10, 1), (50, 5), (100, 10), (3, 1)):
        drawn = _draw(y, m, random)
        assert y[drawn].sum() == cats
        assert len(set(drawn.tolist())) == len(drawn)
    assert not np.array_equal(_draw(y, 10, random), _draw(y, 10, random))


def test_the_test_split_judges_and_more_pictures_are_better() -> None:
    learning = learning_curve(DRAWINGS, [20, 300, 10_000], "pixels", l2=1.0)
    assert (learning.n, learning.m, learning.l2) == (150, 300, 1.0)
    assert learning.judges.startswith("test split of ")
    few, all_ = learning.points
    assert (few.m, len(few.right), few.n) == (20, DRAWS, 150)
    assert (all_.m, len(all_.right)) == (300, 1)  # there is but one way to draw all of them
    assert list(few.right) == sorted(few.right)
    assert few.middle == few.right[DRAWS // 2]
    assert all_.accuracy > few.accuracy + 0.05
    assert all_.interval.low < all_.accuracy < all_.interval.high


def test_all_of_them_give_what_train_gives() -> None:
    import catclf

    (all_,) = learning_curve(DRAWINGS, [300], "pixels", l2=1.0).points
    model = catclf.train(DRAWINGS, features="pixels", l2=1.0, prior=None)
    z = [p.probability for p in model.predict(sorted((DRAWINGS / "test/cat").iterdir()))]
    right = sum(p > 0.5 for p in z)
    others = model.predict(sorted((DRAWINGS / "test/non-cat").iterdir()))
    right += sum(p.probability < 0.5 for p in others)
    assert abs(right - all_.middle) <= 8  # calibration moves the threshold a little


def test_without_a_test_split_some_are_held_out(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(DRAWINGS / "train")
    for data, held_out in ((tmp_path / "data", False), (DRAWINGS, True)):
        learning = learning_curve(data, [20], "pixels", l2=1.0, held_out=held_out)
        assert learning.judges.startswith("held-out pictures of ")
        assert learning.n + learning.m == 300
        assert 30 < learning.n < 90


def test_folds_choose_the_strength_that_is_not_given() -> None:
    asked = learning_curve(DRAWINGS, [20], "pixels", held_out=True)
    assert asked.l2 in np.geomspace(1e-2, 100, 9)


@pytest.mark.parametrize(
    ("names", "error"),
    [(["cat/1.png", "cat/2.png"], TrainingError), (["cat/1.png", "dog/1.png"], TrainingError)],
)
def test_too_little_to_learn_from(tmp_path: Path, names: list[str], error: type) -> None:
    for i, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(DRAWINGS / f"train/cat/00{i}.png")
    with pytest.raises(error, match="needed"):
        learning_curve(tmp_path, [], "pixels", l2=1.0)


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    with pytest.raises(DataError, match="no picture can be read"):
        learning_curve(tmp_path, [], "pixels", l2=1.0)
