"""One page from a template, and the file that it goes to."""

import base64
import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from catclf import __version__
from catclf.errors import CatclfError
from catclf.text import count, escape, interval, percent
from catclf.writing import write_whole

EXTRA = ("jinja2", "matplotlib")
MARK = b'<meta name="generator" content="catclf">'
MARK_WITHIN = 200  # bytes from the start of a page
TEMPLATES = Path(__file__).with_name("templates")
HTML = ".html"


def check_target(path: Path) -> None:
    """CatclfError where no page can be made or go: a file that is no page of ours is never
    overwritten. Asked before the work begins that the page is about."""
    missing = [library for library in EXTRA if find_spec(library) is None]
    if missing:
        do = "pip install 'catclf[report]'"
        raise CatclfError(f"a page needs {' and '.join(missing)}", do=do)
    check_place(path, MARK, "page")


def check_place(path: Path, mark: bytes, what: str) -> None:
    """CatclfError where a page or a picture cannot go; ours have this mark near their start."""
    do = "name another file"
    try:
        if path.is_dir():
            raise CatclfError("is a folder", where=str(path), do=do)
        if not path.parent.is_dir():
            raise CatclfError("its folder does not exist", where=str(path), do=do)
        if not os.access(path.parent, os.W_OK):
            raise CatclfError("its folder cannot be written to", where=str(path), do=do)
        if path.exists() and not _may_be_replaced(path, mark):
            raise CatclfError(f"exists and is no {what} of catclf", where=str(path), do=do)
    except (OSError, ValueError) as error:
        raise CatclfError("cannot be written", where=str(path), do=do) from error


def _may_be_replaced(path: Path, mark: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(MARK_WITHIN)
    return mark in head or not head


def write(path: Path, template: str, **values: Any) -> None:
    """Fill the template of this name and write the page, whole or not at all."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"escaped": escape, "percent": percent, "count": count}
    environment.globals["interval"] = interval
    script = TEMPLATES / f"{template}.js"
    style = (TEMPLATES / "style.css").read_text("utf-8")
    code = script.read_text("utf-8") if script.exists() else ""
    parts = environment.get_template(template + HTML).generate(
        style=Markup(style),
        code=Markup(code),
        policy=_policy(style, code),
        version=__version__,
        **values,
    )
    check_target(path)
    try:
        write_whole(path, (part.encode("utf-8", "backslashreplace") for part in parts))
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise CatclfError(what, where=str(path), do="name another file") from error


def _policy(*ours: str) -> str:
    """The content security policy: pictures in the page, and the style and script whose hash this
    is; no connection, no frame, nothing from elsewhere."""
    style, code = (
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        for text in ours
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; "
        f"script-src 'sha256-{code}'; base-uri 'none'; form-action 'none'"
    )
