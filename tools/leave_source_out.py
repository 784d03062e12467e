"""Does it hold for photos from elsewhere? Train without a source, judge on that source alone.

Usage: python tools/leave_source_out.py PHOTOS [--features conv] [--size N] [--l2 X] [--keep FOLDER]
       [--towards WEIGHTS.pth]
PHOTOS is a folder with photos.csv (or a manifest); its test split is not touched. Trains on `tiny`
and the web and judges on `asirra`, then on `asirra` and the web and judges on `tiny`. With --keep
the two manifests and models stay, and tools/judge shows the rest: groups, changes, probabilities.
With --towards, and the extra `weights`, the head is that of the bundled model (towards_cats.py).
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catclf.cli.console import interval, percent
from catclf.core.metrics import Estimate
from catclf.data.dataset import Example, File, open_dataset
from catclf.errors import CatclfError, DataError
from catclf.recipes import Progress, descend
from catclf.training import Descend, Options, fit

LEFT_OUT = ("asirra", "tiny")
NEEDED = ("group", "source")
HEADER = (
    "| judged on | trained on | l2 | n | balanced accuracy (baseline 50%) | AUC (0.5) "
    "| calibration error | answered | wrong of these | unfamiliar |",
    "| --- | ---: | --- | ---: | --- | --- | --- | --- | --- | --- |",
)
COLUMNS = ("path", "label", "split", *NEEDED)


def write_manifest(path: Path, examples: Sequence[Example], left_out: str) -> None:
    """All examples, with the source that is left out as the test split."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for example in examples:
            if not isinstance(example.source, File) or not set(NEEDED) <= set(example.groups):
                what = f"no manifest of files with the columns {' and '.join(NEEDED)}"
                raise DataError(what, where=example.name)
            group, source = (example.groups[name] for name in NEEDED)
            split = "test" if source == left_out else "train"
            where = example.source.path.resolve()
            rows.writerow((where, example.groups["class"], split, group, source))


def drawn(examples: tuple[Example, ...], limit: int | None, seed: int) -> tuple[Example, ...]:
    """`limit` of the examples, or all."""
    order = np.random.default_rng(seed).permutation(len(examples))[:limit]
    return tuple(examples[i] for i in sorted(order.tolist()))


def in_percent(estimate: Estimate | None) -> str:
    """A share with its interval."""
    if estimate is None:
        return "-"
    return f"{percent(estimate.value)} {interval(estimate.low, estimate.high)}"


class Words:
    """A line on stderr for each stage of a training."""

    stage = ""

    def __call__(self, progress: Progress) -> None:
        """Told of every picture and every iteration; says the stage's name once."""
        if progress.stage != self.stage:
            self.stage = progress.stage
            print(f"{self.stage} ...", file=sys.stderr, flush=True)


def main() -> None:
    """Print a row a source."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--features", choices=("conv", "pixels"), default="conv")
    parser.add_argument("--size", type=int)
    parser.add_argument("--crop", choices=("centre", "stretch"), default="centre")
    parser.add_argument("--l2", type=float, help="else folds of the training photos choose it")
    parser.add_argument("--towards", type=Path, help="weights of the network and its classifier")
    parser.add_argument("--limit", type=int, help="so many of the photos, drawn")
    parser.add_argument("--keep", type=Path, help="folder for the manifests and models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-j", "--jobs", type=int)
    asked = parser.parse_args()

    manifest = asked.photos / "photos.csv" if asked.photos.is_dir() else asked.photos
    options = Options(
        features=asked.features,
        size=asked.size,
        crop=asked.crop,
        l2=asked.l2,
        seed=asked.seed,
        jobs=asked.jobs,
    )
    head: Descend = descend
    if asked.towards:
        from network import released
        from towards_cats import Towards

        head = Towards(released(str(asked.towards)))
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            examples = drawn(open_dataset(manifest).split("train"), asked.limit, asked.seed)
            print("\n".join(HEADER), flush=True)
            for source in LEFT_OUT:
                path = folder / f"without_{source}.csv"
                write_manifest(path, examples, source)
                print(row(source, path, options, head, keep=asked.keep is not None), flush=True)
        except CatclfError as error:
            parser.error(str(error))


def row(source: str, manifest: Path, options: Options, head: Descend, keep: bool) -> str:
    """Train and judge by a manifest; the model goes beside it where it is kept."""
    print(f"without {source}:", file=sys.stderr)
    training = fit(manifest, options, Words(), head)
    if keep:
        training.model.save(manifest.with_suffix(".npz"))
    record, evaluation = training.model.record, training.evaluation
    start = f"| {source} | {record.m_train:,} | {record.l2:.3g} |"
    if evaluation is None:
        return f"{start} 0 | - | - | - | - | - | - |"
    for remark in evaluation.warnings:
        print(f"{source}: {remark}", file=sys.stderr)
    auc, coverage = evaluation.auc, evaluation.coverage
    ranking = "-" if auc is None else f"{auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
    reliability = evaluation.reliability
    calibration = "-" if reliability is None else f"{reliability.error:.3f}"
    return (
        f"{start} {evaluation.n:,} | {in_percent(evaluation.balanced_accuracy)} | {ranking} "
        f"| {calibration} | {in_percent(coverage.share)} | {in_percent(coverage.error)} "
        f"| {percent(coverage.unfamiliar / evaluation.n)} |"
    )


if __name__ == "__main__":
    main()
