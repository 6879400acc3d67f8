"""What Yosys reads: a top with an instance of every module, their memories, and the script."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from qfxc.backends.mem import mem_text
from qfxc.backends.rtl import PIPE, module_text
from qfxc.errors import InternalError
from qfxc.ir.kernel import Kernel
from qfxc.share import folder

SYNTHESIS = "synth_xilinx -family xcup -noiopad -noclkbuf -flatten"


@dataclass(frozen=True)
class Module:
    """A module of rtl_lib with its integer parameters and its memory files.

    ``memories``: the parameter that names the file, and the file's text. ``text``: of a module
    that is written for a kernel with a body.
    """

    name: str
    params: Mapping[str, int]
    memories: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The library files that it needs."""
        return _closure(PIPE if self.text else self.name)

    @property
    def digest(self) -> str:
        """Of everything that the result depends on."""
        total = hashlib.sha256(f"{version()}\0{SYNTHESIS}\0{self.name}\0".encode())
        total.update(json.dumps(sorted(self.params.items())).encode())
        total.update(self.text.encode())
        for key, text in sorted(self.memories.items()):
            total.update(f"\0{key}\0{text}".encode())
        for path in self.sources:
            total.update(f"\0{path.name}\0".encode() + path.read_bytes())
        return total.hexdigest()[:24]


def kernel_module(kernel: Kernel) -> Module:
    """The module of a kernel, with its memories as .mem files."""
    if kernel.body is not None:
        name = f"qfx_{kernel.name}_{hashlib.sha256(_body(kernel, '').encode()).hexdigest()[:16]}"
        return Module(name, {}, {}, _body(kernel, name))
    memories = {_file_parameter(name): mem_text(rom) for name, rom in kernel.roms.items()}
    return Module(f"qfx_{kernel.name}", kernel.params, memories)


def _body(kernel: Kernel, name: str) -> str:
    return module_text(kernel, name, kernel.name)


def top_text(modules: Sequence[Module]) -> str:
    """An instance of every module, with nothing connected: each is synthesised for itself."""
    lines = [*dict.fromkeys(module.text for module in modules if module.text), "module top;"]
    for number, module in enumerate(modules):
        long = frozenset[str]() if module.text else _long_parameters(module.name)
        params = [f".{n}({_literal(v, 64 if n in long else 32)})" for n, v in module.params.items()]
        params += [f'.{n}("{mem_file(number, n)}")' for n in module.memories]
        given = f"#({', '.join(params)}) " if params else ""
        lines.append(f"  (* keep *) {module.name} {given}u{number} ();")
    return "\n".join([*lines, "endmodule", ""])


def script_text(modules: Sequence[Module]) -> str:
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


def mem_file(number: int, parameter: str) -> str:
    """The file of a memory of the instance ``number``."""
    return f"u{number}_{parameter}.mem"


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
