"""The contact sheet of `catclf predict --report`, in a browser and as a file."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

import catclf
from catclf.cli.app import run
from catclf.data.dataset import Given
from catclf.report.sheet import ContactSheet

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "sample_images/photos"
CATS = ROOT / "sample_images/drawn/test/cat"
EVIL = (
    "<img src=x onerror=alert(1)>.jpg",
    '"><script>alert(1)<',
    "<!--<script>.jpg",
    "</script><b>.jpg",
    "'&amp;\u202e{{ 7*7 }}.jpg",
)


def predict(*arguments: object) -> int:
    return run(["predict", *(str(argument) for argument in arguments), "--quiet"])


def rows(page: Path) -> list[dict]:
    """The rows that lie in a page."""
    found = re.search(r'<script type="application/json" id="rows">(.*?)</script>', page.read_text())
    assert found is not None
    return json.loads(found[1])


def answers(page) -> list[tuple[str, float | None]]:
    """What the cards in view say: the label, and the probability of cat in percent."""
    found = []
    for text in page.locator(".card .answer").all_text_contents():
        label, _, share = text.rpartition(", ") if "%" in text else (text, "", "")
        number = float(share.removesuffix("% cat")) if share else None
        found.append((label or "cat", number))
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample photos, a copy of one and a smaller copy, names that want to be markup, a name
    that is not UTF-8, and a file that is no picture."""
    from PIL import Image

    root = tmp_path_factory.mktemp("contact") / "photos"
    shutil.copytree(PHOTOS, root)
    (root / "sub").mkdir()
    for name in EVIL:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(PHOTOS / "clock.jpg", root / name)
    shutil.copy(PHOTOS / "chelsea.jpg", os.fsencode(root) + b"/sub/caf\xe9.jpg")
    with Image.open(PHOTOS / "chelsea.jpg") as image:
        image.resize((image.width // 2, image.height // 2)).save(root / "sub/half.png")
    (root / "broken.jpg").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="session")
def sheet(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    path = tmp_path_factory.mktemp("sheet") / "page.html"
    assert predict(folder, "--report", path) == 3
    return path


def test_a_row_a_photo_with_what_stdout_says(folder, sheet, tmp_path, capsysbinary) -> None:
    capsysbinary.readouterr()
    assert predict(folder, "--json", "--report", tmp_path / "other.html") == 3
    said = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    found = rows(sheet)
    assert len(found) == len(said) == 7 + len(EVIL) + 3
    assert [row.get("p") for row in found] == [one["probability"] for one in said]
    assert [row.get("why") for row in found] == [one["error"] for one in said]
    labels = ["cat", "unsure", "non-cat", None]
    assert [labels[row["label"]] for row in found] == [one["label"] for one in said]
    assert (tmp_path / "other.html").read_bytes() == sheet.read_bytes()


def test_no_picture_is_read_twice(drawn_model, tmp_path) -> None:
    read = []

    class Counted(Given):
        def read(self) -> bytes:
            read.append(1)
            return super().read()

    sheet = ContactSheet(catclf.load_model(drawn_model))
    sources = [(path.name, Counted(path.read_bytes())) for path in sorted(CATS.iterdir())[:5]]
    list(sheet.predict_sources(sources))
    sheet.write(tmp_path / "page.html")
    assert len(read) == 5
    assert all(row["picture"] for row in rows(tmp_path / "page.html"))


def test_near_copies_are_of_one_group_and_others_of_none(sheet) -> None:
    alike = {}
    for row in rows(sheet):
        if "alike" in row:
            alike.setdefault(row["alike"], []).append(Path(row["name"]).name)
    groups = sorted(sorted(names) for names in alike.values())
    assert len(groups) == 2
    assert ["caf\\xe9.jpg", "chelsea.jpg", "half.png"] in groups
    assert next(len(names) for names in groups if "clock.jpg" in names) == 1 + len(EVIL)


def test_opens_quietly_legibly_and_on_a_phone(browser, sheet) -> None:
    page = browser.open(sheet)
    assert page.locator(".card").count() == len(rows(sheet))
    assert browser.is_quiet(), (browser.complaints, browser.requests)
    assert browser.is_legible()
    assert browser.fits(360)
    assert page.locator(".card img").evaluate_all("all => all.every((i) => i.naturalWidth === 96)")


def test_names_stay_text(browser, sheet) -> None:
    page = browser.open(sheet)
    names = page.locator(".card .name").all_text_contents()
    for name in EVIL:
        assert any(shown.endswith(name.replace("\u202e", "\\u202e")) for shown in names), name
    assert page.locator("#sheet script, #sheet [onerror]").count() == 0
    assert page.locator("script").count() == 3
    page.locator(".card", has_text="onerror").click()
    page.locator("#said", has_text="<img src=x onerror").wait_for()
    assert browser.is_quiet()


def test_sorted_with_the_doubtful_in_the_middle_and_near_copies_together(browser, sheet) -> None:
    page = browser.open(sheet)
    assert page.locator("h2").all_text_contents() == ["cat", "unsure", "non-cat", "unreadable"]
    kinds = [kind for kind, _ in answers(page)]
    assert kinds == sorted(kinds, key=["cat", "unsure", "non-cat", "unreadable"].index)
    names = [Path(name).name for name in page.locator(".card .name").all_text_contents()]
    assert sorted(names[:3]) == ["caf\\xe9.jpg", "chelsea.jpg", "half.png"]
    page.select_option("select", "rising")
    shares = [share for _, share in answers(page) if share is not None]
    once = [s for s, name in zip(shares, names, strict=False) if name != "half.png"]
    assert once == sorted(once)
    page.select_option("select", "doubt")
    kinds = [kind for kind, _ in answers(page)]
    unsure = kinds.count("unsure")
    assert kinds[:unsure] == ["unsure"] * unsure
    assert kinds[-1] == "unreadable"
    page.select_option("select", "name")
    assert page.locator("h2").count() == 0
    names = [Path(name).name for name in page.locator(".card .name").all_text_contents()]
    first = names.index("chelsea.jpg")
    assert names[first : first + 4] == ["chelsea.jpg", "caf\\xe9.jpg", "half.png", "coffee.jpg"]


def test_filters_by_label_and_by_probability(browser, sheet) -> None:
    page = browser.open(sheet)
    for label in ("unsure", "non-cat", "unreadable"):
        page.get_by_label(label).uncheck()
    assert page.locator(".card").count() == 3
    assert page.locator("#shown").text_content() == "1 to 3 of 3 photos"
    page.get_by_label("non-cat").check()
    page.get_by_role("slider", name="to").fill("50")
    assert page.locator("#most").text_content() == "50%"
    kinds = {kind for kind, _ in answers(page)}
    assert kinds == {"non-cat"}
    page.get_by_role("slider", name="from").fill("50")
    page.get_by_role("slider", name="to").fill("50")
    assert page.locator("#shown").text_content() == "0 photos"


def test_a_click_copies_the_path(browser, sheet, folder) -> None:
    page = browser.open(sheet)
    page.locator(".card", has_text="half.png").click()
    page.locator("#said", has_text=f"copied: {folder / 'sub/half.png'}").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == str(folder / "sub/half.png")
    page.locator(".card", has_text="caf").click()
    page.locator("#said", has_text="caf").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == f"$'{folder}/sub/caf\\xe9.jpg'"


def test_more_than_a_page_s_worth_is_shown_a_page_at_a_time(browser, drawn_model, tmp_path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("\n".join(str(path) for path in [*sorted(CATS.iterdir())] * 6))
    path = tmp_path / "page.html"
    assert predict("--files-from", listed, "-m", drawn_model, "--report", path) == 0
    page = browser.open(path)
    n = len(rows(path))
    assert n == 450
    assert page.locator(".card").count() == 200
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    assert page.locator(".card").count() == 50
    assert page.locator("#place").text_content() == "page 3 of 3"
    assert page.get_by_role("button", name="Next").is_disabled()
    assert browser.is_quiet()
