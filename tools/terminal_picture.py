"""docs/terminal.svg: a picture of a real terminal run on sample_images/, for the README.

Usage: python tools/terminal_picture.py. What is in it was printed by the commands in it.
"""

import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "cli"))

from terminal import shown  # noqa: E402

COLUMNS = 106
COMMANDS = ("predict photos/", "train drawings/", "eval --test-set")
# What a bar did while it was there; what was said before it stays.
PASSING = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h", re.DOTALL)
MOVES = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]|\r")


def main() -> None:
    """Run the commands in a folder of their own and draw what they print."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "drawings").symlink_to(ROOT / "sample_images/drawn")
        (folder / "photos").symlink_to(ROOT / "sample_images/photos")
        for command in COMMANDS:
            console.print(Text("$ ", "bold green") + Text(f"catclf {command}", "bold"))
            said = shown(*command.split(), columns=COLUMNS, folder=folder)
            said = MOVES.sub("", PASSING.sub("", said))
            said = said.replace(str(ROOT / "sample_images/drawn"), "drawings")
            console.print(Text.from_ansi(said.strip("\n") + "\n"))
    svg = console.export_svg(title="catclf")
    without_fonts = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # no address in it
    (ROOT / "docs/terminal.svg").write_text(without_fonts)


if __name__ == "__main__":
    main()
