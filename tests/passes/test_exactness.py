"""Every exact pass keeps every value; every stage is what it claims to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from networks import NETWORKS
from qfxc.ir.check import Stage, check
from qfxc.passes.base import Pass, override, run_passes
from qfxc.passes.pipeline import STAGES, pipeline
from qfxc.passes.proof import prove
from qfxc.passes.quantize import Quantize
from qfxc.quantize.quality import quality

VARIANTS = {
    "default": "",
    "fixed": "quantize{powers=true}",
    "w4a4": "quantize{weights=4,activations=4}",
    "w3a2": "quantize{weights=3,activations=2}",
    "w8a12": "quantize{activations=12}",
    "half-even": "quantize{rounding=half-even}",
    "floor": "quantize{rounding=floor}",
    "minmax": "quantize{method=minmax}",
    "feedback": "quantize{weights=4,method=search,rounding_of_weights=feedback,ends=8}",
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_passes_prove_themselves(network: str, variant: str) -> None:
    graph, frames = NETWORKS[network]()
    steps = tuple(
        replace(s, frames=(frames,)) if isinstance(s, Quantize) else s
        for s in override(pipeline(), VARIANTS[variant])
    )

    def hook(step: Pass, before, after) -> None:  # type: ignore[no-untyped-def]
        check(after, STAGES[step.name])
        prove(step, before, after, [frames[:4]])

    lowered = run_passes(graph, steps, hook)
    check(lowered, Stage.KERNEL)


@pytest.mark.parametrize("network", NETWORKS)
def test_eight_bits_follow_the_float_network(network: str) -> None:
    graph, frames = NETWORKS[network]()
    kept = {}

    def hook(step: Pass, before, after) -> None:  # type: ignore[no-untyped-def]
        kept[step.name] = after

    steps = tuple(
        replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in pipeline()
    )
    run_passes(graph, steps, hook)
    rows = quality(graph, kept["rescale"], [frames])
    # 8-bit noise over a few layers; random weights and the products of 'branches' amplify it
    assert min(row.sqnr_db for row in rows) > (20 if network == "branches" else 28)
    assert min(row.cosine for row in rows) > 0.99


def test_a_wrong_pass_is_caught() -> None:
    from qfxc.errors import VerificationError
    from qfxc.ir.graph import Node, rewrite
    from qfxc.ops.clip import Clip
    from qfxc.passes.hoist_activations import HoistActivations

    graph, frames = NETWORKS["residual"]()

    def break_relu(node: Node) -> Node | None:
        if isinstance(node.op, Clip) and node.op.lo == 0.0:
            return Node(Clip(0.01, node.op.hi), node.inputs, node.name)
        return None

    with pytest.raises(VerificationError, match="pass hoist-activations changed the output"):
        prove(HoistActivations(), graph, rewrite(graph, break_relu), [frames[:4]])


def test_the_same_graph_twice() -> None:
    from qfxc.ir.text import dump

    texts = []
    for _ in range(2):
        graph, frames = NETWORKS["residual"]()
        steps = tuple(
            replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in pipeline()
        )
        texts.append(dump(run_passes(graph, steps)))
    assert texts[0] == texts[1]


def test_an_activation_behind_padded_max_pooling_joins_the_layer() -> None:
    graph, frames = NETWORKS["padded_maximum"]()
    steps = tuple(
        replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in pipeline()
    )
    stems = [n.op.stem for n in run_passes(graph, steps).nodes()]
    assert sum(s in ("dyadic", "shift", "csd", "table") for s in stems) == 2
