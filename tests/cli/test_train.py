"""catclf train: what it says, what it writes, and what it refuses."""

import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catclf import load_model


def lines(ran) -> str:
    assert ran.code == 0, ran.err
    assert ran.raw == b""  # the summary is no result
    return ran.err


def refused(ran, *words: str) -> str:
    """One line, exit code 4, and these words in it."""
    assert ran.code == 4
    assert ran.raw == b""
    assert len(ran.err.splitlines()) == 1, ran.err
    for word in words:
        assert word in ran.err
    return ran.err


def test_few_pictures_are_judged_by_folds_and_the_summary_says_so(train, data) -> None:
    said = lines(train(data))
    assert "trained on 30 photos of 64 x 64 pixels to tell cat from x" in said
    assert re.search(r"cost 0\.693. [▁-█]+ 0\.\d+; converged in \d+ iterations: gradient", said)
    assert re.search(r"l2 \S+, chosen by folds: log-loss [▁-█]{2,} from", said)
    assert re.search(r"accuracy \d+\.\d% \[\d+, \d+\] on 30 photos \(out of fold on ", said)
    assert "the commoner class alone: 50.0%" in said
    assert "each was judged by a model that had not seen it" in said
    assert "the final model was trained on all" in said
    assert "probabilities assume that 50% of the photos are cat" in said
    assert re.search(r"wrote model\.npz, \d+ KB", said)
    model = load_model("model.npz")
    assert (len(model.train_files), len(model.held_out_files)) == (30, 0)
    assert model.record.judged_on == "out of fold"
    assert model.record.figures["n"] == 30


def test_a_fifth_of_200_pictures_and_more_is_held_out(train, held_out_data) -> None:
    said = lines(train(held_out_data, "--l2", "1"))
    model = load_model("model.npz")
    trained, held_out = len(model.train_files), len(model.held_out_files)
    assert trained + held_out == 220
    assert 0.1 < held_out / 220 < 0.3
    assert f"trained on {trained} photos" in said
    assert f"on {held_out} photos (held-out pictures of " in said
    for kind in ("files", "pictures"):
        trained_on = {row.tobytes() for row in getattr(model, f"train_{kind}")}
        judged_on = {row.tobytes() for row in getattr(model, f"held_out_{kind}")}
        assert len(getattr(model, f"held_out_{kind}")) == held_out
        assert trained_on.isdisjoint(judged_on)
    assert not model.trained_on(model.held_out_files, model.held_out_pictures).any()


def test_a_test_split_judges_and_all_of_the_others_are_trained_on(train, split_data) -> None:
    said = lines(train(split_data, "--l2", "1"))
    assert "trained on 60 photos" in said
    assert "on 40 photos (test split of " in said
    model = load_model("model.npz")
    assert (len(model.train_files), len(model.held_out_files)) == (60, 0)
    assert model.record.judged_on == "test split"


def test_holdout_nothing_and_half(train, held_out_data) -> None:
    said = lines(train(held_out_data, "--l2", "1", "--holdout", "0", "-o", "all.npz"))
    assert "no photos judge this model" in said
    assert len(load_model("all.npz").train_files) == 220
    lines(train(held_out_data, "--l2", "1", "--holdout", "0.5", "-o", "half.npz"))
    assert 80 < len(load_model("half.npz").held_out_files) < 140


def test_the_network_s_features_are_the_default(cli, train, linked, tmp_path) -> None:
    linked(tmp_path / "data/train", 8, 8)
    linked(tmp_path / "data/test", 4, 4, "test")
    train("data", "--l2", "1")
    said = lines(cli("train", "data"))
    assert "trained on 16 photos of 224 x 224 pixels to tell cat from x" in said
    assert "on 8 photos (test split of data)" in said
    assert re.search(r"on 8 photos that neither was trained on .* this one is on \d+\.\d%", said)
    model = load_model("model.npz")
    assert (model.features, model.w.shape) == ("conv", (1280, 1))
    assert len(model.features_sha256) == 64


def test_the_course_s_recipe_takes_pixels_unless_told_otherwise(cli, linked, tmp_path) -> None:
    linked(tmp_path / "data", 3, 3)
    course = ("train", "data", "--recipe", "course", "--learning-rate", "1e-4")
    for more, features in (((), "pixels"), (("--features", "conv"), "conv")):
        lines(cli(*course, *more))
        assert load_model("model.npz").features == features


def test_broken_pictures_are_left_out_and_named_with_the_reason(train, data) -> None:
    (data / "cat/empty.jpg").touch()
    (data / "x/page\n.jpg").write_text("<!doctype html><p>gone")
    picture = next(path for path in (data / "cat").iterdir() if path.suffix == ".png")
    (data / "cat/half.png").write_bytes(picture.read_bytes()[:200])
    said = lines(train(data))
    assert "trained on 30 photos" in said
    assert "left out 3 unreadable pictures:" in said
    assert "  cat/empty.jpg: the file is empty\n" in said
    assert "  x/page\\x0a.jpg: a web page, not a picture\n" in said
    assert "  cat/half.png: damaged" in said
    assert load_model("model.npz").record.left_out == 3


def test_many_broken_pictures_are_counted_and_some_are_named(train, data) -> None:
    for number in range(14):
        (data / f"x/{number:02}.jpg").touch()
    said = lines(train(data))
    assert "left out 14 unreadable pictures:" in said
    assert said.count("the file is empty") == 10
    assert "  and 4 more\n" in said


def test_broken_pictures_of_the_test_split_are_named_too(train, split_data, tmp_path) -> None:
    shutil.copytree(split_data, tmp_path / "data", symlinks=True)
    (tmp_path / "data/test/x/empty.jpg").touch()
    said = lines(train("data", "--l2", "1"))
    assert "on 40 photos (test split" in said
    assert "left out 1 unreadable picture:\n  test/x/empty.jpg: the file is empty" in said


def test_strict_makes_a_broken_picture_an_error(train, data, listing) -> None:
    (data / "x/empty.jpg").touch()
    before = listing()
    refused(train(data, "--strict"), "x/empty.jpg: the file is empty", "--strict")
    assert listing() == before


def one_class(root: Path) -> None:
    shutil.rmtree(root / "x")


def no_images(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def only_broken(root: Path) -> None:
    for path in root.rglob("*.png"):
        path.unlink()
        path.touch()


def one_class_readable(root: Path) -> None:
    only_broken(root / "x")


def no_classes(root: Path) -> None:
    for i, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(root / f"{'abcdefghijklmnopqrstuvwxyz'[i % 26] * (1 + i // 26)}.png")


def no_cats(root: Path) -> None:
    (root / "cat").rename(root / "kitten")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (one_class, ["two classes are needed"]),
        (only_broken, ["none of 30 pictures can be read", "the file is empty"]),
        (one_class_readable, ["no readable picture of x", "two classes are needed"]),
        (no_cats, ["no class is called cat", "kitten", "--positive"]),
    ],
)
def test_nothing_is_written_where_nothing_can_be_learned(
    train, data, listing, change, words
) -> None:
    change(data)
    before = listing()
    refused(train(data), "data: ", *words)
    assert listing() == before


@pytest.mark.parametrize("change", [no_images, no_classes])
def test_a_layout_that_is_not_understood_is_answered_with_those_that_are(
    train, data, listing, change
) -> None:
    change(data)
    before = listing()
    ran = train(data)
    assert (ran.code, ran.raw) == (4, b"")
    first, *layouts = ran.err.splitlines()
    assert first.startswith(f"catclf: {data}: ")
    assert len(layouts) == 4
    assert all(" data/" in line for line in layouts)
    assert listing() == before


def test_diverging_is_an_error_and_writes_nothing(train, data, listing) -> None:
    before = listing()
    ran = train(data, "--learning-rate", "1e6", "--iterations", "50")
    refused(ran, "diverged", "--learning-rate")
    assert listing() == before


@pytest.mark.parametrize("missing", ["nowhere", "no\nwhere"])
def test_data_that_are_not_there(train, missing) -> None:
    refused(train(missing), "no such file or folder", missing.replace("\n", "\\x0a"))


@pytest.mark.parametrize(("cats", "others"), [(150, 30), (30, 150)])
def test_unequal_classes_do_not_skew(train, linked, tmp_path, cats, others) -> None:
    """At this strength, without weights, everything would be called as the commoner class."""
    data = linked(tmp_path / "data/train", cats, others)
    linked(tmp_path / "data/test", 40, 40, "test")
    lines(train(data.parent, "--l2", "100"))
    model = load_model("model.npz")
    called_cat = model.record.figures["confusion"]
    share = (called_cat["tp"] + called_cat["fp"]) / 80
    assert 0.25 < share < 0.75
    assert model.prior == 0.5


def test_positive_names_the_class_and_everything_else_is_negative(train, linked, tmp_path) -> None:
    data = linked(tmp_path / "data", 12, 12, names=("mug", "plant"))
    refused(train(data), "the classes are: mug, plant", "--positive")
    refused(train(data, "--positive", "mugs"), "did you mean mug?")
    assert "to tell mug from plant" in lines(train(data, "--positive", "Mug"))
    (data / "lamp").mkdir()
    for path in sorted((data / "plant").iterdir())[:6]:
        path.rename(data / "lamp" / path.name)
    assert "to tell mug from non-mug" in lines(train(data, "--positive", "mug"))


@pytest.mark.parametrize("size", [32, 128, 5])
def test_size(cli, train, data, size) -> None:
    assert f"{size} x {size} pixels" in lines(train(data, "--size", size, "--l2", "1"))
    model = load_model("model.npz")
    assert model.w.shape == (size * size * 3, 1)
    assert model.loading.size == size
    ran = cli("predict", sorted((data / "cat").iterdir())[0])
    assert ran.code == 0
    assert len(ran.rows) == 1


def test_crop_is_kept_in_the_model_and_changes_the_answer(cli, train, linked, tmp_path) -> None:
    data = linked(tmp_path / "data", 10, 10)
    wide = Image.new("RGB", (96, 64), "red")
    wide.paste(Image.open(next((data / "cat").iterdir())), (16, 0))
    wide.save(tmp_path / "wide.png")
    answers = {}
    for crop in ("centre", "stretch"):
        lines(train(data, "--crop", crop, "--l2", "1"))
        assert load_model("model.npz").loading.crop == crop
        answers[crop] = cli("predict", "wide.png", "--json").out
    assert answers["centre"] != answers["stretch"]


def test_l2_is_taken_as_it_is_or_chosen(train, split_data) -> None:
    norms = []
    for strength in ("0.1", "10"):
        said = lines(train(split_data, "--l2", strength))
        assert "chosen by folds" not in said
        model = load_model("model.npz")
        assert model.record.l2 == float(strength)
        norms.append(np.linalg.norm(model.w))
    assert norms[1] < norms[0]
    assert "chosen by folds" in lines(train(split_data, "--l2", "auto"))


def test_a_learning_rate_means_the_notes_descent(train, split_data) -> None:
    arguments = ("--learning-rate", "1e-4", "--iterations", "30", "--l2", "0")
    said = lines(train(split_data, *arguments))
    assert "did the 30 iterations asked for" in said
    printed = re.findall(r"^  iteration +(\d+)  cost (0\.\d{6})$", said, re.MULTILINE)
    assert printed[0] == ("0", "0.693147")
    assert printed[-1][0] == "30"
    costs = [float(cost) for _, cost in printed]
    assert costs == sorted(costs, reverse=True)
    assert load_model("model.npz").record.learning_rate == 1e-4


def test_a_cut_short_training_says_that_it_has_not_converged(train, split_data) -> None:
    said = lines(train(split_data, "--l2", "0.1", "--iterations", "1"))
    assert "not converged after 1 iterations" in said


def test_the_same_data_and_seed_give_the_same_bits(train, data) -> None:
    for name in ("a.npz", "b.npz"):
        lines(train(data, "-o", name))
    a, b = load_model("a.npz"), load_model("b.npz")
    assert a.w.tobytes() == b.w.tobytes()
    assert a.b == b.b


def test_the_seed_draws_who_is_held_out(train, held_out_data, held_out_model) -> None:
    lines(train(held_out_data, "--l2", "1", "--seed", "1"))
    other, first = load_model("model.npz"), load_model(held_out_model)
    assert {row.tobytes() for row in other.held_out_files} != {
        row.tobytes() for row in first.held_out_files
    }


def test_a_model_that_is_replaced_is_named_and_compared(train, held_out_data) -> None:
    assert "replaced" not in lines(train(held_out_data, "--l2", "1"))
    said = lines(train(held_out_data, "--l2", "100"))
    n = len(load_model("model.npz").held_out_files)
    assert re.search(
        rf"replaced the model of \S+, trained on {re.escape(str(held_out_data))}; on {n} photos "
        r"that neither was trained on it was right on \d+\.\d%, this one is on \d+\.\d%",
        said,
    )


def test_models_that_cannot_be_compared_are_replaced_all_the_same(train, data, split_model) -> None:
    shutil.copy(split_model, "model.npz")
    assert "there are no photos to compare" in lines(train(data))
    path = Path("model.npz")
    with np.load(path) as archive:
        arrays = {**archive, "format": np.int64(3)}
    np.savez(path, **arrays)
    assert "replaced a model that this version cannot use (has format 3" in lines(train(data))


def text(path: Path) -> None:
    path.write_text("my thesis")


def foreign_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=np.zeros(3), b=np.zeros(()))


def foreign_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thesis.txt", "my thesis")


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [text, foreign_npz, foreign_npy, a_zip, empty, folder])
def test_a_file_that_is_no_model_is_never_overwritten(train, data, listing, make) -> None:
    make(Path("model.npz"))
    before = listing()
    refused(train(data), "model.npz: ", "-o")
    assert listing() == before


@pytest.mark.parametrize("output", ["nowhere/model.npz", "data/cat", ".", "x" * 300, "/dev/null"])
def test_where_no_model_can_go(train, data, listing, output) -> None:
    before = listing()
    refused(train(data, "-o", output), "-o")
    assert listing() == before


def test_a_folder_that_cannot_be_written_to_is_found_before_the_work(
    train, data, monkeypatch
) -> None:
    Path("closed").mkdir()
    # For root every folder is open.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "closed")
    monkeypatch.setattr("catclf.training.fit", None)
    refused(train(data, "-o", "closed/model.npz"), "its folder cannot be written to")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--learning-rate", "0"),
        ("--learning-rate", "nan"),
        ("--learning-rate", "inf"),
        ("--holdout", "nan"),
        ("--holdout", "1"),
        ("--l2", "-1"),
        ("--l2", "nan"),
        ("--l2", "much"),
        ("--size", "0"),
        ("--iterations", "0"),
        ("--crop", "left"),
        ("--recipe", "soup"),
        ("--features", "soup"),
        ("--max-memory", "lots"),
        ("--jobs", "0"),
    ],
)
def test_values_that_make_no_sense_are_wrong_usage(cli, data, listing, arguments) -> None:
    before = listing()
    ran = cli("train", data, *arguments)
    assert ran.code == 2
    assert arguments[0] in ran.err
    assert listing() == before


def test_quiet_says_nothing(train, data) -> None:
    (data / "x/empty.jpg").touch()
    ran = train(data, "--quiet")
    assert (ran.code, ran.raw, ran.err) == (0, b"", "")


def test_a_zip_of_the_folder_trains_the_same_model(train, data) -> None:
    shutil.make_archive("zipped", "zip", data)
    lines(train(data, "-o", "a.npz"))
    lines(train("zipped.zip", "-o", "b.npz"))
    assert load_model("a.npz").w.tobytes() == load_model("b.npz").w.tobytes()


class TestCalibration:
    """Probabilities are held against what happened out of fold, and the summary says so."""

    def test_few_of_a_class_move_the_slope_alone(self, train, data) -> None:
        said = lines(train(data))
        assert "calibrated on 30 photos out of fold, the slope alone: under 50 photos" in said
        assert load_model("model.npz").record.slope_alone

    def test_enough_of_both_move_the_offset_too(self, train, held_out_data) -> None:
        said = lines(train(held_out_data, "--l2", "1"))
        record = load_model("model.npz").record
        assert re.search(r"calibrated on \d+ photos out of fold: z becomes \S+ z [+-]\d", said)
        assert (record.slope_alone, record.calibrated_n) == (False, record.m_train)
        assert record.offset != 0

    def test_the_course_is_neither_calibrated_nor_unsure(self, train, data) -> None:
        said = lines(train(data, "--recipe", "course", "--learning-rate", "1e-4"))
        model = load_model("model.npz")
        assert "calibrated" not in said
        assert (model.familiarity, model.unsure_level) == (None, 0.5)
        assert (model.record.slope, model.record.offset) == (1.0, 0.0)


def test_a_prior_moves_b_alone(train, data) -> None:
    assert "assume that 50% of the photos" in lines(train(data, "--l2", "1"))
    half = load_model("model.npz")
    assert "assume that 2% of the photos" in lines(train(data, "--l2", "1", "--prior", "0.02"))
    rare = load_model("model.npz")
    assert rare.w.tobytes() == half.w.tobytes()
    assert rare.b - half.b == pytest.approx(np.log(0.02 / 0.98))
    assert (half.prior, rare.prior) == (0.5, 0.02)


@pytest.mark.parametrize("prior", ["0", "1", "-0.1", "nan", "some"])
def test_a_prior_that_is_no_share(train, data, prior) -> None:
    ran = train(data, "--prior", prior)
    assert (ran.code, ran.raw) == (2, b"")
    assert not Path("model.npz").exists()


def test_a_size_that_the_network_sees_nothing_in(cli, data) -> None:
    ran = cli("train", data, "--size", "31")
    assert (ran.code, ran.raw) == (2, b"")
    assert "at least 32 for the map conv" in ran.err


class TestCache:
    """Features that took long are kept, and said to be."""

    @pytest.fixture
    def folder(self, tmp_path, monkeypatch) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr("catclf.features.cache.WORTH_SECONDS", 0.0)
        return tmp_path / "cache" / "catclf"

    def test_what_is_kept_is_taken_and_changes_nothing(self, cli, data, folder) -> None:
        arguments = ("train", data, "--size", "32", "--l2", "1")
        said = lines(cli(*arguments))
        assert f"features of 30 photos kept in {folder}, 0 MB" in said
        first = load_model("model.npz")
        kept = {path: path.read_bytes() for path in folder.iterdir()}
        assert "kept in" not in lines(cli(*arguments))
        again = load_model("model.npz")
        assert {path: path.read_bytes() for path in folder.iterdir()} == kept
        assert (again.w.tobytes(), again.b) == (first.w.tobytes(), first.b)

    def test_nothing_is_kept_where_nobody_wants_it(self, cli, train, data, folder) -> None:
        lines(cli("train", data, "--size", "32", "--l2", "1", "--no-cache"))
        lines(train(data, "--l2", "1"))  # pixels are had as soon as a photo is read
        assert not folder.exists()

    def test_a_folder_that_cannot_be_written_is_a_line_and_no_error(
        self, cli, data, folder
    ) -> None:
        folder.parent.write_text("in the way")
        said = lines(cli("train", data, "--size", "32", "--l2", "1"))
        assert "features are not kept in " in said
        assert load_model("model.npz").record.m_train == 30
