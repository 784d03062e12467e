"""Pages are opened in a real browser: Debian's chromium, where it is installed."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import catclf

DRAWN = Path(__file__).resolve().parents[2] / "sample_images/drawn"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Every text of a page with its contrast (WCAG 2): 4.5 and more is legible, 3 where it is large.
CONTRASTS = """() => {
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) =>
      v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parsed(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const two = [light(parsed(style.color).slice(0, 3)), light(behind(element))].sort();
    const large = parseFloat(style.fontSize) >= 24;
    found.push({ text, ratio: (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05), large });
  }
  return found;
}"""


@dataclass
class Opened:
    """A page in the browser, with what it complained of and what it asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Any:
        self.complaints.clear()
        self.requests.clear()
        self.page.goto(path.as_uri())
        return self.page

    def is_quiet(self) -> bool:
        """No error, and nothing was asked for but the page and what lies in it."""
        elsewhere = [u for u in self.requests if not u.startswith(("data:", "file:"))]
        files = [u for u in self.requests if u.startswith("file:")]
        return not self.complaints and not elsewhere and len(files) == 1

    def is_legible(self) -> bool:
        """Contrasts suffice, light and dark; every picture has an alternative text."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            texts = self.page.evaluate(CONTRASTS)
            poor = [t for t in texts if t["ratio"] < (3 if t["large"] else 4.5)]
            assert texts
            assert not poor, (scheme, poor)
        return self.page.locator("img:not([alt])").count() == 0

    def fits(self, width: int) -> bool:
        """Nothing is wider than a screen of this width."""
        self.page.set_viewport_size({"width": width, "height": 800})
        return self.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser with a new profile, or a skipped test."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no browser: chromium is not installed")
    with playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=program,
            headless=True,
            args=SWITCHES,
            permissions=["clipboard-read", "clipboard-write"],
        )
        yield context
        context.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Opened]:
    """A window of its own."""
    opened = Opened(chromium.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    yield opened
    opened.page.close()


@pytest.fixture(scope="session")
def drawn_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the drawings' pixels."""
    path = tmp_path_factory.mktemp("model") / "model.npz"
    catclf.train(DRAWN, features="pixels", l2=1).save(path)
    return path
