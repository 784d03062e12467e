"""docs/terminal.svg: a picture of a real terminal run on sample_images/, for the README.

Usage: python tools/terminal_picture.py. What is in it was printed by the commands in it.
"""

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "catclf train drawings/",
    "catclf eval --test-set",
    "catclf predict drawings/test/cat/000.png photos/",
)


def main() -> None:
    """Run the commands in a folder of their own and draw what they print."""
    console = Console(record=True, width=104, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "drawings").symlink_to(ROOT / "sample_images/drawn")
        Path(folder, "photos").symlink_to(ROOT / "sample_images/photos")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for command in COMMANDS:
            console.print(Text("$ ", "bold green") + Text(command, "bold"))
            done = subprocess.run(
                shlex.split(command),
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
            console.print(Text(done.stdout.replace(str(ROOT / "sample_images/drawn"), "drawings")))
    svg = console.export_svg(title="catclf")
    without_fonts = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # no address in it
    (ROOT / "docs/terminal.svg").write_text(without_fonts)


if __name__ == "__main__":
    main()
