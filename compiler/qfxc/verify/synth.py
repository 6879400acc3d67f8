"""Synthesis: how many LUTs, flip-flops, DSPs and block memories a module of rtl_lib takes in Yosys.

Modules are synthesised each for itself, out of context (no pads, no clock buffer), and counted as
Vivado's utilisation report counts primitives: shift registers and distributed memories as the LUTs
they occupy, carry chains and wide multiplexers as nothing, a RAMB36E2 as two RAMB18E2. Inverters
count as nothing: they move into the LUTs and the flip-flops beside them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from qfxc.errors import InternalError, UserError
from qfxc.ir.kernel import Cost
from qfxc.progress import Progress, Silent
from qfxc.verify.synth_source import Module, mem_file, script_text, top_text
from qfxc.verify.tools import cache_folder

TIMEOUT = 900.0
"""Seconds that one module may take: a few seconds is usual, the largest products take minutes."""

BATCH = 8
"""Modules in one run of Yosys."""

LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM512X1S": 8,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM256X1D": 8,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM64X8SW": 8,
    "RAM32X16DR8": 8,
}
"""LUT sites of a primitive (UG974)."""

FLIP_FLOPS = frozenset({"FDRE", "FDSE", "FDCE", "FDPE"})
BLOCKS = {"RAMB18E2": 1, "RAMB36E2": 2}
FREE = frozenset({"CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "INV", "$scopeinfo"})

_RUN = (
    "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"
)


def measure(
    modules: Sequence[Module],
    progress: Progress | None = None,
    jobs: int = 2,
    timeout: float = TIMEOUT,
) -> list[Cost | None]:
    """Synthesises every distinct module once; None for one that took longer than ``timeout`` s.

    Results are kept in the user's cache folder under the digest of all that they depend on.
    Raises UserError without pyosys and InternalError where Yosys refuses a module.
    """
    progress = progress or Silent()
    keys = [module.digest for module in modules]
    distinct = dict(zip(keys, modules, strict=True))
    found = {key: cost for key in distinct if (cost := _cached(key)) is not None}
    missing = {key: module for key, module in distinct.items() if key not in found}
    results: dict[str, Cost | None] = dict(found)
    progress.step("Yosys", len(found), len(distinct))
    if missing:
        _require_yosys()
        results |= _parallel(missing, progress, len(found), jobs, timeout)
    return [results[key] for key in keys]


def resources(cells: Mapping[str, int]) -> Cost:
    """What a netlist of primitives occupies. Raises InternalError for one that is unknown."""
    total = Cost()
    for kind, count in cells.items():
        if kind in LUTS:
            total += Cost(lut=LUTS[kind] * count)
        elif kind in FLIP_FLOPS:
            total += Cost(ff=count)
        elif kind == "DSP48E2":
            total += Cost(dsp=count)
        elif kind in BLOCKS:
            total += Cost(bram18=BLOCKS[kind] * count)
        elif kind not in FREE:
            raise InternalError(f"Yosys left a cell of an unknown kind: {kind}")
    return total


def _parallel(
    modules: Mapping[str, Module], progress: Progress, done: int, jobs: int, timeout: float
) -> dict[str, Cost | None]:
    """Batches of modules, since half of a small one's time is spent before and after it."""
    keys, total = list(modules), done + len(modules)
    batches = [keys[i : i + BATCH] for i in range(0, len(keys), BATCH)]
    results: dict[str, Cost | None] = {}
    with ThreadPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(_batch, {key: modules[key] for key in batch}, timeout) for batch in batches
        ]
        try:
            for future in as_completed(futures):
                results |= future.result()
                progress.step("Yosys", done + len(results), total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _batch(modules: Mapping[str, Module], timeout: float) -> Mapping[str, Cost | None]:
    """Counts of a few modules; one by one where they fail or take too long together."""
    try:
        found = _synthesise(list(modules.values()), timeout)
    except InternalError:
        if len(modules) == 1:
            raise
        found = None
    if found is not None:
        for key, cost in zip(modules, found, strict=True):
            _keep(key, cost)
        return dict(zip(modules, found, strict=True))
    if len(modules) == 1:
        return dict.fromkeys(modules)
    return {k: c for key in modules for k, c in _batch({key: modules[key]}, timeout).items()}


def _synthesise(modules: Sequence[Module], timeout: float) -> list[Cost] | None:
    """One run of Yosys in a process of its own: it can be stopped, and it may crash."""
    with tempfile.TemporaryDirectory(prefix="qfxc-synth-") as scratch:
        work = Path(scratch)
        (work / "top.v").write_text(top_text(modules))
        (work / "run.ys").write_text(script_text(modules))
        for number, module in enumerate(modules):
            for name, text in module.memories.items():
                (work / mem_file(number, name)).write_text(text)
        with (work / "log").open("w") as log:
            command = [sys.executable, "-c", _RUN, "run.ys"]
            try:
                status = subprocess.run(command, cwd=work, stdout=log, stderr=log, timeout=timeout)
            except subprocess.TimeoutExpired:
                return None
        if status.returncode or not (work / "stat.json").is_file():
            names = ", ".join(sorted({module.name for module in modules}))
            raise InternalError(f"{names}: Yosys failed:\n{_complaint(work / 'log')}")
        stat = json.loads((work / "stat.json").read_text())["modules"]
        made = [(work / f"u{i}.txt").read_text().split()[-1] for i in range(len(modules))]
        return [_whole(stat, name) for name in made]


def _whole(stat: Mapping[str, Any], name: str) -> Cost:
    """Of a module and of those that synthesis kept apart inside it."""
    plain = name in stat  # names of the source have a backslash, those that Yosys made do not
    cells = stat[name if plain else f"\\{name}"]["num_cells_by_type"]
    own = resources({kind: count for kind, count in cells.items() if kind not in stat})
    inside = (_whole(stat, kind) for kind, n in cells.items() if kind in stat for _ in range(n))
    return sum(inside, own)


def _complaint(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line]
    return "\n".join(errors[:5] or lines[-10:])


def _require_yosys() -> None:
    if importlib.util.find_spec("pyosys") is None:
        raise UserError(
            "Yosys is not installed", where="synthesis", hint="pip install 'qfxc[synth]'"
        )


def _cached(key: str) -> Cost | None:
    path = cache_folder() / "synth" / f"{key}.json"
    try:
        return Cost(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(key: str, cost: Cost) -> None:
    """Written beside its place and renamed: another process may write the same."""
    place = cache_folder() / "synth"
    place.mkdir(parents=True, exist_ok=True)
    scratch = place / f"{key}.{os.getpid()}"
    counts = {"lut": cost.lut, "ff": cost.ff, "dsp": cost.dsp, "bram18": cost.bram18}
    scratch.write_text(json.dumps(counts))
    scratch.replace(place / f"{key}.json")
