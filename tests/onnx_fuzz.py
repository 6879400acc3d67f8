"""Seeded random ONNX networks in plausible shapes, mixing every operator.

Every node is run by onnxruntime when it is added, so shapes and ranges are never guessed and the
calibration data of the finished model is that of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

FRAMES = 12
OPSET = 17

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """A model, its inputs as (FRAMES, ..) arrays, and what onnxruntime makes of them."""

    model: onnx.ModelProto
    inputs: dict[str, Floats]
    outputs: dict[str, Floats]


class Fuzz:
    """A graph that grows at ``end``; ``values`` holds every tensor for the calibration frames."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.values: dict[str, Floats] = {}
        self.inputs: dict[str, Floats] = {}
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.outputs: list[str] = []
        self.end = ""

    def pick(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def one_of(self, items: Sequence[Any]) -> Any:
        return items[self.pick(0, len(items) - 1)]

    @property
    def x(self) -> Floats:
        return self.values[self.end]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.x.shape

    def input(self, *shape: int, pixels: bool = False) -> str:
        name = f"in{len(self.inputs)}"
        size = (FRAMES, *shape)
        data = self.rng.integers(0, 256, size) if pixels else self.rng.standard_normal(size)
        self.inputs[name] = self.values[name] = data.astype(np.float32)
        self.end = name
        return name

    def const(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        array = np.asarray(array)
        self.constants[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Appends a node and runs it; the new value becomes the end."""
        name = f"v{len(self.nodes)}"
        node = helper.make_node(
            op, list(inputs), [name], name=f"{op}{len(self.nodes)}", **attributes
        )
        value = _run([node], {i: self._value(i) for i in inputs if i}, [name])[0]
        self.nodes.append(node)
        self.values[name] = value
        self.end = name
        return name

    def _value(self, name: str) -> Any:
        return self.constants[name] if name in self.constants else self.values[name]

    def finish(self) -> Sample:
        """The model with the outputs collected so far, plus the end."""
        outputs = list(dict.fromkeys([*self.outputs, self.end]))
        infos = [_info(n, self.values[n]) for n in (*self.inputs, *outputs)]
        graph = helper.make_graph(
            self.nodes,
            "fuzz",
            infos[: len(self.inputs)],
            infos[len(self.inputs) :],
            [numpy_helper.from_array(v, n) for n, v in self.constants.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        return Sample(model, dict(self.inputs), {n: self.values[n] for n in outputs})


def _info(name: str, value: Floats) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, ["N", *value.shape[1:]])


def _run(nodes: list[Any], feeds: dict[str, Any], outputs: list[str]) -> list[Any]:
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for n, v in feeds.items()
    ]
    results = [onnx.ValueInfoProto(name=n) for n in outputs]
    graph = helper.make_graph(nodes, "one", infos, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(outputs, feeds))


def conv(g: Fuzz) -> None:
    """Any kernel, stride, dilation, grouping, border; now and then with dead channels."""
    channels, spatial = g.shape[1], g.shape[2:]
    groups = (
        g.one_of([d for d in range(1, channels + 1) if channels % d == 0]) if g.chance(0.4) else 1
    )
    if g.chance(0.15):
        groups = channels
    outs = groups * g.pick(1, max(1, 8 // groups))
    kernel = [g.pick(1, min(3, n)) for n in spatial]
    if g.chance(0.1):
        kernel = list(spatial)
    pairs = zip(kernel, spatial, strict=True)
    dilation = [g.pick(1, 2) if (k - 1) * 2 + 1 <= n else 1 for k, n in pairs]
    w = g.rng.standard_normal((outs, channels // groups, *kernel)) / np.sqrt(np.prod(kernel))
    if g.chance(0.08):
        w[g.pick(0, outs - 1)] = 0
    if g.chance(0.03):
        w[...] = 0
    if g.chance(0.1):
        w *= 10.0 ** g.rng.uniform(-3, 3, (outs, *[1] * (w.ndim - 1)))
    parts = [g.end, g.const(w)]
    if g.chance(0.7):
        parts.append(g.const(g.rng.standard_normal(outs) * g.one_of([0.1, 1, 5])))
    strides = [g.pick(1, 2) if n > 3 else 1 for n in spatial]
    border: dict[str, Any] = {"pads": [g.pick(0, k - 1) for k in (*kernel, *kernel)]}
    if g.chance(0.25):
        border = {"auto_pad": g.one_of(["SAME_UPPER", "SAME_LOWER", "VALID"])}
        dilation = [1] * len(spatial)  # onnxruntime has no auto_pad with dilation
    g.add("Conv", *parts, group=groups, strides=strides, dilations=dilation, **border)


def norm(g: Fuzz) -> None:
    c = g.shape[1]
    gamma = g.rng.uniform(0.3, 2, c) * np.where(g.rng.random(c) < 0.25, -1, 1)
    if g.chance(0.1):
        gamma[g.pick(0, c - 1)] = 0
    axes = tuple(i for i in range(g.x.ndim) if i != 1)
    mean, var = g.x.mean(axes), g.x.var(axes) + 1e-3
    parts = (gamma, g.rng.standard_normal(c), mean, var)
    g.add("BatchNormalization", g.end, *(g.const(np.float64(p)) for p in parts))


def activation(g: Fuzz) -> None:
    kind = g.pick(0, 6)
    if kind <= 1:
        g.add("Relu", g.end)
    elif kind == 2:
        g.add("LeakyRelu", g.end, alpha=g.one_of([0.01, 0.1, 0.25, -0.2, 1.5, 0.0, 1.0]))
    elif kind == 3:
        low, high = g.one_of([(0.05, 0.5), (-0.5, 0.5), (0.5, 2.0), (-2.0, -0.1)])
        shape = [g.shape[1], *[1] * (g.x.ndim - 2)] if g.chance(0.7) and g.x.ndim > 1 else [1]
        g.add("PRelu", g.end, g.const(g.rng.uniform(low, high, shape)))
    elif kind == 4:
        low, high = g.one_of([(0, 6), (-1, 0.5), (1, 2), (0, 0.1), (-2, -1), (-0.7, 3.3)])
        g.add("Clip", g.end, g.const(np.float32(low)), g.const(np.float32(high)))
    elif kind == 5:
        g.add(g.one_of(["Max", "Min"]), g.end, g.const(np.float32(g.one_of([0, 0.5, -0.3]))))
    else:
        g.add("Neg", g.end)


def pool(g: Fuzz) -> None:
    spatial = g.shape[2:]
    kernel = [g.pick(1, min(3, n)) for n in spatial]
    strides = [g.pick(1, k) for k in kernel]
    pads = [g.pick(0, k - 1) if g.chance(0.4) else 0 for k in (*kernel, *kernel)]
    common = {"kernel_shape": kernel, "strides": strides, "pads": pads, "ceil_mode": g.pick(0, 1)}
    kind = g.pick(0, 6)
    if kind <= 2:
        g.add("MaxPool", g.end, **common)
    elif kind <= 4:
        if common["ceil_mode"] and any(pads):
            common["pads"] = [0] * len(pads)
        g.add("AveragePool", g.end, count_include_pad=g.pick(0, 1), **common)
    else:
        g.add(g.one_of(["GlobalAveragePool", "GlobalMaxPool"]), g.end)


def constant_arithmetic(g: Fuzz) -> None:
    op = g.one_of(["Add", "Sub", "Mul", "Div"])
    shape = [1, g.shape[1], *[1] * (g.x.ndim - 2)] if g.chance(0.6) else [1]
    c = g.rng.uniform(0.2, 3, shape) * (np.where(g.rng.random(shape) < 0.3, -1, 1))
    parts = [g.end, g.const(c)]
    if op != "Div" and g.chance(0.3):
        parts.reverse()
    g.add(op, *parts)


def partner(g: Fuzz) -> str:
    """An earlier value of the same shape, the end itself, or a new branch that has it."""
    same = [n for n, v in g.values.items() if v.shape == g.shape and v.dtype == np.float32]
    other = str(g.one_of(same))
    if other == g.end and g.x.ndim > 2 and g.chance(0.7):
        end = g.end
        w = g.rng.standard_normal((g.shape[1], g.shape[1], *[1] * (g.x.ndim - 2)))
        other = g.add("Conv", end, g.const(w * g.one_of([0.01, 0.5, 20])))
        g.end = end
    return other


def join(g: Fuzz) -> None:
    other = partner(g)
    parts = [g.end, other] if g.chance(0.5) else [other, g.end]
    op = g.one_of(["Add", "Add", "Sub", "Mul", "Sum"])
    g.add(op, *parts)


def gate(g: Fuzz) -> None:
    """Squeeze and excite: one factor per channel, through a small layer and a hard sigmoid."""
    if g.x.ndim < 3:
        return
    wide, c = g.end, g.shape[1]
    g.add("GlobalAveragePool", g.end)
    w = g.rng.standard_normal((c, c, *[1] * (g.x.ndim - 2)))
    g.add("Conv", g.end, g.const(w), g.const(g.rng.standard_normal(c)))
    g.add("Clip", g.end, g.const(np.float32(0)), g.const(np.float32(1)))
    g.add("Mul", *g.one_of([(wide, g.end), (g.end, wide)]))


def divide(g: Fuzz) -> None:
    top = partner(g)
    g.add("Clip", g.end, g.const(np.float32(0.5)), g.const(np.float32(4)))
    if g.chance(0.3):
        g.add("Reciprocal", g.end)
    else:
        g.add("Div", top, g.end)


def concat(g: Fuzz) -> None:
    axis = g.pick(1, g.x.ndim - 1)
    rest = np.delete(g.shape, axis).tolist()
    fits = [
        n
        for n, v in g.values.items()
        if v.ndim == g.x.ndim
        and v.dtype == np.float32
        and np.delete(v.shape, axis).tolist() == rest
    ]
    parts = [str(g.one_of(fits)) for _ in range(g.pick(1, 2))] + [g.end]
    g.add("Concat", *parts, axis=axis)


def cut(g: Fuzz) -> None:
    axis = g.pick(1, g.x.ndim - 1)
    size = g.shape[axis]
    if size < 3:
        return
    start, step = g.pick(0, 1), g.pick(1, 2)
    parts = (np.array([v], np.int64) for v in (start, g.pick(start + 2, size), axis, step))
    g.add("Slice", g.end, *(g.const(p) for p in parts))


def pad(g: Fuzz) -> None:
    rank = g.x.ndim
    pads = [0] * (2 * rank)
    for axis in range(1 if g.chance(0.2) else 2, rank):
        pads[axis], pads[rank + axis] = g.pick(0, 1), g.pick(0, 2)
    value = np.float32(g.one_of([0, 0, 1.5, -0.3, 100]))
    g.add("Pad", g.end, g.const(np.array(pads, np.int64)), g.const(value))


def shuffle(g: Fuzz) -> None:
    c = g.shape[1]
    groups = [d for d in range(2, c) if c % d == 0]
    if not groups or g.x.ndim < 3:
        return
    n, shape = int(g.one_of(groups)), g.shape
    g.add("Reshape", g.end, g.const(np.array([0, n, c // n, *shape[2:]], np.int64)))
    perm = [0, 2, 1, *range(3, len(shape) + 1)]
    g.add("Transpose", g.end, perm=perm)
    g.add("Reshape", g.end, g.const(np.array([0, *shape[1:]], np.int64)))


def space_to_depth(g: Fuzz) -> None:
    if g.x.ndim == 4 and g.shape[2] % 2 == 0 and g.shape[3] % 2 == 0 and g.shape[1] <= 4:
        g.add("SpaceToDepth", g.end, blocksize=2)
    elif g.x.ndim == 4 and g.shape[1] % 4 == 0 and g.shape[2] <= 4:
        g.add("DepthToSpace", g.end, blocksize=2, mode=g.one_of(["DCR", "CRD"]))


def reduce(g: Fuzz) -> None:
    axis = g.pick(1, g.x.ndim - 1)
    op = g.one_of(["ReduceMean", "ReduceMax"])
    g.add(op, g.end, axes=[axis], keepdims=1)


def emit(g: Fuzz) -> None:
    g.outputs.append(g.end)


def dense(g: Fuzz) -> None:
    outs = g.pick(1, 8)
    if g.x.ndim > 2:
        g.add("Flatten", g.end)
    w = g.rng.standard_normal((g.shape[1], outs)) / np.sqrt(g.shape[1])
    if g.chance(0.5):
        g.add("Gemm", g.end, g.const(w.T), g.const(g.rng.standard_normal(outs)), transB=1)
    else:
        g.add("MatMul", g.end, g.const(w))


BODY: tuple[tuple[Callable[[Fuzz], None], int], ...] = (
    (conv, 6), (norm, 3), (activation, 5), (pool, 2), (constant_arithmetic, 2), (join, 4),
    (gate, 1), (divide, 1), (concat, 2), (cut, 1), (pad, 1), (shuffle, 1), (space_to_depth, 1),
    (reduce, 1), (emit, 1),
)  # fmt: skip
FLAT: tuple[tuple[Callable[[Fuzz], None], int], ...] = (
    (dense, 4), (activation, 4), (join, 2), (constant_arithmetic, 1), (concat, 1), (cut, 1),
    (divide, 1), (emit, 1), (norm, 1),
)  # fmt: skip

MOST_ELEMENTS = 1200


def _grow(g: Fuzz, kinds: tuple[tuple[Callable[[Fuzz], None], int], ...], count: int) -> None:
    weights = np.array([w for _, w in kinds], dtype=float)
    for _ in range(count):
        kind = kinds[int(g.rng.choice(len(kinds), p=weights / weights.sum()))][0]
        kept = (g.end, len(g.nodes), len(g.outputs))
        kind(g)
        size = g.x[0].size
        if size > MOST_ELEMENTS or size == 0 or not np.isfinite(g.x).all() or abs(g.x).max() > 1e6:
            g.end, g.outputs = kept[0], g.outputs[: kept[2]]
            for node in g.nodes[kept[1] :]:
                del g.values[node.output[0]]
            del g.nodes[kept[1] :]


def _tail(g: Fuzz) -> None:
    kind = g.pick(0, 5)
    if g.end in g.inputs:
        g.add("Relu", g.end)
    if kind == 0:
        g.add("ArgMax", g.end, axis=1, keepdims=g.pick(0, 1))
    elif kind == 1:
        g.add("Softmax", g.end, axis=1)


def random_network(seed: int, pixels: bool = False) -> Sample:
    """A network of about a dozen nodes; the same seed gives the same one."""
    g = Fuzz(seed)
    kind = g.pick(0, 9)
    if kind == 0:
        g.input(g.pick(3, 16), pixels=pixels)
    else:
        image = (g.pick(4, 8), g.pick(4, 8)) if kind < 7 else (g.pick(5, 12),)
        channels = g.pick(1, 4)
        if g.chance(0.15):
            g.input(channels, *image, pixels=pixels)
        if g.chance(0.15):
            g.input(*image, channels, pixels=pixels)
            g.add("Transpose", g.end, perm=[0, g.x.ndim - 1, *range(1, g.x.ndim - 1)])
        else:
            g.input(channels, *image, pixels=pixels)
        _grow(g, BODY, g.pick(1, 12))
        if g.chance(0.6):
            dense(g)
    if g.x.ndim == 2:
        _grow(g, FLAT, g.pick(1, 5))
    _tail(g)
    used = {i for node in g.nodes for i in node.input}
    g.inputs = {n: v for n, v in g.inputs.items() if n in used}
    return g.finish()
