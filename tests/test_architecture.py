"""Imports point one way, and each library is spoken to in one place. Read from the sources."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "catclf"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Who may import whom, from the top down; all but core may import these.
EVERYWHERE = {"errors", "text", "nearest", "stopping", "writing"}
DATA = {"data"}
FEATURES = {"features", "data"}
MODEL = {"model", "features", "data", "core"}
ABOVE = {"recipes", "evaluation", "modelfile", "training", "summary", *MODEL}
ALLOWED = {
    "core": {"core"},
    "errors": set[str](),
    "text": set[str](),
    "stopping": set[str](),
    "writing": set[str](),
    "nearest": set[str](),
    "data": DATA,
    "features": FEATURES,
    "recipes": {"core"},
    "model": {"modelfile", "notebook", *MODEL},
    "modelfile": MODEL,
    "evaluation": {"recipes", "modelfile", "notebook", *MODEL},
    "training": ABOVE - {"training", "summary"},
    "summary": {"evaluation", *MODEL},
    "checking": {"training", "recipes", *MODEL},
    "__init__": ABOVE,
    "occlusion": MODEL,
    "learning": {"recipes", "training", *MODEL},
    "explanation": {"occlusion", *MODEL},
    "plots": {"evaluation", "learning", "occlusion", *MODEL},
    "report": {"report", "plots", "occlusion", "learning", "__init__", *ABOVE},
    "notebook": {"report", *ABOVE},
    "cluster": {"__init__", *FEATURES},
    "cli": {
        "cli",
        "cluster",
        "explanation",
        "learning",
        "occlusion",
        "__init__",
        "report",
        "checking",
        *ABOVE,
    },
    "__main__": {"cli", "__init__", *ABOVE},
}


def layer(module: str) -> str:
    """catclf.data.decode.decode -> data; the names in catclf itself -> __init__."""
    first = module.split(".")[1]
    is_ours = (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()
    return first if is_ours else "__init__"


def imported(path: Path) -> Iterator[str]:
    """Everything that a file imports, wherever in it: catclf.errors.DataError, numpy."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def own_layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_one_way(path: Path) -> None:
    modules = set(imported(path)) - {"catclf.__version__"}
    ours = {layer(module) for module in modules if module.startswith("catclf.")}
    allowed = set(ALLOWED[own_layer(path)])
    if own_layer(path) != "core":
        allowed |= EVERYWHERE
    assert ours <= allowed


def test_core_needs_numpy_alone() -> None:
    import sys

    for path in (PACKAGE / "core").glob("*.py"):
        others = {m.split(".")[0] for m in imported(path)} - {"numpy", "catclf"}
        assert others <= set(sys.stdlib_module_names), path
        assert not others & {"os", "pathlib", "io", "time", "random"}, f"{path} has effects"


def users(library: str) -> set[str]:
    return {
        name(path)
        for path in MODULES
        if any(m == library or m.startswith(f"{library}.") for m in imported(path))
    }


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("PIL.Image", {"data/decode.py", "report/pictures.py"}),
        ("jinja2", {"report/page.py"}),
        ("dask", {"cluster.py"}),
        ("distributed", {"cluster.py"}),
        ("fsspec", {"data/addresses.py"}),
        ("matplotlib", {"plots.py", "report/figures.py"}),
        ("h5py", {"data/hdf5.py"}),
        ("pillow_heif", {"data/decode.py"}),
        ("zipfile", {"data/zips.py"}),
        ("csv", {"data/manifest.py", "cli/rows.py"}),
    ],
)
def test_each_library_has_its_place(library: str, allowed: set[str]) -> None:
    assert users(library) == allowed


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_only_the_command_line_speaks_to_the_terminal(library: str) -> None:
    assert all(user.startswith("cli/") or user == "__main__.py" for user in users(library))


@pytest.mark.parametrize("library", ["click", "socket", "urllib", "http", "requests", "pickle"])
def test_nobody_uses(library: str) -> None:
    assert users(library) == set()


def test_pictures_are_opened_in_one_place() -> None:
    opens = re.compile(r"\bImage\.(open|frombytes)\b")
    found = {name(path) for path in MODULES if opens.search(path.read_text(encoding="utf-8"))}
    assert found == {"data/decode.py"}


def test_nobody_imports_the_command_line_from_outside() -> None:
    for path in MODULES:
        if own_layer(path) not in ("cli", "__main__"):
            assert not any(m.startswith("catclf.cli") for m in imported(path)), path
