"""A file is whole at any moment: its process killed, its disk full, or two that write at once."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catclf.modelfile import load_model
from catclf.writing import write_whole

ROOT = Path(__file__).resolve().parents[1]
DRAWN = ROOT / "sample_images/drawn"
SMALL = ("--features", "pixels", "--size", "8", "--l2", "1", "--quiet", "--holdout", "0")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for kind in ("cat", "non-cat"):
        folder = tmp_path / "data" / kind
        folder.mkdir(parents=True)
        for path in sorted((DRAWN / "train" / kind).iterdir())[:10]:
            (folder / path.name).symlink_to(path)
    return tmp_path / "data"


@pytest.fixture
def model(data: Path, tmp_path: Path) -> Path:
    """A model in a folder of its own."""
    (tmp_path / "models").mkdir()
    path = tmp_path / "models/model.npz"
    assert catclf("train", data, "-o", path, *SMALL).returncode == 0
    return path


def catclf(*arguments: object, **how: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catclf", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60, **how
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def faults(data: Path, model: Path, fault: str) -> list[dict[str, Any]]:
    """What came of a training with the fault at each write, flush and rename in turn."""
    command = [sys.executable, ROOT / "tests/faults.py", data, model, fault]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestTrain:
    """The old model or the new one, and nothing else."""

    def test_killed_at_each_write_flush_and_rename(self, data, model) -> None:
        old = sha256(model)
        found = faults(data, model, "kill")
        load_model(model)  # of the training that nothing happened to
        moments = [each["moment"] for each in found]
        assert moments[0] == "open"
        assert moments.count("write") > 10
        assert moments[-4:] == ["fsync", "close", "replace", "replaced"]
        assert {each["code"] for each in found} == {-9}
        changed = [each["moment"] for each in found if each["model"] != old]
        assert changed == ["replaced"]  # the new one differs: it was created at another time
        assert all(len(each["beside"]) <= 1 for each in found)

    @pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
    def test_a_disk_that_fails_at_each_of_them(self, data, model, fault) -> None:
        old = sha256(model)
        found = faults(data, model, fault)
        moments = [each["moment"] for each in found]
        assert moments[-3:] == ["fsync", "close", "replace"]
        for each in found:
            assert (each["code"], each["model"], each["beside"]) == (4, old, []), each["moment"]
            assert each["said"].startswith(f"catclf: {model}: cannot be written (")
            assert each["said"].count("\n") == 1

    def test_a_file_size_limit(self, data, model) -> None:
        resource = pytest.importorskip("resource")
        old = sha256(model)
        done = catclf(
            *("train", data, "-o", model, *SMALL),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
        )
        assert done.returncode == 4
        assert done.stderr == (
            f"catclf: {model}: cannot be written (File too large); name another place with -o\n"
        )
        assert sha256(model) == old
        assert list(model.parent.iterdir()) == [model]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_is_only_read(self, data, model) -> None:
        old = sha256(model)
        model.parent.chmod(0o555)
        done = catclf("train", data, "-o", model, *SMALL)
        model.parent.chmod(0o755)
        assert done.returncode == 4
        assert done.stderr.count("\n") == 1
        assert "cannot be written to" in done.stderr
        assert sha256(model) == old
        assert list(model.parent.iterdir()) == [model]

    def test_two_at_once_into_one_file(self, model) -> None:
        code = (
            "import dataclasses, sys\n"
            "from catclf.modelfile import load_model\n"
            "path, b = sys.argv[1], float(sys.argv[2])\n"
            "model = dataclasses.replace(load_model(path), b=b)\n"
            "for _ in range(100):\n"
            "    model.save(path)\n"
        )
        before = load_model(model).b
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        writers = [
            subprocess.Popen([sys.executable, "-c", code, str(model), b], env=environment)
            for b in ("1", "2")
        ]
        seen = {before}
        while any(writer.poll() is None for writer in writers):
            seen.add(load_model(model).b)  # whole, whenever one looks
        assert [writer.returncode for writer in writers] == [0, 0]
        assert load_model(model).b in (1.0, 2.0)
        assert seen <= {before, 1.0, 2.0}
        assert list(model.parent.iterdir()) == [model]


def test_a_manifest_that_does_not_fit_is_not_begun(data: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = sorted(tmp_path.iterdir())
    done = catclf(
        *("check", data, "--write-clean", tmp_path / "clean.csv", "--quiet"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 4
    assert done.stderr == f"catclf: {tmp_path}/clean.csv: cannot be written (File too large)\n"
    assert sorted(tmp_path.iterdir()) == before


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    for path in (tmp_path / ("n" * 255), tmp_path / f"n.{'😀' * 63}"):
        write_whole(path, [b"all", b" of it"])
        assert path.read_bytes() == b"all of it"


def test_parts_that_fail_to_come_leave_what_was_there(tmp_path: Path) -> None:
    def parts():
        yield b"new"
        raise ZeroDivisionError

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "file", parts())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    write_whole(tmp_path / "file", [])
    write_whole(tmp_path / "mine", [], mode=0o600)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["file"] == modes["any"]
    assert modes["mine"] == 0o600
