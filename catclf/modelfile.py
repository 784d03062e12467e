"""model.npz: written whole or not at all, read with suspicion; see docs/model-format.md."""

import dataclasses
import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from catclf.core.familiarity import Familiarity
from catclf.data.decode import Loading
from catclf.data.zips import Zip
from catclf.errors import DataError, ModelError
from catclf.model import UNSURE, Model, Record
from catclf.nearest import did_you_mean, nearest_path
from catclf.writing import write_whole

FORMAT = 2
HASH_KEYS = ("train_files", "train_pictures", "held_out_files", "held_out_pictures")
KEYS = frozenset(
    (
        "format", "w", "b", "features", "features_sha256", "loading", "class_names", "threshold",
        "prior", "unsure_level", "unfamiliar/centre", "unfamiliar/directions", "unfamiliar/limit",
        *HASH_KEYS, "record",
    )
)  # fmt: skip
OURS = frozenset(("format", "w", "b", "record"))  # in every version, so that one knows another's
MAX_BYTES = 2**30  # of all arrays together: a model of ten million pictures


def save(model: Model, path: Path) -> None:
    """Write a model, whole or not at all."""
    check_target(path)
    arrays: dict[str, Any] = {
        "format": np.int64(FORMAT),
        "w": model.w,
        "b": np.float64(model.b),
        "features": np.str_(model.features),
        "features_sha256": np.str_(model.features_sha256),
        "loading": np.str_(json.dumps(model.loading.stored())),
        "class_names": np.array(model.class_names),
        "threshold": np.float64(model.threshold),
        "prior": np.float64(model.prior),
        "unsure_level": np.float64(model.unsure_level),
        **_unfamiliar(model.familiarity, len(model.w)),
        **{key: getattr(model, key) for key in HASH_KEYS},
        "record": np.str_(json.dumps(dataclasses.asdict(model.record))),
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    try:
        write_whole(path, [file.getvalue()])
    except OSError as error:
        do = "name another place with -o"
        raise ModelError(f"cannot be written ({error.strerror})", where=str(path), do=do) from error


def _unfamiliar(familiarity: Familiarity | None, n_x: int) -> dict[str, Any]:
    """The arrays of a familiarity; without one, no directions and a limit that all are within."""
    if familiarity is None:
        nothing = np.zeros((0, n_x), np.float32)
        familiarity = Familiarity(np.zeros(n_x, np.float32), nothing, np.inf)
    return {
        "unfamiliar/centre": familiarity.centre,
        "unfamiliar/directions": familiarity.directions,
        "unfamiliar/limit": np.float64(familiarity.limit),
    }


def check_target(path: Path) -> None:
    """ModelError where a model cannot go: a file that is none of ours is never overwritten."""
    do = "name another place with -o"
    try:
        if path.is_dir():
            raise ModelError("is a folder", where=str(path), do="name a file with -o")
        if not path.parent.is_dir():
            raise ModelError("its folder does not exist", where=str(path), do=do)
        if not os.access(path.parent, os.W_OK):
            raise ModelError("its folder cannot be written to", where=str(path), do=do)
        if path.exists() and not (path.is_file() and _names(path) >= OURS):
            raise ModelError("exists and is no model of catclf", where=str(path), do=do)
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise ModelError(what, where=str(path), do=do) from error


def _names(path: Path) -> frozenset[str]:
    """Names of the arrays in an .npz; none where it is anything else."""
    try:
        with Zip(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.names)
    except DataError:  # whatever is in there, it is not a model
        return frozenset()


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; ModelError when anything in it is missing, misshapen or not finite."""
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise ModelError("is no model but a folder or device", do="name a model.npz with -m")
        return _model(_read(path))
    except FileNotFoundError as error:
        do = did_you_mean(nearest_path(path), "train one with: catclf train DATA")
        raise ModelError("no such model", where=str(path), do=do) from error
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except ModelError as error:
        raise ModelError(error.what, where=str(path), do=error.do) from error


def _read(path: Path) -> dict[str, Any]:
    """The arrays of a model file, sizes and names checked before anything large is read."""
    foreign = ModelError("is no model of catclf", do="name a model.npz with -m")
    try:
        with Zip(path) as archive:
            held = {name.removesuffix(".npy"): name for name in archive.names}
            if not OURS.issubset(held):
                raise foreign
            total = sum(archive.size(name) for name in archive.names)
            if total > MAX_BYTES or not all(map(archive.is_stored, archive.names)):
                raise ModelError("is larger than any model, or compressed")
            version = archive.array(held["format"])
            if version.shape != () or version.dtype != np.int64 or int(version) < 1:
                raise foreign
            if int(version) != FORMAT:
                what = f"has format {int(version)}, this version reads {FORMAT}"
                do = "update catclf" if int(version) > FORMAT else "train it again"
                raise ModelError(what, do=do)
            if set(held) != KEYS or len(archive.names) != len(KEYS):
                odd = ", ".join(sorted(set(held) ^ KEYS)) or "a name twice"
                raise ModelError(f"lacks or adds: {odd}", do="train it again")
            return {key: archive.array(held[key]) for key in KEYS}
    except DataError as error:
        what = f"is damaged, or no model of catclf: {error.what}"
        raise ModelError(what, do="train it again") from error


def _model(arrays: dict[str, Any]) -> Model:
    w = _numbers(arrays, "w")
    if w.ndim != 2 or w.shape[1] != 1:
        raise ModelError(f"has w of shape {w.shape}, not (n_x, 1)", do="train it again")
    for key in HASH_KEYS:
        hashes = arrays[key]
        if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] != 32:
            raise ModelError(f"has {key} that are no hashes", do="train it again")
    for kind in ("train", "held_out"):
        if len(arrays[f"{kind}_files"]) != len(arrays[f"{kind}_pictures"]):
            raise ModelError(f"has {kind} hashes of unequal number", do="train it again")
    names = _texts(arrays, "class_names", (2,))
    if len({*names, "", UNSURE}) != 4:
        raise ModelError("has no two class names", do="train it again")
    threshold, prior = _number(arrays, "threshold"), _number(arrays, "prior")
    if not (0 <= threshold <= 1 and 0 < prior < 1):
        raise ModelError("has a threshold or prior outside of 0 to 1", do="train it again")
    level = _number(arrays, "unsure_level")
    if not 0.5 <= level <= 1:
        raise ModelError("has an unsure level outside of 0.5 to 1", do="train it again")
    model = Model(
        w=w,
        b=_number(arrays, "b"),
        features=_text(arrays, "features"),
        features_sha256=_text(arrays, "features_sha256"),
        loading=_loading(arrays),
        class_names=(names[0], names[1]),
        threshold=threshold,
        prior=prior,
        unsure_level=level,
        familiarity=_familiarity(arrays, len(w)),
        **{key: arrays[key] for key in HASH_KEYS},
        record=_record(arrays),
    )
    if model.feature_map.n_x != len(w):
        what = f"has {len(w)} weights for {model.feature_map.n_x} features"
        raise ModelError(what, do="train it again")
    return model


def _familiarity(arrays: dict[str, Any], n_x: int) -> Familiarity | None:
    centre, directions = arrays["unfamiliar/centre"], arrays["unfamiliar/directions"]
    limit = arrays["unfamiliar/limit"]
    if (
        centre.dtype != np.float32
        or directions.dtype != np.float32
        or centre.shape != (n_x,)
        or directions.shape[1:] != (n_x,)
        or not (np.isfinite(centre).all() and np.isfinite(directions).all())
        or limit.dtype != np.float64
        or limit.shape != ()
        or not limit >= 0
    ):
        raise ModelError("has damaged arrays of what is familiar", do="train it again")
    return Familiarity(centre, directions, float(limit)) if len(directions) else None


def _numbers(arrays: dict[str, Any], key: str) -> Any:
    values = arrays[key]
    if values.dtype != np.float64 or not np.isfinite(values).all():
        raise ModelError(f"has {key} that is not finite float64", do="train it again")
    return values


def _number(arrays: dict[str, Any], key: str) -> float:
    value = _numbers(arrays, key)
    if value.shape != ():
        raise ModelError(f"has {key} of shape {value.shape}", do="train it again")
    return float(value)


def _text(arrays: dict[str, Any], key: str) -> str:
    return _texts(arrays, key, ())[0]


def _texts(arrays: dict[str, Any], key: str, shape: tuple[int, ...]) -> list[str]:
    value = arrays[key]
    if value.shape == shape and value.dtype.kind == "U":
        return [str(text) for text in value.reshape(-1).tolist()]
    raise ModelError(f"has {key} that is no text", do="train it again")


def _json(
    arrays: dict[str, Any], key: str, kind: type, stored: set[str] | None = None
) -> dict[str, Any]:
    """The fields of a dataclass, all or those stored, each of the type that it is declared with."""
    try:
        value = json.loads(_text(arrays, key))
    except (ValueError, RecursionError):
        value = None
    types = {k: t for k, t in get_type_hints(kind).items() if stored is None or k in stored}
    if (
        not isinstance(value, dict)
        or set(value) != set(types)
        or not all(_fits(value[name], types[name]) for name in types)
    ):
        raise ModelError(f"has a damaged {key}", do="train it again")
    return {name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is what a field declared as `kind` was written from."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if kind is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    if origin is None:
        return type(value) is kind
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    return any(_fits(value, part) for part in parts)  # a union


def _loading(arrays: dict[str, Any]) -> Loading:
    loading = Loading(**_json(arrays, "loading", Loading, set(Loading().stored())))
    if not 1 <= loading.size <= 4096:
        raise ModelError("has a loading policy that does not exist", do="train it again")
    return loading


def _record(arrays: dict[str, Any]) -> Record:
    record = Record(**_json(arrays, "record", Record))
    known = record.figures
    if known is not None and not (
        _fits(known.get("n"), int)
        and _fits(known.get("accuracy"), float)
        and _fits(known.get("interval"), tuple[float, ...])
        and len(known["interval"]) == 2
    ):
        raise ModelError("has damaged figures", do="train it again")
    return record
