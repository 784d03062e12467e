"""A data set looked over before anyone trains on it: what is broken, doubled, leaked or doubtful.

Decodes every picture with the loader of `train` and touches no file.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catclf.core.calibration import platt
from catclf.core.logistic import sigmoid
from catclf.core.metrics import wilson
from catclf.data import manifest
from catclf.data.addresses import Remote
from catclf.data.dataset import Dataset, Example, File, Source, open_dataset
from catclf.data.decode import MAX_PIXELS, Loading
from catclf.data.loading import Failure, InOrder, in_order, load_one
from catclf.data.similarity import THUMBNAIL, Hashes, alike_groups, as_rows, thumbnail
from catclf.data.splitting import fold_numbers
from catclf.features import SIZES, feature_map, matrix
from catclf.features.cache import Cache
from catclf.recipes import DEFAULT, Progress, Watch, descend, unwatched
from catclf.training import FOLDS

TINY = 32  # pixels of the shorter side: less shows next to nothing
DOUBTED = 0.95  # a label is doubted where the others make its opposite this likely

UNREADABLE = "unreadable"
EXTENSION = "wrong extension"
SMALL = f"smaller than {TINY} pixels"
LABELS = "one picture under two labels"
LEAK = "in train and in test"
COPIES = "nearly the same"
DOUBT = "label contradicted by the rest"
BALANCE = "classes differ between train and test"
KINDS = (UNREADABLE, EXTENSION, SMALL, LABELS, LEAK, COPIES, DOUBT, BALANCE)

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".mpo", ".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k"),
    "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "HEIF": (".heic", ".heif"),
}


@dataclass(frozen=True)
class Seen:
    """What is kept of a picture that could be read: `Picture` and `Loaded` say what it means."""

    sha256: bytes
    thumbnail: NDArray[np.float32]
    width: int
    height: int
    format: str
    mode: str
    orientation: int


@dataclass(frozen=True)
class Finding:
    """What was found, in which pictures (full paths), and more about it in words."""

    kind: str
    pictures: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """All that was found in a data set.

    n: pictures, of which `clean` are in no finding. classes: how many of a class in each split.
    information: what is unusual and no fault, and in how many pictures. kept: those that a clean
    set would hold. not_doubted: why labels were not, or "". remarks: of the data set's reader.
    """

    path: Path
    n: int
    clean: int
    findings: tuple[Finding, ...]
    classes: dict[str, dict[str, int]]
    information: dict[str, int]
    kept: tuple[Example, ...]
    not_doubted: str
    remarks: tuple[str, ...]


def check(
    data: Path | str,
    positive: str | None = None,
    labels: bool = True,
    jobs: int | None = None,
    cache: bool = True,
    watch: Watch = unwatched,
    max_pixels: int = MAX_PIXELS,
    in_order: InOrder = in_order,
) -> Check:
    """Look a data set over. labels: doubt labels too, which takes conv's features of all pictures.
    max_pixels: larger pictures count as unreadable. in_order: where pictures are looked at; with a
    cache for features, which stays here.

    Raises `DataError` where there is no data set at all.
    """
    dataset = open_dataset(data, positive)
    examples = dataset.examples
    names = [full_name(dataset, example) for example in examples]
    loading = Loading(max_pixels=max_pixels)
    found = _look(examples, loading, jobs, watch, in_order)
    pictures = {i: result for i, result in enumerate(found) if isinstance(result, Seen)}
    readable = np.array(list(pictures), int)
    findings = [
        Finding(UNREADABLE, (names[i],), result.reason)
        for i, result in enumerate(found)
        if isinstance(result, Failure)
    ]
    for i, picture in pictures.items():
        findings += _odd(names[i], examples[i], picture)

    files = as_rows([picture.sha256 for picture in pictures.values()])
    thumbnails = [picture.thumbnail for picture in pictures.values()]
    groups = alike_groups(files, np.array(thumbnails, np.float32).reshape(-1, THUMBNAIL))
    several = [members for members in _members(groups, readable) if len(members) > 1]
    for members in several:
        findings += _doubled([names[i] for i in members], [examples[i] for i in members])

    not_doubted = "not asked for"
    if labels:
        learning = [examples[i] for i in readable]
        not_doubted, doubts = _doubts(
            learning, loading, files, groups, jobs, cache, watch, in_order
        )
        findings += [
            Finding(DOUBT, (names[readable[k]],), _in_words(dataset, examples[readable[k]], p))
            for k, p in doubts
        ]
    findings += _imbalance(dataset)

    touched = {name for finding in findings for name in finding.pictures}
    out = _superfluous(several, examples, pictures)
    out |= {i for i, picture in pictures.items() if _is_tiny(picture)}
    return Check(
        dataset.path,
        len(examples),
        sum(name not in touched for name in names),
        tuple(sorted(findings, key=lambda finding: KINDS.index(finding.kind))),
        _classes(examples, dataset),
        _information(pictures.values()),
        tuple(examples[i] for i in readable if i not in out),
        not_doubted,
        dataset.remarks,
    )


def full_name(dataset: Dataset, example: Example) -> str:
    """Where a picture lies: its file, or the file that holds it and its name there."""
    if isinstance(example.source, File):
        return os.path.abspath(example.source.path)  # noqa: PTH100 - links stay as they are
    if isinstance(example.source, Remote):
        return example.source.address
    return f"{os.path.abspath(dataset.path)}: {example.name}"  # noqa: PTH100


def _look(
    examples: Sequence[Example],
    loading: Loading,
    jobs: int | None,
    watch: Watch,
    in_order: InOrder,
) -> list[Seen | Failure]:
    found: list[Seen | Failure] = []
    sources = [example.source for example in examples]
    for result in in_order(partial(_seen, loading), sources, jobs):
        found.append(result)
        watch(Progress("reading", len(found) / len(sources), len(found), "photos"))
    return found


def _seen(loading: Loading, source: Source) -> Seen | Failure:
    """What is kept of the picture there, or why it cannot be had."""
    loaded = load_one(source, loading)
    if isinstance(loaded, Failure):
        return loaded
    picture = loaded.picture
    return Seen(
        loaded.sha256,
        thumbnail(picture.pixels),
        picture.width,
        picture.height,
        picture.format,
        picture.mode,
        picture.orientation,
    )


def _odd(name: str, example: Example, picture: Seen) -> list[Finding]:
    """What one picture shows by itself."""
    findings = []
    suffix = Path(example.name).suffix.lower()
    known = {suffix for suffixes in _SUFFIXES.values() for suffix in suffixes}
    if picture.format and suffix in known and suffix not in _SUFFIXES.get(picture.format, ()):
        findings.append(Finding(EXTENSION, (name,), f"a {picture.format} file"))
    if _is_tiny(picture):
        findings.append(Finding(SMALL, (name,), f"{picture.width} x {picture.height}"))
    return findings


def _is_tiny(picture: Seen) -> bool:
    return min(picture.width, picture.height) < TINY


def _class(example: Example) -> str:
    return example.groups.get("class", str(example.label))


def _members(groups: NDArray[np.intp], positions: NDArray[np.intp]) -> list[list[int]]:
    """The positions of each group, in order."""
    of_group: dict[int, list[int]] = {}
    for group, position in zip(groups.tolist(), positions.tolist(), strict=True):
        of_group.setdefault(group, []).append(position)
    return list(of_group.values())


def _doubled(names: Sequence[str], examples: Sequence[Example]) -> list[Finding]:
    """What a group of near-equal pictures means."""
    classes = sorted({_class(example) for example in examples})
    splits = {example.split for example in examples}
    findings = []
    if len(classes) > 1:
        findings.append(Finding(LABELS, tuple(names), " and ".join(classes)))
    if len(splits) > 1:
        findings.append(Finding(LEAK, tuple(names)))
    return findings or [Finding(COPIES, tuple(names))]


def _superfluous(
    several: Sequence[Sequence[int]], examples: Sequence[Example], pictures: dict[int, Seen]
) -> set[int]:
    """Positions that a clean set would not hold: of one picture under two labels all; of one in
    train and test those in train; of others but the largest, the first of equal ones."""
    out: set[int] = set()
    for members in several:
        if len({_class(examples[i]) for i in members}) > 1:
            out.update(members)
            continue
        judging = [i for i in members if examples[i].split == "test"]
        best = max(judging or members, key=lambda i: pictures[i].width * pictures[i].height)
        out.update(i for i in members if i != best)
    return out


def _doubts(
    examples: Sequence[Example],
    loading: Loading,
    files: Hashes,
    groups: NDArray[np.intp],
    jobs: int | None,
    cached: bool,
    watch: Watch,
    in_order: InOrder,
) -> tuple[str, list[tuple[int, float]]]:
    """Why labels cannot be doubted, or "" and position and p of those contradicted, surest first.

    p is of the positive class, by a model of the other folds, calibrated out of fold.
    """
    y = np.array([example.label for example in examples], np.int8)
    groups_of_class = [len(np.unique(groups[y == label])) for label in (0, 1)]
    if min(groups_of_class) < 2 * FOLDS:
        return f"under {2 * FOLDS} different pictures of a class", []
    features = feature_map("conv", replace(loading, size=SIZES["conv"]))
    cache = Cache(features) if cached else None
    n = len(examples)
    try:
        columns = matrix(
            features,
            [example.source for example in examples],
            each=lambda done: watch(Progress("features", done / n, done, "photos")),
            jobs=jobs,
            cache=cache,
            in_order=in_order,
        )
    finally:
        if cache:
            cache.save()
    if columns.failures:
        return "pictures changed while they were read", []
    fold = fold_numbers(files, groups, y, FOLDS, seed=0)
    selection = descend(columns.X, y, DEFAULT, fold, watch).selection
    if selection is None:
        return "no folds", []
    calibration = platt(selection.z, y, 0.5)
    p = sigmoid(calibration.slope * selection.z + calibration.offset)
    against = np.where(y == 1, 1 - p, p)
    order = np.argsort(-against, kind="stable")
    return "", [(int(k), float(p[k])) for k in order if against[k] >= DOUBTED]


def _in_words(dataset: Dataset, example: Example, p: float) -> str:
    negative, positive = dataset.class_names
    looks = positive if p > 0.5 else negative
    return f"labelled {_class(example)}, looks like {looks}: {max(p, 1 - p):.1%}"


def _classes(examples: Iterable[Example], dataset: Dataset) -> dict[str, dict[str, int]]:
    counts = {"train": Counter[str](), "test": Counter[str]()}
    for example in examples:
        counts[example.split][_class(example)] += 1
    return {split: dict(sorted(classes.items())) for split, classes in counts.items() if classes}


def _imbalance(dataset: Dataset) -> list[Finding]:
    """A share of positives in the two splits that chance does not explain."""
    shares = []
    for split in ("train", "test"):
        labels = [example.label for example in dataset.split(split)]
        if not labels:
            return []
        shares.append((sum(labels) / len(labels), wilson(sum(labels), len(labels))))
    (train, around_train), (test, around_test) = shares
    if around_train.low <= around_test.high and around_test.low <= around_train.high:
        return []
    name = dataset.class_names[1]
    return [Finding(BALANCE, (), f"{train:.0%} {name} in train, {test:.0%} in test")]


def _information(pictures: Iterable[Seen]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for picture in pictures:
        if picture.mode != "RGB":
            counts[f"mode {picture.mode}"] += 1
        if picture.orientation != 1:
            counts["turned upright"] += 1
    return dict(sorted(counts.items()))


def write_clean(checked: Check, path: Path) -> None:
    """A manifest of the pictures to keep, for `catclf train`. DataError if it cannot be had."""
    manifest.write(path, checked.kept)
