"""The Python API: as short as the commands, and typed."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import catclf

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """20 drawings to train on and 10 to test."""
    root = tmp_path_factory.mktemp("data")
    for split, n in (("train", 10), ("test", 5)):
        for kind in ("cat", "non-cat"):
            (root / split / kind).mkdir(parents=True)
            for path in sorted((DRAWN / split / kind).iterdir())[:n]:
                (root / split / kind / path.name).symlink_to(path)
    return root


def test_train_evaluate_save_load_predict(data, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = catclf.train(data, l2=1)
    assert not any(tmp_path.iterdir())
    evaluation = catclf.evaluate(model)
    assert evaluation.n == 10
    assert evaluation.as_json() | {"what": ""} == model.record.figures | {"what": ""}
    model.save("model.npz")
    loaded = catclf.load_model("model.npz")
    picture = next((data / "test/cat").iterdir())
    array = np.zeros((64, 64, 3), np.uint8)
    for prediction in loaded.predict([picture, array]):
        assert isinstance(prediction, catclf.Prediction)
        assert prediction.label in (*model.class_names, "unsure")
        assert 0 <= prediction.probability <= 1


def test_names_are_given_as_text_or_path(data, tmp_path) -> None:
    model = catclf.train(str(data), l2=1, features="pixels")
    assert model.w.tobytes() == catclf.train(data, l2=1, features="pixels").w.tobytes()
    assert catclf.evaluate(model, str(data)).n == catclf.evaluate(model, data).n
    model.save(str(tmp_path / "a.npz"))
    assert catclf.load_model(str(tmp_path / "a.npz")).b == model.b


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"recipe": "soup"}, "no recipe soup; there are: default, course"),
        ({"holdout": 1}, "holdout is a share"),
        ({"holdout": -0.1}, "holdout is a share"),
        ({"size": 0}, "size is a number of pixels"),
        ({"size": 31}, "the map conv sees nothing in fewer than 32 x 32"),
        ({"prior": 0}, "a prior is a share"),
        ({"size": 5000}, "size is a number of pixels"),
        ({"features": "soup"}, "no features soup; there are: "),
        ({"crop": "soup"}, "no crop soup; there are: centre, stretch"),
        ({"l2": -1}, "l2 is a number from 0 up"),
        ({"l2": float("nan")}, "l2 is a number from 0 up"),
        ({"l2": "soup"}, "l2 is a number from 0 up"),
        ({"learning_rate": 0}, "a learning rate is a number above 0"),
        ({"iterations": 0}, "iterations is a whole number from 1 up"),
        ({"jobs": -1}, "jobs is a whole number from 1 up"),
        ({"positive": 5}, "positive is the name of a class"),
    ],
)
def test_wrong_arguments_are_value_errors(data, wrong, words) -> None:
    with pytest.raises(ValueError, match=words):
        catclf.train(data, **wrong)


@pytest.mark.parametrize("wrong", [None, 5, b"photo.jpg"])
def test_what_is_neither_a_name_nor_an_array(data, wrong) -> None:
    model = catclf.train(data, l2=1, features="pixels", size=8)
    with pytest.raises(TypeError, match="is neither a file name nor an array"):
        model.predict(wrong)
    with pytest.raises(ValueError, match="a threshold is a probability"):
        model.predict([], threshold=7)


def test_errors_are_one_family() -> None:
    with pytest.raises(catclf.CatclfError, match="no such file or folder"):
        catclf.train("nowhere")
    with pytest.raises(catclf.CatclfError, match="no such model"):
        catclf.load_model("nowhere.npz")


def test_every_public_name_is_there_and_documented() -> None:
    assert set(catclf.__all__) <= set(dir(catclf))
    for name in catclf.__all__:
        assert inspect.getdoc(getattr(catclf, name))
    with pytest.raises(AttributeError, match="no attribute 'tain'"):
        _ = catclf.tain


def test_types_come_with_the_package() -> None:
    assert (Path(catclf.__file__).parent / "py.typed").exists()
    for function in (catclf.train, catclf.evaluate, catclf.load_model, catclf.Model.predict):
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty
        for parameter in signature.parameters.values():
            assert parameter.name == "self" or parameter.annotation is not parameter.empty
