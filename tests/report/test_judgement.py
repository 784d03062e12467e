"""The page of `catclf eval --report`, in a browser."""

import base64
import html
import re
import shutil
from pathlib import Path

import pytest

import catclf
from catclf.cli.app import run

DRAWN = Path(__file__).resolve().parents[2] / "sample_images/drawn/test"
EVIL = ("<img src=x onerror=alert(1)>.png", '"><script>alert(1)<.png')


def evaluate(model: Path, data: Path, page: Path, *more: str) -> str:
    asked = ["eval", str(data), "-m", str(model), "--report", str(page), "--quiet", *more]
    assert run(asked) == 0
    return page.read_text()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test drawings of three classes, some of them labelled wrongly under names that want to be
    markup, and one that cannot be read."""
    root = tmp_path_factory.mktemp("judged") / "test"
    shutil.copytree(DRAWN / "cat", root / "cat")
    for name in ("<b>dog", "house"):
        (root / name).mkdir()
    for i, path in enumerate(sorted((DRAWN / "non-cat").iterdir())):
        shutil.copy(path, root / ("<b>dog" if i % 2 else "house") / path.name)
    for name, path in zip(EVIL, sorted((DRAWN / "cat").iterdir()), strict=False):
        shutil.copy(path, root / "house" / name)
    (root / "cat/broken.png").write_bytes(b"nothing")
    return root.parent


@pytest.fixture(scope="session")
def page(data: Path, drawn_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judgement") / "page.html"
    evaluate(drawn_model, data, path)
    return path


def test_opens_quietly_legibly_and_on_a_phone(browser, page) -> None:
    opened = browser.open(page)
    assert browser.is_quiet(), (browser.complaints, browser.requests)
    assert browser.is_legible()
    assert browser.fits(360)
    alts = opened.locator("img").evaluate_all("all => all.map((i) => i.alt)")
    assert len(alts) > 50
    assert all(alts)
    assert opened.locator("img").evaluate_all("all => all.every((i) => i.naturalWidth > 90)")
    assert opened.locator("script").count() == 0


def test_says_what_the_command_says(browser, page, data, drawn_model) -> None:
    evaluation = catclf.evaluate(catclf.load_model(drawn_model), data)
    opened = browser.open(page)
    text = opened.locator("main").inner_text()
    assert opened.locator("h1").inner_text().startswith(f"{evaluation.accuracy:.1%} [")
    assert f"AUC\t{evaluation.auc.value:.3f}" in text
    counts = evaluation.confusion
    cells = opened.locator(".counts td").all_inner_texts()
    assert cells == ["", str(counts.tp), str(counts.fn), str(counts.fp), str(counts.tn)]
    assert "Left out: 1 unreadable picture" in text
    assert "not a picture in a format" in text
    groups = opened.locator(".lines").first.locator("tr td:first-child").all_inner_texts()
    assert groups == ["<b>dog", "cat", "house"]


def test_shows_the_mistakes_the_surest_first_and_the_least_sure(browser, page, data, drawn_model):
    scored = catclf.evaluate(catclf.load_model(drawn_model), data).scored
    opened = browser.open(page)
    lists = opened.locator("ul.cards")
    shown = lists.nth(0).locator("li").all_inner_texts()
    assert len(shown) == min(100, scored.wrong.sum())
    said = [float(re.match(r"\d+\. ([\d.]+)%", text)[1]) for text in shown]
    sure = [max(p, 100 - p) for p in said]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] == pytest.approx(100 * scored.confidence[scored.wrong].max(), abs=0.06)
    for name in EVIL:
        assert any(text.endswith(f"test/house/{name}") for text in shown), name
    rest = lists.nth(1).locator("li").all_inner_texts()
    least = [float(re.match(r"\d+\. ([\d.]+)%", text)[1]) for text in rest]
    assert len(least) == 50
    unsure = [max(p, 100 - p) for p in least]
    assert unsure == sorted(unsure)
    assert opened.locator("b").count() == 0


def test_figures_are_drawn_for_light_and_dark_and_the_same_each_time(
    page, data, drawn_model, tmp_path
) -> None:
    text = page.read_text()
    drawn = re.findall(r'(?:src|srcset)="data:image/svg\+xml;base64,([^"]+)"', text)
    assert len(drawn) == 2 * 5
    for light, dark in zip(drawn[1::2], drawn[::2], strict=True):
        assert b"#1d1d1b" in base64.b64decode(light)
        assert b"#efefec" in base64.b64decode(dark)
    again = evaluate(drawn_model, data, tmp_path / "again.html")
    assert again == text


def test_a_group_a_value_of_the_column_asked_for(data, drawn_model, tmp_path) -> None:
    text = html.unescape(evaluate(drawn_model, data, tmp_path / "page.html", "--by", "folder"))
    assert "<h2>By folder</h2>" in text
    assert re.search(r"<td>(test/)?house</td>", text)


def test_one_class_alone_has_no_curves_and_a_page(drawn_model, tmp_path) -> None:
    shutil.copytree(DRAWN / "cat", tmp_path / "data/test/cat")
    text = evaluate(drawn_model, tmp_path / "data", tmp_path / "page.html")
    assert re.findall("<figcaption>(.*?)<", text) == ["Answered and wrong"]
