"""Reading and features elsewhere: worker processes of Dask here, and what befalls them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from catclf import cluster as module
from catclf.cluster import Cluster
from catclf.data import archive as module_archive
from catclf.data.dataset import File, open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import Failure, load_one
from catclf.errors import CatclfError
from catclf.features import feature_map, matrix
from catclf.modelfile import load_model

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
DRAWINGS = sorted((SAMPLES / "drawn").rglob("*.png"))
WORKER = """
import asyncio, sys
import catclf, catclf.features.conv
{change}
from distributed import Worker

async def main():
    async with Worker("{address}", nthreads=1, memory_limit="{memory}") as worker:
        await worker.finished()

asyncio.run(main())
"""


@pytest.fixture(scope="session")
def two_workers() -> Iterator[distributed.LocalCluster]:
    """A scheduler here and two worker processes with their nannies, which start them again."""
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": 100}
    with distributed.LocalCluster(n_workers=2, **options) as started:
        yield started


@pytest.fixture
def address(two_workers: distributed.LocalCluster) -> str:
    return str(two_workers.scheduler_address)


@pytest.fixture
def no_workers() -> Iterator[str]:
    """The address of a scheduler that is alone."""
    options = {"dashboard_address": "127.0.0.1:0", "silence_logs": 100}
    with distributed.LocalCluster(n_workers=0, **options) as started:
        yield str(started.scheduler_address)


@contextmanager
def worker(address: str, change: str = "", memory: str = "0") -> Iterator[None]:
    """A worker process without a nanny, in which something of catclf was changed."""
    code = WORKER.format(address=address, change=change, memory=memory)
    with distributed.Client(address) as client:
        before = len(client.nthreads())
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        try:
            until(lambda: len(client.nthreads()) > before)
            yield
        finally:
            process.kill()
            process.wait()
            until(lambda: len(client.nthreads()) == before)


def read_it(source: File) -> Failure | None:
    found = load_one(source, Loading())
    return found if isinstance(found, Failure) else None


@dataclass
class Say:
    """An answer that is the same for all."""

    word: str

    def __call__(self, source: File) -> str:
        return self.word


def until(holds, seconds: float = 90) -> None:
    """Wait until something holds that is bound to."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def statuses(client: distributed.Client) -> list[str]:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [worker["status"] for worker in workers]


def pids(client: distributed.Client) -> dict[str, int]:
    return dict(client.run(os.getpid))


class TestSameAsHere:
    """Rows, X and models do not tell where they were computed."""

    @pytest.mark.parametrize("form", [[], ["--json"], ["--csv"], ["--only", "cat", "-0"]])
    def test_rows(self, cli, photo_folder, tmp_path, address, form, monkeypatch) -> None:
        monkeypatch.setattr(module, "BLOCK", 3)
        (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
        asked = ("predict", "photos", "broken.jpg", "none.jpg", "-", "photos/clock.jpg", *form)
        stdin = (SAMPLES / "photos/coffee.jpg").read_bytes()
        here = cli(*asked, stdin=stdin)
        there = cli(*asked, "--cluster", address, stdin=stdin)
        assert here.code == there.code == 3
        assert there.raw == here.raw
        said = there.err.splitlines()
        assert re.fullmatch(r"tcp://\S+: 2 workers with 2 threads; dashboard: http://\S+", said[1])
        assert [said[0], *said[2:]] == here.err.splitlines()

    def test_names_from_a_pipe(self, cli, address) -> None:
        names = "".join(f"{path}\n" for path in DRAWINGS[:70])
        here = cli("predict", "--files-from", "-", stdin=names.encode())
        there = cli("predict", "--files-from", "-", "--cluster", address, stdin=names.encode())
        assert len(here.rows) == 70
        assert there.raw == here.raw

    @pytest.mark.parametrize("name", ["conv", "pixels"])
    @pytest.mark.parametrize("block", [1, 7])
    def test_x(self, address, tmp_path, name, block, monkeypatch) -> None:
        monkeypatch.setattr(module, "BLOCK", block)
        sources = [File(path) for path in (*DRAWINGS[:9], tmp_path / "none.png", *DRAWINGS[9:12])]
        features = feature_map(name, Loading(size=64))
        here = matrix(features, sources)
        with Cluster(address) as cluster:
            there = matrix(features, sources, in_order=cluster.in_order)
        assert there.failures == here.failures == ((9, "no such file"),)
        for one in ("X", "kept", "files", "pictures"):
            assert np.array_equal(getattr(there, one), getattr(here, one))

    def test_models(self, cli, address, linked, tmp_path) -> None:
        linked(tmp_path / "data/train", 12, 12)
        linked(tmp_path / "data/test", 5, 5, "test")
        (tmp_path / "data/train/cat/broken.png").write_bytes(b"nothing")
        asked = ("train", "data", "--l2", "1", "--no-cache")
        here = cli(*asked, "-o", "here.npz")
        there = cli(*asked, "-o", "there.npz", "--cluster", address)
        assert here.code == there.code == 0
        assert there.err.replace("there.npz", "here.npz").splitlines()[1:] == here.err.splitlines()
        one, other = load_model(tmp_path / "here.npz"), load_model(tmp_path / "there.npz")
        assert np.array_equal(one.w, other.w)
        assert one.b == other.b
        assert one.record.figures == other.record.figures
        assert np.array_equal(one.train_files, other.train_files)
        assert np.array_equal(one.train_pictures, other.train_pictures)

    def test_checks(self, cli, address, linked, tmp_path) -> None:
        linked(tmp_path / "data/train", 12, 12)
        linked(tmp_path / "data/test", 5, 5, "test")
        (tmp_path / "data/train/cat/again.png").symlink_to(DRAWINGS[0])
        (tmp_path / "data/train/cat/broken.png").write_bytes(b"nothing")
        here = cli("check", "data", "--no-cache", "--json")
        there = cli("check", "data", "--json", "--cluster", address)
        assert here.code == there.code == 1
        assert there.raw == here.raw
        assert "broken.png" in there.out

    def test_every_kind_of_data_set(self, cli, address, linked, tmp_path) -> None:
        folder = linked(tmp_path / "folder", 8, 8)
        examples = open_dataset(folder).examples
        pictures = {"images": np.zeros((16, 8, 8, 3), np.uint8), "labels": np.arange(16) % 2}
        np.savez(tmp_path / "arrays.npz", **pictures)
        rows = [f"{example.source.path},{example.label}\n" for example in examples]
        (tmp_path / "table.csv").write_text("path,label\n" + "".join(rows))
        import shutil

        shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
        sources = []
        for name in ("folder", "arrays.npz", "table.csv", "packed.zip"):
            sources += [example.source for example in open_dataset(tmp_path / name).examples]
        features = feature_map("pixels", Loading(size=8))
        with Cluster(address) as cluster:
            there = matrix(features, sources, in_order=cluster.in_order)
        assert np.array_equal(there.X, matrix(features, sources).X)
        assert there.X.shape[1] == 64

    def test_two_drivers_of_one_scheduler(self, address, monkeypatch) -> None:
        """Each has its own answers, even where both hold what they ask at one place in memory."""
        monkeypatch.setattr(module, "BLOCK", 1)
        asked = Say("one")
        sources = [File(path) for path in DRAWINGS[:20]]
        with Cluster(address) as cluster, Cluster(address) as other:
            ones = cluster.in_order(asked, sources)
            assert next(ones) == "one"
            asked.word = "two"
            assert set(other.in_order(asked, sources)) == {"two"}
            assert set(ones) == {"one"}


class TestFaults:
    """What goes wrong costs time, or is said in one line."""

    def test_a_killed_worker_costs_no_rows(self, two_workers, address, monkeypatch) -> None:
        monkeypatch.setattr(module, "BLOCK", 8)
        features = feature_map("conv", Loading(size=224))
        sources = [File(path) for path in DRAWINGS[:80]]
        killed = []

        def each(done: int) -> None:
            if done == 9:
                killed.append(pids(client).popitem()[1])
                os.kill(killed[0], signal.SIGKILL)

        with distributed.Client(address) as client, Cluster(address) as cluster:
            there = matrix(features, sources, each=each, in_order=cluster.in_order)
            until(lambda: len(client.nthreads()) == 2)
            assert killed[0] not in pids(client).values()
        assert np.array_equal(there.X, matrix(features, sources).X)

    def test_a_photo_that_ends_every_worker_is_named(
        self, two_workers, address, monkeypatch
    ) -> None:
        def end(source: File) -> None:
            if source.path == DRAWINGS[50]:
                os._exit(1)

        monkeypatch.setattr(two_workers.scheduler, "allowed_failures", 1)
        monkeypatch.setattr(module, "BLOCK", 40)
        with distributed.Client(address) as client, Cluster(address) as cluster:
            results = cluster.in_order(end, [File(path) for path in DRAWINGS[:80]])
            with pytest.raises(CatclfError) as raised:
                list(results)
            until(lambda: len(client.nthreads()) == 2)
        said = "the 39 after it or those beside them: each worker that took it on ended (2)"
        starts = [f"{DRAWINGS[i]}, {said}" for i in (0, 40)]  # either may have waited there
        assert str(raised.value).startswith(tuple(starts))

    @pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs Linux's /proc")
    def test_a_file_that_a_worker_does_not_see(self, cli, address, photo_folder) -> None:
        """/proc/self/cwd is another folder in each process."""
        seen_here = "/proc/self/cwd/photos/clock.jpg"
        assert cli("predict", seen_here).code == 0
        ran = cli("predict", "photos/clock.jpg", seen_here, "--cluster", address)
        assert ran.code == 4
        machine = re.escape(os.uname().nodename)
        line = rf"catclf: {seen_here}: no such file on {machine}, but it is here; let every .*"
        assert re.fullmatch(line, ran.err.splitlines()[-1])

    def test_a_zip_that_a_worker_does_not_see(self, tmp_path) -> None:
        import pickle
        import shutil

        folder = tmp_path / "data/cat"
        folder.mkdir(parents=True)
        (tmp_path / "data/dog").mkdir()
        for i, kind in enumerate(("cat", "dog")):
            shutil.copy(DRAWINGS[i], tmp_path / "data" / kind)
        path = Path(shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path / "data"))
        source = open_dataset(path).examples[0].source
        sent = pickle.dumps(source)
        assert pickle.loads(sent).read() == source.read()
        path.rename(tmp_path / "elsewhere.zip")
        module_archive._opened.cache_clear()
        block = module.compute(module.identity(), read_it, (pickle.loads(sent),))
        assert block.unread == [(0, "cannot be read (No such file or directory)")]
        assert module.name_of(source) == str(path)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ("catclf.__version__ = '0.0.9'", "the worker has catclf 0.0.9, here it is "),
            (
                "catclf.features.conv.WEIGHTS = catclf.features.conv.WEIGHTS.with_name('NOTICE')",
                "the worker has weights of the map conv ",
            ),
            (
                "import PIL.features as f; real = f.version\n"
                "f.version = lambda name: None if name == 'webp' else real(name)",
                "the worker has webp none, here it is ",
            ),
            (
                "import importlib.metadata as m; real = m.version\n"
                "m.version = lambda name: '0.1' if name == 'pillow-heif' else real(name)",
                "the worker has pillow-heif 0.1, here it is ",
            ),
        ],
    )
    def test_another_version_is_refused_by_name(self, cli, no_workers, change, words) -> None:
        with worker(no_workers, change):
            ran = cli("predict", DRAWINGS[0], "--cluster", no_workers)
        assert (ran.code, ran.raw) == (4, b"")
        last = ran.err.splitlines()[-1]
        assert last.startswith(f"catclf: {os.uname().nodename}: {words}")
        assert last.endswith("; install the same for both")

    def test_a_worker_that_came_later_is_looked_at_too(self, no_workers) -> None:
        other = module.Identity("elsewhere", (("catclf", "0.0.9"), *module.identity().parts[1:]))
        with worker(no_workers), Cluster(no_workers) as cluster:
            task = cluster._client.submit(module.compute, other, str, ())
            with pytest.raises(CatclfError, match=r"the worker has catclf .* here it is 0\.0\.9"):
                task.result()

    def test_a_worker_short_of_memory(self, cli, no_workers, monkeypatch) -> None:
        monkeypatch.setattr(module, "ANSWER_SECONDS", 1.0)
        with worker(no_workers, memory="20 MB"), distributed.Client(no_workers) as client:
            until(lambda: statuses(client) == ["paused"])  # it looks at its memory now and then
            ran = cli("predict", DRAWINGS[0], "--cluster", no_workers)
        assert (ran.code, ran.raw) == (4, b"")
        assert "every worker is short of memory and waits" in ran.err

    def test_no_workers(self, cli, no_workers, monkeypatch) -> None:
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
        ran = cli("predict", DRAWINGS[0], "--cluster", no_workers)
        assert (ran.code, ran.raw) == (4, b"")
        assert ran.err.splitlines()[-1].startswith(f"catclf: {no_workers}: has no workers; start")

    def test_all_workers_gone_for_long(self, no_workers, monkeypatch) -> None:
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
        with worker(no_workers):
            cluster = Cluster(no_workers)
        with cluster, pytest.raises(CatclfError, match="has no workers"):
            list(cluster.in_order(str, [File(DRAWINGS[0])]))

    @pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere", "", "local:0", "ftp://x:1"])
    def test_an_address_where_nothing_answers(self, cli, address, monkeypatch) -> None:
        assert module.ANSWER_SECONDS < 10
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
        ran = cli("predict", DRAWINGS[0], "--quiet", "--cluster", address)
        assert (ran.code, ran.raw) == (4, b"")
        (line,) = ran.err.splitlines()
        assert "no Dask scheduler answers" in line

    def test_a_scheduler_that_ends(self) -> None:
        options = {"dashboard_address": "127.0.0.1:0", "silence_logs": 100}
        with distributed.LocalCluster(n_workers=0, **options) as started:
            with worker(started.scheduler_address):
                cluster = Cluster(started.scheduler_address)
            results = cluster.in_order(str, [File(DRAWINGS[0])])
        with cluster, pytest.raises(CatclfError, match="the scheduler is gone"):
            list(results)

    def test_ctrl_c_cancels_what_runs_there(self, two_workers, address, tmp_path) -> None:
        names = tmp_path / "names"
        names.write_text(f"{SAMPLES / 'photos/clock.jpg'}\n" * 5000)
        asked = ["predict", "--files-from", names, "--quiet", "--cluster", address]
        command = [sys.executable, "-m", "catclf", *map(str, asked)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout.readline().startswith(bytes(SAMPLES))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
        assert (process.returncode, said) == (130, b"catclf: stopped\n")
        until(lambda: not two_workers.scheduler.tasks)
        with distributed.Client(address) as client:
            until(lambda: not any(client.processing().values()))


class TestExtra:
    """dask is there only when it is asked for."""

    def test_without_it_the_error_says_how_to_get_it(self, cli, monkeypatch) -> None:
        monkeypatch.setattr(module, "find_spec", lambda name: None)
        ran = cli("predict", DRAWINGS[0], "--quiet", "--cluster", "local")
        assert ran.code == 4
        line = "catclf: a cluster needs dask and distributed; pip install 'catclf[dask]'\n"
        assert ran.err == line

    def test_report_and_cluster_exclude_each_other(self, cli) -> None:
        ran = cli("predict", DRAWINGS[0], "--report", "page.html", "--cluster", "local")
        assert ran.code == 2
        assert "--report" in ran.err
