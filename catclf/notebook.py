"""How a model and an evaluation show themselves in a notebook: a table, and figures where the extra
`report` is installed. What is in them is text, whatever it looks like."""

from collections.abc import Sequence
from html import escape as as_text
from importlib.util import find_spec
from typing import TYPE_CHECKING

from catclf import summary
from catclf.evaluation import Evaluation
from catclf.model import Model
from catclf.text import escape

if TYPE_CHECKING:
    from catclf.report.figures import Figure


def of_model(model: Model) -> str:
    """Its card, how it learned, and w where that is a picture."""
    table = _table(summary.card(model))
    if not find_spec("matplotlib"):
        return table
    from catclf.report.training import figures, weights

    pictures = weights(model) if model.features == "pixels" else []
    shown = [_image(part.picture, part.alt, "image-rendering: pixelated;") for part in pictures]
    return table + _figures(figures(model)) + "".join(shown)


def of_evaluation(evaluation: Evaluation) -> str:
    """Its figures, and the curves behind them."""
    counts = evaluation.confusion
    counted = f"{counts.tp:,} right and {counts.fn:,} wrong of the positive class"
    others = f"{counts.tn:,} right and {counts.fp:,} wrong of the negative class"
    facts = [
        summary.Fact("judged on", evaluation.what),
        *summary.figures(evaluation),
        summary.Fact("counts", f"{counted}, {others}"),
        *(summary.Fact("note", warning) for warning in evaluation.warnings),
    ]
    table = _table(facts)
    if evaluation.scored is None or not find_spec("matplotlib"):
        return table
    from catclf.report.judgement import figures

    return table + _figures(figures(evaluation, evaluation.groups))


def _table(facts: Sequence[summary.Fact]) -> str:
    rows = (
        f'<tr><th style="text-align: left">{_cell(fact.name)}</th>'
        f'<td style="text-align: left">{_cell(f"{fact.value}  {fact.remark}".strip())}</td></tr>'
        for fact in facts
    )
    return f"<table>{''.join(rows)}</table>"


def _cell(text: str) -> str:
    return as_text(escape(text))


def _figures(figures: "Sequence[Figure]") -> str:
    return "".join(_image(figure.light, figure.alt) for figure in figures)


def _image(address: str, alt: str, style: str = "") -> str:
    """Dark on white: what is behind it in a notebook is not known."""
    return (
        f'<img src="{address}" alt="{_cell(alt)}" width="360" style="background: white; {style}">'
    )
