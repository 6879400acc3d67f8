"""Trains Fashion-MNIST in fixed point and compiles the result: copy this for a network of yours.

    python examples/train_fixed.py              # all 60,000 images, 8/6/4 bits, K-ones
    python examples/train_fixed.py --train 10000 --epochs 1 --bits 4   # a look around

One float network; for every setting the same network in fixed point, once as calibrated (post-
training) and once trained (QFX: fraction bits are learned with the weights). Every value has the
stated bits: weights, biases, BatchNorm, activations, shortcuts, the input. Results, plot, models
and the compiled project land in build/train_fixed. Uses a GPU where there is one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from fashion import Data, FashionNet, Tick, accuracy, steps_of, train
from packages import fashion_mnist, idx_folder
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from torch import fx, nn

import qfxc
from qfxc import nn as qnn

OUT = Path(__file__).resolve().parents[1] / "build" / "train_fixed"
CALIBRATION, BATCHES = 2048, 8
COMPARED = 1000
FLOAT_RATE, FIXED_RATE = 4e-3, 1e-3


@dataclass(frozen=True)
class Setting:
    """A fixed-point network: bits of everything, and powers of two per weight (None: any)."""

    bits: int
    ones: int | None = None

    @property
    def name(self) -> str:
        return f"{self.bits} bit" + (f", K={self.ones}" if self.ones else "")

    def config(self) -> qnn.Config:
        bits = self.bits
        return qnn.Config(
            weight_bits=bits,
            activation_bits=bits,
            bias_bits=bits,
            bn_bits=bits,
            input_bits=bits,
            input_signed=False,  # pixels
            k_ones=self.ones,
        )


@dataclass(frozen=True)
class Scores:
    """Top-1 in percent of one setting: as calibrated, and trained."""

    setting: str
    bits: int
    ones: int | None
    post_training: float
    trained: float


def trained_float(data: Data, epochs: int, seed: int, tick: Tick) -> nn.Module:
    torch.manual_seed(seed)
    model = FashionNet().to(data.y.device)
    train(model, data, epochs=epochs, rate=FLOAT_RATE, seed=seed, tick=tick)
    return model


def prepared(model: nn.Module, setting: Setting, data: Data) -> fx.GraphModule:
    """The network in fixed point, its fraction bits from a part of the training data."""
    fixed = qnn.prepare(model, setting.config()).to(data.y.device)
    qnn.calibrate(fixed, data.x[:CALIBRATION].split(CALIBRATION // BATCHES))
    return fixed


def trained_fixed(
    fixed: fx.GraphModule, data: Data, epochs: int, seed: int, tick: Tick
) -> fx.GraphModule:
    """Weights and fraction bits are trained together; the bits stay for the last epoch."""
    train(fixed, data, epochs=epochs, rate=FIXED_RATE, seed=seed, tick=tick, last=qnn.freeze)
    return fixed


@contextmanager
def bar(title: str, steps: int) -> Iterator[Tick]:
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=steps)
        yield lambda: progress.advance(task)


def compile_and_compare(fixed: fx.GraphModule, test: Data, frames: int, out: Path) -> int:
    """Writes the ONNX file and the project; returns of how many images the outputs differ."""
    path = out / "fashion.onnx"
    fixed = fixed.cpu()
    qnn.export(fixed, test.x[:1].cpu(), path)
    compiled = qfxc.compile(path, "ultra96")
    compiled.write(out / "fashion_ultra96", overwrite=True)
    images = test.x[:frames].cpu()
    with torch.no_grad():
        expected = fixed.eval()(images).double().numpy()
    (got,) = compiled.simulate(images.numpy()).real.values()
    return int(np.count_nonzero((got != expected).any(axis=1)))


def plot(path: Path, float_accuracy: float, scores: Sequence[Scores]) -> None:
    """Accuracy against bits, both ways, and the K-ones networks beside them."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "qfxc"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.axhline(float_accuracy, color="0.5", linestyle="--", label="float")
    free = sorted((s for s in scores if s.ones is None), key=lambda s: s.bits)
    bits = [s.bits for s in free]
    axes.plot(bits, [s.trained for s in free], "o-", label="trained (QFX)")
    axes.plot(bits, [s.post_training for s in free], "s-", label="post-training")
    for s in (s for s in scores if s.ones is not None):
        axes.plot(s.bits, s.trained, "*", markersize=12, label=f"trained, K={s.ones}")
    axes.set(xlabel="bits of every value", ylabel="top-1, %", title="Fashion-MNIST")
    axes.set_xticks(sorted({s.bits for s in scores}))
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def table(float_accuracy: float, scores: Sequence[Scores]) -> Table:
    shown = Table(title=f"Fashion-MNIST, top-1 in %; float: {float_accuracy:.2f}")
    for head in ("every value", "post-training", "trained (QFX)"):
        shown.add_column(head, justify="left" if head == "every value" else "right")
    for s in scores:
        shown.add_row(s.setting, f"{s.post_training:.2f}", f"{s.trained:.2f}")
    return shown


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of IDX files (train-images-idx3-..)")
    parser.add_argument("--train", type=int, default=60_000, help="training images")
    parser.add_argument("--float-epochs", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=3, help="in fixed point")
    parser.add_argument("--bits", type=int, nargs="*", default=[8, 6, 4])
    parser.add_argument("--ones", type=int, nargs="*", default=[1, 2], help="K, at 8 bits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    return parser.parse_args()


def measured(
    model: nn.Module, setting: Setting, data: Data, test: Data, epochs: int, seed: int
) -> tuple[fx.GraphModule, Scores]:
    """The trained network of a setting and its accuracies on ``test``, with a progress bar."""
    fixed = prepared(model, setting, data)
    before = accuracy(fixed, test)
    with bar(setting.name, steps_of(data, epochs)) as tick:
        fixed = trained_fixed(fixed, data, epochs, seed, tick)
    return fixed, Scores(setting.name, setting.bits, setting.ones, before, accuracy(fixed, test))


def save(fixed: fx.GraphModule, setting: Setting, out: Path) -> None:
    torch.save(fixed.state_dict(), out / f"{setting.name.replace(' ', '_').replace(',', '')}.pt")


def load(given: argparse.Namespace) -> tuple[Data, Data]:
    """What to train on, and all test images."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    (images, labels), test = idx_folder(given.data) if given.data else fashion_mnist()
    return Data.of(images[: given.train], labels[: given.train], device), Data.of(*test, device)


def report(console: Console, reference: float, scores: Sequence[Scores], out: Path) -> None:
    console.print(table(reference, scores))
    results = {"float": reference, "settings": [asdict(s) for s in scores]}
    (out / "accuracy.json").write_text(json.dumps(results, indent=2) + "\n")
    plot(out / "accuracy.svg", reference, scores)
    console.print(f"results: {out}")


def main() -> None:
    given, console = arguments(), Console()
    data, test = load(given)
    given.out.mkdir(parents=True, exist_ok=True)
    with bar("float", steps_of(data, given.float_epochs)) as tick:
        model = trained_float(data, given.float_epochs, given.seed, tick)
    reference = accuracy(model, test)
    trained: list[fx.GraphModule] = []
    scores: list[Scores] = []
    for setting in [*map(Setting, given.bits), *(Setting(8, k) for k in given.ones)]:
        fixed, found = measured(model, setting, data, test, given.epochs, given.seed)
        save(fixed, setting, given.out)
        trained.append(fixed)
        scores.append(found)
    report(console, reference, scores, given.out)
    wrong = compile_and_compare(trained[len(given.bits) - 1], test, COMPARED, given.out)
    console.print(f"compiled for the Ultra96: {wrong} of {COMPARED} images differ from PyTorch's")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
