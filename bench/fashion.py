"""Fashion-MNIST in fixed point: post-training against trained, by bits and by powers of two.

    python bench/fashion.py                     # 8, 6, 4, 3 bits and K = 1, 2; three seeds
    python bench/fashion.py --bits 4 --ones --seeds 1

The network, the data and the training of examples/train_fixed.py. Every value of a network has the
stated bits. Finished runs are kept in --state, so that an interrupted bench goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import torch
from fashion import Data, accuracy, steps_of
from packages import idx_folder
from rich.console import Console
from rich.table import Table
from torch import nn
from train_fixed import Setting, bar, fashion_mnist, measured, trained_float

FLOAT_EPOCHS, EPOCHS = 6, 3
Runs = dict[str, dict[str, Any]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bits", type=int, nargs="*", default=[8, 6, 4, 3])
    parser.add_argument("--ones", type=int, nargs="*", default=[1, 2], help="K, at 8 bits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder of IDX files")
    parser.add_argument("--state", type=Path, default=Path("build/fashion.json"))
    return parser.parse_args()


def run_seed(
    seed: int, settings: list[Setting], data: Data, test: Data, runs: Runs, state: Path
) -> None:
    """Measures what ``runs`` lacks for a seed, and writes every result at once."""
    missing = [s for s in settings if f"{seed} {s.name}" not in runs]
    if not missing:
        return
    with bar(f"float, seed {seed}", steps_of(data, FLOAT_EPOCHS)) as tick:
        model: nn.Module = trained_float(data, FLOAT_EPOCHS, seed, tick)
    runs[f"{seed} float"] = {"trained": accuracy(model, test)}
    for setting in missing:
        _, scores = measured(model, setting, data, test, EPOCHS, seed)
        runs[f"{seed} {setting.name}"] = asdict(scores)
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps(runs, indent=2) + "\n")


def spread(values: list[float]) -> str:
    mean = statistics.fmean(values)
    return (
        f"{mean:.2f} ({min(values):.2f}..{max(values):.2f})" if len(values) > 1 else f"{mean:.2f}"
    )


def table(runs: Runs, names: list[str], seeds: int) -> Table:
    shown = Table(title=f"Fashion-MNIST, top-1 in %: mean (least..most) of {seeds} seeds")
    for head in ("every value", "post-training", "trained", "gain"):
        shown.add_column(head, justify="left" if head == "every value" else "right")
    shown.add_row("float", "", spread([runs[f"{s} float"]["trained"] for s in range(seeds)]), "")
    for name in names:
        found = [runs[f"{s} {name}"] for s in range(seeds)]
        before, after = ([r[key] for r in found] for key in ("post_training", "trained"))
        gain = statistics.fmean(after) - statistics.fmean(before)
        shown.add_row(name, spread(before), spread(after), f"{gain:+.2f}")
    return shown


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_set, test_set = idx_folder(given.data) if given.data else fashion_mnist()
    data, test = Data.of(*train_set, device), Data.of(*test_set, device)
    runs: Runs = json.loads(given.state.read_text()) if given.state.is_file() else {}
    settings = [*map(Setting, given.bits), *(Setting(8, k) for k in given.ones)]
    for seed in range(given.seeds):
        run_seed(seed, settings, data, test, runs, given.state)
    Console().print(table(runs, [s.name for s in settings], given.seeds))


if __name__ == "__main__":
    main()
