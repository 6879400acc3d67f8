"""Small random real graphs that reach every operator of the integer path; no ONNX involved."""

from __future__ import annotations

import numpy as np

from qfxc.ir.function import X, apply
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Array, Real
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import real_const
from qfxc.ops.conv import Conv
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose
from qfxc.ops.unary import Unary
from qfxc.passes.fold_affine import affine, layer


class Net:
    """Builds nodes with random parameters under running names."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.x = Node(Input(shape, Real()), (), "x")
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def pad(self, x: Node, n: int, value: float = 0.0) -> Node:
        border = (n, n, 0)
        return Node(Pad(border, border, (value,)), (x,), self.name("pad"))

    def conv(
        self,
        x: Node,
        outs: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> Node:
        shape = (kernel, kernel, x.type.channels // groups, outs)
        w = self.rng.normal(size=shape) / np.sqrt(np.prod(shape[:3]))
        b = self.rng.normal(size=outs) * 0.3 if bias else None
        return layer(Conv((stride, stride), (1, 1), groups), x, w, b, self.name("conv"))

    def dense(self, x: Node, outs: int) -> Node:
        w = self.rng.normal(size=(x.type.channels, outs)) / np.sqrt(x.type.channels)
        return layer(MatMul(), x, w, self.rng.normal(size=outs), self.name("dense"))

    def norm(self, x: Node, lowest: float = 0.5) -> Node:
        c = x.type.channels
        a, b = self.rng.uniform(lowest, 2, c), self.rng.normal(size=c)
        return affine(x, a.astype(np.float32), b.astype(np.float32), self.name("norm"))

    def relu(self, x: Node, top: float = np.inf) -> Node:
        return Node(Clip(0.0, top), (x,), self.name("relu"))

    def prelu(self, x: Node, low: float = 0.05, high: float = 0.5) -> Node:
        name = self.name("prelu")
        slope = real_const(self.rng.uniform(low, high, x.type.channels), f"{name}.slope")
        return Node(PRelu(), (x, slope), name)

    def flat(self, x: Node) -> Node:
        return Node(Reshape((x.type.size,)), (x,), self.name("flat"))

    def done(self, *outputs: Node) -> tuple[Graph, Array]:
        shapes = [node.type.shape for node in (self.x, *outputs)]
        names = ["x", *(f"y{i}" for i in range(len(outputs)))]
        ports = [Port(n, s, tuple(range(len(s)))) for n, s in zip(names, shapes, strict=True)]
        graph = Graph("net", (self.x,), outputs, (ports[0],), tuple(ports[1:]))
        frames = self.rng.normal(size=(24, *shapes[0])).astype(np.float32)
        return graph, frames


def residual() -> tuple[Graph, Array]:
    """Convolutions with BatchNorm, a residual join with a fork, pooling, a dense layer."""
    net = Net(1, (8, 8, 3))
    a = net.relu(net.norm(net.conv(net.pad(net.x, 1), 8, bias=False)))
    b = net.relu(net.norm(net.conv(net.pad(a, 1), 8)))
    c = net.norm(net.conv(net.pad(b, 1), 8))
    joined = net.relu(Node(Add(), (a, c), "join"))
    pooled = Node(AvgPool((8, 8), (1, 1)), (joined,), "pool")
    return net.done(net.dense(net.flat(pooled), 5))


def depthwise() -> tuple[Graph, Array]:
    """Depthwise, grouped and strided convolutions, ReLU6, PReLU, max pooling."""
    net = Net(2, (9, 9, 4))
    a = net.relu(net.conv(net.pad(net.x, 1), 4, groups=4), 6.0)
    b = net.prelu(net.conv(a, 8, kernel=1, stride=2))
    c = net.relu(net.conv(net.pad(b, 1), 8, groups=2))
    d = Node(MaxPool((2, 2), (1, 1)), (c,), "maxpool")
    return net.done(net.dense(net.flat(net.prelu(d)), 6))


def branches() -> tuple[Graph, Array]:
    """Concat of different ranges, slices, subtraction, products, division, a transpose."""
    net = Net(3, (4, 4, 6))
    a, b = net.relu(net.conv(net.x, 4, kernel=1)), net.conv(net.x, 4, kernel=1)
    both = Node(Concat(2), (a, net.prelu(b)), "concat")
    half = Node(Slice((0, 0, 4), (4, 4, 8), (1, 1, 1)), (both,), "half")
    less = Node(Add(1, -1), (a, half), "less")
    times = Node(Mul(), (less, b), "times")
    shifted = net.norm(net.relu(b), 1.0)
    over = Node(Unary(apply("div", 1.0, X)), (net.relu(affine_up(net, shifted)),), "over")
    ratio = Node(Mul(), (times, over), "ratio")
    turned = Node(Transpose((2, 0, 1)), (ratio,), "turned")
    return net.done(net.dense(net.flat(turned), 3), times)


def affine_up(net: Net, x: Node) -> Node:
    """``x / 8 + 4``: away from zero."""
    return affine(x, np.float64(0.125), np.float64(4.0), net.name("up"))


def preactivation() -> tuple[Graph, Array]:
    """BatchNorm with falling channels behind a join; padded average pooling; two outputs."""
    net = Net(4, (6, 6, 4))
    a = net.conv(net.x, 4, kernel=1)
    b = net.relu(net.norm(a, -2.0))
    c = net.conv(net.pad(b, 1), 4)
    joined = Node(Add(), (a, c), "join")
    d = net.relu(net.norm(joined, -2.0))
    pooled = Node(AvgPool((3, 3), (2, 2), (1, 1, 1, 1)), (net.pad(d, 1),), "pool")
    gate = Node(AvgPool((6, 6), (1, 1)), (d,), "squeeze")
    wide = Node(Expand((6, 6, 4)), (net.relu(net.conv(gate, 4, kernel=1)),), "wide")
    scaled = Node(Mul(), (d, wide), "scaled")
    return net.done(net.conv(pooled, 3, kernel=1), net.conv(scaled, 2, kernel=1))


def padded_maximum() -> tuple[Graph, Array]:
    """Convolution, padded max pooling, activation: the activation belongs to the convolution."""
    net = Net(5, (7, 7, 3))
    a = net.conv(net.x, 6)
    border = Node(Pad((1, 1, 0), (1, 1, 0), (0.0,), lowest=True), (a,), "border")
    pooled = Node(MaxPool((3, 3), (2, 2)), (border,), "pooled")
    return net.done(net.dense(net.flat(net.relu(net.norm(pooled))), 4))


NETWORKS = {f.__name__: f for f in (residual, depthwise, branches, preactivation, padded_maximum)}
