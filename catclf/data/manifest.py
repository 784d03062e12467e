"""CSV and TSV manifests: a line a picture, with its path, its label and, if present, its split.

Further columns are groups for `eval --by`. Paths are relative to the manifest, or addresses.
"""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from catclf.data.addresses import Remote, is_address
from catclf.data.dataset import SPLIT_NAMES, Dataset, Example, File, Labelled, resolve
from catclf.errors import DataError
from catclf.writing import write_whole

_PATH = ("path", "file", "filename", "file_name", "image", "image_path")
_LABEL = ("label", "class", "class_name", "target", "y")
_SPLIT = ("split", "subset", "set", "partition")
LINE_LENGTH = 2**20
_NUMBERED = {"0": "non-cat", "1": "cat"}  # where there are no other labels


def read(path: Path, positive: str | None) -> Dataset:
    """The data set that a manifest lists."""
    with _table(path) as (header, rows):
        numbered = list(_examples(path, header, rows))
    labelled = [example for _, example in numbered if example is not None]
    class_names = {example.class_name for example in labelled}
    if class_names <= set(_NUMBERED) and positive not in class_names:
        labelled = [replace(e, class_name=_NUMBERED[e.class_name]) for e in labelled]
    elif positive is None and not class_names.isdisjoint(_NUMBERED):
        _refuse_odd_label(path, numbered)
    unlabelled = len(numbered) - len(labelled)
    remarks = [f"{_rows(unlabelled)} without a label left out"] if unlabelled else []
    return resolve(path, labelled, positive, remarks)


def names(path: Path) -> list[str]:
    """The pictures that a manifest lists, whether it has labels or not: paths and addresses."""
    with _table(path) as (header, rows):
        column = _column(path, header, _PATH, "path")
        return [_full(path, row[column]) for row in rows if len(row) > column]


def write(path: Path, examples: Sequence[Example]) -> None:
    """A manifest of these examples with their full paths.

    DataError where they have none, and where something stands at the path already.
    """
    columns = sorted({key for example in examples for key in example.groups} - {"class"})
    rows = []
    for example in examples:
        if isinstance(example.source, Remote):
            where = example.source.address
        elif isinstance(example.source, File):
            where = os.path.abspath(example.source.path)  # noqa: PTH100 - links stay as they are
        else:
            what = "is no file, so no manifest can list it"
            raise DataError(what, where=example.name, do="unpack the data first")
        groups = [example.groups.get(column, "") for column in columns]
        rows.append((where, example.groups["class"], example.split, *groups))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("path", "label", "split", *columns))
    writer.writerows(rows)
    try:
        if os.path.lexists(path):
            raise DataError("stands there already", where=str(path), do="name another")
        write_whole(path, [text.getvalue().encode("utf-8", "surrogateescape")])
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror})", where=str(path)) from error


@contextmanager
def _table(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Header and rows while the file is open; DataError where it is no table."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            head = file.readline(LINE_LENGTH)
            file.seek(0)
            rows = csv.reader(_lines(file), delimiter=_delimiter(path, head), strict=True)
            yield [name.strip().lower() for name in next(rows, [])], rows
    except csv.Error as error:
        raise DataError(f"not a table: {error}", where=str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(path)) from error


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a table; csv.Error where one is longer than any has reason to be."""
    while line := file.readline(LINE_LENGTH):
        if len(line) == LINE_LENGTH:
            raise csv.Error(f"a line of more than {LINE_LENGTH:,} characters")
        yield line


def _refuse_odd_label(path: Path, numbered: Sequence[tuple[int, Labelled | None]]) -> None:
    for number, example in numbered:
        if example is not None and example.class_name not in _NUMBERED:
            what = f"row {number} has the label {example.class_name!r}, others have 0 or 1"
            do = "write 0 or 1, or say which class is positive with --positive NAME"
            raise DataError(what, where=str(path), do=do)


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _delimiter(path: Path, head: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=head.count)


def _examples(
    path: Path, header: Sequence[str], rows: Iterator[list[str]]
) -> Iterator[tuple[int, Labelled | None]]:
    """The rows with their numbers; None for one without a label."""
    path_column = _column(path, header, _PATH, "path")
    label_column = _column(path, header, _LABEL, "label")
    split_column = next((header.index(name) for name in _SPLIT if name in header), None)
    used = {path_column, label_column, split_column}
    group_columns = [j for j, name in enumerate(header) if name and j not in used]
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            what = f"row {number} has {len(row)} cells, the header has {len(header)}"
            raise DataError(what, where=str(path), do="mend that row")
        label = row[label_column].strip()
        if not label:
            yield number, None
            continue
        split = None if split_column is None else _split(path, number, row[split_column])
        groups = {header[j]: row[j] for j in group_columns}
        name = _full(path, row[path_column])
        source = Remote(name) if is_address(name) else File(Path(name))
        yield number, Labelled(row[path_column], source, label, split, groups)


def _full(path: Path, name: str) -> str:
    """An address as it is, a path below the manifest's folder."""
    return name if is_address(name) else str(path.parent / name)


def _column(path: Path, header: Sequence[str], names: Sequence[str], wanted: str) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    what = f"no column {wanted}; the header reads: {', '.join(header)}"
    raise DataError(what, where=str(path), do="name the columns path, label and, if any, split")


def _split(path: Path, number: int, value: str) -> str | None:
    if not value.strip():
        return None
    try:
        return SPLIT_NAMES[value.strip().lower()]
    except KeyError:
        do = "write train, val or test"
        raise DataError(f"row {number} has the split {value!r}", where=str(path), do=do) from None
