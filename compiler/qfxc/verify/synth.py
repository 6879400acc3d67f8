"""Synthesis: how many LUTs, flip-flops, DSPs and block memories a module of rtl_lib takes in Yosys.

Modules are synthesised each for itself, out of context (no pads, no clock buffer), and counted as
Vivado's utilisation report counts primitives: shift registers and distributed memories as the LUTs
they occupy, carry chains and wide multiplexers as nothing, a RAMB36E2 as two RAMB18E2. Inverters
count as nothing: they move into the LUTs and the flip-flops beside them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from qfxc.backends.mem import mem_text
from qfxc.errors import InternalError, UserError
from qfxc.ir.kernel import Cost, Kernel
from qfxc.progress import Progress, Silent
from qfxc.share import folder
from qfxc.verify.tools import cache_folder

SYNTHESIS = "synth_xilinx -family xcup -noiopad -noclkbuf -flatten"
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


@dataclass(frozen=True)
class Module:
    """A module of rtl_lib with its integer parameters and its memory files.

    ``memories``: the parameter that names the file, and the file's text.
    """

    name: str
    params: Mapping[str, int]
    memories: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The library files that it needs."""
        return _closure(self.name)

    @property
    def digest(self) -> str:
        """Of everything that the result depends on."""
        total = hashlib.sha256(f"{version()}\0{SYNTHESIS}\0{self.name}\0".encode())
        total.update(json.dumps(sorted(self.params.items())).encode())
        for key, text in sorted(self.memories.items()):
            total.update(f"\0{key}\0{text}".encode())
        for path in self.sources:
            total.update(f"\0{path.name}\0".encode() + path.read_bytes())
        return total.hexdigest()[:24]


def kernel_module(kernel: Kernel) -> Module:
    """The library module of a kernel, with its memories as .mem files."""
    memories = {_file_parameter(name): mem_text(rom) for name, rom in kernel.roms.items()}
    return Module(f"qfx_{kernel.name}", kernel.params, memories)


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
        (work / "top.v").write_text(_top(modules))
        (work / "run.ys").write_text(_script(modules))
        for number, module in enumerate(modules):
            for name, text in module.memories.items():
                (work / _mem_file(number, name)).write_text(text)
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
        return [resources(stat[name]["num_cells_by_type"]) for name in made]


def _top(modules: Sequence[Module]) -> str:
    """An instance of every module, with nothing connected: each is synthesised for itself."""
    lines = ["module top;"]
    for number, module in enumerate(modules):
        long = _long_parameters(module.name)
        params = [f".{n}({_literal(v, 64 if n in long else 32)})" for n, v in module.params.items()]
        params += [f'.{n}("{_mem_file(number, n)}")' for n in module.memories]
        lines.append(f"  (* keep *) {module.name} #({', '.join(params)}) u{number} ();")
    return "\n".join([*lines, "endmodule", ""])


def _script(modules: Sequence[Module]) -> str:
    """Hierarchy is kept between the top and the modules, and flattened inside them."""
    sources = dict.fromkeys(path for module in modules for path in module.sources)
    files = sorted(sources, key=lambda path: (path.stem != "qfx_pkg", path.stem))
    return "\n".join(
        (
            f"read_verilog -sv -defer -I{folder('rtl_lib').as_posix()}"
            f" {' '.join(path.as_posix() for path in files)}",
            "read_verilog -sv top.v",
            "hierarchy -check -top top",
            "setattr -mod -set keep_hierarchy 1 top/u* %M",
            *(f"tee -q -o u{i}.txt ls top/u{i} %M" for i in range(len(modules))),
            f"{SYNTHESIS} -top top",
            "tee -q -o stat.json stat -json",
            "",
        )
    )


def _literal(value: int, bits: int) -> str:
    """Yosys wants a parameter to be given as wide as it is."""
    return f"{bits}'sh{value & (1 << bits) - 1:x}"


@cache
def _long_parameters(name: str) -> frozenset[str]:
    """Those of 64 bits."""
    text = _files()[name].read_text()
    return frozenset(re.findall(r"parameter signed \[63:0\] (\w+)", text))


def _file_parameter(memory: str) -> str:
    return f"{memory[0].upper()}{memory[1:]}File"


def _mem_file(number: int, parameter: str) -> str:
    return f"u{number}_{parameter}.mem"


def _complaint(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line]
    return "\n".join(errors[:5] or lines[-10:])


@cache
def _closure(name: str) -> tuple[Path, ...]:
    """The file of a module and those of every module and package that it names."""
    files = _files()
    if name not in files:
        raise InternalError(f"rtl_lib has no {name}")
    reached, waiting = {name}, [name]
    while waiting:
        words = set(re.findall(r"qfx_\w+", files[waiting.pop()].read_text()))
        more = (words & files.keys()) - reached
        reached |= more
        waiting += more
    return tuple(files[stem] for stem in sorted(reached) if files[stem].suffix == ".sv")


@cache
def _files() -> dict[str, Path]:
    library = folder("rtl_lib")
    return {path.stem: path for path in (*library.glob("*.sv"), *library.glob("*.svh"))}


@cache
def version() -> str:
    """The package that carries Yosys, and its version."""
    if importlib.util.find_spec("pyosys") is None:
        return "none"
    return f"pyosys {importlib.metadata.version('pyosys')}"


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
