"""What a person wants to know of a model and of its evaluation: names and values, in words.

The same lines for the terminal, for pages and for notebooks. Nothing in them is escaped yet.
"""

from dataclasses import dataclass
from typing import Any

from catclf.core.metrics import Estimate
from catclf.evaluation import Evaluation
from catclf.model import Model
from catclf.text import count, interval, percent


@dataclass(frozen=True)
class Fact:
    """A name, a value, and what has to be known to read it."""

    name: str
    value: str
    remark: str = ""


def figures(evaluation: Evaluation) -> list[Fact]:
    """The figures of an evaluation, each with its interval and baseline."""
    right = evaluation.confusion.tp + evaluation.confusion.tn
    accuracy = Estimate(evaluation.accuracy, evaluation.interval.low, evaluation.interval.high)
    facts = [
        Fact(
            "accuracy",
            in_percent(accuracy),
            f"{right:,} of {evaluation.n:,}; "
            f"always the commoner class: {percent(evaluation.baseline)}",
        ),
        Fact("balanced accuracy", in_percent(evaluation.balanced_accuracy)),
        Fact("AUC", _plain(evaluation.auc)),
        Fact("log-loss", f"{evaluation.log_loss:.4f}", _weighted(evaluation)),
    ]
    if evaluation.reliability is not None:
        bins = count(len(evaluation.reliability.bins), "bin")
        error = f"{evaluation.reliability.error:.4f}"
        facts.append(Fact("calibration error", error, f"probabilities in {bins} of equal count"))
    return facts + _coverage(evaluation)


def _weighted(evaluation: Evaluation) -> str:
    if evaluation.reliability is None:
        return ""
    here = (evaluation.confusion.tp + evaluation.confusion.fn) / evaluation.n
    return f"at the model's prior, {evaluation.prior:.1%}; here it is {here:.1%}"


def _coverage(evaluation: Evaluation) -> list[Fact]:
    coverage = evaluation.coverage
    if coverage.answered == evaluation.n:
        return []
    value = in_percent(coverage.share)
    if coverage.error is not None:
        value += f", of these wrong {in_percent(coverage.error)}"
    unsure = evaluation.n - coverage.answered
    strange = f", {coverage.unfamiliar:,} as unlike the training photos"
    return [Fact("answered", f"{value}; {unsure:,} unsure{strange if coverage.unfamiliar else ''}")]


def in_percent(estimate: Estimate | None) -> str:
    """A share with its interval, in percent; a dash where there is none."""
    if estimate is None:
        return "-"
    return f"{percent(estimate.value)} {interval(estimate.low, estimate.high)}"


def _plain(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def card(model: Model) -> list[Fact]:
    """Purpose, data, recipe, accuracy with intervals, and what else its users should know."""
    record = model.record
    negative, positive = model.class_names
    size = f"{model.loading.size} x {model.loading.size}, {model.loading.crop}"
    weights = f", weights {model.features_sha256[:16]}" if model.features_sha256 else ""
    chosen = ", chosen by folds" if len(record.strengths) > 1 else ""
    return [
        Fact("tells", f"{positive} from {negative}"),
        *(Fact("note", note) for note in record.notes),
        Fact("looks at", f"{model.features} of {size}{weights}"),
        Fact(
            "trained on",
            f"{count(record.m_train, 'photo')} of {record.data}, {record.created}; "
            f"fingerprint {record.fingerprint[:16]}",
        ),
        Fact(
            "recipe",
            f"{record.recipe}, l2 {record.l2:.3g}{chosen}, seed {record.seed}; {record.stopped}",
        ),
        Fact("made with", ", ".join(f"{k} {v}" for k, v in record.versions.items())),
        Fact("assumes", f"{100 * model.prior:.3g}% {positive}"),
        Fact("answers", _answers(model)),
        Fact("calibrated", _calibrated(model)),
        *_judged(model),
    ]


def _answers(model: Model) -> str:
    parts = [f"{model.class_names[1]} above {model.threshold:.2f}"]
    if model.unsure_level > 0.5:
        parts.append(f"unsure where the likelier class is below {model.unsure_level:.3f}")
    if model.familiarity is not None:
        parts.append("or where the photo is unlike those it was trained on")
    return ", ".join(parts)


def _calibrated(model: Model) -> str:
    record = model.record
    if not record.calibrated_n:
        return "no"
    photos = f"{count(record.calibrated_n, 'photo')} {record.calibrated_on}"
    return f"on {photos}: z times {record.slope:.3g}, {record.offset:+.3g}"


def _judged(model: Model) -> list[Fact]:
    record = model.record
    if record.figures is None:
        return [Fact("judged", "by no photos: its accuracy on others is not known")]
    facts = [Fact("judged", f"{record.judged_on}: {_accuracy(record.figures)}")]
    error = record.figures.get("calibration_error")
    if error is not None:
        facts.append(Fact("", f"calibration error {error:.4f}"))
    groups: dict[str, Any] = record.figures.get("groups", {})
    width = max((len(name) for name in groups), default=0)
    return facts + [Fact("", f"{name:{width}}  {_accuracy(g)}") for name, g in groups.items()]


def _accuracy(known: dict[str, Any]) -> str:
    low, high = known["interval"]
    right = f"{percent(known['accuracy'])} {interval(low, high)} right of"
    return f"{right} {count(known['n'], 'photo')}"
