"""The documents: every command of the README runs, and prints what the README says it prints."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from catclf.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
HOME = "/home/me"
NUMBER = re.compile(r"\d[\d,]*\.?\d*(?:e[-+]\d+)?")
KEPT = re.compile(r"^features of .* photos kept in .*\n", re.MULTILINE)  # on a slow machine
FIGURE = re.compile(rf"{NUMBER.pattern}|[▁▂▃▄▅▆▇█]")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with what the documents' commands speak of: data/, photos/ and photo.jpg."""
    shutil.copytree(ROOT / "sample_images/drawn", tmp_path / "data")
    shutil.copytree(ROOT / "sample_images/drawn", tmp_path / "sample_images/drawn")
    shutil.copytree(ROOT / "sample_images/photos", tmp_path / "photos")
    shutil.copy(ROOT / "sample_images/photos/chelsea.jpg", tmp_path / "photo.jpg")
    (tmp_path / "cats").mkdir()
    return tmp_path


def sessions(text: str) -> list[tuple[str, str]]:
    """Commands and their output, from all console blocks of a document."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts if part.strip()]


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    printed = KEPT.sub("", done.stdout)
    return printed.replace(str(folder), HOME)


def same(printed: str, documented: str) -> bool:
    """Equal words; numbers may differ in what another processor's rounding leaves uncertain."""
    if FIGURE.sub("#", printed) != FIGURE.sub("#", documented):
        return False
    pairs = zip(NUMBER.findall(printed), NUMBER.findall(documented), strict=True)
    numbers = ((float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs)
    return all(abs(a - b) <= 0.02 * max(abs(a), abs(b)) + 2e-4 for a, b in numbers)


def test_every_command_of_the_readme_prints_what_the_readme_says(desk: Path) -> None:
    commands = sessions((ROOT / "README.md").read_text())
    assert len(commands) >= 7
    for command, documented in commands:
        printed = run(command, desk)
        assert same(printed, documented), f"$ {command}\n{printed}"
    assert [path.name for path in (desk / "cats").iterdir()] == ["chelsea.jpg"]


def test_every_command_of_the_tutorial_prints_what_it_says(desk: Path) -> None:
    pages = sorted(ROOT.glob("docs/tutorial/*.md"))
    commands = [one for page in pages for one in sessions(page.read_text())]
    assert len(commands) >= 2
    for command, documented in commands:
        printed = run(command, desk)
        assert same(printed, documented), f"$ {command}\n{printed}"


def test_the_tour_of_a_cluster_with_a_scheduler_and_two_workers(desk: Path) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask")
    text = (ROOT / "docs/cluster.md").read_text()
    shells = re.findall(r"```shell\n(.*?)\n```", text)
    assert len(shells) == 3
    ports = {number: str(free_port()) for number in ("8786", "8787")}
    running = []
    try:
        for shell in shells:
            command = [sys.executable, "-m", *shell.replace("8786", ports["8786"]).split()]
            if "scheduler" in shell:
                command += ["--dashboard-address", f"127.0.0.1:{ports['8787']}"]
            running.append(subprocess.Popen(command, cwd=desk, stderr=subprocess.DEVNULL))
        wait_for_workers(f"tcp://127.0.0.1:{ports['8786']}", 2)
        for command, documented in sessions(text):
            for number, port in ports.items():
                command, documented = (t.replace(number, port) for t in (command, documented))
            assert same(run(command, desk), documented), command
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for_workers(address: str, n: int) -> None:
    import distributed

    with distributed.Client(address, timeout=60) as client:
        client.wait_for_workers(n, timeout=60)


def test_the_table_of_scaling_is_what_its_tool_prints() -> None:
    command = [sys.executable, ROOT / "tools/scaling.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"<!-- scaling -->\n{done.stdout}<!-- end" in (ROOT / "docs/scaling.md").read_text()


def test_the_readme_s_python_runs(desk: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (desk / "session.txt").write_text(block)
    command = f'"{sys.executable}" -W error -m doctest session.txt'
    assert run(command, desk) == ""


def test_links_between_documents_lead_somewhere() -> None:
    beside = [ROOT / "README.md", ROOT / "sample_images/README.md"]
    for document in [*beside, *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https://)([^)#:]+)[^)]*\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} -> {target}"


def test_the_changelog_s_top_version_is_the_package_s() -> None:
    import catclf

    top = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert top is not None
    assert top[1] == catclf.__version__
    assert f'version = "{catclf.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_readme_names_every_command_and_exit_code() -> None:
    text = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        assert f"catclf {command}" in text
    for code in (0, 2, 3, 4, 130):
        assert f"| {code} |" in text
