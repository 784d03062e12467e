"""Data -> features -> core -> Model: who learns, who judges, and what the record keeps."""

import dataclasses
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import catclf
from catclf.data.dataset import open_dataset
from catclf.errors import DataError, TrainingError
from catclf.evaluation import evaluate
from catclf.features.conv import Conv
from catclf.recipes import COURSE, DEFAULT
from catclf.training import FEW, Options, fit

SAMPLES = Path(__file__).resolve().parents[1] / "sample_images"
STRONG = 10.0  # a strength that is quick to train with

# Who learns and who judges is the same with every map, and pixels are the cheapest.
pixels = partial(Options, features="pixels")
train = partial(catclf.train, features="pixels")


def link(root: Path, n: int, split: str = "train") -> Path:
    """Class folders with links to n drawings a class."""
    for kind in ("cat", "non-cat"):
        (root / kind).mkdir(parents=True)
        for path in sorted((SAMPLES / "drawn" / split / kind).iterdir())[:n]:
            (root / kind / path.name).symlink_to(path)
    return root


@pytest.fixture
def few(tmp_path) -> Path:
    return link(tmp_path / "few", 12)


@pytest.fixture
def many(tmp_path) -> Path:
    return link(tmp_path / "many", 105)


def rows(hashes) -> set[bytes]:
    return {row.tobytes() for row in hashes}


def held_out(data: Path, **options) -> set[bytes]:
    return rows(train(data, l2=STRONG, **options).held_out_files)


def test_a_seeded_hash_holds_out_a_fifth_of_each_class(many) -> None:
    training = fit(many, pixels(l2=STRONG))
    assert training.model.record.judged_on == "held-out pictures"
    labels = [example.label for example in training.judges]
    assert len(labels) == len(training.model.held_out_files)
    for label in (0, 1):
        assert 0.08 < labels.count(label) / 105 < 0.35
    assert held_out(many) == rows(training.model.held_out_files)
    assert held_out(many, seed=5) != rows(training.model.held_out_files)


def test_a_further_picture_moves_no_other(many) -> None:
    before = held_out(many)
    for kind in ("cat", "non-cat"):
        further = sorted((SAMPLES / "drawn/test" / kind).iterdir())[:5]
        for path in further:
            (many / kind / f"0_{path.name}").symlink_to(path)
    after = held_out(many)
    old = rows(train(many, l2=STRONG, holdout=0).train_files)
    assert before <= after
    assert len(after - before) <= 10
    assert after <= old


def test_nor_does_taking_one_away_or_naming_it_otherwise(many) -> None:
    before = held_out(many)
    moved = next((many / "cat").iterdir())
    moved.rename(many / "cat/zzz.png")
    assert held_out(many) == before
    for path in sorted((many / "non-cat").iterdir())[:3]:
        path.unlink()
    assert held_out(many) <= before


def test_copies_of_one_picture_stay_on_one_side(many) -> None:
    """A burst: each piece of a photo in four forms."""
    with Image.open(SAMPLES / "photos/chelsea.jpg") as photo:
        for number in range(12):
            x, y = 75 * (number % 6), 110 * (number // 6)
            tile = photo.crop((x, y, x + 75, y + 110))
            stem = many / "cat" / f"tile{number}"
            tile.save(stem.with_suffix(".png"))
            tile.save(stem.with_suffix(".jpg"), quality=95)
            tile.resize((70, 103)).save(stem.with_suffix(".webp"), lossless=True)
            shutil.copy(stem.with_suffix(".png"), many / "cat" / f"copy{number}.png")
    training = fit(many, pixels(l2=STRONG, holdout=0.5))
    judges = [Path(example.name) for example in training.judges if "dr" not in example.name]
    forms = {f"tile{n}": (".png", ".jpg", ".webp") for n in range(12)}
    names = {path.name for path in judges}
    tried = 0
    for number, (stem, suffixes) in enumerate(forms.items()):
        there = [stem + suffix in names for suffix in suffixes]
        there.append(f"copy{number}.png" in names)
        assert len(set(there)) == 1, stem
        tried += there[0]
    assert 0 < tried < 12
    model = training.model
    assert not model.trained_on(model.held_out_files, model.held_out_pictures).any()


@pytest.mark.parametrize(("n", "judged_on"), [(99, "out of fold"), (100, "held-out pictures")])
def test_under_200_pictures_folds_judge(tmp_path, n, judged_on) -> None:
    training = fit(link(tmp_path / "data", n), pixels(l2=STRONG))
    assert FEW == 200
    assert training.model.record.judged_on == judged_on
    assert (training.evaluation.n == 2 * n) == (judged_on == "out of fold")
    assert training.evaluation.as_json() == training.model.record.figures


def test_out_of_fold_figures_are_worse_than_those_of_training(few) -> None:
    training = fit(few, pixels(l2=0.1))
    assert training.model.record.train_accuracy == 1
    assert training.evaluation.accuracy < 1
    assert training.evaluation.log_loss > training.model.record.costs[-1]


def test_labels_that_mean_nothing_are_judged_as_nothing(tmp_path) -> None:
    """Folds are blind to what they judge: on noise they find chance."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (120, 8, 8, 3), np.uint8)
    labels = np.arange(120) % 2
    np.savez(tmp_path / "noise.npz", images=images, labels=labels)
    training = fit(tmp_path / "noise.npz", pixels(l2=0.1))
    assert training.model.record.train_accuracy == 1
    assert 0.3 < training.evaluation.accuracy < 0.7


def test_the_test_split_is_never_trained_on(tmp_path) -> None:
    link(tmp_path / "data/train", 12)
    link(tmp_path / "data/test", 8, "test")
    training = fit(tmp_path / "data", pixels(l2=STRONG))
    assert (training.model.record.m_train, training.evaluation.n) == (24, 16)
    dataset = open_dataset(tmp_path / "data")
    other = train(link(tmp_path / "alone", 12), l2=STRONG)
    assert other.w.tobytes() == training.model.w.tobytes()
    assert len(training.judges) == len(dataset.split("test"))


def test_the_record_says_where_the_model_came_from(few) -> None:
    training = fit(few, pixels(seed=4))
    record = training.model.record
    assert record.data == str(few.resolve())
    assert record.fingerprint == open_dataset(few).fingerprint()
    assert (record.recipe, record.seed, record.m_train, record.left_out) == ("default", 4, 24, 0)
    assert record.l2 in record.strengths
    assert len(record.strengths) == len(record.fold_losses)
    assert record.l2 == record.strengths[int(np.argmin(record.fold_losses))]
    assert len(record.costs) == len(record.cost_iterations)
    assert record.cost_iterations[0] == 0
    assert record.cost_iterations[-1] == record.iterations
    assert record.costs[0] == pytest.approx(np.log(2))
    assert {"catclf", "numpy", "pillow", "python"} <= set(record.versions)
    assert record.stopped.startswith("converged")


def test_the_model_s_own_scores_are_those_of_training(few) -> None:
    """Centre and scale are folded into w and b: p = sigmoid(w'x + b) on x itself."""
    model = train(few, l2=0.1)
    evaluation = evaluate(model, split="train")
    assert evaluation.accuracy == model.record.train_accuracy
    assert evaluation.log_loss < np.log(2)  # what p = 0.5 throughout would give
    assert model.prior == 0.5


def test_the_course_s_recipe_centres_nothing_and_balances_nothing(few) -> None:
    model = train(few, recipe="course", learning_rate=1e-4, iterations=20)
    assert (model.record.recipe, model.record.l2) == ("course", 0)
    assert model.prior == pytest.approx(0.5)
    for path in sorted((few / "cat").iterdir())[:9]:
        path.unlink()
    model = train(few, recipe="course", learning_rate=1e-4, iterations=20)
    assert model.prior == 3 / 15


def test_arrays_of_another_size_keep_it_as_pixels(tmp_path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (6, 10, 10, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(6) % 2)
    assert train(tmp_path / "a.npz", l2=1).loading.size == 10
    assert train(tmp_path / "a.npz", l2=1, size=16).loading.size == 16
    assert catclf.train(tmp_path / "a.npz", l2=1).loading.size == 224
    assert catclf.train(tmp_path / "a.npz", l2=1, size=48).loading.size == 48


def test_the_default_map_is_the_network(tmp_path) -> None:
    data = link(tmp_path / "data", 6)
    training = fit(data, Options(l2=0.1))
    model = training.model
    assert (model.features, model.loading.size, model.w.shape) == ("conv", 224, (1280, 1))
    assert model.features_sha256 == Conv.sha256
    assert (model.record.judged_on, training.evaluation.n) == ("out of fold", 12)
    assert model.record.train_accuracy == 1
    assert evaluate(model, split="train").accuracy == 1
    again = catclf.train(data, l2=0.1, jobs=1, max_memory=1000)
    assert again.w.tobytes() == model.w.tobytes()


def test_number_of_threads_changes_nothing_that_matters(few) -> None:
    one, five = (train(few, l2=1, jobs=jobs) for jobs in (1, 5))
    assert one.w.tobytes() == five.w.tobytes()


def test_x_in_a_file_gives_the_same_model(few) -> None:
    assert train(few, l2=1, max_memory=1000).w.tobytes() == train(few, l2=1).w.tobytes()


def test_pictures_that_cannot_be_read_leave_the_others_with_their_labels(few) -> None:
    expected = train(few, l2=1)
    (few / "cat/0.png").touch()
    (few / "non-cat/0.png").write_text("text")
    training = fit(few, pixels(l2=1))
    assert training.model.w.tobytes() == expected.w.tobytes()
    assert training.left_out == (
        ("cat/0.png", "the file is empty"),
        ("non-cat/0.png", "not a picture in a format that catclf reads"),
    )
    with pytest.raises(DataError, match=r"^cat/0\.png: the file is empty; .*--strict"):
        train(few, l2=1, strict=True)


def test_a_test_split_alone_cannot_be_trained_on(tmp_path) -> None:
    link(tmp_path / "data/test", 3)
    with pytest.raises(DataError, match="nothing to train on"):
        train(tmp_path / "data")


def test_one_class_is_not_enough(tmp_path) -> None:
    link(tmp_path / "data", 3)
    shutil.rmtree(tmp_path / "data/non-cat")
    with pytest.raises(TrainingError, match="two classes are needed"):
        train(tmp_path / "data")


def test_two_pictures_are_enough(tmp_path) -> None:
    training = fit(link(tmp_path / "data", 1), pixels())
    assert training.model.record.m_train == 2
    assert training.evaluation is None  # too few for folds


def test_options_take_the_place_of_the_recipe_s() -> None:
    assert Options().chosen_recipe() == DEFAULT
    assert Options(recipe="course").chosen_recipe() == COURSE
    assert Options(l2=0.0).chosen_recipe().l2 == 0
    assert Options(recipe="course", l2="auto").chosen_recipe() == dataclasses.replace(
        COURSE, l2=None
    )
    changed = Options(learning_rate=0.1, iterations=7).chosen_recipe()
    assert (changed.learning_rate, changed.iterations) == (0.1, 7)


def test_progress_goes_from_nothing_to_all(few) -> None:
    seen = []
    fit(few, pixels(), seen.append)
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages == ["reading", "folds", "training"]
    for stage in stages:
        done = [progress.done for progress in seen if progress.stage == stage]
        assert all(0 <= value <= 1 for value in done)
        assert done[-1] == pytest.approx(1, abs=0.02)


def test_the_course_s_figures(shared_data) -> None:
    training = fit(shared_data / "course", Options(recipe="course"))
    record = training.model.record
    assert record.train_accuracy == pytest.approx(0.9904, abs=5e-5)
    assert training.evaluation.accuracy == 0.7
    assert np.linalg.norm(training.model.w) == pytest.approx(1.886309, abs=5e-7)
    assert training.model.b == pytest.approx(-0.015906, abs=5e-7)
    assert record.costs[-1] == pytest.approx(0.135608, abs=5e-7)
