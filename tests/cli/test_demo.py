"""catclf demo: the commands at work, and nothing left behind."""

import shutil
from pathlib import Path

import pytest

from catclf.cli import demo

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"


@pytest.fixture
def few_samples(tmp_path_factory, linked, monkeypatch) -> Path:
    """Some of the sample pictures: all of them take longer and show nothing more."""
    root = tmp_path_factory.mktemp("few")
    for split, n in (("train", 10), ("test", 5)):
        linked(root / "drawn" / split, n, n, split, ("cat", "non-cat"))
    shutil.copytree(SAMPLES / "photos", root / "photos")
    monkeypatch.setattr(demo, "PLACES", (Path("nowhere"), root))
    return root


def test_it_runs_the_commands_that_it_shows(cli, few_samples, listing) -> None:
    before, here = listing(), Path.cwd()
    ran = cli("demo")
    assert ran.code == 0, ran.err
    for step in demo.STEPS:
        assert f"\n$ {step}\n" in ran.err
    assert "wrote model.npz" in ran.err
    assert "sample_images/photos/chelsea.jpg\tcat\t" in ran.out
    assert "the test split of" in ran.out
    assert "sample_images/drawn/test/cat/000.png\t" in ran.out
    assert Path.cwd() == here
    assert listing() == before


def test_a_step_that_fails_ends_it(cli, few_samples) -> None:
    shutil.rmtree(few_samples / "drawn" / "train")
    here = Path.cwd()
    ran = cli("demo")
    assert ran.code == 4
    assert "$ catclf eval" not in ran.err
    assert Path.cwd() == here


def test_the_samples_are_found_in_a_checkout() -> None:
    assert (demo._samples() / "photos" / "chelsea.jpg").is_file()
