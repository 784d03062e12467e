"""docs/page-*.jpg: pictures of the pages that --report writes on sample_images/, for the documents.

Usage: python tools/page_pictures.py. Needs the extra `dev`, and chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_images"
HOME = "/home/me"  # in place of the temporary folder
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
QUALITY = 75  # of JPEG


@dataclass(frozen=True)
class Shot:
    """A page, the command that writes it, and how it is looked at."""

    page: str
    command: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    heading: str | None = None  # scrolled to
    order: str | None = None  # chosen


SHOTS = (
    Shot("train", "train data/", 1000, 760, heading="How it learned"),
    Shot("predict", "predict data/test photos/", 1000, 760, order="doubt"),
    Shot(
        "pixels",
        "train data/ --features pixels -o pixels.npz",
        390,
        844,
        "dark",
        "What it looks for",
    ),
    Shot("eval", "eval -m pixels.npz", 1000, 760, heading="Curves"),
)


def main() -> None:
    """Run the commands in a folder of their own and take the pictures."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("chromium is not installed")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        Path(folder, "data").symlink_to(SAMPLES / "drawn")
        Path(folder, "photos").symlink_to(SAMPLES / "photos")
        for shot in SHOTS:
            report = ["--report", f"{shot.page}.html"]
            command = [sys.executable, "-m", "catclf", *shot.command.split(), *report]
            subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)
            page = Path(folder, f"{shot.page}.html")
            text = page.read_text().replace(str(SAMPLES / "drawn"), f"{HOME}/data")
            page.write_text(text.replace(folder, HOME))
        with sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=program, headless=True, args=SWITCHES
            )
            window = context.new_page()
            for shot in SHOTS:
                window.set_viewport_size({"width": shot.width, "height": shot.height})
                window.emulate_media(color_scheme=shot.scheme)
                window.goto(Path(folder, f"{shot.page}.html").as_uri())
                if shot.order:
                    window.select_option("select", shot.order)
                if shot.heading:
                    heading = window.locator("h2", has_text=shot.heading)
                    heading.evaluate("heading => heading.scrollIntoView()")
                picture = ROOT / f"docs/page-{shot.page}.jpg"
                window.screenshot(path=picture, type="jpeg", quality=QUALITY)
                print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")
            context.close()


if __name__ == "__main__":
    main()
