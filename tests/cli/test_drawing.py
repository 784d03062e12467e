"""What is drawn on a terminal: it fits, it tells the figures, and it is not in a pipe."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from catclf.cli import console, drawing
from catclf.cli.drawing import Screen
from catclf.core.calibration import Bin
from catclf.core.metrics import Confusion
from catclf.recipes import Progress

from .terminal import COLOURS, fits, plain, shown

pytest.importorskip("pty")

CHELSEA = Path(__file__).resolve().parents[2] / "sample_images/photos/chelsea.jpg"
WIDTHS = (40, 80, 200)
SCREENS = [Screen(width, colour) for width in WIDTHS for colour in (True, False)]
DRAWN = "█░●┤▀━"
BINS = [Bin(0.02, 0.0, 9), Bin(0.5, 0.7, 9), Bin(0.98, 1.0, 9)]


def check(lines: list[str], screen: Screen) -> list[str]:
    """They fit and are coloured as the screen wants it; the lines without colours."""
    assert any(COLOURS.search(line) for line in lines) == screen.colour
    bare = [plain(line) for line in lines]
    assert max(map(len, bare)) <= screen.width
    assert all("\x1b" not in line for line in bare)
    return bare


@pytest.mark.parametrize("screen", SCREENS, ids=str)
class TestDrawings:
    def test_a_chart_falls_as_its_values_do(self, screen) -> None:
        lines = check(drawing.chart([0.7, 0.3, 0.2, 0.15], screen), screen)
        assert len(lines) == drawing.CHART_ROWS
        assert lines[0].startswith("  0.7000 ┤█")
        assert lines[-1].startswith("  0.1500 ┤█")
        blocks = [line[10:] for line in lines]
        width = len(blocks[-1])
        tops = [sum(len(row) > i and row[i] != " " for row in blocks) for i in range(width)]
        assert tops == sorted(tops, reverse=True)
        assert (tops[0], tops[-1]) == (drawing.CHART_ROWS, 1)

    def test_a_chart_of_values_that_are_all_equal(self, screen) -> None:
        lines = check(drawing.chart([0.5, 0.5], screen), screen)
        assert set(lines[-1][10:]) == {"▁"}

    def test_confusion_in_shares_of_each_class(self, screen) -> None:
        counts = Confusion(tp=75, fp=1, fn=25, tn=999)
        cats, others, *keys = check(drawing.confusion(counts, ("non-cat", "cat"), screen), screen)
        n = cats.count("█") + cats.count("░")
        assert cats.startswith("      cat  █")
        assert abs(cats.count("█") / n - 0.75) <= 1 / n
        assert (others.count("█"), others.count("░")) == (1, n - 1)  # one is not none
        assert len(keys) == (2 if screen.width < 41 else 1)
        assert "█ called cat" in keys[0]
        assert "░ called non-cat" in keys[-1]

    def test_confusion_of_a_class_that_is_absent(self, screen) -> None:
        cats, others, _ = check(
            drawing.confusion(Confusion(tp=0, fp=0, fn=0, tn=5), ("dog", "cat"), screen), screen
        )
        assert cats.strip() == "cat"
        assert "█" not in others

    def test_the_reliability_curve_has_its_points_where_they_are(self, screen) -> None:
        lines = check(drawing.reliability(BINS, "cat", screen), screen)
        assert lines[0].strip() == "share of cat"
        rows = lines[1 : 1 + drawing.CURVE_ROWS]
        width = len(lines[1 + drawing.CURVE_ROWS]) - 7
        found = [
            (column / (width - 1), 1 - i / (drawing.CURVE_ROWS - 1))
            for i, row in enumerate(rows)
            for column, character in enumerate(row[7:])
            if character == "●"
        ]
        assert len(found) == len(BINS)
        for (x, y), part in zip(sorted(found), BINS, strict=True):
            assert abs(x - part.probability) <= 1 / (width - 1)
            assert abs(y - part.share) <= 0.051
        assert sum(row.count("·") for row in rows) >= width - len(BINS)


@pytest.mark.parametrize("width", WIDTHS)
def test_words_fold_and_none_is_lost(width) -> None:
    path = "/a/path-that-is/longer/than-the-screen" + "/of-forty-columns" * (width // 10)
    line = f"  note  wrote {path}, " + "right on 97.5% [96.7, 98.1] of 2,000 photos; " * 9
    lines = drawing.fold(line, Screen(width, False))
    assert " ".join(lines).split() == line.split()
    assert fits(lines, width)
    assert path in {part.strip(" ,") for part in lines}
    for i in range(width):
        parts = drawing.fold("x" * i + " 97.5% [96.7, 98.1] of 2,000" * 9, Screen(width, False))
        assert sum(part.count("[96.7, 98.1]") for part in parts) == 9
    assert all(part.startswith("    ") for part in lines[1:])
    first, *rest = drawing.fold(line, Screen(width, False), 8)
    assert first.startswith("  note")
    assert all(part.startswith(" " * 8) for part in rest)


def test_what_fits_has_no_screen_or_is_a_drawing_is_left_as_it_is() -> None:
    narrow = Screen(20, True)
    drawn = narrow.paint("█ " * 9, drawing.FOR)
    assert drawing.fold("word " * 9, None) == ["word " * 9]
    assert drawing.fold("a  b [1, 2]", narrow) == ["a  b [1, 2]"]
    assert drawing.fold(drawn, narrow) == [drawn]
    assert drawing.fold("", narrow) == [""]


def test_a_bar_is_as_long_as_its_share() -> None:
    lengths = [len(drawing.bar(k / 80, 10).rstrip()) for k in range(81)]
    assert lengths == sorted(lengths)
    assert drawing.bar(0.0, 10) == " " * 10
    assert drawing.bar(1.0, 10) == "█" * 10
    assert len({drawing.bar(k / 80, 10) for k in range(81)}) == 81


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("depth", ["truecolor", ""])
def test_a_picture_in_half_blocks(width, depth, monkeypatch) -> None:
    monkeypatch.setenv("COLORTERM", depth)
    pixels = np.zeros((224, 224, 3), np.uint8)
    pixels[:112, :, 0] = 255  # red above, black below
    lines = drawing.picture(pixels, Screen(width, True))
    bare = check(lines, Screen(width, True))
    side = len(bare[0].strip())
    assert set(bare[0].strip()) == {"▀"}
    assert len(bare) == side // 2
    assert ("38;2;255;0;0;48;2;255;0;0m▀" if depth else "38;5;196;48;5;196m▀") in lines[0]
    assert ("38;2;0;0;0;48;2;0;0;0m▀" if depth else "38;5;16;48;5;16m▀") in lines[-1]
    assert all(line.endswith("\x1b[0m") for line in lines)
    assert drawing.picture(pixels, Screen(width, False)) == []
    assert len(drawing.picture(pixels[:9, :9], Screen(width, True))) == 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_a_screen_is(monkeypatch) -> None:
    for name in ("TERM", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    assert drawing.screen_of(io.StringIO()) is None
    assert drawing.screen_of(Terminal()) == Screen(drawing.FALLBACK_WIDTH, True)
    monkeypatch.setenv("COLUMNS", "123")
    assert drawing.screen_of(Terminal()) == Screen(123, True)
    monkeypatch.setenv("NO_COLOR", "")
    assert drawing.screen_of(Terminal()) == Screen(123, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert drawing.screen_of(Terminal()) == Screen(123, False)
    monkeypatch.setenv("TERM", "dumb")
    assert drawing.screen_of(Terminal()) is None


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("colour", [True, False])
def test_the_cost_is_drawn_while_it_falls(monkeypatch, columns, colour) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "" if colour else "1")
    with console.ProgressBar(quiet=False) as bar:
        for i in range(1, 51):
            bar(Progress("folds", i / 50, i, "iterations", 3.0 / i))
        for i in range(1, 51):
            bar(Progress("training", i / 50, i, "iterations", 0.7 / i))
    end = terminal.getvalue()
    drawn = plain(re.sub(r"\x1b\[[?\d]*[A-Zhl]", "", end)).rstrip("\r\n").split("\n")
    chart = drawn[-drawing.CHART_ROWS :]
    assert chart[0].startswith("  0.7000 ┤█")
    assert chart[-1].startswith("  0.0140 ┤█")
    assert max(len(line.rstrip()) for line in chart) <= columns
    stages = [line for line in drawn if line.startswith(("training ", "   folds "))]
    assert max(len(line.rstrip()) for line in stages) <= columns
    assert re.search(r" 100%.* cost 0\.0140", stages[-1])
    assert bool(re.search(r"\x1b\[33m█", end)) == colour
    if columns >= 80:
        assert "50 iterations" in stages[-1]


class TestCommands:
    """On a terminal of each width."""

    @pytest.fixture
    def folder(self, tmp_path, split_model) -> Path:
        shutil.copy(split_model, tmp_path / "model.npz")
        shutil.copy(CHELSEA, tmp_path / "photo.jpg")
        return tmp_path

    @pytest.mark.parametrize("columns", WIDTHS)
    def test_predict_draws_a_bar_a_photo(self, folder, columns) -> None:
        coloured = shown("predict", "photo.jpg", columns=columns, folder=folder)
        row = plain(coloured).splitlines()[-1]
        share = re.match(r" *(\d+\.\d)%  ([ ▏▎▍▌▋▊▉█]+?)  (cat|x|unsure) +photo\.jpg", row)
        assert share is not None
        width = min(20, columns // 8)
        assert share[2] == drawing.bar(float(share[1]) / 100, width)
        assert "\x1b[3" in coloured or "\x1b[9" in coloured
        bare = shown("predict", "photo.jpg", columns=columns, folder=folder, NO_COLOR="1")
        assert bare == plain(coloured)

    @pytest.mark.parametrize("columns", WIDTHS)
    def test_eval_draws_counts_and_curve(self, cli, folder, columns) -> None:
        coloured = shown("eval", "--quiet", columns=columns, folder=folder)
        lines = plain(coloured).splitlines()
        piped = cli("eval", "--quiet", "-m", folder / "model.npz").rows
        start = lines.index("  share of cat")
        assert lines[start + 1].startswith(" 100% ┤")
        assert sum(line.count("●") for line in lines) >= 2
        assert sum(line.count("█") for line in lines) >= 8
        assert fits(lines, columns)
        assert all(line.count("[") == line.count("]") for line in lines)
        bins = [[w for row in rows for w in row.split()[1:] if row.lstrip().startswith("said")]
                for rows in (lines, piped)]  # fmt: skip
        assert bins[0] == bins[1]
        assert "\x1b" in coloured
        bare = shown("eval", "--quiet", columns=columns, folder=folder, NO_COLOR="1")
        assert bare == plain(coloured)

    @pytest.mark.parametrize("columns", WIDTHS)
    def test_train_draws_the_cost_as_it_falls(self, folder, split_data, columns) -> None:
        asked = ("train", split_data, "--features", "pixels", "--l2", "1", "-o", "new.npz")
        (folder / "new.npz").unlink(missing_ok=True)
        said = shown(*asked, columns=columns, folder=folder)
        summary = said.rpartition("trained on 60 photos")[2]
        first = re.search(r"cost (0\.\d{4})", summary)
        assert first is not None
        chart = [plain(line) for line in summary.splitlines() if re.search("[┤│└]", line)]
        assert len(chart) == drawing.CHART_ROWS + 1
        assert chart[0].startswith(f"  {first[1]} ┤█")
        assert fits(plain(summary).splitlines(), columns)
        (folder / "new.npz").unlink()
        bare = shown(*asked, columns=columns, folder=folder, NO_COLOR="1")
        assert not re.search(r"\x1b\[[\d;]*3\d", bare)
        assert re.search(r"0\.\d{4} ┤█", bare)

    @pytest.mark.parametrize("columns", WIDTHS)
    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ((), 0),
            (("info",), 0),
            (("check", "DATA", "-q", "--no-labels"), 0),
            (("train", "photos"), 4),  # the layouts that are understood
            (("eval", "--by", "speices"), 4),
        ],
    )
    def test_text_is_broken_between_words(self, folder, split_data, asked, code, columns) -> None:
        (folder / "photos").mkdir()
        shutil.copy(CHELSEA, folder / "photos/photo.jpg")
        asked = [split_data if word == "DATA" else word for word in asked]
        said = shown(*asked, columns=columns, folder=folder, code=code)
        assert "\x1b" not in said
        assert fits(said.splitlines(), columns)
        wide = shown(*asked, columns=10_000, folder=folder, code=code)
        assert len(said.split()) > 10
        assert said.split() == wide.split()

    @pytest.mark.parametrize("variables", [{"TERM": "dumb"}])
    def test_nothing_is_drawn_where_nothing_can_be(self, folder, split_data, variables) -> None:
        train = ("train", split_data, "--features", "pixels", "--l2", "1", "-o", "dumb.npz")
        for asked in (("predict", "photo.jpg"), ("eval",), train):
            said = shown(*asked, columns=80, folder=folder, **variables)
            assert "\x1b" not in said
            assert not any(c in said for c in "░●┤▀━")
        row = shown("predict", "photo.jpg", "-q", columns=80, folder=folder, **variables)
        assert re.match(r" *\d+\.\d%  (cat|x|unsure) +photo", row)
