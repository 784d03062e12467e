"""What tests of every layer need: the real photographs, and the real data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Other work on the machine makes no example wrong.
settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

# Small products on several threads wait for one another; before anything imports numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own: they neither find nor leave features in the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """The photographs that are shipped with the program, one of them a cat."""
    return sorted((ROOT / "sample_images" / "photos").glob("*.jpg"))


@pytest.fixture(scope="session")
def cat_photo() -> Path:
    return ROOT / "sample_images" / "photos" / "chelsea.jpg"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with course/, photos/ and messy/."""
    folder = os.environ.get("CATCLF_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the real data is not there: CATCLF_DATA names no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def corpora(shared_data: Path) -> Path:
    """The folder with pictures that others have gathered to try an image library."""
    folder = shared_data.parent / "corpora"
    if not folder.is_dir():
        pytest.skip("the corpora are not there: no folder corpora/ beside CATCLF_DATA")
    return folder
