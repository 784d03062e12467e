"""The report's sections as lines of Markdown; a figure stands beside its n, interval and baseline.

What to compare with is said once over each table, where it is the same for all its rows.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from answers import TINY, Answers, Chosen, Judges
from measures import Figure, Labels, calibration_error, chance_error, paired_loss, prior_log_loss

from catclf.cli.console import interval, percent
from catclf.core.logistic import Array
from catclf.core.metrics import (
    Estimate,
    auc,
    balanced_accuracy,
    confusion,
    majority_baseline,
    wilson,
)
from catclf.model import Model

NONE = "-"
Limits = Estimate | Figure


def by_source_and_group(judges: Judges, answers: Answers) -> list[str]:
    """Right answers in all, in each source and in each group."""
    everything = np.ones(len(judges.y), bool)
    parts: dict[str, Chosen] = {"**all**": everything, f"**without {TINY}**": ~judges.tiny}
    for column in ("source", "group"):
        values = np.array(judges.values(column))
        for value in sorted(set(values.tolist()) - {""}):
            parts[f"{column} {value}"] = values == value
    rows = [[name, *_accuracy(judges, answers, part)] for name, part in parts.items() if part.any()]
    return [
        "### By source and group",
        "",
        "Everything answered. Baseline: the commoner class of the row, always; for balanced "
        "accuracy 50%, for AUC 0.5.",
        "",
        *_table("pictures | n | accuracy | baseline | balanced accuracy | AUC", rows),
    ]


def _accuracy(judges: Judges, answers: Answers, part: Chosen) -> list[str]:
    y, positive = judges.y[part], answers.positive[part]
    n = len(y)
    return [
        f"{n:,}",
        _share(int(np.sum(positive == y)), n),
        percent(majority_baseline(y)),
        _percent(balanced_accuracy(confusion(y, positive))),
        _decimal(auc(answers.z[part], y)),
    ]


def under_changes(judges: Judges, passes: Mapping[str, Answers]) -> list[str]:
    """Balanced accuracy on changed pictures, and what the change cost; the first pass is clean."""
    parts = {
        name: part
        for name, part in ((f"without {TINY}", ~judges.tiny), (TINY, judges.tiny))
        if part.any()
    }
    header = ["change"]
    for name, part in parts.items():
        header += [f"{name}, n = {part.sum():,}", "points lost"]
    clean = next(iter(passes.values()))
    rows = []
    for title, answers in passes.items():
        row = [title]
        for part in parts.values():
            y, after = judges.y[part], answers.positive[part]
            before = clean.positive[part]
            loss = None if answers is clean else paired_loss(before == y, after == y, y)
            row += [_percent(balanced_accuracy(confusion(y, after))), _points(loss)]
        rows.append(row)
    return [
        "### Changed pictures",
        "",
        "Balanced accuracy (baseline 50%), and the points lost against the same pictures clean.",
        "",
        *_table(" | ".join(header), rows),
    ]


def calibration(
    judges: Judges, passes: Mapping[str, Answers], model: Model, seed: int
) -> list[str]:
    """Whether probabilities mean what they say, and what abstaining gives."""
    prior, share = model.prior, float(judges.y.mean())
    baseline = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior))
    lines = [
        "### Probabilities",
        "",
        f"Expected calibration error (15 bins of equal count) and log-loss at the model's prior of "
        f"{percent(prior)} positives; {percent(share)} of these pictures are. By chance: the error "
        f"that perfect probabilities would show on as many pictures. Always answering with the "
        f"prior has a log-loss of {baseline:.3f}.",
    ]
    parts = {"All pictures": np.ones(len(judges.y), bool), f"Without {TINY}": ~judges.tiny}
    for name, part in parts.items():
        if part.all() and name != "All pictures":
            continue
        if len(set(judges.y[part].tolist())) < 2:
            continue
        rows = [
            [title, *_calibration(answers.where(part), judges.y[part], prior, seed)]
            for title, answers in passes.items()
        ]
        header = "calibration error | by chance | log-loss | answered | wrong of these | unfamiliar"
        lines += ["", *_table(f"{name}, n = {part.sum():,} | {header}", rows)]
    return lines


def _calibration(answers: Answers, y: Labels, prior: float, seed: int) -> list[str]:
    answered = answers.answered
    wrong = answered & (answers.positive != y)
    return [
        _decimal(calibration_error(answers.z, y, prior, seed)),
        f"{chance_error(answers.z, y, prior, seed):.3f}",
        _decimal(prior_log_loss(answers.z, y, prior)),
        _share(int(answered.sum()), len(y)),
        _share(int(wrong.sum()), int(answered.sum())),
        _flagged(answers),
    ]


def without_cues(judges: Judges, answers: Answers, probe: Array, m: int) -> list[str]:
    """The model beside a probe with scores (m,) that sees no picture."""
    guessed = probe > 0
    right = guessed == judges.y
    parts = {"all": np.ones(len(right), bool), "probe right": right, "probe wrong": ~right}
    rows = [[name, *_accuracy(judges, answers, part)] for name, part in parts.items() if part.any()]
    return [
        "### Where shape and sharpness tell nothing",
        "",
        f"Logistic regression on width, height, aspect, bytes, bytes a pixel, sharpness, "
        f"brightness and its deviation (their squares and products too), trained on {m:,} photos, "
        f"has a balanced accuracy of {_percent(balanced_accuracy(confusion(judges.y, guessed)))} "
        f"here, n = {len(right):,}, baseline 50%. The model's accuracy where it is wrong:",
        "",
        *_table("pictures | n | accuracy | baseline | balanced accuracy | AUC", rows),
    ]


def unlike(judges: Judges, answers: Answers, others: Mapping[str, Answers]) -> list[str]:
    """How many pictures are flagged: photos, which should not be, and what is no photo."""
    sources = np.array(judges.values("source"))
    asked = {"judging photos": answers}
    for source in sorted(set(sources.tolist()) - {""}):
        asked[f"source {source}"] = answers.where(sources == source)
    asked |= others
    rows = [
        [
            name,
            f"{len(a.z):,}",
            _flagged(a),
            _share(int(np.sum(~a.answered)), len(a.z)),
            _share(int(np.sum(a.positive)), len(a.z)),
        ]
        for name, a in asked.items()
    ]
    return [
        "### Unlike anything it was trained on",
        "",
        "The flag should be rare on photos and common below them. Called positive: with "
        "everything answered.",
        "",
        *_table("pictures | n | unfamiliar | unsure | called positive", rows),
    ]


def _flagged(answers: Answers) -> str:
    if answers.flagged is None:
        return NONE
    return _share(int(answers.flagged.sum()), len(answers.flagged))


def _table(header: str, rows: Iterable[Sequence[str]]) -> list[str]:
    names = header.split(" | ")
    rule = ["---:" if name == "n" else "---" for name in names]
    return [f"| {' | '.join(cells)} |" for cells in (names, rule, *rows)]


def _share(k: int, n: int) -> str:
    if not n:
        return NONE
    limits = wilson(k, n)
    return _percent(Estimate(k / n, limits.low, limits.high))


def _percent(figure: Limits | None) -> str:
    if figure is None:
        return NONE
    return f"{percent(figure.value)} {interval(figure.low, figure.high)}"


def _decimal(figure: Limits | None) -> str:
    if figure is None:
        return NONE
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _points(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"
