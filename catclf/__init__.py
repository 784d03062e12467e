"""catclf: says whether a photo shows a cat, with logistic regression from scratch.

>>> import catclf
>>> model = catclf.train("sample_images/drawn")              # doctest: +SKIP
>>> catclf.evaluate(model).accuracy                          # doctest: +SKIP
>>> model.save("model.npz")                                  # doctest: +SKIP
>>> catclf.load_model("model.npz").predict(["photo.jpg"])    # doctest: +SKIP

Nothing heavy is imported before it is used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["CatclfError", "Evaluation", "Model", "Prediction", "evaluate", "load_model", "train"]

if TYPE_CHECKING:
    from catclf.errors import CatclfError
    from catclf.evaluation import Evaluation, evaluate
    from catclf.model import Model, Prediction
    from catclf.modelfile import load_model
    from catclf.training import train

_HOMES = {
    "CatclfError": "catclf.errors",
    "Evaluation": "catclf.evaluation",
    "Model": "catclf.model",
    "Prediction": "catclf.model",
    "evaluate": "catclf.evaluation",
    "load_model": "catclf.modelfile",
    "train": "catclf.training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'catclf' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
