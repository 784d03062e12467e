"""Folders of pictures: one sub-folder a class, or a label at the start of each file name.

Below `train/` and `test/` (or `val/`, `valid/`) the same, once a split. Works on relative names, so
that a zip of a folder is read by the same lines.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catclf.data.dataset import SPLIT_NAMES, Dataset, File, Labelled, Source, opened, resolve
from catclf.data.decode import EXTENSIONS, SIGNATURE_BYTES, looks_like_picture
from catclf.errors import DataError

_JUNK = frozenset(("__macosx", "thumbs.db", "desktop.ini"))
# cat.0.jpg, dog.12.jpg, cat_003.jpg, "non-cat (4).jpg", Cat7.jpg
_LABEL_IN_NAME = re.compile(r"([^\W\d_]+(?:[ -][^\W\d_]+)*)[._ -]*\(?\d+\)?", re.UNICODE)
LAYOUTS = (
    "expected class folders (cat/, dog/, ...), train/ and test/ of them, or names like cat.0.jpg"
)


@dataclass(frozen=True)
class Entry:
    """A picture and the names of the folders above it, from the root of the data set."""

    parts: tuple[str, ...]
    source: Source

    @property
    def name(self) -> str:
        """The path from the root, with slashes."""
        return "/".join(self.parts)


def read(root: Path, positive: str | None) -> Dataset:
    """The data set in a folder."""
    found = pictures_below(root)
    if root in found.closed:
        raise DataError("a folder that cannot be read", where=str(root))
    entries = [Entry(path.relative_to(root).parts, File(path)) for path in found.pictures]
    dataset = arrange(root, entries, positive, found.others)
    closed = tuple(f"the folder {path.relative_to(root)} cannot be read" for path in found.closed)
    return replace(dataset, remarks=(*dataset.remarks, *closed))


def layouts(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The layouts that are understood, a line each, with a data set's own names in them.

    >>> print("\\n".join(layouts(Path("pets"), ["rex.jpg", "tom.jpg"])))
      a folder a class: pets/cat/rex.jpg, pets/other/tom.jpg
      and one a split above them: pets/train/cat/rex.jpg, pets/test/other/tom.jpg
      the class at the start of each name: pets/cat.1.jpg, pets/other.2.jpg
      a table with the columns path and label, pets.csv: pets/rex.jpg,cat
    """
    first, second = (*names, "a.jpg", "b.jpg")[:2]
    top, ends = root.name or ".", [Path(name).suffix for name in (first, second)]
    return (
        f"  a folder a class: {top}/cat/{first}, {top}/other/{second}",
        f"  and one a split above them: {top}/train/cat/{first}, {top}/test/other/{second}",
        f"  the class at the start of each name: {top}/cat.1{ends[0]}, {top}/other.2{ends[1]}",
        f"  a table with the columns path and label, {top}.csv: {top}/{first},cat",
    )


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is an operating system's own, or hidden."""
    return name.startswith(".") or name.lower() in _JUNK


@dataclass(frozen=True)
class Found:
    """What lies below a folder: pictures in order, how many other files, folders that are closed.

    A picture is a regular file with a picture's extension, or with a picture's first bytes. Links
    to files are read; links to folders are not followed, and count as other files.
    """

    pictures: tuple[Path, ...]
    others: int
    closed: tuple[Path, ...]


def pictures_below(root: Path) -> Found:
    """All that lies below a folder, by name: what is in a folder, then what is in those below."""
    pictures, closed, others = [], [], 0
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted((e for e in entries if not is_junk(e.name)), key=lambda e: e.name)
        except OSError:
            closed.append(Path(folder))
            continue
        below = []
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            elif _is_picture(entry):
                pictures.append(Path(entry.path))
            else:
                others += 1
        folders += reversed(below)
    return Found(tuple(pictures), others, tuple(closed))


def matching(pattern: str) -> list[Path]:
    """The files that a pattern names, by name; ** are folders of any depth.

    Hidden names have to be spelled. Folders that fit too are left out: what is in them fits or does
    not. As below a folder, ** follows no links to folders: two in a circle would never end. None
    where a name is too long or a folder too deep for a pattern.
    """
    base = Path(Path(pattern).anchor)
    parts = [
        part if part == "**" else re.sub(r"\*+", "*", part)  # as a shell has it
        for part in Path(pattern).relative_to(base).parts
    ]
    if parts[-1] == "**":
        parts.append("*")
    try:
        found = [path for path in base.glob("/".join(parts)) if not path.is_dir()]
    except (OSError, RecursionError):
        return []
    return sorted(p for p in found if not any(is_junk(part) for part in {*p.parts} - {*parts}))


def _is_picture(entry: "os.DirEntry[str]") -> bool:
    has_extension = os.path.splitext(entry.name)[1].lower() in EXTENSIONS  # noqa: PTH122 - many
    try:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            return False
        if has_extension or not status.st_size:  # as in /proc, where reading may wait
            return has_extension
        with opened(entry.path) as file:
            return looks_like_picture(file.read(SIGNATURE_BYTES))
    except OSError:
        return has_extension  # the loader says why it cannot be read


def arrange(root: Path, entries: Sequence[Entry], positive: str | None, others: int = 0) -> Dataset:
    """Labels and splits for pictures by their names below the root of a folder or a zip."""
    if not entries:
        what = "holds no images"
        raise DataError(what, where=str(root), do=LAYOUTS, examples=layouts(root, ()))
    entries = sorted(_without_wrapper(entries, positive), key=lambda entry: entry.parts)
    remarks = []
    if others:
        remarks.append(f"{_files(others)} beside the pictures left alone")
    tops = Counter(entry.parts[0] for entry in entries if len(entry.parts) > 1)
    splits = {top: SPLIT_NAMES[top.lower()] for top in tops if top.lower() in SPLIT_NAMES}
    if "train" in splits.values() or "test" in splits.values():
        labelled = [
            example
            for top, split in splits.items()
            for example in _labelled(root, [e for e in entries if e.parts[0] == top], 1, split)
        ]
    else:
        labelled = _labelled(root, entries, 0, None)
    stray = len(entries) - len(labelled)
    if stray:
        remarks.append(f"{_files(stray)} outside of the class folders left out")
    return resolve(root, labelled, positive, remarks)


def _files(n: int) -> str:
    return "1 file" if n == 1 else f"{n:,} files"


def _without_wrapper(entries: Sequence[Entry], positive: str | None) -> Sequence[Entry]:
    """Entries without a first folder that holds everything (pets.zip -> pets/cat/1.jpg).

    A folder that is a split, or the positive class, is no wrapper.
    """
    wanted = {"cat", "cats"} if positive is None else {positive.lower()}
    while entries and all(len(entry.parts) > 1 for entry in entries):
        tops = {entry.parts[0].lower() for entry in entries}
        below = {entry.parts[1].lower() for entry in entries if len(entry.parts) > 2}
        if len(tops) > 1 or not tops.isdisjoint(SPLIT_NAMES):
            break
        if not tops.isdisjoint(wanted) and below.isdisjoint(SPLIT_NAMES):
            break
        if not all(len(e.parts) > 2 or _LABEL_IN_NAME.fullmatch(_stem(e)) for e in entries):
            break
        entries = [Entry(entry.parts[1:], entry.source) for entry in entries]
    return entries


def _labelled(
    root: Path, entries: Sequence[Entry], depth: int, split: str | None
) -> list[Labelled]:
    """The entries with a class name: the folder at this depth, else the start of the file name."""
    deep = [entry for entry in entries if len(entry.parts) > depth + 1]
    if deep:
        return _each(deep, lambda entry: entry.parts[depth], split)
    for entry in entries:
        if not _LABEL_IN_NAME.fullmatch(_stem(entry)):
            what = f"the layout is not understood ({entry.name} carries no label)"
            names = [other.parts[-1] for other in entries]
            raise DataError(what, where=str(root), do=LAYOUTS, examples=layouts(root, names))
    return _each(entries, _label_in_name, split)


def _each(
    entries: Iterable[Entry], class_name: Callable[[Entry], str], split: str | None
) -> list[Labelled]:
    return [
        Labelled(
            entry.name,
            entry.source,
            class_name(entry),
            split,
            {"folder": "/".join(entry.parts[:-1])},
        )
        for entry in entries
    ]


def _stem(entry: Entry) -> str:
    return entry.parts[-1].rsplit(".", 1)[0]


def _label_in_name(entry: Entry) -> str:
    match = _LABEL_IN_NAME.fullmatch(_stem(entry))
    assert match is not None  # _labelled has looked
    return match[1]
