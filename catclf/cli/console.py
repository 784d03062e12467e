"""The one place that writes to the terminal: results to stdout, everything else to stderr.

Names from a disk are escaped on the way out, so that no name can move the cursor or colour the
terminal. rich is imported only when a bar is drawn.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING

import typer

from catclf.cli import drawing
from catclf.errors import CatclfError
from catclf.stopping import tidying
from catclf.text import count as count  # as: for those who say console.count
from catclf.text import escape as escape
from catclf.text import interval as interval
from catclf.text import percent as percent

if TYPE_CHECKING:
    import rich.progress

    from catclf.recipes import Progress

_REDRAW_SECONDS = 0.1
_ROOM_FOR_BARS = 80  # columns; in fewer only the figures are shown
_ROOM_FOR_BOTH = 60  # columns; in fewer the cost stands without what was counted
_CHART_POINTS = 40  # of the cost while it falls
NAMED_FAILURES = 10  # unreadable pictures that are named; the rest are counted
_BLOCKS = "▁▂▃▄▅▆▇█"


def result(line: str) -> None:
    """A line of the result."""
    raw_result((line + "\n").encode("utf-8", "backslashreplace"))


def prose(line: str, column: int | None = None) -> None:
    """A line of the result that is made of words; see `drawing.fold`."""
    for part in drawing.fold(line, drawing.screen_of(sys.stdout), column):
        result(part)


def raw_result(data: bytes) -> None:
    """Bytes of the result, as they are; see `hand_over`."""
    global _handed_over
    with _a_reader_that_may_leave():
        sys.stdout.buffer.write(data)
    now = time.monotonic()
    if now - _handed_over > _REDRAW_SECONDS:  # a write a row would slow thousands down
        hand_over()
        _handed_over = now


_handed_over = 0.0


def hand_over() -> None:
    """Let whoever reads the pipe see all rows so far: before a pause, and at the end."""
    with _a_reader_that_may_leave():
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _a_reader_that_may_leave() -> Iterator[None]:
    """A reader that has gone away (`| head`) ends us quietly, a full disk with an error."""
    try:
        yield
    except BrokenPipeError:
        _forget(1)
        raise typer.Exit(0) from None
    except OSError as error:
        _forget(1)
        what = f"cannot be written ({error.strerror})"
        raise CatclfError(what, where="standard output") from error


def open_streams() -> None:
    """Stand-ins for streams that were closed before we began (`2>&-`)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


@contextlib.contextmanager
def our_lines_alone() -> Iterator[None]:
    """Nothing reaches stderr but what Python writes there.

    C libraries write to descriptor 2, past Python: libtiff does at every odd TIFF. Meanwhile that
    leads nowhere, and our lines take a descriptor of their own.
    """
    try:
        ours = os.dup(2)
    except OSError:  # closed before we began
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    before = sys.stderr
    with open(  # noqa: PTH123 - a descriptor has no path
        ours, "w", buffering=1, encoding=before.encoding, errors="backslashreplace"
    ) as stream:
        if _is_descriptor_2(before):
            sys.stderr = stream
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(ours, 2)
            os.close(nowhere)
            sys.stderr = before


def _is_descriptor_2(stream: IO[str]) -> bool:
    try:
        return stream.fileno() == 2
    except (OSError, ValueError):  # a stream of Python's own, as in tests and notebooks
        return False


def flush() -> None:
    """Hand over what is left, such as a help text; by now nothing can be done about a failure."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.flush()
    except OSError:
        _forget(1)


def _forget(descriptor: int) -> None:
    # The interpreter flushes its streams once more at its end; nobody is there to read them.
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def remark(line: str) -> None:
    """A line for the person at the terminal, or several."""
    screen = drawing.screen_of(sys.stderr)
    lines = [part for one in line.split("\n") for part in drawing.fold(one, screen)]
    try:
        print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - this is the place
    except BrokenPipeError:
        _forget(sys.stderr.fileno())


def left_out(failures: Sequence[tuple[str, str]]) -> list[str]:
    """Lines that count the pictures without which it had to go, and name them with the reason."""
    if not failures:
        return []
    lines = [f"left out {count(len(failures), 'unreadable picture')}:"]
    lines += [f"  {escape(name)}: {escape(why)}" for name, why in failures[:NAMED_FAILURES]]
    if len(failures) > NAMED_FAILURES:
        lines.append(f"  and {len(failures) - NAMED_FAILURES:,} more")
    return lines


def sparkline(values: Sequence[float]) -> str:
    """A curve as a line of text, from its lowest to its highest value.

    >>> sparkline([4.0, 2.0, 1.0, 0.0])
    '█▅▃▁'
    """
    low, high = min(values), max(values)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((value - low) * scale)] for value in values)


class ProgressBar:
    """A bar a stage on stderr, with the rate of work and the time left, and the cost as it falls;
    nothing in a pipe."""

    def __init__(self, quiet: bool) -> None:
        self._screen = None if quiet else drawing.screen_of(sys.stderr)
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._stage = ""
        self._began = self._drawn = 0.0
        self._costs: list[float] = []
        self._tidying = tidying(self._stop)

    def __enter__(self) -> "ProgressBar":
        self._tidying.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        self._tidying.__exit__(kind, error, traceback)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()  # shows the cursor again

    def __call__(self, progress: "Progress") -> None:
        """Draw, unless that was done a moment ago."""
        if self._screen is None:
            return
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._began, self._task, self._costs = progress.stage, now, None, []
        if progress.cost is not None:
            self._costs.append(progress.cost)
        if now - self._drawn < _REDRAW_SECONDS and progress.done < 1:
            return
        if self._bar is None:
            self._bar = _new_bar(self._screen, self._chart)
            self._bar.start()
        if self._task is None:
            self._task = self._bar.add_task(progress.stage, total=1.0, remark="")
        self._drawn = now
        rate = progress.count / max(now - self._began, 1e-3)
        parts = [f"{progress.count:,} {progress.unit}, {rate:,.0f}/s"]
        if progress.cost is not None:
            parts.append(f"cost {progress.cost:.4f}")
        remark = "  ".join(parts if self._screen.width >= _ROOM_FOR_BOTH else parts[-1:])
        self._bar.update(self._task, completed=progress.done, remark=remark)

    def _chart(self) -> list[str]:
        """The cost so far, further apart from one column to the next: it falls ever more slowly."""
        costs = self._costs  # rich draws from a thread of its own; the next stage has another list
        n = len(costs)
        if self._screen is None or n < 2:
            return []
        chosen = (round(n ** (i / _CHART_POINTS)) - 1 for i in range(_CHART_POINTS + 1))
        return drawing.chart([costs[i] for i in chosen], self._screen)


def _new_bar(
    screen: "drawing.Screen", chart: "Callable[[], list[str]]"
) -> "rich.progress.Progress":
    import rich.console
    import rich.progress
    import rich.text

    class Bar(rich.progress.Progress):
        """The stages' bars, and the chart below them."""

        def get_renderables(self) -> "Iterable[rich.console.RenderableType]":
            yield self.make_tasks_table(self.tasks)
            yield from (rich.text.Text.from_ansi(line) for line in chart())

    columns: list[rich.progress.ProgressColumn] = [
        rich.progress.TextColumn("{task.description:>8}"),
        rich.progress.TaskProgressColumn(),
        rich.progress.TextColumn("{task.fields[remark]}"),
    ]
    if screen.width >= _ROOM_FOR_BARS:
        columns[1:1] = [rich.progress.BarColumn(bar_width=min(24, screen.width // 6))]
        columns[3:3] = [rich.progress.TimeRemainingColumn()]
    return Bar(
        *columns,
        console=rich.console.Console(stderr=True),
        transient=True,
    )
