"""Train the model that comes with the program, `catclf/bundled.npz`, from the documented data.

Usage: python tools/train_bundled.py DATA WEIGHTS.pth [-o catclf/bundled.npz]
DATA holds photos/, course/ and messy/; WEIGHTS.pth is the file that convert_conv.py reads, for the
head's start (towards_cats.py; needs the extra `weights`). Strength chosen on sources left out
(leave_source_out.py). Nothing that judges is trained on: photos that are nearly
those of photos/test, course/ or messy/ leave the training side (mirrored ones too), and a tenth of
it is set apart for the probabilities, by source and by groups of near-equal photos. Deterministic:
the same data give the same w to 1e-5. photos/test is read for the card at the end, and for nothing
before.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from network import released
from numpy.typing import NDArray
from towards_cats import Towards

from catclf.data.dataset import Example, open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import Failure, load
from catclf.data.similarity import Hashes, as_rows, contained, near_groups
from catclf.data.splitting import hold_out
from catclf.evaluation import evaluate_examples
from catclf.features import matrix
from catclf.features.cache import Cache
from catclf.model import Model
from catclf.training import Options, calibrated, fit

SET_APART = 0.1
L2 = 0.1
NOTES = (
    "purpose: finds photos of domestic cats in private collections; not for safety, not for law",
    "data: photos of Asirra (shelters' cats and dogs), Tiny ImageNet and web collections, research "
    "use; so these weights are for research use as far as the photos' terms reach",
    "features: EfficientNet-Lite0 (Tan and Le 2019), Apache-2.0, trained on ImageNet; "
    "L2 pulls w towards the direction in which its own classifier tells cats",
    "known failures: cats that are a small part of the photo, drawn or toy cats, some big cats "
    "and small dogs, photos of 64 pixels",
)


def main() -> None:
    """Train, calibrate, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=_ours())
    asked = parser.parse_args()
    dataset = open_dataset(asked.data / "photos" / "photos.csv")
    examples = dataset.split("train")
    files, pictures = hashes(examples)
    judges = [*dataset.split("test"), *open_dataset(asked.data / "course").examples]
    judges += _messy(asked.data / "messy")
    shared = contained(files, pictures, *hashes(judges))
    print(
        f"{shared.sum()} of {len(shared):,} training photos are nearly those that judge: left out"
    )
    apart = set_apart(examples, files, pictures)
    print(f"{(apart & ~shared).sum():,} set apart for the probabilities")

    learning = [e for e, out in zip(examples, shared | apart, strict=True) if not out]
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_manifest(Path(folder) / "photos.csv", asked.data / "photos", learning)
        towards = Towards(released(str(asked.weights)))
        training = fit(manifest, Options(holdout=0, l2=L2), _watch, towards)
    cache = Cache(training.model.feature_map)
    calibration = [e for e, a, s in zip(examples, apart, shared, strict=True) if a and not s]
    model = on_set_apart(training.model, calibration, cache)
    judged = evaluate_examples(model, dataset.split("test"), "photos/test", by="group", cache=cache)
    cache.save()
    record = replace(
        model.record,
        data="asirra, tiny and web photos",
        fingerprint=dataset.fingerprint(),
        judged_on="photos/test",
        figures=judged.as_json(),
        notes=NOTES,
    )
    replace(model, record=record).save(asked.output)
    print(f"{asked.output}: {asked.output.stat().st_size:,} bytes")


def hashes(examples: Sequence[Example]) -> tuple[Hashes, Hashes]:
    """sha256 and perceptual hashes (m, 32) each of the examples; zeros where one is unreadable."""
    found = load([example.source for example in examples], Loading(64))
    pairs = [
        (bytes(32), bytes(32)) if isinstance(r, Failure) else (r.sha256, r.picture.perceptual_hash)
        for r in found
    ]
    return as_rows([file for file, _ in pairs]), as_rows([picture for _, picture in pairs])


def set_apart(examples: Sequence[Example], files: Hashes, pictures: Hashes) -> NDArray[np.bool_]:
    """A tenth of every source and class, groups of near-equal photos kept together, (m,)."""
    names = [f"{example.groups['source']} {example.label}" for example in examples]
    _, strata = np.unique(names, return_inverse=True)
    groups = near_groups(files, pictures)
    return hold_out(files, groups, strata.astype(np.int8), SET_APART, seed=1)


def write_manifest(path: Path, root: Path, examples: Sequence[Example]) -> Path:
    """A CSV of these examples of the photos below root."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label"))
        for example in examples:
            rows.writerow((root.resolve() / example.name, ("non-cat", "cat")[example.label]))
    return path


def on_set_apart(model: Model, examples: Sequence[Example], cache: Cache) -> Model:
    """The model with the probabilities that these examples, which it has not seen, call for."""
    columns = matrix(model.feature_map, [example.source for example in examples], cache=cache)
    z = [model.score_of(x).z for x in columns.X.T]
    y = [examples[position].label for position in columns.kept]
    return calibrated(model, np.array(z), np.array(y, np.int8), "set apart")


def _messy(folder: Path) -> list[Example]:
    from catclf.data.dataset import File

    return [Example(p.name, File(p), 0) for p in sorted(folder.iterdir()) if p.is_file()]


def _ours() -> Path:
    return Path(__file__).parents[1] / "catclf" / "bundled.npz"


def _watch(progress: object) -> None:
    done, stage = getattr(progress, "done", 0.0), getattr(progress, "stage", "")
    sys.stderr.write(f"\r{stage} {done:4.0%}")


if __name__ == "__main__":
    main()
