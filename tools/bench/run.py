"""catclf beside its peers on the same work, in one run: ratios of medians, taken in turn.

Usage: python tools/bench/run.py [--data FOLDER] [--write docs/benchmarks.md] [ROW ...]
FOLDER holds course/ and photos/; rows that need what is not there are named and left out. Peers
come with the extra `bench`. Measures and prints, asserts nothing; the tests hold what is computed.
"""

import argparse
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

MARKS = ("<!-- figures -->", "<!-- end of figures -->")
ROWS = (
    "course", "optimum", "sweep", "forward", "reading", "start", "predict", "folds", "memory",
    "scaling", "pages", "cluster",
)  # fmt: skip


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each of the works, which take turns so that noise meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def rows_of(
    title: str, times: dict[str, float], wanted: str = "", remarks: dict[str, str] | None = None
) -> list[str]:
    """Table lines: the first work is ours, the others are told as multiples of its time."""
    ours = next(iter(times.values()))
    lines = [f"| **{title}** {wanted} | | | |"]
    for name, taken in times.items():
        ratio = "1" if taken == ours else f"{taken / ours:,.2f}"
        remark = (remarks or {}).get(name, "")
        lines.append(f"| {name} | {1e3 * taken:,.1f} ms | {ratio} | {remark} |")
    return lines


def machine() -> str:
    """What the figures were taken on."""
    cpu = platform.processor() or "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.*)", info.read_text())
        cpu = found[1] if found else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(
        f"{name} {metadata.version(name)}"
        for name in ("numpy", "pillow", "typer", "scikit-learn", "torch", "simplejpeg")
        if _is_installed(name)
    )
    cores = len(os.sched_getaffinity(0))
    return f"{cpu}, {cores} cores, {memory:.0f} GiB; Python {platform.python_version()}, {versions}"


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Run the rows asked for and print them as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CATCLF_DATA", "data")))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--patience", type=float, default=300, help="seconds a peer's solver gets")
    asked = parser.parse_args()

    import elsewhere
    import files
    import forward
    import processes
    import solvers

    solvers.PATIENCE = asked.patience
    known: dict[str, Callable[[Path], list[str]]] = {
        "course": solvers.course,
        "optimum": solvers.optimum,
        "sweep": solvers.sweep,
        "folds": solvers.folds,
        "forward": forward.forward,
        "reading": files.reading,
        "predict": files.predict,
        "start": processes.start,
        "memory": processes.memory,
        "scaling": processes.scaling,
        "pages": processes.pages,
        "cluster": elsewhere.cluster,
    }
    lines = [machine(), "", "| work | median | ratio to ours | |", "| --- | ---: | ---: | --- |"]
    print("\n".join(lines), flush=True)
    for row in asked.rows:
        try:
            found = known[row](asked.data)
        except (ImportError, OSError) as error:
            found = [f"| **{row}** not run: {error} | | | |"]
        print("\n".join(found), flush=True)
        lines += found
    if asked.write:
        before, _, rest = asked.write.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        table = "\n".join(lines)
        asked.write.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()
