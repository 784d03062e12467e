"""catclf eval: what is evaluated, what is said of it, and what is refused."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from catclf import load_model
from catclf.cli.app import run

CHELSEA = Path(__file__).resolve().parents[2] / "sample_images/photos/chelsea.jpg"
JSON_KEYS = {
    "n",
    "accuracy",
    "interval",
    "baseline",
    "balanced_accuracy",
    "auc",
    "log_loss",
    "confusion",
    "warnings",
}
FURTHER_KEYS = {
    "prior",
    "positives",
    "calibration_error",
    "reliability",
    "coverage",
    "what",
    "balanced_accuracy_interval",
    "auc_interval",
    "left_out",
    "without_shared",
    "groups",
}


def figures(ran) -> dict:
    """The one JSON object on stdout."""
    assert ran.code == 0, ran.err
    assert len(ran.rows) == 1

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(ran.out, parse_constant=refuse)


def refused(ran, *words: str) -> None:
    assert ran.code == 4
    assert ran.raw == b""
    said = [line for line in ran.err.splitlines() if not line.startswith("using ")]
    assert len(said) == 1, ran.err
    for word in words:
        assert word in said[0]


@pytest.fixture
def copied(split_data, tmp_path) -> Path:
    """Data with a test split that a test may change."""
    return Path(shutil.copytree(split_data, tmp_path / "copied"))


def trained(cli, *arguments: object) -> None:
    ran = cli("train", *arguments, "--l2", "1", "--quiet", "--features", "pixels")
    assert ran.code == 0, ran.err


def test_the_figures_for_a_person(cli, split_data, split_model) -> None:
    ran = cli("eval", split_data, "-m", split_model)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.rows[0] == f"the test split of {split_data}: 40 photos"
    counts = load_model(split_model).record.figures["confusion"]
    numbers = [re.findall(r"\d+", row) for row in ran.rows[3:5]]
    assert numbers == [
        [str(counts["tp"]), str(counts["fn"])],
        [str(counts["fp"]), str(counts["tn"])],
    ]
    right = counts["tp"] + counts["tn"]
    assert re.search(
        rf"accuracy +{right / 40:.1%} \[\d+, \d+\]  {right} of 40; "
        r"always the commoner class: 50.0%",
        ran.out,
    )
    for name in ("balanced accuracy", "AUC", "log-loss"):
        assert re.search(rf"^  {name} +\d", ran.out, re.MULTILINE)


def test_a_model_on_the_network_s_features(cli, network_model) -> None:
    found = figures(cli("eval", "-m", network_model, "--json", "-j", "2"))
    assert found["n"] == 10
    assert found == load_model(network_model).record.figures | {"what": found["what"]}
    trained_on = figures(cli("eval", "--train-set", "-m", network_model, "--json"))
    assert (trained_on["n"], trained_on["accuracy"]) == (16, 1)


def test_json_has_the_promised_keys(cli, split_data, split_model) -> None:
    found = figures(cli("eval", split_data, "-m", split_model, "--json"))
    assert JSON_KEYS <= set(found) <= JSON_KEYS | FURTHER_KEYS
    assert set(found["confusion"]) == {"tp", "fp", "tn", "fn"}
    low, high = found["interval"]
    assert 0 <= low < found["accuracy"] < high <= 1
    assert found["warnings"] == []
    assert found == load_model(split_model).record.figures | {"what": found["what"]}


def test_quiet_and_json_leave_stderr_empty(cli, copied, split_model) -> None:
    (copied / "test/cat/empty.jpg").touch()
    ran = cli("eval", copied, "-m", split_model, "--json", "--quiet")
    assert figures(ran)["left_out"] == 1
    assert ran.err == ""


def test_without_data_the_data_set_trained_on_is_used_and_named(cli, split_data) -> None:
    trained(cli, split_data)
    ran = cli("eval")
    assert ran.rows[0] == f"the test split of {split_data}: 40 photos"
    assert ran.err == f"using model.npz, trained on {split_data}\n"


def test_without_data_and_test_split_the_held_out_pictures_judge(
    cli, held_out_data, held_out_model
) -> None:
    n = len(load_model(held_out_model).held_out_files)
    ran = cli("eval", "--test-set", "-m", held_out_model)
    assert ran.rows[0] == f"the held-out pictures of {held_out_data}: {n} photos"
    found = figures(cli("eval", "-m", held_out_model, "--json"))
    trained_figures = load_model(held_out_model).record.figures
    assert found["confusion"] == trained_figures["confusion"]
    assert found["log_loss"] == trained_figures["log_loss"]


def test_the_training_data_under_another_name_are_known(
    cli, held_out_data, held_out_model, tmp_path
) -> None:
    copy = shutil.copytree(held_out_data, tmp_path / "copy")
    named = figures(cli("eval", copy, "-m", held_out_model, "--json"))
    unnamed = figures(cli("eval", "-m", held_out_model, "--json"))
    assert "held-out pictures of" in named.pop("what")
    del unnamed["what"]
    assert named == unnamed


def test_the_training_pictures_only_when_asked_for(cli, held_out_data, held_out_model) -> None:
    n = len(load_model(held_out_model).train_files)
    ran = cli("eval", "--train-set", "-m", held_out_model)
    assert ran.rows[0].startswith("training pictures of ")
    assert "not a judgement" in ran.rows[0]
    assert ran.rows[0].endswith(f": {n} photos")
    assert re.search(rf"of {n};", ran.out)


def test_other_data_without_a_split_are_judged_whole(cli, linked, split_model, tmp_path) -> None:
    other = linked(tmp_path / "other", 70, 70, "test")
    for path in sorted((other / "cat").iterdir())[:20] + sorted((other / "x").iterdir())[:20]:
        path.unlink()  # those judged it already, which is no harm, but no news either
    found = figures(cli("eval", other, "-m", split_model, "--json"))
    assert found["n"] == 100
    assert f"all of {other}" in found["what"]


def test_other_data_lose_what_was_trained_on_and_a_line_says_so(
    cli, linked, split_model, tmp_path
) -> None:
    mixed = linked(tmp_path / "mixed", 40, 40)  # 30 of each were trained on
    ran = cli("eval", mixed, "-m", split_model)
    assert re.search(r"mixed, less the pictures that the model was trained on: 20 photos", ran.out)
    assert "note: 60 pictures that were trained on are left out" in ran.out
    assert "without the photos trained on" not in ran.out


def test_nothing_is_left_of_data_that_were_all_trained_on(
    cli, linked, split_model, tmp_path
) -> None:
    same = linked(tmp_path / "same", 30, 30)
    refused(cli("eval", same, "-m", split_model), "trained on every one of these pictures")


def test_a_model_judged_by_folds_holds_nothing_out(cli, data) -> None:
    trained(cli, data)
    accuracy = load_model("model.npz").record.figures["accuracy"]
    refused(
        cli("eval"),
        "no test split, and the model holds no pictures of it out",
        f"out of fold it was right on {accuracy:.1%} [",
        "of 30",
        "catclf eval DATA",
    )
    trained(cli, data, "--holdout", "0")
    refused(cli("eval"), "holds no pictures of it out; evaluate on other")


def test_moved_data_are_named_as_such(cli, copied) -> None:
    trained(cli, copied)
    copied.rename("moved")
    refused(cli("eval"), f"{copied}: the data set that the model was trained on is no longer there")
    ran = cli("eval", "moved")
    assert ran.code == 0
    assert "has changed" not in ran.out


def add(root: Path) -> None:
    (root / "test/cat/new.png").write_bytes(next((root / "test/cat").iterdir()).read_bytes())


def remove(root: Path) -> None:
    next((root / "train/x").iterdir()).unlink()


def relabel(root: Path) -> None:
    path = next((root / "train/x").iterdir())
    path.rename(root / "train/cat" / path.name)


def redraw(root: Path) -> None:
    Image.new("RGB", (64, 64)).save(next((root / "train/x").iterdir()))


@pytest.mark.parametrize("change", [add, remove, relabel, redraw])
def test_changed_data_are_named_as_such(cli, copied, change) -> None:
    trained(cli, copied)
    assert "has changed" not in cli("eval").out
    change(copied)
    ran = cli("eval")
    assert ran.code == 0
    assert f"note: {copied} has changed since the model was trained" in ran.out


def test_held_out_pictures_that_are_gone_are_counted(cli, held_out_data, tmp_path) -> None:
    data = shutil.copytree(held_out_data, tmp_path / "data")
    trained(cli, data)
    n = figures(cli("eval", "--json"))["n"]
    held_out = {row.tobytes() for row in load_model("model.npz").held_out_files}
    gone = [
        path
        for path in data.rglob("*.png")
        if hashlib.sha256(path.read_bytes()).digest() in held_out
    ][:3]
    for path in gone:
        path.unlink()
    found = figures(cli("eval", "--json"))
    assert found["n"] == n - 3
    assert any("3 of the held-out pictures are no longer there" in w for w in found["warnings"])


def test_other_class_names_are_refused_with_both(cli, split_model, linked, tmp_path) -> None:
    dogs = linked(tmp_path / "dogs", 5, 5, "test", names=("dog", "fish"))
    refused(
        cli("eval", dogs, "-m", split_model),
        "no class is called cat; the classes are: dog, fish",
        "the model tells cat from x",
    )


def test_other_positive_classes_are_refused_with_both(cli, linked, tmp_path) -> None:
    trained(cli, linked(tmp_path / "mugs", 12, 12, names=("mug", "x")), "--positive", "mug")
    cats = linked(tmp_path / "cats", 5, 5, "test")
    ran = cli("eval", cats)
    refused(ran, "no class is called mug; the classes are: cat, x", "the model tells mug from x")
    assert "--positive" not in ran.err  # which eval does not have


def test_a_cat_is_a_cat_under_each_of_its_names(cli, split_model, linked, tmp_path) -> None:
    cats = linked(tmp_path / "data", 5, 5, "test", names=("Cats", "dogs"))
    assert figures(cli("eval", cats, "-m", split_model, "--json"))["n"] == 10


def test_by_a_column(cli, split_model, split_data, tmp_path) -> None:
    rows = ["path,label,split,camera"]
    for number, path in enumerate(sorted((split_data / "test").rglob("*.png"))):
        rows.append(f"{path},{path.parent.name},test,{'phone' if number % 3 else 'old one'}")
    manifest = tmp_path / "list.csv"
    manifest.write_text("\n".join(rows))
    found = figures(cli("eval", manifest, "-m", split_model, "--json", "--by", "camera"))
    assert set(found["groups"]) == {"old one", "phone"}
    assert sum(group["n"] for group in found["groups"].values()) == found["n"] == 40
    for group in found["groups"].values():
        assert set(group) >= JSON_KEYS
    for key in found["confusion"]:
        assert found["confusion"][key] == sum(
            group["confusion"][key] for group in found["groups"].values()
        )
    ran = cli("eval", manifest, "-m", split_model, "--by", "camera")
    assert re.search(r"^  phone +\d+\.\d% \[\d+, \d+\] +of 26; balanced ", ran.out, re.MULTILINE)


def test_by_folder(cli, split_model, split_data) -> None:
    ran = cli("eval", split_data, "-m", split_model, "--by", "folder")
    assert re.search(r"^  test/cat +\d", ran.out, re.MULTILINE)
    assert re.search(r"^  test/x +\d.* of 20; balanced -$", ran.out, re.MULTILINE)


def test_by_a_column_that_is_not_there_names_those_that_are(cli, split_model, split_data) -> None:
    refused(
        cli("eval", split_data, "-m", split_model, "--by", "breed"),
        "no column breed to group by; there are: class, folder",
    )


def as_it_is(image: Image.Image, path: Path) -> None:
    image.save(path.with_suffix(".png"))


def recompressed(image: Image.Image, path: Path) -> None:
    image.save(path.with_suffix(".jpg"), quality=80)


def half_size(image: Image.Image, path: Path) -> None:
    image.resize((image.width // 2, image.height // 2)).save(path.with_suffix(".png"))


def mirrored(image: Image.Image, path: Path) -> None:
    ImageOps.mirror(image).save(path.with_suffix(".png"))


SIDE = 75


@pytest.fixture
def tiles(tmp_path) -> Path:
    """Pieces of a photo, because drawings are too flat to tell copies by their hash: 8 a class to
    train, 4 a class to test."""
    with Image.open(CHELSEA) as image:
        for name, left in (("cat", 0), ("x", 3 * SIDE)):
            for number, (column, row) in enumerate(product(range(3), range(4))):
                x, y = left + column * SIDE, row * SIDE
                folder = tmp_path / "tiles" / ("train" if number < 8 else "test") / name
                folder.mkdir(parents=True, exist_ok=True)
                image.crop((x, y, x + SIDE, y + SIDE)).save(folder / f"{number:02}.png")
    return tmp_path / "tiles"


def plant(tiles: Path, n: int, copy=as_it_is) -> None:
    """Put copies of n training pictures of each class among those to test."""
    for name in ("cat", "x"):
        for number, path in enumerate(sorted((tiles / "train" / name).iterdir())[:n]):
            with Image.open(path) as image:
                copy(image, tiles / "test" / name / f"copy{number}")


@pytest.mark.parametrize("copy", [as_it_is, recompressed, half_size, mirrored])
def test_copies_of_training_pictures_are_found_and_figures_shown_without(cli, tiles, copy) -> None:
    trained(cli, tiles)
    clean = figures(cli("eval", "--json"))
    assert (clean["n"], "without_shared" in clean) == (8, False)
    plant(tiles, 3, copy)
    found = figures(cli("eval", "--json"))
    assert found["n"] == 14
    assert found["without_shared"]["n"] == 8
    assert found["without_shared"]["confusion"] == clean["confusion"]
    assert any("trained on 6 of these pictures" in warning for warning in found["warnings"])
    ran = cli("eval")
    assert "without the photos trained on: 8 photos" in ran.out
    assert re.search(r"note: .* trained on 6 of these pictures \(test/cat/copy0\.", ran.out)


@pytest.mark.parametrize("copy", [as_it_is, recompressed])
def test_a_test_split_that_was_mostly_trained_on_is_refused(cli, tiles, copy) -> None:
    trained(cli, tiles)
    plant(tiles, 4, copy)
    assert cli("eval").code == 0  # just half
    plant(tiles, 5, copy)
    refused(cli("eval"), "trained on 10 of these 18 pictures", "--train-set")


def test_one_class_only_has_no_balanced_accuracy_and_no_auc(cli, copied, split_model) -> None:
    shutil.rmtree(copied / "test/cat")
    found = figures(cli("eval", copied, "-m", split_model, "--json"))
    assert found["balanced_accuracy"] is None
    assert found["auc"] is None
    assert (found["n"], found["baseline"]) == (20, 1.0)
    ran = cli("eval", copied, "-m", split_model)
    assert re.search(r"balanced accuracy  -\n +AUC +-\n", ran.out)


def test_unreadable_pictures_are_counted_and_named(cli, copied, split_model) -> None:
    (copied / "test/cat/\x1b[31mred.jpg").write_text("<html>")
    for number in range(11):
        (copied / f"test/x/{number:02}.jpg").touch()
    ran = cli("eval", copied, "-m", split_model)
    assert ran.rows[0].endswith(": 40 photos")
    assert "left out 12 unreadable pictures:" in ran.err
    assert "test/cat/\\x1b[31mred.jpg: a web page" in ran.err
    assert "and 2 more" in ran.err
    assert figures(cli("eval", copied, "-m", split_model, "--json"))["left_out"] == 12


def test_nothing_readable_is_an_error(cli, copied, split_model) -> None:
    for path in (copied / "test").rglob("*.png"):
        path.write_bytes(b"")
    refused(cli("eval", copied, "-m", split_model), "none of 40 pictures can be read", "empty")


def test_a_baseline_inside_the_interval_is_said_in_words(cli, copied, split_model) -> None:
    for path in sorted((copied / "test/x").iterdir())[8:]:
        path.unlink()  # 20 cats, 8 others
    ran = cli("eval", copied, "-m", split_model)
    found = figures(cli("eval", copied, "-m", split_model, "--json"))
    low, high = found["interval"]
    assert low <= found["baseline"] <= high
    assert "right 71.4% of the time, which lies inside the interval" in ran.out


def test_a_missing_split_is_an_error(cli, copied, split_model) -> None:
    shutil.rmtree(copied / "train")
    refused(cli("eval", copied, "-m", split_model, "--train-set"), "has no train split")


def test_a_model_that_is_named_must_be_there(cli, split_data) -> None:
    refused(cli("eval", split_data, "-m", "my.npz"), "my.npz: no such model")


@pytest.fixture(scope="module")
def course(shared_data, tmp_path_factory) -> Path:
    model = tmp_path_factory.mktemp("course") / "model.npz"
    data = str(shared_data / "course")
    assert run(["train", data, "--recipe", "course", "-o", str(model)]) == 0
    return model


def test_training_prints_the_course_s_costs(cli, shared_data) -> None:
    ran = cli("train", shared_data / "course", "--recipe", "course")
    costs = re.findall(r"^  iteration +([\d,]+)  cost (0\.\d{6})$", ran.err, re.MULTILINE)
    assert dict(costs) | {
        "0": "0.693147",
        "100": "0.584508",
        "1,000": "0.214820",
        "1,900": "0.140872",
        "2,000": "0.135608",
    } == dict(costs)
    assert len(costs) == 21
    assert "accuracy on the training photos 99.04%" in ran.err
    assert "accuracy 70.0% [56, 81] on 50 photos" in ran.err


def test_evaluation_adds_what_the_course_leaves_out(cli, course) -> None:
    ran = cli("eval", "--test-set", "-m", course)
    assert re.search(r"accuracy +70\.0% \[56, 81\]  35 of 50; .*: 66\.0%", ran.out)
    assert re.search(r"accuracy +69\.4% \[55, 80\]  34 of 49;", ran.out)
    assert "trained on 1 of these pictures (test_catvnoncat.h5[17])" in ran.out
    assert "right 66.0% of the time, which lies inside the interval" in ran.out


def test_the_training_file_is_no_test(cli, course, shared_data) -> None:
    train_file = shared_data / "course/train_catvnoncat.h5"
    refused(cli("eval", train_file, "-m", course), "trained on every one of these pictures")


def test_photos_by_source_and_group(cli, shared_data, tmp_path) -> None:
    """A model of some of the 18,000 photos, judged on some of the 2,000."""
    photos = shared_data / "photos"
    header, *rows = (photos / "photos.csv").read_text().splitlines()
    train = [row for row in rows if ",train," in row][::150]
    test = [row for row in rows if ",test," in row][::20]
    manifest = tmp_path / "some.csv"
    manifest.write_text("\n".join([header, *(f"{photos}/{row}" for row in train + test)]))
    trained(cli, manifest, "--size", "32")
    for column in ("source", "group"):
        found = figures(cli("eval", "--json", "--by", column))
        assert found["n"] == len(test)
        assert sum(group["n"] for group in found["groups"].values()) == len(test)
        position = header.split(",").index(column)
        assert set(found["groups"]) == {row.split(",")[position] for row in test}


def test_coverage_and_calibration_are_always_printed(
    cli, split_data, split_model, tmp_path
) -> None:
    model = replace(load_model(split_model), unsure_level=0.9)
    model.save(tmp_path / "strict.npz")
    ran = cli("eval", split_data, "-m", "strict.npz")
    found = figures(cli("eval", split_data, "-m", "strict.npz", "--json"))
    covered = found["coverage"]
    assert 0 < covered["answered"] < 40
    assert covered["share"] == covered["answered"] / 40
    assert covered["wrong"] == round(covered["error"] * covered["answered"])
    assert f"; {40 - covered['answered']} unsure" in ran.out
    assert (
        found["accuracy"]
        == figures(cli("eval", split_data, "-m", split_model, "--json"))["accuracy"]
    )
    said, true = (row.split() for row in ran.rows if row.split()[:1] in (["said"], ["true"]))
    assert len(said) == len(true) == 16
    bins = found["reliability"]
    assert [int(text) for text in true[1:]] == [round(100 * part["share"]) for part in bins]
    assert sum(part["n"] for part in bins) == 40


def test_log_loss_is_at_the_model_s_prior_and_both_are_said(cli, split_data, split_model) -> None:
    ran = cli("eval", split_data, "-m", split_model)
    assert "at the model's prior, 50.0%; here it is 50.0%" in ran.out
