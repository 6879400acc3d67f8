"""The templates of the report: loops and names only, undefined names are errors."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from qfxc import __version__
from qfxc.share import folder


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(folder("templates") / "report"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("svg.j2",)),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, **names: Any) -> str:
    """A rendered template of templates/report/."""
    return _environment().get_template(f"{template}.j2").render(version=__version__, **names)
