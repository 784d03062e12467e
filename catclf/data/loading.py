"""Many pictures at once: read, hashed and decoded on all cores, handed on in order.

A picture that cannot be had never stops a run and is never replaced: it comes as a `Failure` in its
place, with the reason. Threads suffice: Pillow decodes and resizes outside of Python's lock.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from catclf.data.dataset import Source
from catclf.data.decode import LARGE_BYTES, Loading, Picture, alone, decode, from_array
from catclf.errors import UnreadableImage

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 16  # pictures a thread may be ahead of who takes them: bounds the memory of a slow consumer


@dataclass(frozen=True)
class Loaded:
    """A picture and the sha256 of its file's bytes (of the array's, where there is no file); both
    of its hashes are empty where nobody asked for them."""

    picture: Picture
    sha256: bytes


@dataclass(frozen=True)
class Failure:
    """Why a picture could not be had."""

    reason: str


def load_one(source: Source, loading: Loading, hashed: bool = True) -> Loaded | Failure:
    """One picture, or why not. hashed False leaves out what only training and judging ask for."""
    try:
        with turn(source):
            data = source.read()
            sha256 = digest(data) if hashed else b""
            return Loaded(picture_of(data, loading, hashed), sha256)
    except UnreadableImage as error:
        return Failure(str(error))


def turn(source: Source) -> AbstractContextManager[None]:
    """What lasts while a picture is read and decoded: of very large files one at a time."""
    return alone(source.size() > LARGE_BYTES)


def picture_of(data: bytes | NDArray[np.uint8], loading: Loading, hashed: bool = True) -> Picture:
    """The picture in what a source has read, or `UnreadableImage`."""
    if isinstance(data, bytes):
        return decode(data, loading, hashed=hashed)
    return from_array(data, loading, hashed)


def digest(data: bytes | NDArray[np.uint8]) -> bytes:
    """sha256 of what a source has read."""
    import hashlib  # takes 6 ms, which a single prediction can do without

    return hashlib.sha256(data if isinstance(data, bytes) else data.tobytes()).digest()


def load(
    sources: Iterable[Source], loading: Loading, jobs: int | None = None
) -> Iterator[Loaded | Failure]:
    """One result a source, in their order."""
    return in_order(lambda source: load_one(source, loading), sources, jobs)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int | None = None
) -> Iterator[Result]:
    """work(item) for each item, in their order, each as soon as it and those before it are done.

    jobs: threads, by default one a core. The results do not depend on it.
    """
    items = iter(items)
    first = list(islice(items, 2))
    if len(first) < 2:  # needs no threads, which take a moment to be had
        yield from map(work, first)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    jobs = jobs or available_cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in chain(first, items):
                waiting.append(pool.submit(work, item))
                while waiting and (waiting[0].done() or len(waiting) >= jobs * AHEAD):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class InOrder(Protocol):
    """What `in_order` does with sources, here or elsewhere: who takes one of these needs not know.

    Elsewhere work and sources have to be pickled: no lambdas, no locks.
    """

    def __call__(
        self,
        work: Callable[[Source], Result],
        sources: Iterable[Source],
        jobs: int | None = None,
        /,
    ) -> Iterator[Result]:
        """work(source) for each source, in their order; the results are the same everywhere."""
        ...


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
