"""The documents as a site: it builds without a warning, and a browser reads it from disk alone."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "tools/site/mkdocs.yml"
PAGES = sorted(ROOT.glob("docs/**/*.md"))
ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
STYLE_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""")
FETCHED = {"src", "srcset", "poster", "data"}  # and href, but of links that a reader follows


def build(folder: Path, config: Path = CONFIG) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(
        [*command, "--config-file", config, "--site-dir", folder],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Fetched(HTMLParser):
    """The addresses that a browser fetches by itself when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in FETCHED or (name == "href" and tag in {"link", "use", "image"})):
                self.addresses.append(value)
            if value and name == "style":
                self.addresses += STYLE_ADDRESS.findall(value)


def test_every_document_is_a_page_and_every_quoted_source_too(site: Path) -> None:
    for page in PAGES:
        place = page.relative_to(ROOT / "docs").with_suffix(".html")
        assert (site / place).is_file(), place
    home = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="notes-to-code.html"' in home  # in the README it is docs/notes-to-code.md
    assert "<h1" in (site / "CHANGELOG.html").read_text(encoding="utf-8")
    source = site / "source/catclf/core/logistic.py.html"
    assert "sigmoid" in source.read_text(encoding="utf-8")


def test_no_page_and_no_style_fetches_anything_from_elsewhere(site: Path) -> None:
    pages, styles = sorted(site.rglob("*.html")), sorted(site.rglob("*.css"))
    assert len(pages) > len(PAGES)
    assert styles
    for page in pages:
        parser = Fetched()
        text = page.read_text(encoding="utf-8")
        parser.feed(text)
        parser.addresses += [
            address
            for style in re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)
            for address in STYLE_ADDRESS.findall(style)
        ]
        assert parser.addresses
        assert not [a for a in parser.addresses if ELSEWHERE.match(a)], page
    for style in styles:
        addresses = STYLE_ADDRESS.findall(style.read_text(encoding="utf-8"))
        assert not [a for a in addresses if ELSEWHERE.match(a)], style


def test_links_that_lead_nowhere_and_pages_that_nobody_finds_end_the_build(tmp_path: Path) -> None:
    no_pictures = shutil.ignore_patterns("*.npz", "*.png", "*.jpg", "__pycache__")
    for name in ("catclf", "docs", "sample_images", "tools"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=no_pictures if name != "docs" else None
        )
    for name in ("README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    links = ("nowhere.md", "pages.md#nowhere", "../catclf/nowhere.py", "../nowhere.md")
    with (tmp_path / "docs/accuracy.md").open("a") as page:
        page.write("".join(f"[a link]({link})\n" for link in links))
    (tmp_path / "docs/lonely.md").write_text("# In no menu\n")
    done = build(tmp_path / "site", tmp_path / "tools/site/mkdocs.yml")
    assert done.returncode != 0
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == len(links) + 1
    assert sum("nowhere" in line for line in warnings) == len(links)
    assert "lonely.md" in done.stderr


def test_a_browser_reads_it_from_disk_and_searches(site: Path, browser) -> None:
    page = browser.open(site / "tutorial/2-logistic-regression.html")
    page.click(".md-search__input")
    page.keyboard.type("broadcasting")
    results = page.locator(".md-search-result__item")
    results.first.wait_for()
    assert "Broadcasting" in results.first.inner_text()
    assert not browser.complaints
    assert all(address.startswith(("file:", "data:")) for address in browser.requests)


@pytest.mark.parametrize("name", ["index", "tutorial/7-cats", "notes-to-code", "accuracy"])
def test_pages_fit_a_phone_and_every_picture_has_its_words(site: Path, browser, name: str) -> None:
    page = browser.open(site / f"{name}.html")
    assert browser.fits(390)
    assert page.locator("article img:not([alt]), article img[alt='']").count() == 0


def test_the_tutorial_s_figures_are_what_the_program_draws() -> None:
    command = [sys.executable, ROOT / "tools/tutorial_figures.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if "not compared" in done.stdout:
        pytest.skip("the figures were drawn by another version of matplotlib")
