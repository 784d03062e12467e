"""catclf predict: one row an input, in each of the forms, whatever the inputs are called."""

import csv
import io
import json
import os
import re
import select
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catclf import load_model

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images/photos"
CHELSEA = SAMPLES / "chelsea.jpg"
PHOTOS = 7


@pytest.fixture
def predict(cli, split_model):
    """catclf predict with a model."""
    return lambda *arguments, **how: cli("predict", "-m", split_model, *arguments, **how)


def answers(ran) -> list[dict]:
    return [json.loads(row) for row in ran.rows]


def process(*arguments: object, **how) -> subprocess.Popen:
    """A fresh process; stdin, stdout and stderr are pipes unless said otherwise."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", "catclf", *map(str, arguments)]
    environment = dict(how.pop("env", os.environ))
    environment.pop("PYTHONUNBUFFERED", None)  # would hide what is held back
    return subprocess.Popen(command, env=environment, **{**pipes, **how})


class TestInputs:
    """What can be asked about, and in which order the answers come."""

    def test_files_folders_and_standard_input_in_input_order(self, predict, photo_folder) -> None:
        ran = predict("missing.jpg", photo_folder, "-", CHELSEA, stdin=CHELSEA.read_bytes())
        assert ran.code == 3
        names = [row.split("\t")[0] for row in ran.rows]
        inside = sorted(str(photo_folder / path.name) for path in SAMPLES.glob("*.jpg"))
        assert names == ["missing.jpg", *inside, "-", str(CHELSEA)]
        assert ran.rows[0] == "missing.jpg\t\t\tno such file"
        assert ran.rows[-1].split("\t")[1:] == ran.rows[-2].split("\t")[1:]
        assert re.search(r"^10 photos: .*1 unreadable$", ran.err, re.MULTILINE)
        assert "1 other file in the folders left alone" in ran.err

    def test_a_list_of_names(self, predict, photo_folder) -> None:
        inside = sorted(photo_folder.glob("*.jpg"))
        listed = "\r\n".join(map(str, inside[:2])) + "\n\n" + "\n".join(map(str, inside[2:]))
        Path("list.txt").write_bytes(listed.encode())
        whole = predict(photo_folder, "--quiet")
        assert predict("--files-from", "list.txt", "--quiet") == whole
        assert predict("--files-from", "-", "--quiet", stdin=listed.encode()) == whole
        both = predict(CHELSEA, "--files-from", "list.txt", "--quiet")
        assert both.rows[1:] == whole.rows

    def test_a_list_that_ends_names_in_nul(self, predict, photo_folder) -> None:
        inside = sorted(photo_folder.glob("*.jpg"))
        listed = b"\0".join(map(os.fsencode, inside)) + b"\0"
        whole = predict(photo_folder, "--quiet")
        assert predict("--files-from", "-", "-0", "--quiet", stdin=listed) == whole

    def test_a_list_with_a_name_longer_than_one_read(self, predict) -> None:
        long = b"x" * 100_000
        ran = predict("--files-from", "-", stdin=long + b"\n" + os.fsencode(CHELSEA))
        assert ran.code == 3
        assert [len(row.split("\t")[0]) for row in ran.rows] == [len(long), len(str(CHELSEA))]

    def test_a_dash_in_a_list_is_a_name(self, predict, tmp_path) -> None:
        shutil.copy(CHELSEA, tmp_path / "-")
        ran = predict("--files-from", "-", "--quiet", stdin=b"-\n")
        assert ran.rows == [row.replace("./-", "-") for row in predict("./-", "--quiet").rows]

    def test_a_list_that_is_not_there(self, predict) -> None:
        ran = predict("--files-from", "nowhere.txt")
        assert (ran.code, ran.raw) == (4, b"")
        assert ran.err == "catclf: nowhere.txt: cannot be read (No such file or directory)\n"

    def test_an_empty_folder_and_an_empty_list_give_no_rows(self, predict, tmp_path) -> None:
        (tmp_path / "empty").mkdir()
        for ran in (predict("empty"), predict("--files-from", "-")):
            assert (ran.code, ran.raw) == (0, b"")
            assert "0 photos: none" in ran.err

    def test_only_pictures_of_a_folder_but_every_file_that_is_named(self, predict, tmp_path):
        folder = tmp_path / "folder"
        (folder / "below").mkdir(parents=True)
        (folder / "notes.txt").write_text("none")
        shutil.copy(CHELSEA, folder / "below/without_extension")
        ran = predict("folder")
        assert [row.split("\t")[0] for row in ran.rows] == ["folder/below/without_extension"]
        assert "1 other file" in ran.err
        ran = predict("folder/notes.txt")
        assert ran.code == 3
        assert ran.rows == ["folder/notes.txt\t\t\tnot a picture in a format that catclf reads"]

    def test_what_is_no_file_has_a_row(self, predict, tmp_path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "loop.jpg").symlink_to("loop.jpg")
        ran = predict("pipe.jpg", "loop.jpg", "/dev/zero", "--json", "--", "-x.jpg")
        assert ran.code == 3
        errors = [answer["error"] for answer in answers(ran)]
        assert errors[0] == errors[2] == "not a regular file"
        assert "symbolic links" in errors[1]
        assert errors[3] == "no such file"

    def test_a_name_with_nul_from_a_list_has_a_row(self, predict) -> None:
        ran = predict("--files-from", "-", stdin=b"a\0b.jpg\n")
        assert ran.rows == ["a\\x00b.jpg\t\t\tnot a possible file name"]

    def test_standard_input_that_is_no_picture_has_a_row(self, predict) -> None:
        assert predict("-").rows == ["-\t\t\tthe file is empty"]
        assert predict("-", stdin=b"<html>").rows == ["-\t\t\ta web page, not a picture"]


class TestForms:
    """JSON, CSV, tab-separated, a table, and names alone."""

    def test_json(self, predict) -> None:
        ran = predict(CHELSEA, "none.jpg", "--json")
        first, second = answers(ran)
        assert (
            list(first) == list(second) == ["input", "label", "probability", "error", "unfamiliar"]
        )
        assert first["input"] == str(CHELSEA)
        (always,) = answers(predict(CHELSEA, "--json", "--always-answer"))
        assert always["label"] in ("cat", "x")
        assert (always["label"] == "cat") == (first["probability"] > 0.5)
        assert first["label"] in ("unsure", always["label"])
        assert first["unfamiliar"] in (True, False)
        assert first["error"] is None
        assert second == {
            "input": "none.jpg",
            "label": None,
            "probability": None,
            "error": "no such file",
            "unfamiliar": None,
        }

    def test_csv(self, predict, tmp_path) -> None:
        names = ["=1+1.jpg", "+x.jpg", "@x.jpg", 'say "a, b".jpg', "two\nlines.jpg"]
        for name in names:
            shutil.copy(CHELSEA, tmp_path / name)
        shutil.copy(CHELSEA, tmp_path / "-x.jpg")
        ran = predict("--csv", "none.jpg", *names, "-", "--", "-x.jpg", stdin=CHELSEA.read_bytes())
        header, *rows = csv.reader(io.StringIO(ran.out))
        assert header == ["input", "label", "probability", "error", "unfamiliar"]
        assert rows[0] == ["none.jpg", "", "", "no such file", ""]
        assert [row[0] for row in rows[1:]] == [
            "./=1+1.jpg",
            "./+x.jpg",
            "./@x.jpg",
            'say "a, b".jpg',
            "two\\x0alines.jpg",
            "-",
            "./-x.jpg",
        ]
        assert len({tuple(row[1:]) for row in rows[1:]}) == 1
        assert rows[1][4] in ("true", "false")
        assert float(rows[1][2]) == answers(predict(CHELSEA, "--json"))[0]["probability"]
        for name in ("./=1+1.jpg", "./-x.jpg"):  # the same files
            assert predict(name).code == 0

    def test_tab_separated_where_nobody_watches(self, predict) -> None:
        (row,) = predict(CHELSEA).rows
        name, label, probability, *_ = row.split("\t")
        assert (name, label) == (str(CHELSEA), answers(predict(CHELSEA, "--json"))[0]["label"])
        assert re.fullmatch(r"[01]\.\d{4}", probability)

    def test_only_names_of_one_label(self, predict, photo_folder) -> None:
        found = answers(predict(photo_folder, "--json"))
        for label in ("cat", "x", "unsure"):
            expected = [answer["input"] for answer in found if answer["label"] == label]
            for asked in (label, label.upper()):
                ran = predict(photo_folder, "--only", asked)
                assert (ran.code, ran.rows) == (0, expected)
            ran = predict(photo_folder, "--only", label, "-0")
            assert ran.raw == b"".join(os.fsencode(name) + b"\0" for name in expected)

    def test_only_names_unreadable_ones_on_stderr(self, predict) -> None:
        ran = predict("none.jpg", "--only", "cat")
        assert (ran.code, ran.raw) == (3, b"")
        assert "none.jpg: no such file\n" in ran.err

    def test_only_suggests_a_label(self, predict) -> None:
        ran = predict(CHELSEA, "--only", "caat")
        assert ran.code == 2
        assert "the model knows x and cat; did you mean cat?" in ran.err

    def test_only_takes_names_that_differ_in_case_alone_as_they_are(
        self, cli, split_model, tmp_path
    ) -> None:
        model = replace(load_model(split_model), class_names=("cat", "CAT"))
        model.save(tmp_path / "model.npz")
        label = model.predict(CHELSEA)[0].label
        for asked in model.class_names:
            found = cli("predict", CHELSEA, "--only", asked).rows
            assert found == ([str(CHELSEA)] if asked == label else [])

    def test_threshold(self, predict) -> None:
        always = ("--json", "--always-answer")
        for threshold, label in (("0", "cat"), ("1", "x")):
            (answer,) = answers(predict(CHELSEA, *always, "--threshold", threshold))
            assert answer["label"] == label
        probability = answer["probability"]
        for threshold, label in ((probability, "x"), (np.nextafter(probability, 0), "cat")):
            (answer,) = answers(predict(CHELSEA, *always, "--threshold", repr(float(threshold))))
            assert answer["label"] == label
        for wrong in ("nan", "1.5", "-1", "half"):
            assert predict(CHELSEA, "--threshold", wrong).code == 2

    def test_quiet_leaves_stderr_empty(self, predict, photo_folder) -> None:
        ran = predict(photo_folder, "none.jpg", "--quiet")
        assert (ran.code, ran.err) == (3, "")
        assert len(ran.rows) == PHOTOS + 1

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("--json", "--csv", "a.jpg"),
            ("--json", "--only", "cat", "a.jpg"),
            ("-", "--files-from", "-"),
        ],
    )
    def test_what_excludes_each_other_is_wrong_usage(self, predict, arguments) -> None:
        ran = predict(*arguments)
        assert (ran.code, ran.raw) == (2, b"")

    @pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_a_table_on_a_terminal(self, split_model, tmp_path, plain) -> None:
        pty = pytest.importorskip("pty")
        mine, theirs = pty.openpty()
        command = ("predict", CHELSEA, "none\x1b.jpg", "-m", split_model)
        environment = {**os.environ, "TERM": "xterm", **plain}
        with process(*command, stdout=theirs, cwd=tmp_path, env=environment) as running:
            os.close(theirs)
            assert running.wait() == 3
        shown = os.read(mine, 10_000).decode().replace("\r\n", "\n")
        os.close(mine)
        first, second = shown.splitlines()
        bare = re.sub(r"\x1b\[\d+m", "", first)
        assert re.match(rf" *\d+\.\d%[ ▏▎▍▌▋▊▉█]+(cat|x|unsure) +{re.escape(str(CHELSEA))}", bare)
        assert (bare != first) == (not plain)
        assert re.fullmatch(r" {5}- +unreadable  none\\x1b\.jpg: no such file", second)


ODD_NAMES = {
    b"launch\nday.jpg": "launch\\x0aday.jpg",
    b"\x1b[31mred.jpg": "\\x1b[31mred.jpg",
    b"caf\xe9.jpg": "caf\\xe9.jpg",
    b"-cat.jpg": "-cat.jpg",
    "🐱.jpg".encode(): "🐱.jpg",
    "👩‍🚀.jpg".encode(): "👩‍🚀.jpg",
    "Ka\u0308tzchen.jpg".encode(): "Ka\u0308tzchen.jpg",
    "gpj.\u202etac.jpg".encode(): "gpj.\\u202etac.jpg",
    b"tab\there.jpg": "tab\\x09here.jpg",
    b" space .jpg": " space .jpg",
    b"\xc2\x9b31m.jpg": "\\x9b31m.jpg",
}


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_no_name_reaches_the_terminal_raw(predict, tmp_path, name) -> None:
    shutil.copy(CHELSEA, os.path.join(os.fsencode(tmp_path), name))  # noqa: PTH118 - bytes
    shown, given = ODD_NAMES[name], os.fsdecode(name)
    label = answers(predict(CHELSEA, "--json"))[0]["label"]
    ran = predict("--", given)
    assert (ran.code, len(ran.rows)) == (0, 1)
    assert ran.rows[0].split("\t")[:2] == [shown, label]
    assert predict("--only", label, "--", given).rows == [shown]
    assert predict("--only", label, "-0", "--", given).raw == name + b"\0"
    assert answers(predict("--json", "--", given))[0]["input"] == given
    assert predict("--files-from", "-", "-0", "--only", label, stdin=name).raw == name + b"\0"
    (tmp_path / "folder").mkdir()
    (tmp_path / given).rename(tmp_path / "folder" / given)
    assert predict("folder", "--only", label, "-0").raw == b"folder/" + name + b"\0"
    ran = predict("--", given)  # gone now
    assert ran.rows == [f"{shown}\t\t\tno such file"]
    assert "\x1b" not in ran.err


class TestModelInUse:
    """Which model answers, and what happens where there is none."""

    def test_the_one_in_this_folder_is_used_and_named(self, cli, split_model, split_data) -> None:
        shutil.copy(split_model, "model.npz")
        ran = cli("predict", CHELSEA)
        assert ran.err == f"using model.npz, trained on {split_data}\n"
        assert cli("predict", CHELSEA, "--quiet").err == ""
        assert cli("predict", CHELSEA, "-m", "model.npz").err == ""

    def test_without_one_the_bundled_one_answers(self, cli) -> None:
        ran = cli("predict", CHELSEA)
        assert ran.rows[0].split("\t")[:2] == [str(CHELSEA), "cat"]
        assert ran.err.startswith("using the bundled model, trained on ")

    def test_one_that_is_named_must_be_there(self, cli) -> None:
        ran = cli("predict", CHELSEA, "-m", "his\x1b.npz")
        assert ran.code == 4
        assert ran.err.startswith("catclf: his\\x1b.npz: no such model; train one")

    def test_a_file_that_is_no_model(self, cli, tmp_path) -> None:
        (tmp_path / "model.npz").write_text("not one")
        ran = cli("predict", CHELSEA)
        assert ran.code == 4
        assert ran.err.startswith("catclf: model.npz: is damaged, or no model of catclf")
        assert len(ran.err.splitlines()) == 1


class TestProcess:
    """What only a process of its own shows."""

    def test_a_reader_that_goes_away_ends_it_quietly(self, split_model, photo_folder) -> None:
        many = [photo_folder] * 60
        with process("predict", *many, "-m", split_model, "--json", "--quiet") as running:
            assert running.stdout.readline().startswith(b'{"input"')
            running.stdout.close()
            assert running.wait(60) == 0
            assert running.stderr.read() == b""

    def test_nor_does_it_mind_a_closed_stderr(self, split_model, photo_folder) -> None:
        with process("predict", photo_folder, "-m", split_model) as running:
            running.stderr.close()
            assert len(running.stdout.readlines()) == PHOTOS
            assert running.wait(60) == 0

    def test_each_row_is_written_as_it_is_known(self, split_model, tmp_path) -> None:
        os.mkfifo(tmp_path / "names")
        command = ("predict", "--files-from", "names", "-m", split_model)
        with process(*command, cwd=tmp_path) as running, (tmp_path / "names").open("wb") as names:
            for _ in range(2):
                names.write(os.fsencode(CHELSEA) + b"\n")
                names.flush()
                arrived, _, _ = select.select([running.stdout], [], [], 20)
                assert arrived
                assert running.stdout.readline().startswith(os.fsencode(CHELSEA))
            assert running.poll() is None

    def test_the_locale_changes_nothing(self, split_model, tmp_path) -> None:
        shutil.copy(CHELSEA, tmp_path / "🐱.jpg")
        environment = {**os.environ, "LC_ALL": "C"}
        command = ("predict", ".", "gone🐱.jpg", "-m", split_model)
        with process(*command, cwd=tmp_path, env=environment) as running:
            out, err = running.communicate()
        rows = out.decode().splitlines()
        assert [row.split("\t")[0] for row in rows] == ["🐱.jpg", "gone🐱.jpg"], err


@pytest.fixture(scope="session")
def same(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("same") / "data"
    for number, path in enumerate(sorted(SAMPLES.glob("*.jpg"))):
        place = folder / ("cat" if number % 2 else "x")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / path.name)
    return folder


@pytest.fixture(scope="session")
def expected(same, split_model) -> dict[str, float]:
    """Each photo's probability, asked for alone."""
    model = load_model(split_model)
    return {path.name: model.predict(path, jobs=1)[0].probability for path in same.rglob("*.jpg")}


class TestSameAnswer:
    """One file, one probability: exactly, whatever else is asked and however it comes in."""

    def by_name(self, ran) -> dict[str, float]:
        return {Path(answer["input"]).name: answer["probability"] for answer in answers(ran)}

    @pytest.mark.parametrize("jobs", [1, 2, 5])
    def test_in_each_batch_order_and_number_of_threads(self, predict, same, expected, jobs) -> None:
        paths = sorted(same.rglob("*.jpg"))
        for inputs in (paths, paths[::-1], [same], [*paths, *paths]):
            assert self.by_name(predict(*inputs, "--json", "-j", jobs)) == expected
        listed = "\n".join(map(str, paths)).encode()
        ran = predict("--files-from", "-", "--json", "-j", jobs, stdin=listed)
        assert self.by_name(ran) == expected

    def test_on_standard_input(self, predict, same, expected) -> None:
        for path in same.rglob("*.jpg"):
            (answer,) = answers(predict("-", "--json", stdin=path.read_bytes()))
            assert answer["probability"] == expected[path.name]

    @pytest.mark.parametrize("threads", ["1", "2"])
    def test_in_a_fresh_process(self, split_model, same, expected, threads) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        with process("predict", same, "--json", "-m", split_model, env=environment) as running:
            rows = running.communicate()[0].splitlines()
        found = {Path(row["input"]).name: row["probability"] for row in map(json.loads, rows)}
        assert found == expected

    @pytest.mark.parametrize("form", ["folder", "zip", "manifest"])
    def test_in_eval(self, cli, split_model, same, expected, tmp_path, form) -> None:
        """log-loss has every probability in it, to the last bit."""
        data = same
        if form == "zip":
            data = tmp_path / "data.zip"
            with zipfile.ZipFile(data, "w") as archive:
                for path in sorted(same.rglob("*.jpg")):
                    archive.write(path, path.relative_to(same))
        if form == "manifest":
            data = tmp_path / "data.csv"
            rows = [f"{path},{path.parent.name}" for path in sorted(same.rglob("*.jpg"))]
            data.write_text("\n".join(["path,label", *rows]))
        ran = cli("eval", data, "-m", split_model, "--json", "--by", "class", "-j", "3")
        found = json.loads(ran.out)["groups"]
        for label, group in found.items():
            p = np.array([expected[path.name] for path in sorted((same / label).iterdir())])
            assert group["log_loss"] == pytest.approx(
                -np.mean(np.log(p if label == "cat" else 1 - p)), rel=1e-12
            )

    def test_on_the_network_s_features(self, cli, network_model, same) -> None:
        model = load_model(network_model)
        paths = sorted(same.rglob("*.jpg"))
        alone = {path.name: model.predict(path, jobs=1)[0].probability for path in paths}
        assert len(set(alone.values())) == PHOTOS
        for jobs, inputs in ((1, [same]), (3, paths[::-1]), (2, [*paths[::2], *paths[1::2]])):
            ran = cli("predict", *inputs, "--json", "-j", jobs, "-m", network_model)
            assert self.by_name(ran) == alone

    def test_from_python_with_paths_and_arrays(self, split_model, tmp_path) -> None:
        model = load_model(split_model)
        with Image.open(CHELSEA) as image:
            image.resize((64, 64)).save(tmp_path / "small.png")
            pixels = np.asarray(image.resize((64, 64)))
        path = tmp_path / "small.png"
        found = model.predict([path, str(path), pixels, pixels[:, ::-1]])
        assert found[0].probability == found[1].probability == found[2].probability
        assert found[3].probability != found[0].probability


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_all_orientations_of_a_photo_give_one_answer(predict, tmp_path) -> None:
    """The photo as a camera would have stored it, held in each of the eight ways."""
    with Image.open(CHELSEA) as image:
        for orientation, turn in TURNS.items():
            exif = Image.Exif()
            exif[0x0112] = orientation
            stored = image if turn is None else image.transpose(turn)
            stored.save(tmp_path / f"{orientation}.png", exif=exif)
    found = answers(predict(*(f"{orientation}.png" for orientation in TURNS), "--json"))
    assert len({answer["probability"] for answer in found}) == 1


class TestUnsure:
    """An answer of its own, in every form."""

    @pytest.fixture
    def stranger(self, split_model, tmp_path) -> Path:
        """A model that finds everything unfamiliar."""
        model = load_model(split_model)
        model = replace(model, familiarity=replace(model.familiarity, limit=0.0))
        model.save(tmp_path / "stranger.npz")
        return tmp_path / "stranger.npz"

    def test_what_is_unlike_all_is_said_to_be(self, cli, stranger) -> None:
        (row,) = cli("predict", CHELSEA, "-m", stranger).rows
        name, label, _, note = row.split("\t")
        assert (name, label) == (str(CHELSEA), "unsure")
        assert note == "unlike the photos that the model was trained on"
        (answer,) = answers(cli("predict", CHELSEA, "-m", stranger, "--json"))
        assert (answer["label"], answer["unfamiliar"], answer["error"]) == ("unsure", True, None)
        assert cli("predict", CHELSEA, "-m", stranger, "--only", "unsure").rows == [str(CHELSEA)]

    def test_always_answer_answers(self, cli, stranger) -> None:
        ran = cli("predict", CHELSEA, "-m", stranger, "--json", "--always-answer")
        (answer,) = answers(ran)
        assert answer["label"] in ("cat", "x")
        assert answer["unfamiliar"] is True

    def test_a_prior_is_said_and_moves_the_probability(self, cli, predict, split_model) -> None:
        before, after = (answers(predict(CHELSEA, "--json", *prior))[0]["probability"]
                         for prior in ((), ("--prior", "0.02")))  # fmt: skip
        odds = before / (1 - before) * (0.02 / 0.98)
        assert after == pytest.approx(odds / (1 + odds))
        ran = predict(CHELSEA, "--prior", "0.02")
        assert "probabilities assume 2.00% cat; the model's own assume 50.00%\n" in ran.err
        assert predict(CHELSEA, "--prior", "0.02", "--quiet").err == ""

    @pytest.mark.parametrize("prior", ["0", "1", "1.5", "nan", "few"])
    def test_a_prior_that_is_no_share(self, predict, prior) -> None:
        ran = predict(CHELSEA, "--prior", prior)
        assert (ran.code, ran.raw) == (2, b"")
