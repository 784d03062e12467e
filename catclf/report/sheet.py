"""The contact sheet of `catclf predict --report`: a thumbnail a photo, with what was answered.

The thumbnails come from the pictures that the model sees anyway, so nothing is read twice. The rows
lie in the page as JSON; its script shows a page's worth of them at a time.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catclf.data.dataset import Source
from catclf.data.loading import Failure, in_order, load_one
from catclf.data.similarity import as_rows, near_groups
from catclf.model import AS_TRAINED, UNSURE, Answering, Model, Prediction
from catclf.report import page, pictures
from catclf.text import escape

SIDE = 96  # pixels of a thumbnail
PICTURED = 20_000  # thumbnails in a page: with 50 MB of them a browser still opens it


@dataclass(frozen=True)
class _Seen:
    """A prediction, and what the sheet keeps of its picture; the hashes are empty without one."""

    prediction: Prediction
    thumbnail: bytes = b""
    sha256: bytes = b""
    perceptual_hash: bytes = b""


class ContactSheet:
    """Answers as a model does, and remembers what it has seen."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._answering = AS_TRAINED
        self._seen: list[_Seen] = []

    def predict_sources(
        self,
        sources: Iterable[tuple[str, Source]],
        answering: Answering = AS_TRAINED,
        jobs: int | None = None,
    ) -> Iterator[Prediction]:
        """The predictions that `Model.predict_sources` gives, each kept for the page."""
        self._answering = answering
        for seen in in_order(lambda pair: self._see(*pair), sources, jobs):
            self._seen.append(seen)
            yield seen.prediction

    def _see(self, name: str, source: Source) -> _Seen:
        loaded = load_one(source, self._model.loading)
        score = self._model.score_loaded(loaded)
        prediction = self._model.prediction(name, score, self._answering)
        if isinstance(loaded, Failure):
            return _Seen(prediction)
        picture = loaded.picture
        # In the thread that reads; the list is only a little behind what threads have begun.
        small = pictures.thumbnail(picture.pixels, SIDE) if len(self._seen) < PICTURED else b""
        return _Seen(prediction, small, loaded.sha256, picture.perceptual_hash)

    def write(self, path: Path) -> None:
        """The page; CatclfError where it cannot go."""
        negative, positive = self._model.class_names
        labels = (positive, UNSURE, negative, None)
        counts = Counter(seen.prediction.label for seen in self._seen)
        page.write(
            path,
            "sheet",
            model=self._model,
            prior=self._answering.prior,
            labels=[{"name": label or "unreadable", "n": counts[label]} for label in labels],
            n=len(self._seen),
            folder=common_folder([escape(seen.prediction.input) for seen in self._seen]),
            side=SIDE,
            pictured=PICTURED,
            rows=self._rows({label: place for place, label in enumerate(labels)}),
        )

    def _rows(self, places: dict[str | None, int]) -> list[dict[str, Any]]:
        """What the script knows of each photo. label: its place among the labels; alike: the number
        of a group of near-copies."""
        readable = [i for i, seen in enumerate(self._seen) if seen.sha256]
        groups = near_groups(
            as_rows([self._seen[i].sha256 for i in readable]),
            as_rows([self._seen[i].perceptual_hash for i in readable]),
        ).tolist()
        group = dict(zip(readable, groups, strict=True))
        copies = Counter(groups)
        rows: list[dict[str, Any]] = []
        for i, seen in enumerate(self._seen):
            prediction = seen.prediction
            row: dict[str, Any] = {
                "name": escape(prediction.input),
                "label": places[prediction.label],
            }
            copied = pasteable(prediction.input)
            if copied != row["name"]:
                row["path"] = copied
            if prediction.error is not None:
                row["why"] = escape(prediction.error)
            else:
                row |= {"p": prediction.probability, "picture": pictures.in_text(seen.thumbnail)}
                if prediction.unfamiliar:
                    row["strange"] = 1
                if copies[group[i]] > 1:
                    row["alike"] = group[i]
            rows.append(row)
        return rows


def common_folder(names: Sequence[str]) -> str:
    """What all names begin with, up to a slash: shown once instead of under every picture.

    >>> common_folder(["photos/a/1.jpg", "photos/b/2.jpg"]), common_folder(["a.jpg", "photos/b"])
    ('photos/', '')
    """
    start = os.path.commonprefix(list(names))  # noqa: RUF071 - cut at a slash
    return start[: start.rfind("/") + 1]


def pasteable(name: str) -> str:
    """The name, or where it is not UTF-8 and so no text what bash and zsh read as the name.

    >>> pasteable("my cat.jpg"), pasteable(os.fsdecode(bytes.fromhex("63e92e6a7067")))
    ('my cat.jpg', "$'c\\\\xe9.jpg'")
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = (
            chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
            for byte in os.fsencode(name)
        )
        return f"$'{''.join(shown)}'"
    return name
