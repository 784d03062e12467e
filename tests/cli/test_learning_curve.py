"""catclf learning-curve: a row a number of photos, with a bar where there is a screen."""

import re

import pytest

from .terminal import plain, shown

ASKED = ("--features", "pixels", "--l2", "1", "--sizes", "10,30,60")


def test_a_row_a_number(cli, split_data) -> None:
    ran = cli("learning-curve", split_data, *ASKED)
    assert ran.code == 0, ran.err
    assert ran.err == (
        f"judged on 40 photos (test split of {split_data}), 5 draws a number, l2 1\n"
    )
    assert [row.split()[0] for row in ran.rows] == ["10", "30", "60"]
    for row in ran.rows:
        assert re.fullmatch(
            r" +\d+ photos +\d+\.\d% \[\d+, \d+\] +draws \d+\.\d to \d+\.\d", row
        ), row
    assert cli("learning-curve", split_data, *ASKED, "-q").err == ""


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_bars_on_a_terminal(split_data, tmp_path, columns) -> None:
    pytest.importorskip("pty")
    asked = ("learning-curve", split_data, *ASKED, "-q")
    coloured = shown(*asked, columns=columns, folder=tmp_path)
    rows = plain(coloured).splitlines()
    assert len(rows) == 3
    assert all("█" in row for row in rows)
    assert max(map(len, rows)) <= columns
    assert "\x1b[33m" in coloured
    bare = shown(*asked, columns=columns, folder=tmp_path, NO_COLOR="1")
    assert bare == "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("sizes", ["ten", "10,x", "1", "0,5", "-3"])
def test_what_is_no_number_of_photos(cli, split_data, sizes) -> None:
    ran = cli("learning-curve", split_data, f"--sizes={sizes}")
    assert (ran.code, ran.raw) == (2, b"")
    assert "--sizes" in ran.err


def test_train_tells_it_too(cli, split_data) -> None:
    asked = ("train", split_data, "--features", "pixels", "--l2", "1", "-o", "model.npz")
    plain, ran = cli(*asked), cli(*asked, "--learning-curve")
    assert ran.code == 0, ran.err
    assert ran.out == ""
    rows = cli("learning-curve", split_data, "--features", "pixels", "--l2", "1").out
    assert ran.err.endswith(rows)
    assert len(ran.err.splitlines()) == len(plain.err.splitlines()) + 1 + len(rows.splitlines()) + 1
    refused = cli(*asked, "--learning-curve", "--size", "32")
    assert (refused.code, "--learning-curve" in refused.err) == (2, True)
