"""catclf info: the card of a model, and what comes with the program."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from catclf.cli.options import BUNDLED_MODEL
from catclf.features.conv import Conv
from catclf.modelfile import load_model

CHELSEA = Path(__file__).resolve().parents[2] / "sample_images/photos/chelsea.jpg"


def test_the_bundled_model_has_a_card(cli) -> None:
    ran = cli("info")
    assert (ran.code, ran.err) == (0, "")
    assert ran.rows[1] == "tells       cat from non-cat"
    for words in (
        "purpose: ",
        "research use",
        "known failures: ",
        "Apache-2.0",
        "assumes     50% cat",
    ):
        assert words in ran.out
    for group in ("cat", "dog", "bigcat", "animal", "object"):
        (row,) = (row for row in ran.rows if row.split()[:1] == [group])
        assert "right of" in row
        assert "[" in row
    assert "set apart" in ran.out


def test_as_json_it_has_everything_in_the_record(cli) -> None:
    card = json.loads(cli("info", "--json").out)
    model = load_model(BUNDLED_MODEL)
    assert card["sha256"] == hashlib.sha256(BUNDLED_MODEL.read_bytes()).hexdigest()
    assert card["features_sha256"] == Conv.sha256
    assert (card["prior"], card["unsure_level"]) == (model.prior, model.unsure_level)
    assert card["figures"] == model.record.figures
    assert card["figures"]["n"] == 2000
    assert card["held_out"] == 0
    assert card["m_train"] == len(model.train_files)


def test_the_card_names_no_place_of_the_machine_that_trained(cli) -> None:
    assert load_model(BUNDLED_MODEL).record.data == "asirra, tiny and web photos"
    record = json.loads(cli("info", "--json").out)
    del record["model"]
    assert '"/' not in json.dumps(record)  # no string begins as a path does


def test_the_bundled_model_knows_a_cat(cli) -> None:
    (prediction,) = load_model(BUNDLED_MODEL).predict(CHELSEA)
    assert (prediction.label, prediction.unfamiliar) == ("cat", False)
    assert prediction.probability > 0.9


@pytest.mark.parametrize("named", [True, False])
def test_a_model_that_is_named_or_lies_here_comes_first(cli, split_model, named) -> None:
    where = "mine.npz" if named else "model.npz"
    shutil.copy(split_model, where)
    ran = cli("info", *([where] if named else []))
    assert ran.rows[0].startswith(f"model       {where}, sha256 ")
    assert ran.rows[1] == "tells       cat from x"
    assert "looks at    pixels of 64 x 64, centre" in ran.rows
    assert "calibrated  on 60 photos out of fold: z times " in ran.out
    assert "judged      test split: " in ran.out


def test_what_is_no_model(cli, tmp_path) -> None:
    (tmp_path / "x.npz").write_text("nothing")
    ran = cli("info", "x.npz")
    assert (ran.code, ran.raw) == (4, b"")
    assert len(ran.err.splitlines()) == 1


def test_a_model_that_was_never_judged_and_is_never_unsure(cli, train, data) -> None:
    slow = ("--learning-rate", "1e-4", "--iterations", "5")
    assert train(data, "--recipe", "course", "--holdout", "0", *slow).code == 0
    ran = cli("info", "model.npz")
    assert "judged      by no photos: its accuracy on others is not known" in ran.rows
    assert "calibrated  no" in ran.rows
    assert "answers     cat above 0.50" in ran.rows
