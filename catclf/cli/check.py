"""catclf check: a data set looked over before anyone trains on it."""

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catclf.cli import console, options
from catclf.cli.console import count, escape, percent

if TYPE_CHECKING:
    from catclf.checking import Check, Finding

FOUND_SOMETHING = 1


def check(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="What `catclf train` takes.", show_default=False),
    ],
    positive: Annotated[
        str | None, typer.Option(metavar="NAME", help="The positive class. [default: cat]")
    ] = None,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels/--no-labels", help="Doubt labels too, which takes most of the time."
        ),
    ] = True,
    write_clean: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="List the pictures to keep, for `catclf train CSV`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache", help="Keep features that took long, and take those kept."
        ),
    ] = True,
    max_megapixels: options.MaxMegapixels = options.USUAL_MEGAPIXELS,
    cluster: options.Cluster = None,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Look DATA over before you train: broken files, copies, leaks, doubtful labels.

    No file of DATA is touched. Exit code 1 where something was found, 0 where all is clean.
    """
    options.set_blas_threads(jobs)
    from catclf import checking

    limit = max_megapixels * options.MEGA
    kept = cache and cluster is None
    with options.workers(cluster, quiet) as in_order, console.ProgressBar(quiet) as bar:
        checked = checking.check(data, positive, labels, jobs, kept, bar, limit, in_order)
    if as_json:
        console.result(json.dumps(_plain(checked)))
    else:
        for line in _lines(checked):
            console.prose(line)
    console.hand_over()
    if not quiet:
        for remark in checked.remarks:
            console.remark(escape(remark))
    if write_clean is not None:
        checking.write_clean(checked, write_clean)
        if not quiet:
            n = count(len(checked.kept), "picture")
            console.remark(f"wrote {escape(str(write_clean))}: {n} to keep")
    if checked.findings:
        raise typer.Exit(FOUND_SOMETHING)


def _plain(checked: "Check") -> dict[str, Any]:
    return {
        "data": str(checked.path),
        "pictures": checked.n,
        "clean": checked.clean,
        "kept": len(checked.kept),
        "classes": checked.classes,
        "information": checked.information,
        "labels_not_doubted": checked.not_doubted or None,
        "findings": [
            {"kind": f.kind, "pictures": list(f.pictures), "detail": f.detail}
            for f in checked.findings
        ],
    }


def _lines(checked: "Check") -> list[str]:
    found = checked.n - checked.clean
    lines = [
        f"{escape(str(checked.path))}: {count(checked.n, 'picture')}, {checked.clean:,} clean, "
        f"{found:,} with findings"
    ]
    width = max(len(split) for split in checked.classes)
    for split, classes in checked.classes.items():
        n = sum(classes.values())
        shares = (f"{escape(name)} {k:,} ({percent(k / n)})" for name, k in classes.items())
        lines.append(f"  {split:{width}}  {', '.join(shares)}")
    if checked.information:
        known = (f"{escape(what)}: {k:,}" for what, k in checked.information.items())
        lines.append(f"  for information: {', '.join(known)}")
    if checked.not_doubted:
        lines.append(f"  labels not doubted: {checked.not_doubted}")
    for kind, findings in groupby(checked.findings, key=lambda finding: finding.kind):
        lines += ["", *_of_kind(kind, list(findings))]
    return lines


def _of_kind(kind: str, findings: "list[Finding]") -> list[str]:
    n = len({name for finding in findings for name in finding.pictures})
    lines = [f"{kind}: {count(n, 'picture')}" if n else kind]
    for finding in findings:
        first, *rest = (*map(escape, finding.pictures), "")[: len(finding.pictures) or 1]
        detail = escape(finding.detail)
        lines.append(f"  {first}" + (f": {detail}" if first and detail else detail))
        lines += [f"    = {name}" for name in rest]
    return lines
