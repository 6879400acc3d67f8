"""Random chains of operators against onnxruntime: every order of axes meets every operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx_checks import check, model, node

import qfxc
from qfxc.errors import UserError
from qfxc.quantize.error import sqnr_db
from qfxc.run import Model

GRAPHS = 400
COMPILED = 60
"""Of these, the first ones; every pass proves itself on them."""


class Chain:
    """A graph that grows at its end; ``shape`` is the ONNX shape there."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        spatial = [self.pick(3, 8) for _ in range(self.pick(1, 2))]
        self.inputs: dict[str, Any] = {"x": [1, self.pick(1, 4), *spatial]}
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.end, self.shape = "x", list(self.inputs["x"])
        self.history = [(self.end, list(self.shape))]

    def pick(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def const(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def add(self, op: str, shape: list[int], *inputs: str, **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(node(op, *inputs, to=name, **attributes))
        self.end, self.shape = name, shape
        self.history.append((name, list(shape)))

    def earlier(self, same: Callable[[int, int, int], bool]) -> tuple[str, list[int]]:
        """An earlier value whose shape fits on every axis; the end itself always does."""
        fitting = [
            (name, shape)
            for name, shape in self.history
            if len(shape) == len(self.shape)
            and all(same(i, a, b) for i, (a, b) in enumerate(zip(shape, self.shape, strict=True)))
        ]
        return fitting[self.pick(0, len(fitting) - 1)]


def transpose(g: Chain) -> None:
    axes = g.rng.permutation(len(g.shape) - 1) + 1
    perm = [0, *axes] if g.chance(0.8) else g.rng.permutation(len(g.shape))
    perm = [int(i) for i in perm]
    g.add("Transpose", [g.shape[i] for i in perm], g.end, perm=perm)


def reshape(g: Chain) -> None:
    body = [int(i) for i in g.rng.permutation(g.shape[1:])]
    if len(body) > 1 and g.chance(0.6):
        i = g.pick(0, len(body) - 2)
        body[i : i + 2] = [body[i] * body[i + 1]]
    if g.chance(0.3):
        body.insert(g.pick(0, len(body)), 1)
    shape = [g.shape[0], *body]
    g.add("Reshape", shape, g.end, g.const(shape))


def flatten(g: Chain) -> None:
    g.add("Flatten", [g.shape[0], int(np.prod(g.shape[1:]))], g.end)


def window(g: Chain) -> None:
    if len(g.shape) not in (3, 4) or g.shape[0] != 1 or min(g.shape[2:]) < 2:
        return
    spatial = [n - 1 for n in g.shape[2:]]
    kernel = [2] * len(spatial)
    if g.chance(0.5):
        w = g.rng.standard_normal((g.pick(1, 4), g.shape[1], *kernel))
        g.add("Conv", [1, len(w), *spatial], g.end, g.const(w))
    else:
        op = "MaxPool" if g.chance(0.5) else "AveragePool"
        g.add(op, [1, g.shape[1], *spatial], g.end, kernel_shape=kernel)


def pointwise(g: Chain) -> None:
    channels = g.shape[1] if len(g.shape) > 1 else 1
    ops = ["Relu", "Mul", "Div", "Add", "Sub", "PRelu"]
    op = ops[g.pick(0, len(ops) - 1)]
    if op == "Relu":
        g.add(op, g.shape, g.end)
    elif op == "PRelu":
        slope = g.rng.standard_normal([channels] + [1] * (len(g.shape) - 2))
        g.add(op, g.shape, g.end, g.const(slope))
    else:
        sizes = [n if g.chance(0.5) else 1 for n in g.shape][g.pick(0, 1) :]
        g.add(op, g.shape, g.end, g.const(g.rng.standard_normal(sizes) + 3))


def normalise(g: Chain) -> None:
    if len(g.shape) > 1:
        parts = [g.const(np.abs(g.rng.standard_normal(g.shape[1])) + 0.1) for _ in range(4)]
        g.add("BatchNormalization", g.shape, g.end, *parts)


def matmul(g: Chain) -> None:
    m = g.pick(1, 4)
    if len(g.shape) > 1 and g.chance(0.6):
        w = g.const(g.rng.standard_normal((g.shape[-1], m)))
        g.add("MatMul", [*g.shape[:-1], m], g.end, w)
    elif len(g.shape) > 2:
        w = g.const(g.rng.standard_normal((m, g.shape[-2])))
        g.add("MatMul", [*g.shape[:-2], m, g.shape[-1]], w, g.end)


def squeeze(g: Chain) -> None:
    if 1 in g.shape[1:]:
        i = 1 + g.shape[1:].index(1)
        g.add("Squeeze", g.shape[:i] + g.shape[i + 1 :], g.end, g.const([i]))


def unsqueeze(g: Chain) -> None:
    if len(g.shape) < 4:
        i = g.pick(0, len(g.shape))
        g.add("Unsqueeze", [*g.shape[:i], 1, *g.shape[i:]], g.end, g.const([i]))


def reduce(g: Chain) -> None:
    if len(g.shape) > 1:
        i, keep = g.pick(1, len(g.shape) - 1), g.pick(0, 1)
        shape = [*g.shape[:i], *[1] * keep, *g.shape[i + 1 :]]
        op = "ReduceMean" if g.chance(0.5) else "ReduceMax"
        g.add(op, shape, g.end, g.const([i]), keepdims=keep)


def join(g: Chain) -> None:
    other, shape = g.earlier(lambda i, a, b: a == b or 1 in (a, b))
    full = [max(a, b) for a, b in zip(g.shape, shape, strict=True)]
    g.add(("Add", "Mul", "Sub")[g.pick(0, 2)], full, g.end, other)


def concat(g: Chain) -> None:
    if len(g.shape) > 1:
        axis = g.pick(1, len(g.shape) - 1)
        other, shape = g.earlier(lambda i, a, b: a == b or i == axis)
        total = [n + shape[i] * (i == axis) for i, n in enumerate(g.shape)]
        g.add("Concat", total, other, g.end, axis=axis)


def cut(g: Chain) -> None:
    axis = g.pick(1, len(g.shape) - 1) if len(g.shape) > 1 else 0
    if g.shape[axis] > 1 and axis:
        bounds = [g.const([v]) for v in (1, 9999, axis)]
        shape = [n - (i == axis) for i, n in enumerate(g.shape)]
        g.add("Slice", shape, g.end, *bounds)


def activate(g: Chain) -> None:
    op = ("Sigmoid", "HardSwish", "Tanh", "Softplus", "Abs", "Erf", "Elu")[g.pick(0, 6)]
    end, shape = g.end, g.shape
    g.add(op, shape, end)
    if g.chance(0.3):
        g.add("Mul", shape, end, g.end)


def scatter(g: Chain) -> None:
    if len(g.shape) not in (3, 4) or g.shape[0] != 1 or max(g.shape[2:]) > 12:
        return
    rank, stride = len(g.shape) - 2, g.pick(1, 2)
    w = g.rng.standard_normal((g.shape[1], g.pick(1, 3), *[g.pick(1, 3)] * rank))
    spatial = [(n - 1) * stride + k for n, k in zip(g.shape[2:], w.shape[2:], strict=True)]
    shape = [1, w.shape[1], *spatial]
    g.add("ConvTranspose", shape, g.end, g.const(w), strides=[stride] * rank)


def resize(g: Chain) -> None:
    if len(g.shape) not in (3, 4) or g.shape[0] != 1 or max(g.shape[2:]) > 12:
        return
    shape = [*g.shape[:2], *(n * g.pick(1, 2) for n in g.shape[2:])]
    mode = "nearest" if g.chance(0.5) else "linear"
    g.add("Resize", shape, g.end, "", "", g.const(shape), mode=mode)


def border(g: Chain) -> None:
    if len(g.shape) > 1 and min(g.shape[1:]) > 1 and max(g.shape) < 12:
        axis, mode = g.pick(1, len(g.shape) - 1), ("reflect", "edge", "constant")[g.pick(0, 2)]
        pads = np.zeros((2, len(g.shape)), np.int64)
        pads[:, axis] = g.pick(0, 1), g.pick(0, 1)
        shape = [n + int(a + b) for n, a, b in zip(g.shape, *pads, strict=True)]
        g.add("Pad", shape, g.end, g.const(pads.reshape(-1)), mode=mode)


def gather(g: Chain) -> None:
    if len(g.shape) > 1:
        axis = g.pick(1, len(g.shape) - 1)
        picks = [g.pick(0, g.shape[axis] - 1) for _ in range(g.pick(1, 4))]
        shape = [*g.shape[:axis], len(picks), *g.shape[axis + 1 :]]
        g.add("Gather", shape, g.end, g.const(picks), axis=axis)


def larger(g: Chain) -> None:
    other, _ = g.earlier(lambda i, a, b: a == b)
    g.add(("Max", "Min")[g.pick(0, 1)], g.shape, g.end, other)


STEPS = (
    *(activate, activate, scatter, resize, border, gather, larger),
    *(transpose, reshape, flatten, window, window, pointwise, pointwise, normalise, matmul),
    *(squeeze, unsqueeze, reduce, join, concat, cut),
)


def grown(seed: int) -> Chain:
    chain = Chain(seed)
    for _ in range(chain.pick(3, 9)):
        STEPS[chain.pick(0, len(STEPS) - 1)](chain)
    chain.nodes.append(node("Identity", chain.end))
    return chain


@pytest.mark.parametrize("part", range(8))
def test_random_graphs(part: int) -> None:
    """None is refused: every layout meets every operator."""
    for number in range(part, GRAPHS, 8):
        chain = grown(number)
        proto = model(chain.nodes, chain.inputs, constants=chain.constants)
        try:
            check(proto, seed=number, tolerance=5e-4)
        except Exception as error:
            pytest.fail(f"seed {number}: {error}")


@pytest.mark.parametrize("part", range(4))
def test_random_graphs_become_integers(part: int) -> None:
    """Every exact pass proves itself; 12 bits of activations are close to the real numbers."""
    for number in range(part, COMPILED, 4):
        chain = grown(number)
        proto = model(chain.nodes, chain.inputs, constants=chain.constants)
        try:
            quantized(proto, number)
        except UserError as error:
            if not any(text in str(error) for text in NOT_FOR_HARDWARE):
                pytest.fail(f"seed {number}: {error}")
        except Exception as error:
            pytest.fail(f"seed {number}: {error}")


NOT_FOR_HARDWARE = (
    "a transposition of more than four axes",
    "borders on more than three axes",
    "nothing to build",
)


def quantized(proto: Any, number: int) -> None:
    options = {"activations": 12, "weights": 12, "passes": "quantize{method=minmax}"}
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    x = np.random.default_rng(number).standard_normal((16, *shape[1:])).astype(np.float32)
    net = qfxc.compile(proto, calib=x, check=True, verify="none", allow_oversize=True, **options)
    real = Model(net.real, net.integer).run_float({"x": x}).real["y"]
    got = net.simulate({"x": x}).real["y"]
    if np.ptp(real) > 0:
        assert sqnr_db(real, got) > 20
