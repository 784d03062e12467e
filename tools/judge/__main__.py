"""Judge a model: by source and group, on changed pictures, its probabilities, cues, strangers.

Usage: python tools/judge MODEL.npz PHOTOS [--split test] [--limit N] [--gallery out.html]
Each run on photos/test is a look that docs/accuracy.md lists: try things with --split train.
PHOTOS is a folder with photos.csv, or a manifest with the columns source and group. Pictures that
the model was trained on are left out and counted. Everything is drawn by --seed. Tables go to
stdout, with --write also between two marks in a file; progress goes to stderr.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import probe
import sections
from answers import Answers, Judges, ask, told, unseen
from pictures import CHANGES, Changed, no_photos

import catclf
from catclf.data.dataset import Dataset, open_dataset
from catclf.errors import CatclfError
from catclf.evaluation import evaluate_examples
from catclf.model import Model
from catclf.report import judgement
from catclf.report.page import check_target

MARKS = ("<!-- judged -->", "<!-- end of judged -->")
MADE = 100  # pictures of each kind that is no photo
CLEAN = "clean"


def main() -> None:
    """Ask, and print or write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--split", choices=("test", "train"), default="test")
    parser.add_argument("--limit", type=int, help="judge on so many, drawn")
    parser.add_argument("--gallery", type=Path, help="page with the surest mistakes")
    parser.add_argument("--write", type=Path, help=f"a file with the marks {' '.join(MARKS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-j", "--jobs", type=int)
    asked = parser.parse_args()
    if asked.write and not _has_marks(asked.write):
        parser.error(f"{asked.write} has no {' and '.join(MARKS)} to write between")
    try:
        if asked.gallery:
            check_target(asked.gallery)
        model = catclf.load_model(asked.model)
        manifest = asked.photos / "photos.csv" if asked.photos.is_dir() else asked.photos
        dataset = open_dataset(manifest, model.class_names[1])
        judges = unseen(model, dataset.split(asked.split), asked.limit, asked.seed, asked.jobs)
    except CatclfError as error:
        parser.error(str(error))
    if set(judges.y.tolist()) != {0, 1}:
        parser.error(f"{len(judges.y)} pictures are left to judge by, and not of both classes")

    lines = _heading(model, judges, asked.split, asked.seed)
    for section in _sections(model, dataset, judges, asked):
        lines += ["", *section] if section else []
    report = "\n".join(lines)
    print(report)
    if asked.write:
        before, _, rest = asked.write.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        asked.write.write_text(f"{before}{MARKS[0]}\n{report}\n{MARKS[1]}{after}")


def _has_marks(path: Path) -> bool:
    return path.is_file() and all(mark in path.read_text() for mark in MARKS)


def _heading(model: Model, judges: Judges, split: str, seed: int) -> list[str]:
    record, size, positive = model.record, model.loading.size, model.class_names[1]
    return [
        f"Model: {model.features} at {size} x {size}, {record.m_train:,} training pictures, "
        f"l2 = {record.l2:.3g}, seed {record.seed}. Judged on {len(judges.y):,} pictures of the "
        f"{split} split, {judges.y.mean():.1%} {positive}; seed {seed}. Left out: "
        f"{judges.trained_on:,} that the model was trained on, {judges.unreadable:,} that cannot "
        f"be read. Intervals are 95%.",
    ]


def _sections(
    model: Model, dataset: Dataset, judges: Judges, asked: argparse.Namespace
) -> list[list[str]]:
    sources = [example.source for example in judges.examples]
    clean = ask(model, sources, CLEAN, asked.jobs)
    passes = {CLEAN: clean}
    for name, change in CHANGES.items():
        passes[name] = ask(model, [Changed(s, change) for s in sources], name, asked.jobs)
    others = {
        name: ask(model, made, name, asked.jobs)
        for name, made in no_photos(MADE, asked.seed).items()
    }
    if asked.gallery:
        what = f"the {asked.split} split of {dataset.path}"
        evaluation = evaluate_examples(model, judges.examples, what, asked.jobs)
        judgement.write(asked.gallery, evaluation, "source", asked.jobs)
    return [
        sections.by_source_and_group(judges, clean),
        sections.under_changes(judges, passes),
        sections.calibration(judges, passes, model, asked.seed),
        _probed(dataset, judges, clean, asked.jobs),
        sections.unlike(judges, clean, others),
    ]


def _probed(dataset: Dataset, judges: Judges, clean: Answers, jobs: int | None) -> list[str]:
    """The probe learns from the training photos that do not judge."""
    judging = {example.name for example in judges.examples}
    learns = [e for e in dataset.split("train") if e.name not in judging]
    y = np.array([example.label for example in learns], np.int8)
    if set(y.tolist()) != {0, 1}:
        print("no probe: no training photos of both classes are left for it", file=sys.stderr)
        return []
    D = np.array(list(told(probe.described(learns, jobs), "probe learns", len(learns))))
    D_judged = np.array(list(probe.described(judges.examples, jobs)))
    return sections.without_cues(judges, clean, probe.train(D, y, D_judged), len(y))


if __name__ == "__main__":
    main()
