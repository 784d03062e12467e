"""Rows of `run.py` about work that worker processes do: rows a second, and bytes a photo."""

import re
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from run import in_turn

from catclf.cli.options import BUNDLED_MODEL
from catclf.cluster import Cluster
from catclf.data.dataset import File, Source, open_dataset
from catclf.data.loading import InOrder, in_order
from catclf.features import feature_map, matrix
from catclf.modelfile import load_model

PHOTOS = 400
ROUNDS = 3
NAMES = 100_000  # of photos with which nothing is done


def cluster(data: Path) -> list[str]:
    """One and two worker processes of one thread each, beside as many threads of one process."""
    model = load_model(BUNDLED_MODEL)
    examples = open_dataset(data / "photos").split("train")
    some = examples[:: len(examples) // PHOTOS][:PHOTOS]
    named = [(example.name, example.source) for example in some]
    sources = [example.source for example in some]
    features = feature_map(model.features, model.loading)

    def answers(jobs: int, where: InOrder) -> object:
        return deque(model.predict_sources(named, jobs=jobs, in_order=where), maxlen=0)

    def columns(jobs: int, where: InOrder) -> object:
        return matrix(features, sources, jobs=jobs, in_order=where)

    lines = []
    for n in (1, 2):
        with Cluster(f"local:{n}") as workers:
            for name, work in (("predict", answers), ("features for train", columns)):
                here, there = partial(work, n, in_order), partial(work, n, workers.in_order)
                there()  # imports, and what the workers keep
                taken = in_turn({"here": here, "there": there}, ROUNDS)
                rates = {place: len(some) / seconds for place, seconds in taken.items()}
                title = f"**{name}, {len(some):,} photos, {n} worker{'s' * (n > 1)}** (1.15)"
                sent = _bytes_over_loopback(there) / len(some)
                lines += [
                    f"| {title} | | | |",
                    f"| threads of one process | {rates['here']:.0f} photos/s | 1 | |",
                    f"| worker processes | {rates['there']:.0f} photos/s | "
                    f"{taken['there'] / taken['here']:.2f} | {sent:,.0f} bytes a photo |",
                ]
            if n == 1:
                lines += _handed_on(workers)
    return lines


def _handed_on(workers: Cluster) -> list[str]:
    """How many photos a second names and answers come to when nothing is done with them."""
    names = [File(Path(f"/photos/of/some/folder/IMG_{i:08}.jpg")) for i in range(NAMES)]
    begun, worked = time.perf_counter(), time.process_time()
    deque(workers.in_order(unseen, names), maxlen=0)
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    return [
        f"| **names and answers alone, {NAMES:,}** | | | |",
        f"| driver, scheduler and one worker | {NAMES / seconds:,.0f} photos/s | | "
        f"{1e6 * worked / NAMES:.0f} µs of the driver's and scheduler's processor a photo |",
    ]


def unseen(source: Source) -> float:
    """An answer without a look at the photo."""
    return 0.5


def _bytes_over_loopback(work: Callable[[], object]) -> int:
    """Bytes that went over this machine's own network meanwhile, headers and all."""
    before = _received()
    work()
    return _received() - before


def _received() -> int:
    found = re.search(r"\blo:\s*(\d+)", Path("/proc/net/dev").read_text())
    if found is None:
        raise OSError("no count of bytes in /proc/net/dev")
    return int(found[1])
