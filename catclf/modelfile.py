"""model.npz: written whole or not at all, read with suspicion; see docs/model-format.md."""

import dataclasses
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from catclf.data.decode import CROPS, Loading
from catclf.errors import ModelError
from catclf.model import Model, Record

FORMAT = 1
HASH_KEYS = ("train_files", "train_pictures", "held_out_files", "held_out_pictures")
KEYS = frozenset(
    (
        "format", "w", "b", "features", "features_sha256", "loading", "class_names", "threshold",
        "prior", *HASH_KEYS, "record",
    )
)  # fmt: skip
MAX_BYTES = 2**30  # of all arrays together: a model of ten million pictures


def save(model: Model, path: Path) -> None:
    """Write to a file beside the target, flush it to the disk, rename it."""
    check_target(path)
    arrays: dict[str, Any] = {
        "format": np.int64(FORMAT),
        "w": model.w,
        "b": np.float64(model.b),
        "features": np.str_(model.features),
        "features_sha256": np.str_(model.features_sha256),
        "loading": np.str_(json.dumps(dataclasses.asdict(model.loading))),
        "class_names": np.array(model.class_names),
        "threshold": np.float64(model.threshold),
        "prior": np.float64(model.prior),
        **{key: getattr(model, key) for key in HASH_KEYS},
        "record": np.str_(json.dumps(dataclasses.asdict(model.record))),
    }
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False
        ) as file:
            temporary = Path(file.name)
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        do = "name another place with -o"
        raise ModelError(f"cannot be written ({error.strerror})", where=str(path), do=do) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """ModelError where a model cannot go: a file that is none of ours is never overwritten."""
    do = "name another place with -o"
    if path.is_dir():
        raise ModelError("is a folder", where=str(path), do="name a file with -o")
    if not path.parent.is_dir():
        raise ModelError("its folder does not exist", where=str(path), do=do)
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as archive:
                ours = {"format", "w", "b", "record"} <= set(archive.files)
        except Exception:  # whatever is in there, it is not a model
            ours = False
        if not ours:
            raise ModelError("exists and is no model of catclf", where=str(path), do=do)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; ModelError when anything in it is missing, misshapen or not finite."""
    path = Path(path)
    if not path.exists():
        do = "train one with: catclf train DATA"
        raise ModelError("no such model", where=str(path), do=do)
    try:
        return _model(_read(path))
    except ModelError as error:
        raise ModelError(error.what, where=str(path), do=error.do) from error


def _read(path: Path) -> dict[str, Any]:
    """The arrays of a model file, sizes and names checked before anything large is read."""
    foreign = ModelError("is no model of catclf", do="name a model.npz with -m")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        if "format" not in names:
            raise foreign
        if sum(member.file_size for member in members) > MAX_BYTES or any(
            member.compress_type != zipfile.ZIP_STORED for member in members
        ):
            raise ModelError("is larger than any model, or compressed")
        with np.load(path, allow_pickle=False) as arrays:
            version = arrays["format"]
            if version.shape != () or version.dtype.kind != "i":
                raise foreign
            if version > FORMAT:
                what = f"has format {int(version)}, this version reads up to {FORMAT}"
                raise ModelError(what, do="update catclf")
            if set(names) != KEYS or len(names) != len(KEYS):
                odd = ", ".join(sorted(set(names) ^ KEYS)) or "a name twice"
                raise ModelError(f"lacks or adds: {odd}", do="train it again")
            return {key: arrays[key] for key in KEYS}
    except ModelError:
        raise
    except Exception as error:  # damaged bytes raise some ten unrelated kinds
        raise ModelError("is damaged, or no model of catclf", do="train it again") from error


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
    names = arrays["class_names"]
    if names.shape != (2,) or names.dtype.kind != "U" or names[0] == names[1]:
        raise ModelError("has no two class names", do="train it again")
    threshold, prior = _number(arrays, "threshold"), _number(arrays, "prior")
    if not (0 <= threshold <= 1 and 0 < prior < 1):
        raise ModelError("has a threshold or prior outside of 0 to 1", do="train it again")
    model = Model(
        w=w,
        b=_number(arrays, "b"),
        features=_text(arrays, "features"),
        features_sha256=_text(arrays, "features_sha256"),
        loading=_loading(arrays),
        class_names=(str(names[0]), str(names[1])),
        threshold=threshold,
        prior=prior,
        **{key: arrays[key] for key in HASH_KEYS},
        record=_record(arrays),
    )
    if model.feature_map.n_x != len(w):
        what = f"has {len(w)} weights for {model.feature_map.n_x} features"
        raise ModelError(what, do="train it again")
    return model


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
    value = arrays[key]
    if value.shape != () or value.dtype.kind != "U":
        raise ModelError(f"has {key} that is no text", do="train it again")
    return str(value)


def _json(arrays: dict[str, Any], key: str, kind: type) -> dict[str, Any]:
    try:
        value = json.loads(_text(arrays, key))
    except ValueError:
        value = None
    names = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(value, dict) or set(value) != names:
        raise ModelError(f"has a damaged {key}", do="train it again")
    return value


def _loading(arrays: dict[str, Any]) -> Loading:
    value = _json(arrays, "loading", Loading)
    size, crop = value["size"], value["crop"]
    if type(size) is not int or not 1 <= size <= 4096 or crop not in CROPS:
        raise ModelError("has a loading policy that does not exist", do="train it again")
    return Loading(size, crop)


def _record(arrays: dict[str, Any]) -> Record:
    value = _json(arrays, "record", Record)
    for key in ("cost_iterations", "costs", "strengths", "fold_losses"):
        value[key] = tuple(value[key])
    return Record(**value)
