"""What a training step costs in fixed point: qfxc.nn against the float model and Brevitas.

One command: ``python bench/training.py [--batch N] [--rounds N] [--compile] [--device cuda]``.
The same residual network, four times: float; ``casts="fused"``, which casts inputs, weights,
biases, BatchNorm's constants, activations and the last layer; ``casts="every"``, which casts the
output of every layer; and Brevitas' 8-bit quantizers with power-of-two scales on inputs, weights,
activations and the last layer (not on biases and BatchNorm: a little less than "fused"). Steps of
all four take turns on one thread; printed are the medians and their ratios to the float model's.
Brevitas is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from qfxc import nn as qnn

WIDTHS = (16, 32, 64)
SIZE = 32


class Block(nn.Module):
    """Two convolutions and a shortcut; ``conv`` and ``relu`` make the layers."""

    def __init__(self, inputs: int, outputs: int, conv: Any, relu: Any) -> None:
        super().__init__()
        stride = outputs // inputs
        self.conv1 = conv(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.conv2 = conv(outputs, outputs, 3, padding=1, bias=False)
        self.short = conv(inputs, outputs, 1, stride=stride, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.relu1, self.relu2 = relu(), relu()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(y)) + self.norm3(self.short(x)))


class Network(nn.Module):
    """A small residual network for 3 x 32 x 32 inputs and 10 classes."""

    def __init__(self, conv: Any = nn.Conv2d, relu: Any = nn.ReLU, linear: Any = nn.Linear) -> None:
        super().__init__()
        self.stem = conv(3, WIDTHS[0], 3, padding=1, bias=False)
        self.norm, self.relu = nn.BatchNorm2d(WIDTHS[0]), relu()
        pairs = zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)
        self.blocks = nn.Sequential(*(Block(a, b, conv, relu) for a, b in pairs))
        self.head = linear(WIDTHS[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.relu(self.norm(self.stem(x))))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def brevitas_network() -> nn.Module | None:
    """The same network of Brevitas' layers with its trained power-of-two scales."""
    try:
        import brevitas.nn as qn
        from brevitas import quant
    except ImportError:
        return None

    class Activation(quant.Int8ActPerTensorFixedPoint):  # type: ignore[misc]
        collect_stats_steps = 1  # from the second step on the scale is trained

    class Unsigned(quant.Uint8ActPerTensorFixedPoint):  # type: ignore[misc]
        collect_stats_steps = 1

    def conv(*args: Any, **kwargs: Any) -> nn.Module:
        made: nn.Module = qn.QuantConv2d(
            *args, **kwargs, weight_quant=quant.Int8WeightPerTensorFixedPoint
        )
        return made

    def linear(*args: Any) -> nn.Module:
        made: nn.Module = qn.QuantLinear(
            *args,
            bias=True,
            weight_quant=quant.Int8WeightPerTensorFixedPoint,
            output_quant=Activation,
        )
        return made

    network = Network(conv, lambda: qn.QuantReLU(act_quant=Unsigned), linear)
    return nn.Sequential(qn.QuantIdentity(act_quant=Activation), network)


def networks(x: Tensor) -> dict[str, nn.Module]:
    """All networks by name, from one seed, calibrated."""
    made: dict[str, nn.Module] = {"float": Network()}
    for casts in ("fused", "every"):
        config = qnn.Config(casts=casts, per_channel=False)  # type: ignore[arg-type]
        made[f"qfxc.nn, {casts}"] = qnn.prepare(made["float"], config).to(x.device)
        qnn.calibrate(made[f"qfxc.nn, {casts}"], [x], batch_statistics=True)
    other = brevitas_network()
    if other is not None:
        made["Brevitas"] = other
    return {name: model.to(x.device).train() for name, model in made.items()}


def stepper(model: nn.Module, x: Tensor, labels: Tensor) -> Callable[[], None]:
    """One step of training."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()
        if x.is_cuda:
            torch.cuda.synchronize()

    return step


def measure(steps: dict[str, Callable[[], None]], rounds: int, wall: bool) -> dict[str, float]:
    """The median seconds of a step of each, of the processor unless ``wall``; they take turns.

    The first three do not count.
    """
    clock = time.perf_counter if wall else time.process_time
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for index in range(rounds + 3):
        for name, step in steps.items():
            start = clock()
            step()
            if index >= 3:
                taken[name].append(clock() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="torch.compile all but Brevitas")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(options.batch, 3, SIZE, SIZE, device=options.device)
    labels = torch.randint(0, 10, (options.batch,), device=options.device)
    models = networks(x)
    if options.compile:
        models = {n: m if n == "Brevitas" else torch.compile(m) for n, m in models.items()}
    medians = measure(
        {n: stepper(m, x, labels) for n, m in models.items()}, options.rounds, x.is_cuda
    )
    table = Table("network", "ms a step", "times float")
    for name, seconds in medians.items():
        ratio = seconds / medians["float"]
        table.add_row(name, f"{1000 * seconds:.1f}", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
