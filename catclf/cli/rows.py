"""predict's CSV: its rows, and a file of them that is gone on with (`--resume`).

A file that was stopped and gone on with is, byte for byte, the one that would have come out at
once: what is cut off in the middle of a row is asked again, and a name that is given twice has two
rows. A row that says why a picture could not be read counts as answered.
"""

import csv
import io
import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from catclf.cli.console import escape
from catclf.errors import CatclfError
from catclf.stopping import tidying
from catclf.writing import write_whole

if TYPE_CHECKING:
    from catclf.model import Prediction

HEADER = "input,label,probability,error,unfamiliar"
STANDARD_INPUT = "-"
PART_ROWS = 100_000
CLOSE = 1e-3  # relative; processors differ by less, and other models or options by more


def row(prediction: "Prediction") -> str:
    """The line of a prediction, without its end."""
    line = io.StringIO()
    probability = "" if prediction.probability is None else repr(prediction.probability)
    unfamiliar = "" if prediction.unfamiliar is None else str(prediction.unfamiliar).lower()
    error = escape(prediction.error or "")
    cells = (_name(prediction.input), escape(prediction.label or ""), probability, error)
    csv.writer(line, lineterminator="").writerow((*cells, unfamiliar))
    return line.getvalue()


def _name(name: str) -> str:
    name = escape(name)
    if name.startswith(("=", "+", "-", "@", "\t", "\r")) and name != STANDARD_INPUT:
        name = f"./{name}"  # the same file, and no spreadsheet takes it for a formula
    return name


class Rows:
    """A CSV file of rows; those that are there are not asked for again. Closed by `with`.

    labels: how many rows have each label, None where a picture could not be read. Raises
    `CatclfError` for a file that is no such CSV, cannot be written, or is written by another
    process; nothing in it is changed then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answered: dict[str, int] = {}  # rows of each name
        self.labels: Counter[str | None] = Counter()
        self._samples: dict[str, list[str]] = {}  # the first and the last that has a label
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise self._error(f"cannot be written ({error.strerror})") from error
        try:
            self._begin()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)

    def _begin(self) -> None:
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise self._error("is no regular file", do="name another file")
            self._lock()
            self._size = self._read()
            os.ftruncate(self._descriptor, self._size)  # a row that was cut off
        except OSError as error:
            raise self._error(f"cannot be written ({error.strerror})") from error
        if not self._size:
            self._append(HEADER)

    def lacks(self, name: str) -> bool:
        """Whether an input of this name has no row yet. Each row answers for one input."""
        cell = _name(name)
        rows = self._answered.get(cell, 0)
        if rows:
            self._answered[cell] = rows - 1
        return not rows

    def append(self, prediction: "Prediction") -> None:
        """Write the row of a prediction."""
        self._append(row(prediction))

    def check(self, labels: Iterable[str], answer: Callable[[Path], "Prediction"]) -> None:
        """`CatclfError` where another model, or the same with other options, wrote the rows.

        labels: those that the model gives. The first and the last row's pictures are asked about
        again, as far as they are still there; one of them may have changed, but not both.
        """
        known = {escape(label) for label in labels}
        for label in self.labels:
            if label is not None and label not in known:
                raise self._foreign(f"has the label {label}, which this model does not know")
        differing = []
        for name, cells in self._samples.items():
            now = answer(Path(name)) if Path(name).is_file() else None
            if now is None or now.label is None or now.probability is None:
                continue
            if escape(now.label) == cells[1] and _close(now.probability, float(cells[2])):
                return
            differing.append(
                f"says {cells[1]} {float(cells[2]):.4f} of {name}, "
                f"this model {escape(now.label)} {now.probability:.4f}"
            )
        if differing:
            raise self._foreign(differing[0])

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._error("is being written by another catclf", do="wait for it") from error
        except OSError:  # a file system without locks
            return

    def _read(self) -> int:
        """Take note of the rows that are there; how many bytes they are, with the header."""
        expected = f"{HEADER}\n".encode()
        with open(self._descriptor, "rb", closefd=False) as file:
            header = file.readline(len(expected))
            if expected.startswith(header) and header != expected:  # empty, or cut off
                return 0
            if header != expected:
                raise self._foreign("is no CSV of catclf predict")
            self._size = len(header)
            last: list[str] = []
            try:
                for cells in csv.reader(self._whole(file), strict=True):
                    name, label, probability, error, _ = cells
                    if bool(label) is not bool(probability) or bool(label) is bool(error):
                        raise ValueError
                    self._answered[name] = self._answered.get(name, 0) + 1
                    self.labels[label or None] += 1
                    if label:
                        float(probability)
                        last = cells
                        if not self._samples:
                            self._samples[name] = cells
            except (ValueError, csv.Error) as error:
                what = f"is no CSV of catclf predict in line {self._line}"
                raise self._foreign(what) from error
        if last:
            self._samples[last[0]] = last
        return self._size

    def _whole(self, lines: Iterable[bytes]) -> Iterator[str]:
        """The lines that have an end."""
        for self._line, line in enumerate(lines, 2):  # after the header
            if line.endswith(b"\n"):
                self._size += len(line)
                yield line.decode("utf-8")

    def _append(self, line: str) -> None:
        rest = memoryview(f"{line}\n".encode("utf-8", "backslashreplace"))
        size = self._size + len(rest)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            what = f"cannot be written ({error.strerror})"
            raise self._error(what, do="the same command goes on from there") from error
        self._size = size

    def _foreign(self, what: str) -> CatclfError:
        return self._error(what, do="name another file, or the model and options that wrote it")

    def _error(self, what: str, do: str = "name another file") -> CatclfError:
        return CatclfError(what, where=str(self._path), do=do)


class Parts:
    """CSV files of at most PART_ROWS rows in a folder, each written whole. Closed by `with`.

    What is known when it ends, or is stopped, is written; `written` counts the files. Raises
    `CatclfError` for a folder that cannot be written, or that has such files already.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: list[str] = []
        self.written = 0
        self._tidying = tidying(self._write)
        try:
            folder.mkdir(exist_ok=True)
            taken = any(folder.glob("part-*.csv"))
        except OSError as error:
            raise self._error(error) from error
        if taken:
            do = "name a new one"
            raise CatclfError("has rows of another run", where=str(folder), do=do)

    def __enter__(self) -> "Parts":
        self._tidying.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._tidying.__exit__(None, None, None)
        self._write()

    def append(self, prediction: "Prediction") -> None:
        """Keep the row of a prediction, and write those kept when they are enough."""
        self._lines.append(row(prediction))
        if len(self._lines) >= PART_ROWS:
            self._write()

    def _write(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        text = "".join(f"{line}\n" for line in (HEADER, *lines))
        try:
            path = self._folder / f"part-{self.written:05}.csv"
            write_whole(path, [text.encode("utf-8", "backslashreplace")])
        except OSError as error:
            raise self._error(error) from error
        self.written += 1

    def _error(self, error: OSError) -> CatclfError:
        return CatclfError(f"cannot be written ({error.strerror})", where=str(self._folder))


def _close(p: float, q: float) -> bool:
    return all(math.isclose(a, b, rel_tol=CLOSE, abs_tol=1e-9) for a, b in ((p, q), (1 - p, 1 - q)))
