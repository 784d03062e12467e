"""catclf predict: one row an input, in input order, written as soon as it is known."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catclf.cli import console, drawing, options
from catclf.cli.console import count, escape
from catclf.nearest import did_you_mean, nearest, nearest_path

if TYPE_CHECKING:
    from catclf.cli.rows import Parts, Rows
    from catclf.data.addresses import Listing
    from catclf.data.dataset import Source
    from catclf.model import Answering, Model, Prediction

SOME_UNREADABLE = 3
STANDARD_INPUT = "-"
LIST_BYTES = 65_536  # of a list of names at a time; what a pipe holds


def predict(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Photos, folders, addresses (s3://...), or - for one on standard input.",
        ),
    ] = None,
    model: options.ModelPath = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
    only: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Just the names of the photos so called.")
    ] = None,
    nul: Annotated[
        bool, typer.Option("-0", help="Names end in NUL: in --files-from, and out of --only.")
    ] = False,
    files_from: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Read names from a file, or - ; of a CSV its column path."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=options.a_number,
            help="Positive above this probability. [default: the model's]",
        ),
    ] = None,
    prior: options.Prior = None,
    always_answer: Annotated[
        bool, typer.Option("--always-answer", help='A class for every photo, never "unsure".')
    ] = False,
    report: options.Report = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.csv",
            help="Append rows to this CSV; photos that have one there are not asked again.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Rows go to CSV files in a new folder."
        ),
    ] = None,
    max_megapixels: options.MaxMegapixels = options.USUAL_MEGAPIXELS,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Only the I-th of N parts of the photos, split by their names."
        ),
    ] = None,
    cluster: options.Cluster = None,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say for each photo what it shows, and with what probability.

    "unsure" is an answer too: where the probability says little, or the photo is unlike all that
    the model was trained on.
    """
    options.set_blas_threads(1)
    options.check_prior(prior)
    if not inputs and files_from is None:
        raise typer.BadParameter("name a photo or a folder", param_hint="INPUT")
    if sum((as_json, as_csv, only is not None)) > 1:
        raise typer.BadParameter("--json, --csv and --only exclude each other")
    if resume is not None and (as_json or only is not None or report is not None):
        raise typer.BadParameter("--resume writes a CSV, without --json, --only and --report")
    if output is not None and (as_json or only is not None or report is not None or resume):
        what = "--output writes CSV files, without --json, --only, --report and --resume"
        raise typer.BadParameter(what)
    if files_from == STANDARD_INPUT and STANDARD_INPUT in (inputs or []):
        raise typer.BadParameter("- can be read once: as a picture or as a list")
    if cluster is not None and report is not None:
        raise typer.BadParameter("--report shows photos that are read here, without --cluster")
    is_mine = _shard(shard)
    options.check_report(report)
    opened = options.open_model(model, quiet, max_megapixels)
    if prior is not None and not quiet:
        name = escape(opened.class_names[1])
        console.remark(
            f"probabilities assume {prior:.2%} {name}; the model's own assume {opened.prior:.2%}"
        )
    from catclf.model import Answering

    answering = Answering(threshold, prior, always_answer)
    show: Callable[[Prediction], None] = _tab_separated_row
    if sys.stdout.isatty():
        show = _table(opened)
    if only is not None:
        show = _only(_label(opened, only), nul)
    elif as_json:
        show = _json_row
    elif as_csv and resume is None and output is None:
        from catclf.cli.rows import HEADER

        console.result(HEADER)
        show = _csv_row

    sheet = None
    if report is not None:
        from catclf.report.sheet import ContactSheet

        sheet = ContactSheet(opened)

    with (
        options.workers(cluster, quiet) as in_order,
        _resumed(resume, opened, answering) as rows,
        _parts(output) as parts,
        _progress(cluster, quiet) as tick,
    ):
        if kept := rows or parts:
            show = kept.append
        finder = _Finder(rows.lacks if rows else lambda name: True)
        labels = Counter(rows.labels if rows else {})
        before = labels.total()
        ask = sheet.predict_sources if sheet else partial(opened.predict_sources, in_order=in_order)
        batches = finder.batches(inputs or [], files_from, nul)
        if cluster is not None:  # has too many threads to wait for the last of every batch
            batches = iter([chain.from_iterable(batches)])
        for sources in batches:
            for prediction in ask(filter(is_mine, sources), answering, jobs):
                labels[prediction.label] += 1
                tick()
                if only is not None and prediction.error and not quiet:
                    console.remark(f"{escape(prediction.input)}: {escape(prediction.error)}")
                show(prediction)
            console.hand_over()
    if sheet is not None and report is not None:
        sheet.write(report)
    if not quiet:
        if labels[None]:
            _say_what_was_meant(inputs or [])
        _summarize(labels, finder)
        if before:
            console.remark(f"{before:,} of them answered before")
        if report is not None:
            options.say_written(report)
        if parts is not None:
            console.remark(f"wrote {count(parts.written, 'file')} to {escape(str(output))}")
    if labels[None]:
        raise typer.Exit(SOME_UNREADABLE)


@contextmanager
def _resumed(path: Path | None, model: "Model", answering: "Answering") -> "Iterator[Rows | None]":
    """The file to go on with, if this model has written it; None where none is asked for."""
    if path is None:
        yield None
        return
    from catclf.cli.rows import Rows
    from catclf.data.dataset import File
    from catclf.model import UNSURE

    with Rows(path) as rows:
        rows.check(
            (*model.class_names, UNSURE),
            lambda name: next(model.predict_sources([(str(name), File(name))], answering)),
        )
        yield rows


@contextmanager
def _parts(folder: Path | None) -> "Iterator[Parts | None]":
    if folder is None:
        yield None
        return
    from catclf.cli.rows import Parts

    with Parts(folder) as parts:
        yield parts


def _shard(asked: str | None) -> "Callable[[tuple[str, Source]], bool]":
    """Whether a photo is in the I-th of N parts, by the first 8 bytes of the sha256 of its name as
    a number: which part depends on nothing but the name."""
    if asked is None:
        return lambda pair: True
    parts = re.fullmatch(r"(\d{1,9})/(\d{1,9})", asked)
    i, n = map(int, parts.groups()) if parts else (0, 0)
    if not 1 <= i <= n:
        raise typer.BadParameter("write 1/4 for the first of four", param_hint="--shard")
    import hashlib

    def is_mine(pair: "tuple[str, Source]") -> bool:
        digest = hashlib.sha256(os.fsencode(pair[0])).digest()
        return int.from_bytes(digest[:8]) % n == i - 1

    return is_mine


@contextmanager
def _progress(cluster: str | None, quiet: bool) -> Iterator[Callable[[], None]]:
    """To be called after each photo: a cluster's rate, unless the rows themselves are seen."""
    if cluster is None or quiet or sys.stdout.isatty():
        yield lambda: None
        return
    from catclf.recipes import Progress

    done = 0
    with console.ProgressBar(quiet) as bar:

        def tick() -> None:
            nonlocal done
            done += 1
            bar(Progress("asking", 0.0, done, "photos"))

        yield tick


class _Finder:
    """The pictures that the inputs name and that are wanted; counts what lies beside them in
    folders."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self.others = 0

    def batches(
        self, inputs: list[str], files_from: str | None, nul: bool
    ) -> Iterator[Iterator[tuple[str, "Source"]]]:
        """The inputs, then the names of a list as they arrive."""
        yield (source for name in inputs for source in self._given(name))
        if files_from is not None:
            for names in _listed(files_from, nul):
                yield (source for name in names for source in self._below(name))

    def _given(self, name: str) -> Iterator[tuple[str, "Source"]]:
        from catclf.data.dataset import Given

        if name != STANDARD_INPUT:
            yield from self._below(name)
        elif self._wanted(name):
            yield name, Given(sys.stdin.buffer.read())

    def _below(self, name: str) -> Iterator[tuple[str, "Source"]]:
        from catclf.data.dataset import File

        if not self._wanted(name):  # before the disk is asked about a million of them
            return
        if "://" in name and (remote := _listing(name)) is not None:
            self.others += remote.others
            for address, source in remote.pictures:
                if address == name or self._wanted(address):
                    yield address, source
        elif os.path.isdir(name):  # noqa: PTH112 - a name with a NUL is False here, an error there
            from catclf.data.folder import pictures_below

            found = pictures_below(Path(name))
            self.others += found.others
            for path in (*found.pictures, *found.closed):
                if self._wanted(str(path)):
                    yield str(path), File(path)
        else:
            yield from self._files(name)

    def _files(self, name: str) -> Iterator[tuple[str, "Source"]]:
        """The file of this name, or those that fit it where no shell has replaced a pattern."""
        from catclf.data.dataset import File

        if "*" in name and "\0" not in name and not os.path.lexists(name):
            from catclf.data.folder import matching

            if found := matching(name):
                yield from ((str(path), File(path)) for path in found if self._wanted(str(path)))
                return
        yield name, File(Path(name))


def _listing(address: str) -> "Listing | None":
    """What is below an address; None where it is none."""
    from catclf.data.addresses import is_address, listing

    return listing(address) if is_address(address) else None


def _listed(files_from: str, nul: bool) -> Iterator[list[str]]:
    """The names in a list, those that have arrived together: its writer may not be done."""
    from catclf.errors import DataError

    if files_from.lower().endswith((".csv", ".tsv")):
        from catclf.data import manifest

        yield manifest.names(Path(files_from))
        return
    end = b"\0" if nul else b"\n"
    rest = b""
    try:
        with _opened(files_from) as file:
            while data := file.read1(LIST_BYTES):  # waits for something, not for all of that
                *whole, rest = (rest + data).split(end)
                yield _names(whole, nul)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=files_from) from error
    yield _names([rest], nul)


def _opened(files_from: str) -> AbstractContextManager[Any]:
    standard = files_from == STANDARD_INPUT
    return nullcontext(sys.stdin.buffer) if standard else Path(files_from).open("rb")


def _names(lines: list[bytes], nul: bool) -> list[str]:
    names = lines if nul else [line.removesuffix(b"\r") for line in lines]
    return [os.fsdecode(name) for name in names if name]


def _label(model: "Model", asked: str) -> str:
    from catclf.model import UNSURE

    names = (*model.class_names, UNSURE)
    if asked in names:
        return asked
    close = nearest(asked, names)
    if close is not None and close.lower() == asked.lower():
        return close
    hint = f"; {escape(did_you_mean(close))}" if close else ""
    known = " and ".join(escape(name) for name in model.class_names)
    raise typer.BadParameter(f"the model knows {known}{hint}", param_hint="--only")


def _only(label: str, nul: bool) -> "Callable[[Prediction], None]":
    def show(prediction: "Prediction") -> None:
        if prediction.label == label:
            if nul:
                console.raw_result(os.fsencode(prediction.input) + b"\0")
            else:
                console.result(escape(prediction.input))

    return show


def _json_row(prediction: "Prediction") -> None:
    console.result(json.dumps(asdict(prediction)))


def _csv_row(prediction: "Prediction") -> None:
    from catclf.cli import rows

    console.result(rows.row(prediction))


def _tab_separated_row(prediction: "Prediction") -> None:
    probability = "" if prediction.probability is None else f"{prediction.probability:.4f}"
    row = (prediction.input, prediction.label or "", probability, _note(prediction))
    console.result("\t".join(escape(cell) for cell in row).rstrip("\t"))


def _table(model: "Model") -> "Callable[[Prediction], None]":
    """Rows for a person: the probability, with a bar where there is a screen, label and name."""
    screen = drawing.screen_of(sys.stdout)
    width = 0 if screen is None else min(20, screen.width // 8)
    colours = dict(zip(model.class_names, (drawing.AGAINST, drawing.FOR), strict=True))

    def show(prediction: "Prediction") -> None:
        name, label, p = escape(prediction.input), prediction.label or "", prediction.probability
        if p is None:
            gap = " " * (width + 2 if width else 0)
            console.result(f"     -  {gap}unreadable  {name}: {escape(prediction.error or '')}")
            return
        blocks, note = "", "unlike the training photos" if prediction.unfamiliar else ""
        if screen is not None:
            blocks = screen.paint(drawing.bar(p, width), colours.get(label, drawing.ASIDE)) + "  "
        console.result(f"{p:6.1%}  {blocks}{escape(label):10}  {name}{note and f': {note}'}")

    return show


def _note(prediction: "Prediction") -> str:
    if prediction.unfamiliar:
        return "unlike the photos that the model was trained on"
    return prediction.error or ""


def _say_what_was_meant(inputs: list[str]) -> None:
    """A line for each input that is not there while something like it is."""
    found = ((name, nearest_path(Path(name))) for name in inputs if name != STANDARD_INPUT)
    close = ((name, path) for name, path in found if path is not None)
    for name, path in islice(close, console.NAMED_FAILURES):
        console.remark(f"{escape(name)}: {escape(did_you_mean(path))}")


def _summarize(labels: "Counter[str | None]", finder: _Finder) -> None:
    total = sum(labels.values())
    parts = [f"{n:,} {escape(label)}" for label, n in labels.most_common() if label is not None]
    if labels[None]:
        parts.append(f"{labels[None]:,} unreadable")
    if total != 1 or labels[None]:
        console.remark(f"{count(total, 'photo')}: {', '.join(parts) or 'none'}")
    if finder.others:
        console.remark(f"{count(finder.others, 'other file')} in the folders left alone")
