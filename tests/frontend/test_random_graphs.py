"""Random chains of operators against onnxruntime: every order of axes meets every operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx_checks import check, model, node

from qfxc.errors import UserError

GRAPHS = 250
MOST_REFUSED = 8
"""Of 250; all for broadcasting a tensor along a middle axis, which is not supported."""


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


STEPS = (
    *(transpose, reshape, flatten, window, window, pointwise, pointwise, normalise, matmul),
    *(squeeze, unsqueeze, reduce, join, concat, cut),
)


def grown(seed: int) -> Chain:
    chain = Chain(seed)
    for _ in range(chain.pick(3, 9)):
        STEPS[chain.pick(0, len(STEPS) - 1)](chain)
    chain.nodes.append(node("Identity", chain.end))
    return chain


def test_random_graphs() -> None:
    refused = []
    for seed in range(GRAPHS):
        chain = grown(seed)
        proto = model(chain.nodes, chain.inputs, constants=chain.constants)
        try:
            check(proto, seed=seed, tolerance=2e-4)
        except UserError as error:
            refused.append(str(error))
        except Exception as error:
            pytest.fail(f"seed {seed}: {error}")
    assert all("broadcasting" in text for text in refused), refused
    assert len(refused) <= MOST_REFUSED
