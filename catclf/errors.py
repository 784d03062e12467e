"""Every error that catclf raises on purpose.

    CatclfError                  something that a person can mend; one line
    ├── DataError                a data set cannot be used
    │   └── UnreadableImage      one picture cannot be had
    ├── ModelError               a model file is missing, damaged or not ours
    └── TrainingError            the descent failed, or there is nothing to learn from

Each says what is wrong, where, and what to do. Wrong Python arguments are ValueError or TypeError
as everywhere; anything else that escapes is a bug and keeps its traceback.
"""


class CatclfError(Exception):
    """Base class: `where: what; what to do`, in one line.

    examples: further lines, for a person who would rather see how it is done.

    >>> print(CatclfError("holds no images", where="photos/", do="name another folder"))
    photos/: holds no images; name another folder
    """

    def __init__(
        self, what: str, *, where: str = "", do: str = "", examples: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.do = do
        self.examples = examples

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.do}" if self.do else line


class DataError(CatclfError):
    """A data set is missing, not understood, or cannot be used for what was asked."""


class UnreadableImage(DataError):  # noqa: N818 - says what it is
    """No picture can be had from these bytes; `what` is the reason."""


class ModelError(CatclfError):
    """A model file is missing, damaged, from a newer version, or not one of ours."""


class TrainingError(CatclfError):
    """Training cannot begin or did not converge to anything finite."""
