"""Says which extra is missing, before anything imports torch."""

from __future__ import annotations

import importlib.util

from qfxc.errors import UserError

if importlib.util.find_spec("torch") is None:
    raise UserError("PyTorch is not installed", where="qfxc.nn", hint="pip install 'qfxc[train]'")

FOUND = True
