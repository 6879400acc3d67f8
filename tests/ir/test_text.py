"""The text form: everything comes back, the same bytes every time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from networks import NETWORKS
from qfxc.errors import UserError
from qfxc.ir.text import constants, dump, load
from qfxc.ops import registry
from qfxc.passes.base import run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize


@pytest.mark.parametrize("network", NETWORKS)
def test_round_trip_at_every_stage(network: str) -> None:
    graph, frames = NETWORKS[network]()
    steps = [replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in pipeline()]

    def hook(step, before, after) -> None:  # type: ignore[no-untyped-def]
        text = dump(after)
        again = load(text, constants(after), registry())
        assert dump(again) == text

    run_passes(graph, tuple(steps), hook)


def test_not_a_graph() -> None:
    with pytest.raises(UserError, match="not a qfxc graph"):
        load("hello", {}, registry())


def test_a_forged_type_is_noticed() -> None:
    graph, _ = NETWORKS["residual"]()
    text = dump(graph).replace(": 8x8x3 real", ": 8x8x4 real", 1)
    with pytest.raises(UserError, match="its type is 8x8x3 real, the text says 8x8x4 real"):
        load(text, constants(graph), registry())
