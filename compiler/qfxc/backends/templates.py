"""Text from the templates: names and loops only, an unknown name is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qfxc.share import folder


def fill(template: str, context: Mapping[str, Any]) -> str:
    """The text of ``templates/<template>.j2`` for ``context``."""
    env = Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return env.get_template(f"{template}.j2").render(context)
