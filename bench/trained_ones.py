"""Few powers of two per weight: trained against post-training, both compiled without multipliers.

    python bench/trained_ones.py                       # K = 1, 2, 3; three seeds
    python bench/trained_ones.py --nets mlp --ones 1 --seeds 1 --train 5000

Two small networks for Fashion-MNIST. A float network is compiled with ``--recipe shift{k=K}``
(projection with error feedback), and trained on with K ones in every weight (``qfxc.nn``), then
exported and compiled. Top-1 is that of both integer networks, on all the same unseen images, with
one plan each: the fastest of ``--no-dsp``. Finished runs and their ONNX files are kept in --out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import numpy as np
import torch
from fashion import BATCH, Data, accuracy, train
from packages import idx_folder
from rich.console import Console
from rich.table import Table
from torch import fx, nn
from train_fixed import FIXED_RATE, FLOAT_RATE, fashion_mnist

import qfxc
from qfxc import nn as qnn
from qfxc.driver import Compiled
from qfxc.errors import UserError

BOARD = "ultra96"
CALIBRATION = 512
AT_ONCE = 1000
Runs = dict[str, dict[str, Any]]


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """A depthwise 3x3 convolution and a pointwise one."""
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


def mlp() -> nn.Sequential:
    """784-64-32-10."""
    sizes, layers = (784, 64, 32), list[nn.Module]()
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(sizes[-1], 10))


def depthwise() -> nn.Sequential:
    """A 3x3 convolution and three separable ones, 14, 7, 7 and 4 pixels wide."""
    stem = [nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [*_block(16, 32, 2), *_block(32, 32, 1), *_block(32, 64, 2)]
    return nn.Sequential(*stem, *blocks, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 10))


NETS = {"mlp": mlp, "depthwise": depthwise}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=list(NETS))
    parser.add_argument("--ones", type=int, nargs="*", default=[1, 2, 3], help="K, at 8 bits")
    parser.add_argument("--bn-ones", type=int, help="in BatchNorm's scales; 0: any [default: K]")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, default=60_000, help="training images")
    parser.add_argument("--float-epochs", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=3, help="in fixed point")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder of IDX files")
    parser.add_argument("--out", type=Path, default=Path("build/trained_ones"))
    return parser.parse_args()


def config(model: nn.Sequential, ones: int, bn_ones: int | None) -> qnn.Config:
    """8 bits and K ones; 16 bits of the outputs, as post-training quantization gives them."""
    fields: dict[str, dict[str, Any]] = {str(len(model) - 1): {"activation_bits": 16}}
    if bn_ones is not None:
        norms = [name for name, m in model.named_children() if hasattr(m, "running_mean")]
        fields |= {name: {"k_ones": bn_ones or None} for name in norms}
    return qnn.Config(input_signed=False, k_ones=ones, casts="fused", overrides=fields)


def fixed_point(
    model: nn.Module, config: qnn.Config, data: Data, epochs: int, seed: int
) -> fx.GraphModule:
    """The network in fixed point, trained on."""
    fixed = qnn.prepare(model, config)
    for module in fixed.modules():
        if isinstance(module, qnn.Project) and isinstance(module.projection, qnn.KOnes):
            # sums and differences, as the recipe has them
            module.projection = qnn.KOnes(module.projection.ones, qnn.Rule.SIGNED)
    qnn.calibrate(fixed, data.x[:CALIBRATION].split(BATCH))
    train(fixed, data, epochs=epochs, rate=FIXED_RATE, seed=seed, last=qnn.freeze)
    return fixed


def compiled(path: Path, **options: Any) -> Compiled:
    net: Compiled = qfxc.compile(path, BOARD, max_dsp=0, verify="none", **options)
    return net


def hardware(net: Compiled) -> dict[str, Any]:
    """What the plan says, and what the products are built of."""
    found, layers = net.report["plan"], net.report["layers"]
    variants = Counter(row["variant"] for row in layers if row["weights"])
    return {
        "ones": max(row["weight_ones"] for row in layers if row["weights"]),
        "fps": found["frames_per_second"],
        "lut": found["estimate"]["lut"],
        "dsp": found["estimate"]["dsp"],
        "variants": dict(sorted(variants.items())),
    }


def integer_accuracy(net: Compiled, test: Data) -> float:
    """Top-1 in percent of the integer network."""
    right = 0
    for x, y in zip(test.x.split(AT_ONCE), test.y.split(AT_ONCE), strict=True):
        (real,) = net.simulate(x.numpy()).real.values()
        right += int(np.count_nonzero(real.argmax(1) == y.numpy()))
    return 100 * right / len(test)


def post_training(path: Path, recipe: str, data: Data, test: Data) -> dict[str, Any]:
    net = compiled(path, recipe=recipe, calib=data.x[:CALIBRATION].numpy())
    return {"top1": integer_accuracy(net, test), **hardware(net)}


def trained(fixed: fx.GraphModule, path: Path, test: Data) -> dict[str, Any]:
    """The exported network; its integers are those of PyTorch, or this stops."""
    qnn.export(fixed.eval(), test.x[:1], path)
    net = compiled(path)
    top1 = integer_accuracy(net, test)
    if top1 != accuracy(fixed, test):
        raise UserError("the integer network differs from PyTorch's", where=path.stem)
    return {"top1": top1, **hardware(net)}


def run_seed(name: str, seed: int, args: argparse.Namespace, data: Data, test: Data) -> Runs:
    """All rows of a network and a seed."""
    torch.manual_seed(seed)
    model, found = NETS[name](), Runs()
    train(model, data, epochs=args.float_epochs, rate=FLOAT_RATE, seed=seed)
    found["float"] = {"top1": accuracy(model, test)}
    path = args.out / f"{name}_{seed}.onnx"
    torch.onnx.export(model.eval(), (test.x[:1],), path, dynamo=False, input_names=["x"])
    found["8 bit"] = post_training(path, "feedback", data, test)
    for k in args.ones:
        found[f"K={k} post-training"] = post_training(path, f"shift{{k={k}}}", data, test)
        fixed = fixed_point(model, config(model, k, args.bn_ones), data, args.epochs, seed)
        found[f"K={k} trained"] = trained(fixed, path.with_stem(f"{path.stem}_k{k}"), test)
    return found


def spread(values: list[float]) -> str:
    mean, ends = statistics.fmean(values), f" ({min(values):.2f}..{max(values):.2f})"
    return f"{mean:.2f}{ends if len(values) > 1 else ''}"


def table(name: str, runs: Runs, seeds: int) -> Table:
    """Accuracies over the seeds; hardware of the first."""
    shown = Table(title=f"{name}: top-1 in %, mean (least..most) of {seeds} seeds; seed 0's plan")
    for head in ("weights", "top-1", "frames/s", "LUT", "DSP", "products"):
        shown.add_column(head, justify="left" if head in ("weights", "products") else "right")
    for row in runs[f"{name} 0"]:
        found = [runs[f"{name} {seed}"][row] for seed in range(seeds)]
        cells = [row, spread([f["top1"] for f in found])]
        if plan := found[0].get("variants"):
            cells += [f"{found[0]['fps']:,.0f}", *(f"{found[0][k]:,}" for k in ("lut", "dsp"))]
            cells.append(", ".join(f"{n} {variant}" for variant, n in plan.items()))
        shown.add_row(*cells)
    return shown


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    train_set, test_set = idx_folder(args.data) if args.data else fashion_mnist()
    data = Data.of(train_set[0][: args.train], train_set[1][: args.train], "cpu")
    test = Data.of(*test_set, "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    state = args.out / "results.json"
    runs: Runs = json.loads(state.read_text()) if state.is_file() else {}
    for seed in range(args.seeds):
        for name in args.nets:
            if f"{name} {seed}" not in runs:
                runs[f"{name} {seed}"] = run_seed(name, seed, args, data, test)
                state.write_text(json.dumps(runs, indent=2) + "\n")
    for name in args.nets:
        Console(width=120).print(table(name, runs, args.seeds))


if __name__ == "__main__":
    main()
