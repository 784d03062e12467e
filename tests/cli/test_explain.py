"""catclf explain: sums that add up, the covered photo, and the picture that it writes."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catclf import load_model
from catclf.data.dataset import File
from catclf.data.loading import load_one
from catclf.explanation import STRONGEST, explain
from catclf.occlusion import PLACES, occlusion_map

from .terminal import fits, plain, shown

CHELSEA = Path(__file__).resolve().parents[2] / "sample_images/photos/chelsea.jpg"
NUMBER = re.compile(r"[+-]\d*\.?\d+")


@pytest.fixture(params=["split_model", "network_model"])
def model(request, tmp_path):
    """One on pixels, one on the default map."""
    shutil.copy(request.getfixturevalue(request.param), tmp_path / "model.npz")
    return load_model(tmp_path / "model.npz")


@pytest.fixture
def pixels(model):
    return load_one(File(CHELSEA), model.loading).picture.pixels


def grid(rows: list[str], title: str) -> np.ndarray:
    """The numbers under a title."""
    start = next(i for i, row in enumerate(rows) if row.startswith(title))
    start = rows.index("", start) + 1
    return np.array([[float(n) for n in row.split()] for row in rows[start : start + PLACES]])


def test_the_sums_add_up(model, pixels) -> None:
    found = explain(model, pixels)
    z = model.score(pixels).z
    terms = sum(term.worth for term in found.terms)
    assert found.z == pytest.approx(z, abs=1e-6)
    assert found.b + terms + found.rest == pytest.approx(z, abs=1e-6)
    assert len(found.terms) == STRONGEST
    worth = model.w[:, 0] * model.feature_map.column(pixels)
    for term in found.terms:
        assert term.worth == pytest.approx(worth[term.feature])
    assert abs(found.terms[-1].worth) >= np.sort(np.abs(worth))[-STRONGEST] * 0.999
    assert (found.covered == occlusion_map(model, pixels)).all()


def test_regions_of_pixels_add_up_and_lie_where_they_lie(model, pixels) -> None:
    found = explain(model, pixels)
    if model.features != "pixels":
        assert found.regions is None
        return
    assert found.regions.shape == (PLACES, PLACES)
    assert found.b + found.regions.sum() == pytest.approx(found.z, abs=1e-6)
    black = pixels.copy()
    black[:9, -9:] = 0  # of 64 pixels, less than the region in the upper right corner
    changed = explain(model, black).regions != found.regions
    assert changed.sum() == 1
    assert changed[0, -1]


def test_what_is_printed_adds_up(cli, model, pixels) -> None:
    ran = cli("explain", CHELSEA)
    assert ran.code == 0, ran.err
    assert ran.err.startswith("using model.npz")
    rows = ran.rows
    (answer,) = model.predict([CHELSEA])
    assert rows[0].startswith(f"{CHELSEA}: {answer.label}; the probability of cat is ")
    assert f"{answer.probability:.4f}" in rows[0]
    *parts, z = [float(NUMBER.search(row)[0]) for row in rows[2 : 2 + STRONGEST + 3]]
    assert sum(parts) == pytest.approx(z, abs=0.0005 * (len(parts) + 1))
    assert z == pytest.approx(model.score(pixels).z, abs=0.0006)
    covered = grid(rows, "How far z falls")
    assert np.abs(covered - occlusion_map(model, pixels)).max() <= 0.51
    if model.features == "pixels":
        regions = grid(rows, "wx by region")
        assert regions.sum() + model.b == pytest.approx(z, abs=0.05 * PLACES**2)
    assert "\x1b" not in ran.out
    assert "▀" not in ran.out


def test_the_map_as_a_picture(cli, model, listing, tmp_path) -> None:
    before = listing()
    ran = cli("explain", CHELSEA, "-o", "map.png")
    assert ran.code == 0, ran.err
    assert listing().keys() - before.keys() == {str(tmp_path / "map.png")}
    with Image.open("map.png") as image:
        assert image.size == (model.loading.size, model.loading.size)
        assert len(image.convert("RGB").getcolors(10**6)) > 100
    assert re.search(r"wrote map\.png, \d+ KB", ran.err)
    assert cli("explain", CHELSEA, "-o", "map.png", "-q").err == ""  # ours may be replaced


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("none.jpg",), 4, "none.jpg: no such file"),
        (("foto.jpg",), 4, "did you mean photo.jpg?"),
        (("empty.jpg",), 4, "empty.jpg: the file is empty"),
        (("photo.jpg", "-o", "map.jpg"), 2, "ends in .png"),
        (("photo.jpg", "-o", "other.png"), 4, "other.png: exists and is no picture of catclf"),
        (("photo.jpg", "-o", "nowhere/map.png"), 4, "its folder does not exist"),
    ],
)
def test_what_cannot_be_done(cli, split_model, tmp_path, arguments, code, words) -> None:
    shutil.copy(CHELSEA, tmp_path / "photo.jpg")
    (tmp_path / "empty.jpg").touch()
    Image.new("RGB", (2, 2)).save(tmp_path / "other.png")
    kept = (tmp_path / "other.png").read_bytes()
    ran = cli("explain", *arguments, "-m", split_model)
    assert (ran.code, ran.raw) == (code, b"")
    assert words in ran.err
    assert (tmp_path / "other.png").read_bytes() == kept


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_map_in_coloured_blocks(split_model, tmp_path, columns) -> None:
    pytest.importorskip("pty")
    shutil.copy(CHELSEA, tmp_path / "photo.jpg")
    asked = ("explain", "photo.jpg", "-m", split_model)
    said = shown(*asked, columns=columns, folder=tmp_path)
    blocks = [line for line in plain(said).splitlines() if "▀" in line]
    assert len(blocks) == len(blocks[0].strip()) // 2 > 10
    assert fits(plain(said).splitlines(), columns)
    assert "\x1b[38;5;" in said
    rows = [line for line in plain(said).splitlines() if re.match(r"  [+-]\.?\d", line.strip("\r"))]
    assert max(map(len, rows)) <= 40
    bare = shown(*asked, columns=columns, folder=tmp_path, NO_COLOR="1")
    assert "\x1b" not in bare
    assert "▀" not in bare
    assert "How far z falls" in bare
