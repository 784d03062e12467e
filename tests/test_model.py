"""Model: one input, one answer; and what it knows of the pictures that it has seen."""

import csv
import io
import itertools
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catclf import Model, Prediction, load_model, train
from catclf.cli.options import BUNDLED_MODEL
from catclf.data.dataset import File
from catclf.data.decode import Loading, decode, from_array
from catclf.data.loading import load_one
from catclf.data.similarity import as_rows

SAMPLES = Path(__file__).resolve().parents[1] / "sample_images"
PHOTOS = sorted((SAMPLES / "photos").glob("*.jpg"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of 40 drawings' pixels."""
    root = tmp_path_factory.mktemp("drawn")
    for kind in ("cat", "non-cat"):
        (root / kind).mkdir()
        for path in sorted((SAMPLES / "drawn/train" / kind).iterdir())[:20]:
            (root / kind / path.name).symlink_to(path)
    return train(root, l2=1, features="pixels")


def test_the_probability_is_the_notes_formula(model) -> None:
    for path in PHOTOS:
        x = model.feature_map.column(load_one(File(path), model.loading).picture.pixels)
        z = float(model.w[:, 0] @ x.astype(np.float64)) + model.b
        (prediction,) = model.predict(path, always_answer=True)
        assert prediction.probability == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-9)
        label, unfamiliar = "cat" if z > 0 else "non-cat", not model.familiarity.knows(x)
        assert prediction == Prediction(
            str(path), label, prediction.probability, unfamiliar=unfamiliar
        )


def test_the_answer_depends_on_nothing_else(model) -> None:
    alone = {path: model.predict(path, jobs=1)[0] for path in PHOTOS}
    for jobs, inputs in itertools.product((1, 2, 5, None), (PHOTOS, PHOTOS[::-1], PHOTOS * 5)):
        assert model.predict(inputs, jobs=jobs) == [alone[path] for path in inputs]


def test_from_many_threads_at_once(model) -> None:
    expected = model.predict(PHOTOS)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(model.predict(PHOTOS))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_an_array_is_as_good_as_the_file(model, tmp_path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    as_file, as_array, in_other_order = model.predict(
        [tmp_path / "noise.png", pixels, np.asfortranarray(pixels)]
    )
    assert as_file.probability == as_array.probability == in_other_order.probability
    assert (as_array.input, in_other_order.input) == ("array 1", "array 2")


def test_one_input_or_many_of_any_kind(model) -> None:
    path = PHOTOS[0]
    (expected,) = model.predict(path)
    assert model.predict(str(path)) == [expected]
    assert model.predict(iter([path])) == [expected]
    assert model.predict([]) == []


def test_what_cannot_be_had_is_an_answer_and_no_exception(model, tmp_path) -> None:
    (tmp_path / "text.jpg").write_text("none")
    inputs = [tmp_path / "none.jpg", tmp_path / "text.jpg", tmp_path, np.zeros((2, 2, 2), np.uint8)]
    for prediction in model.predict(inputs):
        assert prediction.label is prediction.probability is None
        assert prediction.error
        assert "\n" not in prediction.error


def test_the_threshold(model) -> None:
    (prediction,) = model.predict(PHOTOS[0])
    p = prediction.probability

    def label(threshold: float | None = None, model: Model = model) -> str | None:
        return model.predict(PHOTOS[0], threshold=threshold, always_answer=True)[0].label

    assert label(p) == "non-cat"  # above it, not at it
    assert label(np.nextafter(p, 0)) == "cat"
    assert label(model=replace(model, threshold=1.0)) == "non-cat"


class TestUnsure:
    """An answer that is none: below the level, or for what is unfamiliar."""

    def test_below_the_level(self, model) -> None:
        plain = replace(model, familiarity=None)
        for path in PHOTOS:
            (sure,) = replace(plain, unsure_level=0.5).predict(path)
            p = sure.probability
            confidence = max(p, 1 - p)
            assert sure.label in model.class_names
            assert replace(plain, unsure_level=confidence).predict(path) == [sure]
            level = min(np.nextafter(confidence, 2), 1.0)
            (unsure,) = replace(plain, unsure_level=level).predict(path)
            if level > confidence:
                assert unsure == replace(sure, label="unsure")
            (always,) = replace(plain, unsure_level=1.0).predict(path, always_answer=True)
            assert always == sure

    def test_what_is_unfamiliar(self, model) -> None:
        """It changes the label, and never the probability."""
        nothing_known = replace(model.familiarity, limit=0.0)
        (known,) = replace(model, familiarity=None, unsure_level=0.5).predict(PHOTOS[0])
        strange = replace(model, familiarity=nothing_known, unsure_level=0.5)
        (prediction,) = strange.predict(PHOTOS[0])
        assert prediction == replace(known, label="unsure", unfamiliar=True)
        (always,) = strange.predict(PHOTOS[0], always_answer=True)
        assert (always.label, always.unfamiliar) == (known.label, True)

    def test_comes_after_the_prior(self, model) -> None:
        plain = replace(model, familiarity=None, unsure_level=0.9, w=0 * model.w, b=0.0)
        assert plain.predict(PHOTOS[0])[0].label == "unsure"
        assert plain.predict(PHOTOS[0], prior=0.05)[0].label == "non-cat"
        assert plain.predict(PHOTOS[0], prior=0.95)[0].label == "cat"


@pytest.mark.parametrize("prior", [0.02, 0.5, 0.9])
def test_a_prior_moves_the_odds_by_its_own(model, prior) -> None:
    for own in (0.5, 0.3):
        trained = replace(model, prior=own)
        (before,), (after,) = trained.predict(PHOTOS[1]), trained.predict(PHOTOS[1], prior=prior)
        odds = before.probability / (1 - before.probability)
        moved = odds * (prior / (1 - prior)) / (own / (1 - own))
        assert after.probability == pytest.approx(moved / (1 + moved))


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.5, 2.0])
def test_a_prior_is_a_share(model, prior) -> None:
    with pytest.raises(ValueError, match="a prior is a share"):
        model.predict(PHOTOS[0], prior=prior)


def test_extreme_scores_stay_probabilities(model) -> None:
    for b, probability in ((1e6, 1.0), (-1e6, 0.0)):
        assert replace(model, b=b).predict(PHOTOS[0])[0].probability == probability


def test_answers_come_while_inputs_are_still_being_asked_for(model) -> None:
    asked = []

    def sources():
        for number in itertools.count():
            asked.append(number)
            yield f"{number}", File(PHOTOS[0])

    predictions = model.predict_sources(sources(), jobs=2)
    assert [next(predictions).input for _ in range(3)] == ["0", "1", "2"]
    predictions.close()
    assert len(asked) < 200


def hashes(path: Path):
    loaded = load_one(File(path), Loading())
    return as_rows([loaded.sha256]), as_rows([loaded.picture.perceptual_hash])


def test_it_knows_what_it_was_trained_on(model) -> None:
    drawn = SAMPLES / "drawn/train/cat"
    first, *_, last = sorted(drawn.iterdir())
    assert model.trained_on(*hashes(first)).tolist() == [True]
    assert model.trained_on(*hashes(last)).tolist() == [False]
    assert model.held_out(*hashes(first)).tolist() == [False]
    _, picture = hashes(first)
    other_file = np.zeros((1, 32), np.uint8)
    assert model.trained_on(other_file, picture).tolist() == [True]  # either hash matches


def test_a_saved_model_answers_the_same(model, tmp_path) -> None:
    model.save(tmp_path / "model.npz")
    assert load_model(tmp_path / "model.npz").predict(PHOTOS) == model.predict(PHOTOS)


def test_reduced_scale_decoding_hardly_moves_the_bundled_model(cat_photo) -> None:
    """A large JPEG is decoded at 1/2 to 1/8: z moves by less than 0.2, p from 0.5 by under 0.05."""
    model = load_model(BUNDLED_MODEL)
    image = Image.open(cat_photo).resize((1804, 1200), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    whole = np.asarray(Image.open(io.BytesIO(file.getvalue())))
    reduced, full = (
        model.score(pixels).z
        for pixels in (
            decode(file.getvalue(), model.loading).pixels,
            from_array(whole, model.loading).pixels,
        )
    )
    assert reduced != full  # it was decoded at a reduced scale
    assert abs(reduced - full) < 0.2


def test_the_bundled_model_calls_no_messy_picture_by_the_wrong_name(shared_data) -> None:
    """Right, or unsure with its reason: the picture is unlike photos, or the probability low."""
    messy = shared_data / "messy"
    with (messy / "messy.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"]]
    model = load_model(BUNDLED_MODEL)
    right: dict[str, bool] = {}  # of a picture, which may be there in many forms
    for row, answer in zip(rows, model.predict([messy / row["file"] for row in rows]), strict=True):
        if answer.label == "unsure":
            p = answer.probability
            assert answer.unfamiliar or max(p, 1 - p) < model.unsure_level, row["file"]
        else:
            assert answer.label == row["label"], row["file"]
        right[row["group"]] = right.get(row["group"], True) and answer.label == row["label"]
    assert right["chelsea"]  # 28 forms of the one cat
    assert sum(right.values()) >= len(right) // 2
