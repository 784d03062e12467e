"""model.npz: what is written comes back, and what is damaged is refused in one line."""

import dataclasses
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catclf import Model, load_model
from catclf.core.familiarity import Familiarity
from catclf.data.decode import Loading
from catclf.errors import ModelError
from catclf.model import Record
from catclf.modelfile import FORMAT, HASH_KEYS, KEYS, check_target, save

SIZE = 4
N_X = SIZE * SIZE * 3


def made() -> Model:
    """A small model with something in every field."""
    generator = np.random.default_rng(7)
    hashes = {
        key: generator.integers(0, 256, (m, 32), np.uint8)
        for key, m in zip(HASH_KEYS, (5, 5, 2, 2), strict=True)
    }
    record = Record(
        recipe="default",
        seed=3,
        data="/home/me/\x1bcats\n",
        fingerprint="f" * 64,
        judged_on="held-out pictures",
        m_train=5,
        train_accuracy=0.8,
        l2=1,
        learning_rate=None,
        iterations=50,
        stopped="converged",
        cost_iterations=(0, 50),
        costs=(0.69, 0.1),
        strengths=(0.1, 1.0),
        fold_losses=(0.5, 0.4),
        calibrated_on="out of fold",
        calibrated_n=5,
        slope=0.9,
        offset=-0.1,
        slope_alone=True,
        notes=("for tests",),
        left_out=0,
        holdout=0.2,
        versions={"numpy": "2"},
        created="2025-01-01T00:00:00+00:00",
        figures={"n": 2, "accuracy": 0.5, "interval": [0.1, 0.9], "auc": None},
    )
    return Model(
        w=generator.normal(size=(N_X, 1)),
        b=-0.25,
        features="pixels",
        features_sha256="",
        loading=Loading(SIZE, "stretch"),
        class_names=("hund", "кошка"),
        threshold=0.4,
        prior=0.5,
        unsure_level=0.8,
        familiarity=Familiarity(
            generator.normal(size=N_X).astype(np.float32),
            generator.normal(size=(2, N_X)).astype(np.float32),
            0.7,
        ),
        record=record,
        **hashes,
    )


MODEL = made()


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    """The bytes of a model file."""
    path = tmp_path_factory.mktemp("good") / "model.npz"
    save(MODEL, path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, good) -> Path:
    """A good model file, to be spoiled."""
    path = tmp_path / "model.npz"
    path.write_bytes(good)
    return path


def rewrite(path: Path, **changes: object) -> None:
    """The same file with other arrays; None takes one away."""
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def refusal(path: Path, words: str = "") -> str:
    """What load_model says: the path, one line."""
    with pytest.raises(ModelError) as raised:
        load_model(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert words in said
    return said


def test_what_is_saved_comes_back(path) -> None:
    loaded = load_model(path)
    pairs = [(field.name, MODEL, loaded) for field in dataclasses.fields(Model)]
    pairs.remove(("familiarity", MODEL, loaded))
    assert MODEL.familiarity is not None
    assert loaded.familiarity is not None
    known, found = MODEL.familiarity, loaded.familiarity
    pairs += [(field.name, known, found) for field in dataclasses.fields(Familiarity)]
    for name, before, after in pairs:
        saved, back = getattr(before, name), getattr(after, name)
        if isinstance(saved, np.ndarray):
            assert (back.dtype, back.shape) == (saved.dtype, saved.shape)
            assert back.tobytes() == saved.tobytes()
        else:
            assert back == saved, name
            assert type(back) is type(saved)


def test_the_file_is_what_the_format_says(path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.filename for info in archive.infolist()} == {f"{key}.npy" for key in KEYS}
    with np.load(path, allow_pickle=False) as archive:
        assert (archive["format"].dtype, int(archive["format"])) == (np.int64, FORMAT)
        assert (archive["w"].dtype, archive["w"].shape) == (np.float64, (N_X, 1))
        assert (archive["b"].dtype, archive["b"].shape) == (np.float64, ())
        assert json.loads(str(archive["loading"])) == {"size": SIZE, "crop": "stretch"}
        assert archive["class_names"].tolist() == ["hund", "кошка"]
        assert json.loads(str(archive["record"]))["data"] == MODEL.record.data


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_missing_key(path, key) -> None:
    rewrite(path, **{key: None})
    with zipfile.ZipFile(path) as archive:
        assert f"{key}.npy" not in archive.namelist()
    refusal(path, "is no model" if key in ("format", "w", "b", "record") else key)


def test_a_key_too_many(path) -> None:
    rewrite(path, secret=np.zeros(3))
    refusal(path, "lacks or adds: secret")


def test_a_key_twice(path, good) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("w.npy", archive.read("w.npy"))
    refusal(path, "holds w.npy twice")
    path.write_bytes(good)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("w", archive.read("w.npy"))  # is w to numpy as well
    refusal(path, "a name twice")


WRONG = {
    "format": [np.int32(1), np.float64(1), np.array([1]), np.int64(0), np.int64(-1), "1"],
    "w": [
        MODEL.w.astype(np.float32),
        MODEL.w.astype(">f8"),
        MODEL.w[:, 0],
        MODEL.w[:-1],
        MODEL.w.T,
        np.zeros((0, 1)),
        np.full((N_X, 1), "x"),
    ],
    "b": [np.float32(0), np.zeros(1), np.int64(0), "0"],
    "features": ["conv", "", np.int64(1), np.array(["pixels"]), b"pixels"],
    "features_sha256": ["ff", np.int64(1), np.array([""])],
    "loading": [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"size": 4}',
        '{"size": 4, "crop": "left"}',
        '{"size": 0, "crop": "centre"}',
        '{"size": 4.0, "crop": "centre"}',
        '{"size": true, "crop": "centre"}',
        '{"size": 99999, "crop": "centre"}',
        '{"size": 5, "crop": "centre"}',
        '{"size": 4, "crop": ["centre"]}',
        '{"size": 4, "crop": {}}',
        '{"size": 4, "crop": "centre", "more": 1}',
        "[" * 100_000,
        np.int64(4),
    ],
    "class_names": [
        np.array(["a", "a"]),
        np.array(["a"]),
        np.array(["a", "b", "c"]),
        np.array(["a", ""]),
        np.array(["unsure", "a"]),
        np.array([b"a", b"b"]),
        np.array([1, 2]),
        "ab",
    ],
    "threshold": [np.float64(-0.1), np.float64(1.1), np.float32(0.5), np.zeros(1)],
    "prior": [np.float64(0), np.float64(1), np.float32(0.5), np.zeros(1)],
    "unsure_level": [np.float64(0.4), np.float64(1.1), np.float32(0.8), np.zeros(1)],
    "unfamiliar/centre": [
        np.zeros(N_X),
        np.zeros(N_X + 1, np.float32),
        np.full(N_X, np.nan, np.float32),
    ],
    "unfamiliar/directions": [
        np.zeros((2, N_X)),
        np.zeros((2, N_X + 1), np.float32),
        np.zeros(N_X, np.float32),
        np.full((2, N_X), np.inf, np.float32),
    ],
    "unfamiliar/limit": [np.float64(-1), np.float64("nan"), np.float32(1), np.zeros(1)],
    **{
        key: [
            np.zeros((5, 31), np.uint8),
            np.zeros((5, 32), np.int8),
            np.zeros((6, 32), np.uint8),
            np.zeros(32, np.uint8),
            np.zeros((5, 32, 1), np.uint8),
        ]
        for key in HASH_KEYS
    },
    "record": ["", "{}", "[]", "nonsense", np.int64(1)],
}
CASES = [(key, value) for key, values in WRONG.items() for value in values]


def test_wrong_values_are_tried_for_every_key() -> None:
    assert set(WRONG) == KEYS


@pytest.mark.parametrize(("key", "value"), CASES, ids=lambda value: repr(value)[:30])
def test_a_wrong_type_shape_or_value(path, key, value) -> None:
    rewrite(path, **{key: value})
    refusal(path)


@pytest.mark.parametrize("key", ["w", "b", "threshold", "prior", "unsure_level"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(path, key, odd) -> None:
    values = np.array(getattr(MODEL, key), np.float64)
    values[(0,) * values.ndim] = odd
    rewrite(path, **{key: values})
    refusal(path, f"{key} that is not finite")


WRONG_IN_RECORD = {
    "recipe": [None, 1],
    "seed": ["3", 1.5, True],
    "data": [None, ["a"]],
    "m_train": [None, "5"],
    "train_accuracy": ["0.8", float("nan"), float("inf"), 10**400, None],
    "l2": [None],
    "learning_rate": ["fast", float("inf")],
    "cost_iterations": [7, "ab", [0.5], None],
    "costs": [7, None, ["a"], [float("nan")], {"a": 1}],
    "strengths": [3],
    "fold_losses": [3],
    "calibrated_on": [None, 3],
    "calibrated_n": [None, "5"],
    "slope": [None, "1"],
    "offset": [None, float("nan")],
    "slope_alone": [None, 1],
    "notes": [None, "none", [3]],
    "versions": [[], {"numpy": 2}],
    "created": [0],
    "figures": [[], {}, {"n": 2}, {"n": 2, "accuracy": 1, "interval": [0]}, "good"],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG_IN_RECORD.items() for value in values]
)
def test_a_wrong_type_in_the_record(path, key, value) -> None:
    record = dataclasses.asdict(MODEL.record) | {key: value}
    rewrite(path, record=json.dumps(record))
    refusal(path)


def test_a_record_that_lacks_or_adds_a_field(path) -> None:
    record = dataclasses.asdict(MODEL.record)
    rewrite(path, record=json.dumps(record | {"more": 1}))
    refusal(path, "record")
    del record["seed"]
    rewrite(path, record=json.dumps(record))
    refusal(path, "record")


@pytest.mark.parametrize(("step", "do"), [(1, "update catclf"), (-1, "train it again")])
def test_another_format_is_refused_by_its_number(path, step, do) -> None:
    rewrite(path, format=np.int64(FORMAT + step), something_else=np.zeros(1))
    assert f"has format {FORMAT + step}, this version reads {FORMAT}; {do}" in refusal(path)


def test_a_model_that_knows_nothing_of_what_is_familiar(tmp_path) -> None:
    save(dataclasses.replace(MODEL, familiarity=None), tmp_path / "model.npz")
    assert load_model(tmp_path / "model.npz").familiarity is None


def test_pickled_objects_are_never_unpickled(path) -> None:
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    rewrite(path, class_names=np.array([Bomb(), "cat"], object))
    refusal(path, "is damaged")


def test_a_compressed_file(path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez_compressed(path, **arrays)
    refusal(path, "compressed")


def npy(shape: object, descr: str = "<f8", data: bytes = b"") -> bytes:
    """An .npy that claims this shape."""
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + data


def replace_member(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in {**members, name: data}.items():
            archive.writestr(each, content)


@pytest.mark.parametrize(
    "data",
    [
        npy((10**12, 1)),
        npy((2**62, 1)),
        npy((2**33, 2**33)),
        npy((10**9, 1), "|V0"),
        npy((-1, 1)),
        npy("all"),
        npy((N_X, 1), "|O", b"\x80\x04."),
        npy((N_X, 1), data=MODEL.w.tobytes() + b"more"),
        npy((N_X, 1), data=MODEL.w.tobytes()[:-1]),
        b"",
        b"not an array",
        b"\x93NUMPY\x09\x09",
    ],
    ids=range(12),
)
def test_an_array_that_claims_more_than_it_holds(path, data) -> None:
    replace_member(path, "w.npy", data)
    refusal(path)


def test_text_that_is_no_text(path) -> None:
    beyond = np.array([0x110000, 0xFFFFFFFF], "<u4").tobytes()
    replace_member(path, "features.npy", npy((), "<U2", beyond))
    refusal(path)
    save(MODEL, path.with_name("other.npz"))
    replace_member(path.with_name("other.npz"), "class_names.npy", npy((2,), "<U1", beyond))
    refusal(path.with_name("other.npz"))


def test_a_member_that_claims_gigabytes(path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", b"")
        archive.getinfo("x.npy").file_size = 2**40
    refusal(path, "larger than any model")


def test_cut_short_anywhere(path, good) -> None:
    for length in range(0, len(good), 37):
        path.write_bytes(good[:length])
        refusal(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"text", b"\x93NUMPY\x01\x00", b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_model_at_all(path, content) -> None:
    path.write_bytes(content)
    refusal(path, "no model of catclf")


def test_what_is_no_file(tmp_path) -> None:
    refusal(tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe")
    refusal(tmp_path / "pipe")
    assert "train one with" in refusal(tmp_path / "nothing", "no such model")
    refusal(tmp_path / ("x" * 300), "cannot be read")
    (tmp_path / "loop").symlink_to("loop")
    refusal(tmp_path / "loop", "cannot be read")


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(changes=[(0.0, 0)], cut=1.0)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.floats(0.5, 1),
)
def test_damaged_bytes_load_or_are_refused(tmp_path, good, changes, cut) -> None:
    data = bytearray(good)
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path / "damaged.npz"
    path.write_bytes(data[: int(cut * len(data)) if cut < 0.9 else len(data)])
    try:
        load_model(path)
    except ModelError as error:
        assert str(error).startswith(f"{path}: ")


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    key=st.sampled_from(sorted(KEYS)),
    place=st.floats(0, 1, exclude_max=True),
    values=st.binary(min_size=1, max_size=4),
)
def test_damaged_arrays_load_or_are_refused(tmp_path, good, key, place, values) -> None:
    """The same behind a checksum that is right."""
    path = tmp_path / "damaged.npz"
    path.write_bytes(good)
    with zipfile.ZipFile(path) as archive:
        data = bytearray(archive.read(f"{key}.npy"))
    position = int(place * len(data))
    data[position : position + len(values)] = values
    replace_member(path, f"{key}.npy", bytes(data))
    try:
        load_model(path)
    except ModelError as error:
        assert str(error).startswith(f"{path}: ")


class TestWholeOrNotAtAll:
    """An old model stays until the new one is on the disk; no temporary file is left."""

    @pytest.mark.parametrize("step", ["os.open", "os.fsync", "pathlib.Path.replace"])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_a_failure_leaves_the_old_file(self, path, good, monkeypatch, step, error) -> None:
        def fail(*arguments: object, **options: object) -> None:
            raise error

        monkeypatch.setattr(step, fail)
        with pytest.raises((ModelError, KeyboardInterrupt)) as raised:
            MODEL.save(path)
        if isinstance(error, OSError):
            assert str(raised.value).startswith(f"{path}: cannot be written (No space left")
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        assert path.read_bytes() == good

    def test_the_bytes_are_on_the_disk_before_the_name_is(self, tmp_path, monkeypatch) -> None:
        done = []
        fsync, replace = os.fsync, Path.replace
        monkeypatch.setattr("os.fsync", lambda file: (done.append("flushed"), fsync(file)))

        def renaming(self: Path, target: Path) -> None:
            done.append("renamed")
            replace(self, target)

        monkeypatch.setattr("pathlib.Path.replace", renaming)
        MODEL.save(tmp_path / "model.npz")
        assert done == ["flushed", "renamed"]

    def test_others_may_read_it_as_any_new_file(self, tmp_path) -> None:
        MODEL.save(tmp_path / "model.npz")
        (tmp_path / "other").touch()
        modes = {each.stat().st_mode for each in tmp_path.iterdir()}
        assert len(modes) == 1

    def test_what_is_no_model_stays(self, tmp_path) -> None:
        (tmp_path / "thesis").write_text("all of it")
        with pytest.raises(ModelError, match="is no model of catclf"):
            MODEL.save(tmp_path / "thesis")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelError, match="is no model of catclf"):
            check_target(tmp_path / "pipe")
        assert (tmp_path / "thesis").read_text() == "all of it"

    def test_a_model_of_another_version_may_be_replaced(self, path) -> None:
        rewrite(path, format=np.int64(99))
        MODEL.save(path)
        assert load_model(path).b == MODEL.b
