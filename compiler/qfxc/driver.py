"""The whole flow on one screen: a model and a board in, a proved project out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import onnx

from qfxc import engines
from qfxc.backends import hls, host, model_files, rtl, vivado
from qfxc.backends.names import top_name
from qfxc.backends.project import Files, Project
from qfxc.backends.vectors import Golden
from qfxc.errors import UserError
from qfxc.golden import golden_frames
from qfxc.hw.board import Board
from qfxc.hw.board import load as load_board
from qfxc.hw.design import design
from qfxc.hw.netlist import Netlist
from qfxc.hw.pinned import read_folds
from qfxc.hw.plan import Plan
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Fold
from qfxc.ir.types import Array
from qfxc.network import Network, network
from qfxc.options import Options
from qfxc.passes.own_quantizers import brings_quantizers
from qfxc.progress import Progress, Silent
from qfxc.quantize.calibration import Source
from qfxc.quantize.damage import damages
from qfxc.quantize.quality import quality
from qfxc.report.data import Findings, Report, make_report
from qfxc.report.files import with_report
from qfxc.report.quantization import accuracy, quantization
from qfxc.run import Model, Result
from qfxc.verify import synth_netlist

SYNTHETIC_WARNING = (
    "no calibration data: ranges come from seeded random inputs, so accuracy will suffer; "
    "give real inputs with --calib"
)

ADDED_WARNING = (
    "the model has quantizers of its own, but none behind {}: those were added, from calibration"
)


@dataclass(frozen=True)
class Compiled:
    """A compiled network.

    ``real`` is the float reference (what the network computes from the accelerator's input),
    ``integer`` the same network in integers, ``graph`` its kernels; ``golden`` are the frames that
    every engine was compared on.
    """

    real: Graph
    integer: Graph
    graph: Graph
    board: Board
    plan: Plan
    netlist: Netlist
    golden: Golden
    report: Report
    warnings: tuple[str, ...]
    _project: Project = field(repr=False)

    def simulate(self, x: Array | Mapping[str, Array]) -> Result:
        """Runs the integer network on inputs in the ONNX layout."""
        return Model(self.real, self.integer).run(x)

    def project(self) -> Project:
        """All files of the output folder."""
        return self._project

    def write(self, folder: str | Path | None = None, *, overwrite: bool = False) -> Path:
        """Writes the project (by default to ``NETWORK_BOARD``): the folder appears whole or not."""
        target = Path(folder or f"{top_name(self.netlist)}_{self.board.name}")
        self._project.write(target, overwrite=overwrite)
        return target


def compile(
    model: str | Path | onnx.ModelProto,
    board: str = "ultra96",
    *,
    calib: Source | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Compiled:
    """Compiles an ONNX model for a board, and proves the result.

    ``calib``: inputs to take ranges from (array, {name: array}, .npy, .npz, folder of .npy).
    ``options``: the fields of ``Options``. Raises UserError for bad input and VerificationError
    when an engine disagrees with the simulator.
    """
    progress = progress or Silent()
    opts = _options(options)
    target = replace(load_board(board), max_dsp=opts.max_dsp, levels=opts.levels)
    pinned = read_folds(Path(opts.folds)) if opts.folds else {}
    graphs = network(model, opts, calib, progress)
    built = _built(graphs, target, pinned, opts, progress)
    proof = engines.prove(
        opts.verify, built.files, built.netlist, built.golden, progress, opts.trace
    )
    findings = Findings(
        _shown(opts),
        proof,
        accuracy(quality(graphs.real, graphs.integer, graphs.frames)),
        _quantization(graphs),
        _warnings(graphs, calib),
        synth_netlist.synthesise(built.netlist, progress) if opts.synth else None,
    )
    return _compiled(built, findings)


@dataclass(frozen=True)
class _Design:
    """``files``: what the back ends have rendered."""

    board: Board
    graphs: Network
    plan: Plan
    netlist: Netlist
    golden: Golden
    files: Files


def _built(
    graphs: Network,
    board: Board,
    pinned: Mapping[str, Fold],
    opts: Options,
    progress: Progress,
) -> _Design:
    """The plan, the netlist, and both as sources."""
    progress.step("plan", 0, 1)
    clock = opts.clock or board.clock_mhz
    found = design(
        graphs.kernel, board, clock, opts.fps,
        name=graphs.source.name, pinned=pinned, allow_oversize=opts.allow_oversize,
    )  # fmt: skip
    progress.step("plan", 1, 1)
    golden = golden_frames(graphs.integer, graphs.kernel, graphs.frames, opts.frames)
    rendered = hls.render(found.netlist, board.part.name, 1000 / clock, golden)
    rendered |= rtl.render(found.netlist, golden)
    return _Design(board, graphs, found.plan, found.netlist, golden, rendered)


def _quantization(graphs: Network) -> dict[str, Any] | None:
    """What quantization did to every value; None for a model that states its own."""
    if brings_quantizers(graphs.source):
        return None
    table = damages(graphs.scaled, graphs.qdq, graphs.integer, graphs.frames)
    return quantization(graphs.search, table)


def _warnings(graphs: Network, calib: Source | None) -> list[str]:
    own = brings_quantizers(graphs.source)
    warnings = [] if calib is not None or (own and not graphs.calibrated) else [SYNTHETIC_WARNING]
    if own and graphs.calibrated:
        warnings.append(ADDED_WARNING.format(", ".join(graphs.calibrated)))
    return warnings


def _compiled(design: _Design, findings: Findings) -> Compiled:
    """The report, and with it the project."""
    graphs, planned, netlist = design.graphs, design.plan, design.netlist
    report = make_report(graphs.kernel, planned, netlist, design.board, findings)
    saved = model_files.files(graphs.real, graphs.integer, planned.folds)
    return Compiled(
        graphs.real,
        graphs.integer,
        graphs.kernel,
        design.board,
        planned,
        netlist,
        design.golden,
        report,
        tuple(findings.warnings),
        with_report(Project.of({**design.files, **saved, **_board_files(design)}), report),
    )


def _board_files(design: _Design) -> Files:
    """From the sources to the board: ``vivado/`` and ``host/``."""
    netlist, planned = design.netlist, design.plan
    ports = vivado.border(netlist, design.board, planned.interval)
    return {
        **vivado.render(netlist, design.board, planned.clock_mhz, ports),
        **host.render(netlist, design.graphs.integer, ports, design.golden),
    }


def _options(values: Mapping[str, Any]) -> Options:
    known = {f.name for f in fields(Options)}
    if unknown := sorted(set(values) - known):
        raise UserError(
            f"unknown option '{unknown[0]}'", hint=f"options: {', '.join(sorted(known))}"
        )
    return Options(**values)


def _shown(opts: Options) -> dict[str, Any]:
    """The options that shape the result, for the report (paths do not; folds are in the plan)."""
    hidden = ("dump", "check", "trace", "folds", "synth")
    values = {f.name: getattr(opts, f.name) for f in fields(opts) if f.name not in hidden}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
