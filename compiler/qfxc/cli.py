"""The command line: arguments to the driver, its results to the screen. It decides nothing.

Exit codes: 0, 1 (an engine computed other integers, or another broken promise), 2 (bad input),
130 (interrupted).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
from rich.console import Console

from qfxc import __version__
from qfxc.answers import print_json, tell, tell_rows, tell_run
from qfxc.backends.project import check_target
from qfxc.errors import InternalError, UserError, UserErrors, VerificationError
from qfxc.flow import Flow, Qfxc
from qfxc.hw.board import boards
from qfxc.ir.types import Array
from qfxc.report.data import verified
from qfxc.report.scores import read_labels, scores
from qfxc.report.screen import ScreenProgress

OK, DIFFERENT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Numbers(click.ParamType):  # type: ignore[type-arg]  # generic in new click only
    """Comma-separated numbers."""

    name = "a,b,c"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of numbers such as 0.5,0.5,0.5", param, ctx)


class _Default(click.Group):
    """A group whose first command may be left out: ``qfxc MODEL`` is ``qfxc compile MODEL``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"-h", "--help", "--version", *self.commands}
        if args and args[0] not in own:
            args = ["compile", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Default, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qfxc")
def cli() -> None:
    """Compiles neural networks to integer-only FPGA hardware and proves it bit for bit.

    `qfxc MODEL.onnx --board ultra96` is short for `qfxc compile MODEL.onnx --board ultra96`.
    """


_MANY = click.IntRange(min=1)
_RATE = click.FloatRange(min=0, min_open=True)
_PATH = click.Path(path_type=Path)
_EFFORT = click.Choice(["fast", "best"])
_ENGINES = click.Choice(["all", "csim", "rtl", "none"])
_ENGINE = click.Choice(["sim", "hls", "rtl"])


@cli.command("compile")
@click.argument("model", type=_PATH)
@click.option("--board", default="ultra96", show_default=True, help="See `qfxc boards`.")
@click.option("-o", "--output", type=_PATH, help="Folder to write [default: MODEL_BOARD].")
@click.option("--overwrite", is_flag=True, help="Replace a folder that qfxc wrote, all of it.")
@click.option("--calib", type=_PATH, help="Calibration data: .npz, .npy or a folder of .npy.")
@click.option("--recipe", help="How to quantize, as in 'fixed,adaround'; see `qfxc passes`.")
@click.option("--effort", type=_EFFORT, help="Search for a good quantization [default: fast].")
@click.option("--weights", type=int, help="Bits of the weights.")
@click.option("--activations", type=int, help="Bits of the activations.")
@click.option("--fps", type=_RATE, help="The smallest design for N frames/s.")
@click.option("--folds", type=_PATH, help="Folds to keep: a JSON file as model/folds.json.")
@click.option("--max-dsp", type=click.IntRange(min=0), help="DSPs that the design may take.")
@click.option("--no-dsp", is_flag=True, help="No DSP at all: --max-dsp 0.")
@click.option("--levels", type=_MANY, help="Additions between registers of adder circuits.")
@click.option("--clock", type=_RATE, help="Clock in MHz [default: the board's].")
@click.option("--input", type=click.Choice(["float", "uint8"]), help="What the host sends.")
@click.option("--mean", type=_Numbers(), help="Per channel, subtracted from the input.")
@click.option("--std", type=_Numbers(), help="Per channel, the input is divided by it.")
@click.option("--verify", type=_ENGINES, default="all", show_default=True, help="On what to run.")
@click.option("--trace", type=_PATH, help="Write a waveform of the RTL (.vcd).")
@click.option("--frames", type=_MANY, help="Frames to verify with.")
@click.option("--synth", is_flag=True, help="Synthesise the design with Yosys, kernel by kernel.")
@click.option("--passes", help="Options of passes: 'name{field=value,...},-name'.")
@click.option("--dump", type=_PATH, help="Folder for the graph after every pass.")
@click.option("--check", is_flag=True, help="Simulate before and after every exact pass.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only.")
@click.pass_obj
def compile_(
    flow: Flow,
    /,
    model: Path,
    board: str,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    no_dsp: bool,
    **options: Any,
) -> int:
    """Compile MODEL (.onnx) for a board (the default command)."""
    if no_dsp:
        options["max_dsp"] = _none_of(options["max_dsp"])
    name = Path(board).stem if board.endswith(".toml") else board
    target = output or Path(f"{model.stem}_{name}")
    check_target(target, overwrite=overwrite)
    given = {
        key: value for key, value in options.items() if value is not None and value is not False
    }
    errors = Console(stderr=True)
    with ScreenProgress(errors, visible=not (as_json or quiet)) as progress:
        compiled = flow.compile(model, board, progress=progress, **given)
        project = compiled.project()
    project.write(target, overwrite=overwrite)
    tell(compiled, project, target, progress.seconds, as_json=as_json, quiet=quiet)
    return OK if verified(compiled.report) else DIFFERENT


def _none_of(max_dsp: int | None) -> int:
    """``--no-dsp`` beside ``--max-dsp``."""
    if max_dsp:
        raise UserError(
            f"--max-dsp {max_dsp} allows some", where="--no-dsp", hint="give one of them"
        )
    return 0


@cli.command("run")
@click.argument("folder", type=_PATH)
@click.argument("inputs", type=_PATH)
@click.option("--engine", type=_ENGINE, default="sim", show_default=True)
@click.option("-o", "--output", type=_PATH, help="Write the outputs to this .npz file.")
@click.option("--labels", type=_PATH, help="Class indices: .npy, .npz or one integer per line.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.pass_obj
def run_(
    flow: Flow,
    /,
    folder: Path,
    inputs: Path,
    engine: str,
    output: Path | None,
    labels: Path | None,
    as_json: bool,
) -> int:
    """Run frames through the project in FOLDER and compare with its float reference.

    INPUTS is an .npz file with one array per input, named as in the model, batch axis first, or
    an .npy file for a single input. The output file holds real numbers under the name of the
    output and integer codes under NAME.codes. LABELS are the true classes, for the accuracy.
    """
    truth = None if labels is None else read_labels(labels)
    with ScreenProgress(Console(stderr=True), visible=not as_json) as progress:
        project = flow.load_project(folder)
        result = project.run(inputs, engine, progress)
        reference = project.run_float(inputs, progress)
    found = scores(result, reference, truth)
    if output is not None:
        codes = {f"{name}.codes": value for name, value in result.codes.items()}
        _write_npz(output, {**result.real, **codes})
    tell_run(engine, result, found, progress.seconds, as_json=as_json)
    return OK


def _write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    try:
        with path.open("wb") as file:
            np.savez(file, **cast(Any, dict(arrays)))
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(path)) from error


@cli.command("boards")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def boards_(as_json: bool) -> int:
    """List the boards."""
    rows = []
    for b in boards():
        size = b.resources
        rows.append((b.name, b.title, b.part.name, b.clock_mhz, size.lut, size.dsp, size.bram18))
    heads = ("name", "board", "part", "clock MHz", "LUT", "DSP", "BRAM18")
    tell_rows(heads, rows, as_json=as_json)
    return OK


@cli.command("ops")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def ops_(as_json: bool) -> int:
    """List the ONNX operators that can be compiled."""
    table = importlib.import_module("qfxc.frontend.onnx_ops")
    rows = [(row.op, row.since, row.notes) for row in table.supported()]
    tell_rows(("operator", "since opset", "notes"), rows, as_json=as_json)
    return OK


@cli.command("passes")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def passes_(as_json: bool) -> int:
    """List the passes in their order, and the recipes that set their options."""
    steps = importlib.import_module("qfxc.passes.pipeline").pipeline()
    recipes = importlib.import_module("qfxc.quantize.recipes").RECIPES
    rows = [(s.name, "pass, exact" if s.exact else "pass", s.summary) for s in steps]
    rows += [(r.usage, "recipe", r.summary) for r in recipes]
    tell_rows(("name", "kind", "what it does"), rows, as_json=as_json)
    return OK


def _report_errors(error: UserError, *, as_json: bool) -> int:
    """To stderr for people, to stdout with --json: there, stdout is one JSON document."""
    if as_json:
        every = error.errors if isinstance(error, UserErrors) else (error,)
        listed = [{"where": e.where, "what": e.what, "hint": e.hint} for e in every]
        print_json({"errors": listed})
    else:
        click.echo(str(error), err=True)
    return BAD_INPUT


def main(argv: Sequence[str] | None = None, flow: Flow | None = None) -> int:
    """Runs a command line and returns its exit code; ``flow`` stands in for the real one."""
    args = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in args
    try:
        code = cli.main(args=args, prog_name="qfxc", standalone_mode=False, obj=flow or Qfxc())
        return int(code or OK)
    except UserError as error:
        return _report_errors(error, as_json=as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return BAD_INPUT
    except click.ClickException as error:
        usage = UserError(error.format_message(), hint="`qfxc --help` lists the options")
        return _report_errors(usage, as_json=as_json)
    except VerificationError as error:
        _report_errors(UserError(str(error)), as_json=as_json)
        return DIFFERENT
    except InternalError as error:
        click.echo(f"internal error (a bug in qfxc, please report it): {error}", err=True)
        return DIFFERENT
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
