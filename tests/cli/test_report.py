"""`--report PAGE`: where a page may go, and what is said where it may not."""

import re
import shutil
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
CATS = SAMPLES / "drawn/test/cat"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (".", "is a folder"),
        ("none/page.html", "its folder does not exist"),
        ("photo.jpg", "exists and is no page of catclf"),
    ],
)
def test_refused_before_anything_is_predicted(cli, target, words) -> None:
    shutil.copy(SAMPLES / "photos/chelsea.jpg", "photo.jpg")
    before = Path("photo.jpg").read_bytes()
    ran = cli("predict", "photo.jpg", "--report", target)
    assert (ran.code, ran.raw) == (4, b"")
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
    assert Path("photo.jpg").read_bytes() == before


def test_a_page_is_written_again(cli, split_model) -> None:
    for _ in range(2):
        ran = cli("predict", "-m", split_model, CATS, "--report", "page.html")
        assert ran.code == 0
        assert re.search(r"^wrote page.html, \d+ KB$", ran.err, re.MULTILINE)
    assert [path.name for path in Path().iterdir()] == ["page.html"]


def test_without_the_extra_one_line_says_how_to_get_it(cli, monkeypatch) -> None:
    monkeypatch.setattr("catclf.report.page.EXTRA", ("jinja2", "no_such_library"))
    ran = cli("predict", CATS, "--report", "page.html")
    assert ran.code == 4
    expected = "catclf: a page needs no_such_library; pip install 'catclf[report]'"
    assert ran.err.splitlines() == [expected]
