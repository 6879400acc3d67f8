"""Makes helpers beside this file importable from every test."""

import sys
from pathlib import Path

import pytest

from qfxc.hw import space
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Cost, Fold

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _made_up_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators of ``hw_fakes`` say what they cost themselves; real ones are priced as always."""
    real = space.price

    def price(node: Node, fold: Fold) -> Cost:
        return node.op.cost(node, fold) if hasattr(node.op, "cost") else real(node, fold)

    monkeypatch.setattr(space, "price", price)
