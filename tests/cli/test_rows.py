"""catclf predict --resume: the file that comes out is the one that would have come out at once."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from catclf import model as model_module
from catclf.cli import rows

ROOT = Path(__file__).resolve().parents[2]
DRAWN = ROOT / "sample_images/drawn/test"
HEADER = b"input,label,probability,error,unfamiliar\n"


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """Names of pictures in tmp_path, odd ones, broken ones and one twice among them."""
    pictures = [*sorted((DRAWN / "cat").iterdir())[:4], *sorted((DRAWN / "non-cat").iterdir())[:4]]
    odd = ["a.png", "=b.png", "c,d.png", 'e"f.png', "g\nh.png", "i\udcff.png", "j.png", "\\x41.png"]
    for path, name in zip(pictures, odd, strict=True):
        shutil.copy(path, tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return [*odd[:5], "a.png", "gone.png", *odd[5:], "broken.png", "gone.png", "a.png"]


@pytest.fixture
def predict(cli, split_model, names, tmp_path):
    """catclf predict of the names."""
    (tmp_path / "names").write_bytes(b"\0".join(map(os.fsencode, names)))
    command = ("predict", "-m", split_model, "--files-from", "names", "-0")
    return lambda *more: cli(*command, *more)


@pytest.fixture
def whole(predict) -> bytes:
    """What `--csv` prints."""
    return predict("--csv", "--quiet").raw


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Names of the pictures that were read."""
    seen: list[str] = []
    real = model_module.load_one

    def load_one(source, *more, **named):
        seen.append(str(source.path))
        return real(source, *more, **named)

    monkeypatch.setattr(model_module, "load_one", load_one)
    return seen


def test_at_once_it_is_what_csv_prints(predict, whole) -> None:
    ran = predict("--resume", "out.csv")
    assert (ran.code, ran.raw) == (3, b"")
    assert Path("out.csv").read_bytes() == whole
    assert "13 photos: " in ran.err
    assert "before" not in ran.err


def test_stopped_anywhere_and_begun_again_it_is_the_same_file(predict, whole, asked) -> None:
    for length in [*range(0, len(whole), 11), len(whole)]:
        Path("out.csv").write_bytes(whole[:length])
        asked.clear()
        ran = predict("--resume", "out.csv")
        assert ran.code == 3
        assert Path("out.csv").read_bytes() == whole
        rows = max(0, whole[:length].count(b"\n") - 1)
        assert len(asked) == 13 - rows + (rows > 0)  # and one of those known, to compare
        assert (f"{rows} of them answered before\n" in ran.err) is (rows > 0)
        assert "13 photos: " in ran.err  # the summary is that of the whole file


def test_what_csv_printed_is_gone_on_with(predict, whole) -> None:
    Path("out.csv").write_bytes(whole[:-30])
    assert predict("--resume", "out.csv", "--csv").raw == b""
    assert Path("out.csv").read_bytes() == whole


def test_another_order_asks_what_is_missing_too(predict, whole, names, asked) -> None:
    Path("out.csv").write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))
    Path("names").write_bytes(b"\0".join(map(os.fsencode, reversed(names))))
    predict("--resume", "out.csv")
    rows, expected = Path("out.csv").read_bytes().splitlines(), whole.splitlines()
    assert rows[:6] == expected[:6]
    assert sorted(rows) == sorted(expected)
    assert len(asked) == 13 - 5 + 1


KILLED = """
import os, signal, sys
from catclf import __main__
real, count = os.write, 0
def write(descriptor, data):
    global count
    count += 1
    if count == 7:
        real(descriptor, bytes(data)[:20])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(descriptor, data)
os.write = write
__main__.main()
"""


def process(code: str, model: Path, **how) -> subprocess.CompletedProcess[str]:
    command = ("predict", "-m", model, "--files-from", "names", "-0", "--resume", "out.csv", "-q")
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **how,
    )


def test_killed_in_the_middle_of_a_row(predict, whole, split_model) -> None:
    assert process(KILLED, split_model).returncode == -signal.SIGKILL
    left = Path("out.csv").read_bytes()
    assert whole.startswith(left)
    assert left.count(b"\n") == 6
    assert not left.endswith(b"\n")
    predict("--resume", "out.csv")
    assert Path("out.csv").read_bytes() == whole


def test_a_full_disk_leaves_whole_rows(predict, whole, split_model) -> None:
    resource = pytest.importorskip("resource")
    limit = len(b"".join(whole.splitlines(keepends=True)[:6])) + 10
    code = "from catclf import __main__; __main__.main()"
    before = {path.name for path in Path().iterdir()}
    done = process(
        code,
        split_model,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 4
    assert done.stderr == (
        "catclf: out.csv: cannot be written (File too large); the same command goes on from there\n"
    )
    assert Path("out.csv").read_bytes() == b"".join(whole.splitlines(keepends=True)[:6])
    assert {path.name for path in Path().iterdir()} - before == {"out.csv"}
    predict("--resume", "out.csv")
    assert Path("out.csv").read_bytes() == whole


def refused(ran, *words: str) -> None:
    assert (ran.code, ran.raw) == (4, b"")
    (line,) = ran.err.splitlines()
    assert line.startswith("catclf: out.csv: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"my thesis", "is no CSV of catclf predict;"),
        (b"my thesis\nwith two lines\n", "is no CSV of catclf predict;"),
        (b"input,label\na,b\n", "is no CSV of catclf predict;"),
        (HEADER.replace(b"\n", b"\r\n"), "is no CSV of catclf predict;"),
        (b"\xef\xbb\xbf" + HEADER, "is no CSV of catclf predict;"),
        (b"\0" * 100, "is no CSV of catclf predict;"),
        (HEADER + b"a.png,cat,0.9,,false\nb.png,cat\n", "in line 3;"),
        (HEADER + b"a.png,cat,high,,false\n", "in line 2;"),
        (HEADER + b"a.png,cat,,,false\n", "in line 2;"),
        (HEADER + b"a.png,,,,\n", "in line 2;"),
        (HEADER + b"\n", "in line 2;"),
        (HEADER + b'"a.png,cat,0.9,,false\nb.png,cat,0.9,,false\n', "in line 3;"),
        (HEADER + b"\xff.png,cat,0.9,,false\n", "in line 2;"),
        (HEADER + b"a.png,dog,0.9,,false\n", "has the label dog, which this model does not know"),
    ],
)
def test_what_is_no_such_file_is_left_as_it_is(predict, content, words) -> None:
    Path("out.csv").write_bytes(content)
    refused(predict("--resume", "out.csv"), words, "name another file")
    assert Path("out.csv").read_bytes() == content


def test_what_is_no_file_at_all(predict) -> None:
    os.mkfifo("out.csv")
    refused(predict("--resume", "out.csv"), "is no regular file")
    Path("out.csv").unlink()
    Path("out.csv").mkdir()
    refused(predict("--resume", "out.csv"), "cannot be written (Is a directory)")
    Path("out.csv").rmdir()
    Path("out.csv").symlink_to("nowhere/out.csv")
    refused(predict("--resume", "out.csv"), "cannot be written (No such file")


@pytest.mark.parametrize("options", [(), ("--prior", "0.02"), ("--always-answer",)])
def test_what_another_model_or_other_options_wrote_is_refused(
    cli, predict, whole, held_out_model, options
) -> None:
    part = b"".join(whole.splitlines(keepends=True)[:9])
    Path("out.csv").write_bytes(part)
    if options == ("--always-answer",):  # says the same where the model was sure
        Path("out.csv").write_bytes(
            part.replace(b",cat,", b",unsure,").replace(b",x,", b",unsure,")
        )
        part = Path("out.csv").read_bytes()
        ran = predict("--resume", "out.csv", *options, "-q")
    elif options:
        ran = predict("--resume", "out.csv", *options, "-q")
    else:
        ran = cli("predict", "-m", held_out_model, "a.png", "--resume", "out.csv", "-q")
    refused(ran, "out.csv: says ", "this model ", "name another file, or the model and options")
    assert Path("out.csv").read_bytes() == part


def test_one_photo_that_has_changed_or_all_that_are_gone_are_no_other_model(
    predict, whole, names
) -> None:
    part = b"".join(whole.splitlines(keepends=True)[:5])
    Path("out.csv").write_bytes(part)
    Image.new("RGB", (64, 64)).save("a.png")
    assert predict("--resume", "out.csv").code == 3
    assert Path("out.csv").read_bytes().startswith(part)
    for name in set(names):
        Path(name).unlink(missing_ok=True)
    Path("out.csv").write_bytes(part)
    assert predict("--resume", "out.csv").code == 3
    assert Path("out.csv").read_bytes().startswith(part)


def test_two_at_once_into_one_file(predict, whole) -> None:
    Path("out.csv").write_bytes(whole[:-30])
    with Path("out.csv").open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        refused(predict("--resume", "out.csv"), "is being written by another catclf")
    assert Path("out.csv").read_bytes() == whole[:-30]


@pytest.mark.parametrize(
    "more", [("--json",), ("--only", "cat"), ("--report", "page.html")], ids=lambda more: more[0]
)
def test_other_forms_have_no_rows_to_go_on_with(predict, more) -> None:
    ran = predict("--resume", "out.csv", *more)
    assert ran.code == 2
    assert "--resume" in ran.err
    assert not Path("out.csv").exists()


def test_many_names_are_only_looked_up(predict, asked) -> None:
    many = [f"photos/{i:06}.jpg" for i in range(50_000)]
    Path("names").write_bytes("\0".join([*many, "a.png"]).encode())
    rows = "".join(f"{name},cat,0.9,,false\n" for name in many)
    Path("out.csv").write_bytes(HEADER + rows.encode())
    ran = predict("--resume", "out.csv")
    assert ran.code == 0
    assert "50,000 of them answered before" in ran.err
    assert asked == ["a.png"]


class TestParts:
    """predict -o FOLDER."""

    def test_rows_lie_in_files_of_so_many(self, cli, monkeypatch, tmp_path) -> None:
        monkeypatch.setattr(rows, "PART_ROWS", 4)
        photos = sorted((ROOT / "sample_images/photos").glob("*.jpg"))
        asked = [*photos, tmp_path / "none.jpg", *photos]
        whole = cli("predict", *asked, "--csv", "-q")
        ran = cli("predict", *asked, "-o", "out")
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.splitlines()[-1] == f"wrote {-(-(2 * len(photos) + 1) // 4)} files to out"
        files = sorted(Path("out").iterdir())
        assert [path.name for path in files] == [f"part-{i:05}.csv" for i in range(len(files))]
        found = [path.read_text().splitlines() for path in files]
        assert all(part[0] == rows.HEADER and len(part) <= 5 for part in found)
        assert [row for part in found for row in part[1:]] == whole.rows[1:]

    def test_rows_of_another_run_stay(self, cli) -> None:
        Path("out").mkdir()
        Path("out/part-00007.csv").write_text("mine")
        ran = cli("predict", DRAWN / "cat/000.png", "-o", "out")
        assert (ran.code, ran.out) == (4, "")
        assert "out: has rows of another run; name a new one" in ran.err
        assert Path("out/part-00007.csv").read_text() == "mine"
        ran = cli("predict", DRAWN / "cat/000.png", "-o", "nowhere/out")
        assert ran.code == 4
        assert "cannot be written (No such file or directory)" in ran.err
        assert cli("predict", DRAWN / "cat/000.png", "-o", "x", "--json").code == 2
