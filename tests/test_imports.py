"""Who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "compiler" / "qfxc"
BASE = {"errors", "__init__", "share", "progress", "cache"}
IR = BASE | {"ir"}
ALLOWED = {
    "ir": IR,
    "sim": IR,
    "adders": IR | {"adders"},
    "ops": IR | {"adders", "ops"},
    "frontend": IR | {"ops", "frontend"},
    "quantize": IR | {"ops", "sim", "quantize"},
    "passes": IR | {"ops", "sim", "quantize", "passes"},
    "hw": IR | {"hw"},
    "backends": IR | {"hw", "backends"},
    "verify": IR | {"hw", "backends", "verify"},
    "nn": IR | {"quantize", "nn"},
    "report": IR | {"hw", "backends", "quantize", "report"},
}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {
            n.split(".")[1] if "." in n else "__init__" for n in names if n.startswith("qfxc")
        }
    return found


@pytest.mark.parametrize("part", ALLOWED)
def test_direction_of_imports(part: str) -> None:
    files = [ROOT / f"{part}.py"] if (ROOT / f"{part}.py").exists() else (ROOT / part).rglob("*.py")
    for path in files:
        wrong = imported(path) - ALLOWED[part]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_nn_is_imported_by_nobody() -> None:
    """The compiler works without PyTorch."""
    for path in ROOT.rglob("*.py"):
        if "nn" not in path.relative_to(ROOT).parts:
            assert "nn" not in imported(path), path
