"""What the tests of the command line share: a way to run it, and small data to run it on."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catclf.cli.app import run

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"


@dataclass(frozen=True)
class Ran:
    """What a command left behind: exit code, stdout as bytes and as text, stderr."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def rows(self) -> list[str]:
        return self.out.splitlines()


Cli = Callable[..., Ran]


@pytest.fixture
def cli(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Cli:
    """Runs a command in this process, in tmp_path, with an empty home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        capsysbinary.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Ran(code, captured.out, captured.err.decode())

    return call


@pytest.fixture
def train(cli: Cli) -> Cli:
    """catclf train on pixels: what these tests ask is the same for every map, and pixels are the
    cheapest."""
    return lambda *arguments: cli("train", *arguments, "--features", "pixels")


def link(
    root: Path, cats: int, others: int, source: str = "train", names: tuple[str, str] = ("cat", "x")
) -> Path:
    """Class folders with links to some of the drawings."""
    for name, kind, n in ((names[0], "cat", cats), (names[1], "non-cat", others)):
        folder = root / name
        folder.mkdir(parents=True)
        for path in sorted((SAMPLES / "drawn" / source / kind).iterdir())[:n]:
            (folder / path.name).symlink_to(path)
    return root


@pytest.fixture
def linked() -> Callable[..., Path]:
    """The function `link`."""
    return link


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """30 drawings in class folders with no test split: so few that folds judge."""
    return link(tmp_path / "data", 15, 15)


@pytest.fixture(scope="session")
def split_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawings with a test split: 60 to train, 40 to test."""
    root = tmp_path_factory.mktemp("split")
    link(root / "train", 30, 30)
    link(root / "test", 20, 20, "test")
    return root


@pytest.fixture(scope="session")
def held_out_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """220 drawings with no test split: a fifth is held out."""
    return link(tmp_path_factory.mktemp("large") / "data", 110, 110)


@pytest.fixture(scope="session")
def split_model(split_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the data with a test split."""
    return _train(split_data, tmp_path_factory)


@pytest.fixture(scope="session")
def held_out_model(held_out_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with held-out pictures."""
    return _train(held_out_data, tmp_path_factory)


@pytest.fixture(scope="session")
def network_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model on the default feature map: 16 drawings to train, 10 to test."""
    root = tmp_path_factory.mktemp("network")
    link(root / "train", 8, 8)
    link(root / "test", 5, 5, "test")
    return _train(root, tmp_path_factory, "conv")


def _train(data: Path, tmp_path_factory: pytest.TempPathFactory, features: str = "pixels") -> Path:
    model = tmp_path_factory.mktemp("model") / "model.npz"
    asked = ["-o", str(model), "--l2", "1", "--quiet", "--features", features]
    assert run(["train", str(data), *asked]) == 0
    return model


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """The sample photos, with a file beside them that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in (SAMPLES / "photos").iterdir():
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """All files below tmp_path, home included, with their bytes."""

    def files() -> Iterator[tuple[str, bytes]]:
        for folder, _, names in os.walk(tmp_path):
            yield folder, b""
            for name in names:
                path = Path(folder, name)
                yield str(path), path.read_bytes() if path.is_file() else b""

    return lambda: dict(files())
