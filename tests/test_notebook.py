"""What a model and an evaluation show of themselves in a notebook."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import catclf

DRAWN = Path(__file__).resolve().parents[1] / "sample_images/drawn"


class Read(HTMLParser):
    """Tags, texts and alternative texts of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.alts: list[str] = []
        self.texts: list[str] = []
        self.feed(fragment)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.alts += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def model() -> catclf.Model:
    return catclf.train(DRAWN, features="pixels", size=16)


@pytest.fixture(scope="module")
def evaluation(model) -> catclf.Evaluation:
    return catclf.evaluate(model)


def test_a_model_shows_its_card_how_it_learned_and_w(model) -> None:
    shown = Read(model._repr_html_())
    assert "cat from non-cat" in shown.texts
    assert len(shown.alts) == 2 + 3
    assert shown.alts[0].startswith("Cost J on the training pictures")
    assert shown.alts[2].startswith("w: bright means cat")


def test_an_evaluation_shows_its_figures_and_curves(evaluation) -> None:
    shown = Read(evaluation._repr_html_())
    accuracy = next(text for text in shown.texts if "always the commoner class" in text)
    assert accuracy.startswith(f"{evaluation.accuracy:.1%} [")
    assert [alt.partition(" ")[0] for alt in shown.alts] == ["ROC", "Share", "Share", "Reliability"]


def test_without_matplotlib_there_is_the_table(evaluation, model, monkeypatch) -> None:
    monkeypatch.setattr("catclf.notebook.find_spec", lambda name: None)
    for one in (evaluation, model):
        fragment = one._repr_html_()
        assert set(Read(fragment).tags) == {"table", "tr", "th", "td"}
        assert "img" not in fragment


def test_names_stay_text(model, evaluation) -> None:
    evil = '<img src=x onerror="alert(1)">'
    odd = replace(model, class_names=("a", evil), record=replace(model.record, data=evil))
    judged = replace(evaluation.scored, model=odd).judged(evil)
    for one in (odd, judged):
        shown = Read(one._repr_html_())
        assert any(evil in text for text in shown.texts)
        assert all(re.fullmatch(r"table|tr|th|td|img", tag) for tag in shown.tags)
        assert len(shown.alts) == shown.tags.count("img")
