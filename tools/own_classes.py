"""Two classes of your own and 100 photos: does the small model keep what its summary promises?

Usage: python tools/own_classes.py PHOTOS [--each 50] [--repeats 5] [--seed 0]
Three pairs without cats, cut from the training split of PHOTOS (a folder with photos.csv). Each
draw trains on 50 + 50 photos as `catclf train` does, and is then judged on photos of the pair that
it has not seen: does the interval that training printed hold the accuracy there?
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from catclf.core.metrics import wilson
from catclf.data.dataset import Example, File, open_dataset
from catclf.evaluation import evaluate_examples
from catclf.training import Options, fit

OTHERS = 400  # photos of a class that judge, at most
Chooser = Callable[[Example], bool]
PAIRS: dict[str, tuple[Chooser, Chooser]] = {
    "dogs, other animals": (
        lambda e: e.groups["group"] == "dog",
        lambda e: e.groups["group"] == "animal",
    ),
    "pandas, snakes": (
        lambda e: e.groups["source"] == "web_panda",
        lambda e: e.groups["source"] == "web_snake",
    ),
    "food, other objects": (
        lambda e: e.groups["group"] == "food",
        lambda e: e.groups["group"] == "object",
    ),
}


def write(folder: Path, positives: Sequence[Example], negatives: Sequence[Example]) -> Path:
    """A manifest of one draw."""
    path = folder / "pair.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label"))
        for name, examples in (("this", positives), ("that", negatives)):
            rows.writerows(
                (e.source.path.resolve(), name) for e in examples if isinstance(e.source, File)
            )
    return path


def main() -> None:
    """Print a row a draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    examples = open_dataset(asked.photos / "photos.csv").split("train")
    random = np.random.default_rng(asked.seed)
    print("| pair | promised by the folds | on photos not seen | n | seconds |")
    print("| --- | --- | --- | ---: | ---: |")
    for pair, (is_this, is_that) in PAIRS.items():
        these, those = ([e for e in examples if chosen(e)] for chosen in (is_this, is_that))
        for _ in range(asked.repeats):
            drawn = [[part[i] for i in random.permutation(len(part))] for part in (these, those)]
            with tempfile.TemporaryDirectory() as folder:
                manifest = write(Path(folder), *(part[: asked.each] for part in drawn))
                start = time.perf_counter()
                training = fit(manifest, Options(positive="this", cache=False))
                seconds = time.perf_counter() - start
            judging = [
                Example(e.name, e.source, label)
                for label, part in ((1, drawn[0]), (0, drawn[1]))
                for e in part[asked.each :][:OTHERS]
            ]
            found = evaluate_examples(training.model, judging, pair)
            promised = training.evaluation
            if promised is None:
                continue
            right = found.confusion.tp + found.confusion.tn
            there = wilson(right, found.n)
            print(
                f"| {pair} | {promised.accuracy:.1%} [{promised.interval.low:.1%}, "
                f"{promised.interval.high:.1%}] | {found.accuracy:.1%} [{there.low:.1%}, "
                f"{there.high:.1%}] | {found.n} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
