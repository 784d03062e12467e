"""The page of `catclf train --report`, in a browser."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catclf
from catclf.cli.app import run

DRAWN = Path(__file__).resolve().parents[2] / "sample_images/drawn"
EVIL = "<i>house"

Train = Callable[..., Path]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawings in a folder whose other class wants to be markup, and one that cannot be read."""
    root = tmp_path_factory.mktemp("trained") / "data"
    for split, n in (("train", 20), ("test", 6)):
        for kind, name in (("cat", "cat"), ("non-cat", EVIL)):
            (root / split / name).mkdir(parents=True)
            for path in sorted((DRAWN / split / kind).iterdir())[:n]:
                shutil.copy(path, root / split / name)
    (root / "train/cat/<u>broken.png").write_bytes(b"nothing")
    return root


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """The page of a training with these options; its model is beside it."""

    def train(*arguments: object) -> Path:
        folder = tmp_path_factory.mktemp("training")
        goes = ["-o", folder / "model.npz", "--report", folder / "page.html", "--quiet"]
        assert run([str(a) for a in ("train", *arguments, *goes)]) == 0
        return folder / "page.html"

    return train


@pytest.fixture(scope="session")
def pixels(train: Train, data: Path) -> Path:
    return train(data, "--features", "pixels")


def sizes(page: Any, selector: str) -> list[int]:
    return page.locator(selector).evaluate_all("all => all.map((i) => i.naturalWidth)")


def test_opens_quietly_legibly_and_on_a_phone(browser, pixels) -> None:
    page = browser.open(pixels)
    assert browser.is_quiet(), (browser.complaints, browser.requests)
    assert browser.is_legible()
    assert browser.fits(360)
    assert page.locator("script, i, u").count() == 0
    text = page.locator("main").inner_text()
    assert "Trained on 40 photos to tell cat from <i>house" in text
    assert "Left out: 1 unreadable picture" in text
    assert "train/cat/<u>broken.png\tnot a picture" in text


def test_shows_w_of_pixels_as_a_picture_and_its_two_signs(browser, pixels) -> None:
    page = browser.open(pixels)
    assert sizes(page, "img.pixels") == [64, 64, 64]
    titles = page.locator("figcaption").all_inner_texts()
    assert titles[:2] == ["The cost as it fell", "The strength of L2"]
    assert titles[2].startswith("w: bright means cat")
    assert page.locator(".pair").count() == 0


def test_shows_the_learning_curve_where_it_is_asked_for(browser, train, data) -> None:
    page = browser.open(train(data, "--features", "pixels", "--learning-curve"))
    assert page.locator("figcaption").all_inner_texts()[2] == "What more pictures bring"
    said = page.locator("figure picture img").evaluate_all("all => all.map((i) => i.alt)")[2]
    assert re.fullmatch(
        r"Accuracy on pictures not trained on: \d+\.\d% with 10, .* \d+\.\d% with 40\.", said
    )


def test_says_what_the_record_says(browser, pixels) -> None:
    record = catclf.load_model(pixels.with_name("model.npz")).record
    page = browser.open(pixels)
    cost, l2 = page.locator("figure picture img").evaluate_all("all => all.map((i) => i.alt)")
    assert f"from {record.costs[0]:.4f} to {record.costs[-1]:.4f}" in cost
    assert f"in {record.iterations:,} iterations" in cost
    start, end = map(float, re.search(r"on others from (.*) to (\S+)\.$", cost).groups())
    assert start == pytest.approx(np.log(2), abs=1e-4)
    assert end < start
    for loss in record.fold_losses:
        assert f"{loss:.4f} at" in l2
    assert f"{100 * record.figures['accuracy']:.1f}% [" in page.locator(".facts").first.inner_text()


def test_shows_where_the_network_s_scores_come_from(browser, train, data) -> None:
    page = browser.open(train(data, "--l2", "1", "--size", "96"))
    assert browser.is_quiet()
    assert sizes(page, ".pair img") == [96] * 12
    said = page.locator(".cards.pairs li").all_inner_texts()
    assert sum("labelled cat" in text for text in said) == 3
    cats = [float(text.split("%")[0]) for text in said[:3]]
    others = [float(text.split("%")[0]) for text in said[3:]]
    assert cats == sorted(cats, reverse=True)
    assert others == sorted(others)
    assert "strongest part is worth" in said[0]
    assert page.locator("img.pixels").count() == 0
    assert page.locator("figcaption").all_inner_texts() == ["The cost as it fell"]


def test_without_judges_it_says_so_and_shows_what_was_trained_on(browser, train, data) -> None:
    page = browser.open(train(data / "test", "--l2", "1", "--holdout", "0", "--size", "64"))
    text = page.locator("main").inner_text()
    assert "No photos judge this model" in text
    assert "the model was trained on them" in text
    assert page.locator(".pair").count() == 6
    assert "Nothing: every photo could be read." in text
