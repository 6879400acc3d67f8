"""What products are built of: which variants are offered, and that only resources differ."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kernel_cases import kernel_ops
from qfxc.backends import model_files
from qfxc.hw.cost import kernel_cost
from qfxc.hw.pinned import fold_of
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.kernel import Fold, KernelOp, Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source, weights
from qfxc.ops.const import int_const
from qfxc.ops.depthwise import Depthwise
from qfxc.ops.matvec import MatVec

DSP, LUT, SHIFT, TREE = Variant


def bits(n: int) -> Int:
    return Int.of_bits(n, signed=True)


@pytest.mark.parametrize(
    ("x", "w", "kinds"),
    [
        (8, 8, {DSP, LUT, TREE}),
        (16, 8, {DSP, LUT, TREE}),
        (8, 5, {LUT, SHIFT, TREE}),
        (4, 4, {LUT, SHIFT, TREE}),
        (16, 2, {LUT, SHIFT, TREE}),
    ],
)
@pytest.mark.parametrize("op", [MatVec, Depthwise])
def test_which_variants_are_offered(
    op: type[KernelOp], x: int, w: int, kinds: set[Variant]
) -> None:
    shape = (1, 6, 4) if op is MatVec else (3, 2)
    node = Node(op(), (source((2, 6), bits(x)), weights(shape, bits(w), 1)), "dot")
    assert {fold.variant for fold in node.op.folds(node)} == kinds


@pytest.mark.parametrize("stem", ["matvec", "depthwise"])
def test_variants_differ_in_resources_only(stem: str) -> None:
    node = next(n for n in kernel_ops()[stem].samples() if n.name == "signed")
    op = kernel_ops()[stem]()
    for fold in (f for f in node.op.folds(node) if f.variant is LUT):
        plain = replace(fold, variant=DSP)
        lut, dsp = op.kernel(node, fold), op.kernel(node, plain)
        assert lut.params == {**dsp.params, "Fabric": 1}
        assert dsp.params["Fabric"] == 0
        assert op.cycles(node, fold) == op.cycles(node, plain)
        # 8 x 8 signed bits: two weights, 16 bits apart or more, fit the 27 bits of a DSP's factor
        products = fold.simd * (-(-fold.pe // 2) if stem == "matvec" else 1)
        more, less = kernel_cost(lut), kernel_cost(dsp)
        assert (more.dsp, less.dsp) == (0, products)
        assert more.lut > less.lut
        assert more.bram18 == less.bram18


@pytest.mark.parametrize(("value", "code"), [(0, 0), (1, 0o2), (-4, 0o60), (7, 0o36), (-2, 0o7)])
def test_codes_of_shifts(value: int, code: int) -> None:
    """Two terms of places 0..1 and 2..3: a bit for the place, one for being there, the sign."""
    w = int_const(np.array([[[value, 7, 5, 8]]]), bits(5), "w")
    node = Node(MatVec(), (source((2, 1), bits(8)), w), "dot")
    fold = Fold(1, 4, SHIFT)
    kernel = node.op.kernel(node, fold)
    assert (kernel.params["Terms"], kernel.params["Shifts"]) == (2, 4)
    assert kernel.roms["w"].elem.bits == 2 * 3
    assert kernel.roms["w"].values[0, 0] == code
    assert node.op.cycles(node, fold) == node.op.cycles(node, replace(fold, variant=LUT))
    assert kernel_cost(kernel).dsp == 0


def test_a_project_keeps_the_variant() -> None:
    x = source((4,), bits(8))
    port = Port("x", (4,), (0,))
    empty = Graph("n", (x,), (x,), (port,), (port,))
    folds = {"a": Fold(2, 4), "b": Fold(1, 3, LUT)}
    text = model_files.files(empty, empty, folds)[model_files.FOLDS]
    saved = json.loads(text)
    assert saved == {"a": {"simd": 2, "pe": 4}, "b": {"simd": 1, "pe": 3, "variant": "lut"}}
    assert {name: fold_of(fold) for name, fold in saved.items()} == folds
