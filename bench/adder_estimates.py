"""Fits the constants of qfxc/adders/estimate.py to solved adder graphs, and says the errors.

One command: ``python bench/adder_estimates.py [--count 80] [--seed 0]``. Seeded bell-shaped
matrices of two to eight bits, dense or sparse, from 4 to 144 inputs; graphs of a few adders, whose
price decides nothing, count as little as their size. Every third graph is held out: constants
come from the others, errors from those alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.estimate import Floats, Shapes, shapes
from qfxc.adders.solve import solve
from qfxc.ir.types import Int

INPUTS = (4, 8, 9, 16, 27, 32, 40, 64, 108, 144)
OUTPUTS = (1, 4, 8, 10, 16, 32, 64)
DENSITIES = (0.2, 0.5, 1.0, 1.0)
WORK = 1 << 17
"""Weights that are not zero times inputs: larger graphs take seconds each."""


@dataclass(frozen=True)
class Row:
    """One solved graph."""

    shapes: Shapes
    elem: Int
    adders: int
    bits: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=80, help="matrices")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    rows = [row for _ in range(args.count) if (row := _solved(rng)) is not None]
    used, held = [r for i, r in enumerate(rows) if i % 3 != 2], rows[2::3]
    shared = _fit(used, "SHARED", _sharing(used), _columns([r.shapes.sharing for r in used]))
    width = _fit(used, "WIDTH", _bits(used), _columns([r.shapes.widths(r.elem) for r in used]))
    logs = _columns([r.shapes.sharing for r in held]) @ shared
    plain = np.array([float(r.shapes.plain[0]) for r in held])
    adders = plain * np.exp2(np.minimum(logs, 0.0))
    _errors("adders", adders, np.array([r.adders for r in held]))
    bits = adders * (_columns([r.shapes.widths(r.elem) for r in held]) @ width)
    _errors("bits", bits, np.array([r.bits for r in held]))


def _solved(rng: np.random.Generator) -> Row | None:
    rows, columns = int(rng.choice(INPUTS)), int(rng.choice(OUTPUTS))
    high = 1 << int(rng.integers(1, 8))
    elem = Int.of_bits(int(rng.integers(1, 13)), signed=bool(rng.integers(2)))
    codes = np.rint(rng.normal(0, high / 2.5, (rows, columns))).clip(-high, high - 1)
    matrix = (codes * (rng.random(codes.shape) < rng.choice(DENSITIES))).astype(np.int64)
    found = shapes(matrix[None], elem)
    if not len(found.plain) or np.count_nonzero(matrix) * rows > WORK:
        return None
    graph = solve(matrix, [elem] * rows)
    return Row(found, elem, len(graph.adders), graph.cost)


def _columns(rows: list[tuple[Floats, ...]]) -> NDArray[np.float64]:
    return np.array([[float(term[0]) for term in row] for row in rows])


def _sharing(rows: list[Row]) -> Floats:
    return np.log2([r.adders / float(r.shapes.plain[0]) for r in rows])


def _bits(rows: list[Row]) -> Floats:
    return np.array([r.bits / r.adders for r in rows])


def _fit(rows: list[Row], name: str, target: Floats, terms: NDArray[np.float64]) -> Floats:
    """Least squares, a graph weighs the logarithm of its adders."""
    weights = np.log2([1 + r.adders for r in rows])
    found = np.linalg.lstsq(terms * weights[:, None], target * weights, rcond=None)[0]
    print(f"{name} = ({', '.join(f'{v:.3f}' for v in found)})")
    return np.asarray(found)


def _errors(name: str, expected: Floats, found: Floats) -> None:
    errors = np.abs(expected / np.maximum(found, 1) - 1)
    large = errors[found >= np.median(found)]
    print(
        f"{name}: {len(errors)} held out, median error {np.median(errors):.1%}, "
        f"of the larger half {np.median(large):.1%}, worst of them {large.max():.1%}"
    )


if __name__ == "__main__":
    main()
