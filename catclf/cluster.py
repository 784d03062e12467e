"""Reading and features on a Dask cluster: the loader's `in_order`, with the work done elsewhere.

What goes out are the work itself, once, and blocks of sources, that is names; what comes back is a
result a source. Dask schedules, sends, and does again what was lost with a worker; nothing of that
is done here. Only the command line knows that this module exists.
"""

import asyncio
import ctypes
import hashlib
import importlib.metadata
import platform
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from catclf.data.dataset import Source
from catclf.data.loading import Failure, available_cores
from catclf.errors import CatclfError, UnreadableImage

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")

BLOCK = 64  # sources a task: a second or two of the network, beside which Dask's part is small
AHEAD = 4  # blocks a thread that are under way or wait to be taken: bounds the memory
ANSWER_SECONDS = 6.0  # that a scheduler may take to say who it is
LOOK_SECONDS = 2.0  # from one look at the workers to the next
PATIENCE_SECONDS = 30.0  # without a worker that could work; one that was killed may come again
KEPT_BYTES = 32 * 2**20  # where glibc's own thresholds end
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
DECODERS = ("libjpeg_turbo", "jpg", "webp", "avif", "jpg_2000")  # as Pillow calls its parts
NO_WARNING_BYTES = "1 GiB"  # of the work: a model of large pixels is larger than Dask thinks wise


class Cluster:
    """The workers of Dask's scheduler at an address, or as many processes here as "local:N" says,
    by default one a core. Closed by `with`.

    Raises `CatclfError` where Dask is not installed, nothing answers, or a worker would not
    compute the same.
    """

    def __init__(self, address: str) -> None:
        if find_spec("distributed") is None:
            do = "pip install 'catclf[dask]'"
            raise CatclfError("a cluster needs dask and distributed", do=do)
        import dask

        dask.config.set({"distributed.admin.large-graph-warning-threshold": NO_WARNING_BYTES})
        _silence()
        self.address = address
        self._looked = -LOOK_SECONDS
        self._threads = 1
        with ExitStack() as opened:
            self._client = _client(address, opened)
            self._wait_for_a_worker()
            self._check()
            self._opened = opened.pop_all()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(Exception):  # a scheduler that is gone has nothing to be told
            self._opened.close()

    @property
    def dashboard(self) -> str:
        """Where a browser sees what the cluster does."""
        return str(self._client.dashboard_link)

    @property
    def size(self) -> tuple[int, int]:
        """Workers that are there now, and their threads."""
        threads = self._client.nthreads()
        return len(threads), sum(threads.values())

    def in_order(
        self,
        work: Callable[[Source], Result],
        sources: Iterable[Source],
        jobs: int | None = None,
        /,
    ) -> Iterator[Result]:
        """What `data.loading.in_order` does; jobs are the workers' own threads instead.

        Raises `CatclfError` where the workers cannot go on, or do not see a file that is here.
        """
        from distributed import CancelledError, KilledWorker

        # A task and not scattered: what a task has made is made again when its worker is lost.
        sent = self._client.submit(itself, work, pure=False)
        expected = identity()
        waiting: deque[tuple[tuple[Source, ...], Future[Block[Result]]]] = deque()
        block: tuple[Source, ...] = ()
        try:
            for block in _blocks(sources):
                task = self._client.submit(compute, expected, sent, block, pure=False)
                waiting.append((block, task))
                while waiting and (waiting[0][1].done() or len(waiting) >= self._room()):
                    block, task = waiting.popleft()
                    yield from self._results(block, task)
            while waiting:
                block, task = waiting.popleft()
                yield from self._results(block, task)
        except KilledWorker as error:
            lost = f"each worker that took it on ended ({error.allowed_failures + 1}): no memory?"
            do = "give workers more memory, or leave out the photo that does it"
            # Dask suspects all that waited for the worker, not only what it worked on.
            where = f"{name_of(block[0])}, the {len(block) - 1} after it or those beside them"
            raise CatclfError(lost, where=where, do=do) from error
        except (CancelledError, OSError) as error:
            raise CatclfError("the scheduler is gone", where=self.address) from error
        finally:
            with suppress(Exception):
                self._client.cancel([sent, *(task for _, task in waiting)])

    def _results(
        self, sources: tuple[Source, ...], task: "Future[Block[Result]]"
    ) -> Iterator[Result]:
        """The results of a block, as soon as it is done."""
        block = self._wait(task)
        for position, reason in block.unread:
            source = sources[position]
            with suppress(UnreadableImage):
                source.read()
                what = f"{reason} on {block.machine}, but it is here"
                do = "let every worker see the same files at the same place"
                raise CatclfError(what, where=name_of(source), do=do)
        yield from block.results

    def _wait(self, task: "Future[Block[Result]]") -> "Block[Result]":
        since = time.monotonic()
        while True:
            try:
                return task.result(timeout=LOOK_SECONDS)
            except TimeoutError:
                trouble = self._trouble()
            if trouble is None:
                since = time.monotonic()
            elif time.monotonic() - since > PATIENCE_SECONDS:
                raise trouble

    def _trouble(self) -> CatclfError | None:
        """Why no worker can work now."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        if any(worker["status"] == "running" for worker in workers):
            return None
        if not workers:
            what, do = "has no workers", f"start some: dask worker {self.address}"
        else:
            machines = ", ".join(sorted({worker["host"] for worker in workers}))
            what = f"every worker is short of memory and waits ({machines})"
            do = "start them with more: dask worker --memory-limit"
        return CatclfError(what, where=self.address, do=do)

    def _wait_for_a_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=ANSWER_SECONDS)
        except TimeoutError as error:
            raise self._trouble() or CatclfError("has no workers", where=self.address) from error

    def _check(self) -> None:
        """CatclfError where a worker is not what we are."""
        expected = identity()
        for address, found in self._client.run(identity, on_error="return").items():
            if isinstance(found, BaseException):
                do = "install the same catclf for the workers"
                raise CatclfError(f"cannot run catclf: {found}", where=f"worker {address}", do=do)
            check_same(expected, found)

    def _room(self) -> int:
        """Blocks that may be under way at once."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._threads = max(sum(self._client.nthreads().values()), 1)
        return AHEAD * self._threads


def _client(address: str, opened: ExitStack) -> "Client":
    """Dask's client of the scheduler at the address, or of one that is started here."""
    import distributed

    scheduler: str | distributed.LocalCluster = address
    local = re.fullmatch(r"local(?::([1-9]\d*))?", address)
    if local:
        scheduler = distributed.LocalCluster(
            n_workers=int(local[1] or available_cores()),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=_NOTHING,
        )
        opened.enter_context(scheduler)
    else:
        _knock(address)
    client: Client = opened.enter_context(distributed.Client(scheduler, timeout=ANSWER_SECONDS))
    return client


def _knock(address: str) -> None:
    """CatclfError where no scheduler answers. Dask's client would go on trying, and complain."""
    try:
        kind = asyncio.run(_kind(address))
    except Exception as error:  # whatever else listens there makes for a dozen kinds
        do = "start one: dask scheduler"
        raise CatclfError("no Dask scheduler answers", where=address, do=do) from error
    if kind != "Scheduler":
        raise CatclfError(f"is a Dask {kind.lower()}, not the scheduler", where=address)


async def _kind(address: str) -> str:
    """Which part of Dask answers at an address."""
    import distributed

    async with distributed.rpc(address) as remote:
        return str((await asyncio.wait_for(remote.identity(), ANSWER_SECONDS))["type"])


_NOTHING = 100  # a level of logging that nothing reaches


def _silence() -> None:
    """What goes wrong is told by our errors; Dask's log would stand between the lines."""
    import logging

    import distributed  # sets its levels when it is imported

    for name in (distributed.__name__, "distributed.client", "distributed.scheduler"):
        logging.getLogger(name).setLevel(_NOTHING)


def _blocks(sources: Iterable[Source]) -> Iterator[tuple[Source, ...]]:
    rest = iter(sources)
    while block := tuple(islice(rest, BLOCK)):
        yield block


def name_of(source: Source) -> str:
    """The file of a source, or what stands for it."""
    return str(getattr(source, "path", "a picture without a file"))


# What follows runs on the workers, too.


@dataclass(frozen=True)
class Identity:
    """A machine, and what the numbers that it computes depend on."""

    machine: str
    parts: tuple[tuple[str, str], ...]


@cache
def identity() -> Identity:
    """What this process is."""
    import numpy as np
    from PIL import __version__ as pillow
    from PIL import features

    from catclf import __version__
    from catclf.features.conv import WEIGHTS

    weights = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:12]
    parts = {
        "catclf": __version__,
        "numpy": np.__version__,
        "pillow": pillow,
        "weights of the map conv": weights,
        # One that is missing makes errors of rows, and another version other pixels.
        **{name: features.version(name) or "none" for name in DECODERS},
        "pillow-heif": _version("pillow-heif"),
    }
    return Identity(platform.node(), tuple(parts.items()))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def check_same(driver: Identity, worker: Identity) -> None:
    """CatclfError where the two would not compute the same."""
    for (name, here), (_, there) in zip(driver.parts, worker.parts, strict=True):
        if here != there:
            what = f"the worker has {name} {there}, here it is {here}"
            do = "install the same for both"
            raise CatclfError(what, where=worker.machine, do=do)


@cache
def keep_memory() -> None:
    """Let malloc keep what was freed, as it does by itself: Dask's workers are started with the
    order to give it back at once, and the network would spend half of its time asking for it again.
    """
    with suppress(OSError, AttributeError):  # another C library has no such thing
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)


@dataclass(frozen=True)
class Block(Generic[Result]):
    """A result for each of some sources; position and reason of those that could not even be read;
    and the machine that tried."""

    results: list[Result]
    unread: list[tuple[int, str]]
    machine: str


def compute(
    driver: Identity, work: Callable[[Source], Result], sources: tuple[Source, ...]
) -> Block[Result]:
    """work(source) for each source."""
    here = identity()
    keep_memory()
    check_same(driver, here)  # this worker may have come after the others were looked at
    results = [work(source) for source in sources]
    unread = []
    for position, result in enumerate(results):
        if isinstance(result, Failure):
            try:
                sources[position].read()
            except UnreadableImage as error:
                unread.append((position, str(error)))
    return Block(results, unread, here.machine)


def itself(work: Result) -> Result:
    """The work, as a task."""
    return work
