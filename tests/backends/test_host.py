"""The driver against the compiler: quantizing, packing, unpacking, and whole runs on a fake board.

Everything is compared with ``==``: the driver computes what the compiler's own functions compute.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onnx_nets as nets
import qfxc
from fake_pynq import Fake
from qfxc.backends import host
from qfxc.backends.vivado import Border, border
from qfxc.backends.words import from_bytes, to_bytes
from qfxc.driver import Compiled
from qfxc.hw.board import load
from qfxc.hw.netlist import Netlist, Stream
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, Scale
from qfxc.ops.input import Input
from qfxc.quantize.encode import decode, encode
from qfxc.share import folder
from qfxc.sim import simulate

sys.path.insert(0, str(folder("templates") / "host"))

import qfxc_driver
from qfxc_port import DriverError
from qfxc_port import Port as DriverPort

INTERVAL = 1000
ULTRA96 = load("ultra96")


@st.composite
def elements(draw: st.DrawFn) -> Int:
    """Any integer type of up to 40 bits; ranges that do not fill their bits too."""
    bits = draw(st.integers(1, 16) | st.integers(17, 40))
    lo = draw(st.sampled_from([0, -(1 << (bits - 1))]) | st.integers(-(1 << bits), 0))
    return Int(lo, draw(st.integers(max(lo, 0), (1 << bits) - 1)))


@st.composite
def ports(draw: st.DrawFn) -> tuple[Port, Node, Stream]:
    """A port with any axis order, a stream of any lanes, a scale per tensor or per channel."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    perm = tuple(draw(st.permutations(range(len(shape)))))
    frame = tuple(shape[axis] for axis in perm)
    frame = draw(st.sampled_from([frame, (prod(frame),)]))
    factor = st.fractions(Fraction(1, 999), 100, max_denominator=999)
    count = draw(st.sampled_from([1, frame[-1]]))
    scale = Scale(tuple(draw(st.lists(factor, min_size=count, max_size=count))))
    elem = draw(elements()).scaled(scale)
    size = prod(frame)
    lanes = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    node = Node(Input(frame, elem), (), "x")
    return Port("x", shape, perm), node, Stream("x", elem, lanes, size // lanes)


def described(ports: Sequence[tuple[Port, Node, Stream]]) -> list[DriverPort]:
    """The ports as the driver reads them from network.json, as inputs of a network."""
    names, nodes, streams = zip(*ports, strict=True)
    netlist = Netlist("n", (), streams, (), names, ())
    graph = Graph("n", nodes, (), names, ())
    files = host.render(netlist, graph, border(netlist, ULTRA96, INTERVAL))
    description = json.loads(files["host/network.json"])
    return [DriverPort.read(entry) for entry in description["inputs"]]


@settings(max_examples=400, deadline=None)
@given(ports(), st.integers(0, 2**32 - 1))
def test_numbers_to_words_and_back(port: tuple[Port, Node, Stream], seed: int) -> None:
    outside, node, stream = port
    (driver,) = described([port])
    elem, rng = node.type.int, np.random.default_rng(seed)
    spread = 1.2 * max(abs(elem.lo), elem.hi, 1) * elem.scale.floats().max()
    x = rng.uniform(-spread, spread, (3, *outside.shape)).astype(np.float32)
    x.flat[0] = elem.scale.floats()[0] * 0.5  # a tie
    codes = encode(outside.to_frame(x, node.type.shape), elem)
    assert np.array_equal(driver.quantize(driver.checked(x)), codes)
    data = driver.pack(codes)
    assert data.shape == (3, driver.frame_bytes)
    assert data.tobytes() == to_bytes(codes, stream)
    assert np.array_equal(driver.unpack(data), codes)
    real = outside.from_frame(decode(codes, elem))
    assert np.array_equal(driver.real(codes), real)
    assert np.array_equal(driver.outside(codes), outside.from_frame(codes))


@settings(max_examples=400, deadline=None)
@given(elements(), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_words_of_any_width(elem: Int, lanes: int, seed: int) -> None:
    """Words of up to 3,200 bits, with the ends of the range in them."""
    stream = Stream("s", elem, lanes, 2)
    x = np.random.default_rng(seed).integers(elem.lo, elem.hi + 1, (3, 2 * lanes))
    x[0, 0], x[-1, -1] = elem.lo, elem.hi
    port = (Port("x", (2 * lanes,), (0,)), Node(Input((2 * lanes,), elem), (), "x"), stream)
    (driver,) = described([port])
    data = driver.pack(x)
    assert data.tobytes() == to_bytes(x, stream)
    assert np.array_equal(driver.unpack(data), from_bytes(data.tobytes(), stream))
    assert np.array_equal(driver.unpack(data), x)


def pixel_port() -> DriverPort:
    elem = Int(0, 255)
    node = Node(Input((2, 3), elem), (), "x")
    return described([(Port("x", (3, 2), (1, 0)), node, Stream("x", elem, 3, 2))])[0]


def test_pixels_pass_through() -> None:
    port = pixel_port()
    x = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    codes = port.quantize(port.checked(x))
    assert codes.dtype == np.uint8
    assert np.array_equal(codes, x.transpose(0, 2, 1))
    assert port.pack(codes).tobytes() == bytes(x.transpose(0, 2, 1).tobytes())
    assert np.array_equal(port.quantize(port.checked(x.astype(np.float64))), codes)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((1, 3, 2), 256), "x: values are not pixels 0..255"),
        (np.full((1, 3, 2), 0.5), "x: values are not pixels 0..255"),
        (np.full((1, 3, 2), np.nan), "x: NaN or infinity in the data"),
        (np.zeros((1, 2, 3)), "x: shape (1, 2, 3), expected (frames, 3, 2)"),
        (np.array(["a"]), "x: dtype <U1 is not numeric"),
    ],
)
def test_bad_inputs(array: Array, message: str) -> None:
    with pytest.raises(DriverError) as caught:
        pixel_port().checked(array)
    assert str(caught.value) == message


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("rounding", list(Rounding))
def test_inputs_are_cast_as_their_quantizer_says(rounding: Rounding, overflow: Overflow) -> None:
    elem = Int(-8, 7, Scale.of(0.25))
    port = Port("x", (90,), (0,), rounding=rounding.value, overflow=overflow.value)
    node = Node(Input((90,), elem), (), "x")
    driver = described([(port, node, Stream("x", elem, 1, 90))])[0]
    x = (np.arange(90, dtype=np.float32)[None] - 45) / 8
    assert (driver.quantize(x) == encode(x, elem, rounding, overflow)).all()
    codes = [overflow.apply(rounding.round(Fraction(float(v)) * 4), elem) for v in x[0]]
    assert driver.quantize(x)[0].tolist() == codes


def test_host_operators() -> None:
    """exp(ln 3) = 3 and exp(0) = 1 share 3/4 and 1/4; equal values share equally."""
    port = pixel_port()
    x = np.array([[[0.0, 0.0], [5.0, 5.0], [2.0, 2.0]]])
    softmax = type(port)(**{**vars(port), "host": ("softmax axis=-1",)})
    assert np.array_equal(softmax.finish(x), np.full((1, 3, 2), 0.5))
    logs = type(port)(**{**vars(port), "host": ("logsoftmax axis=-2",)})
    assert np.array_equal(logs.finish(np.zeros((1, 2, 3))), np.full((1, 2, 3), -np.log(2)))
    assert np.array_equal(port.finish(x), x)


class Bench:
    """A compiled network's host folder, and a fake board that simulates its integer graph."""

    def __init__(self, net: Compiled, where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.net, self.where = net, where
        self.ports: Border = border(net.netlist, net.board, net.plan.interval)
        self.fake = Fake(net.netlist, self.ports, self.simulate)
        for path, content in net.project().items():
            if path.startswith("host/"):
                (where / Path(path).name).write_bytes(content)
        description = json.loads((where / "network.json").read_text())
        self.bitstream = where / description["bitstream"]
        self.bitstream.write_bytes(b"bits")
        self.bitstream.with_suffix(".hwh").write_bytes(b"handoff")
        monkeypatch.setitem(sys.modules, "pynq", self.fake.module(self.bitstream))
        monkeypatch.setattr(qfxc_driver, "HERE", where)
        self.network = qfxc_driver.Network()

    def simulate(self, inputs: list[Array]) -> list[Array]:
        graph = self.net.integer
        shaped = [
            x.reshape(len(x), *n.type.shape) for x, n in zip(inputs, graph.inputs, strict=True)
        ]
        return simulate(graph, shaped)


@pytest.fixture(scope="module")
def residual() -> Compiled:
    net: Compiled = qfxc.compile(
        nets.residual(), "ultra96", calib=nets.pixels(), input="uint8", verify="none"
    )
    return net


@pytest.fixture(scope="module")
def double() -> Compiled:
    net: Compiled = qfxc.compile(
        nets.two_by_two(), "pynq-z2", calib=nets.two_inputs(), verify="none", activations=5
    )
    return net


@pytest.fixture
def pixels(residual: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(residual, tmp_path, monkeypatch)


@pytest.fixture
def two(double: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(double, tmp_path, monkeypatch)


@pytest.mark.parametrize("frames", [1, 7, 8, 9, 16, 41])
def test_runs_are_those_of_the_compiler(pixels: Bench, frames: int) -> None:
    x = nets.pixels(frames, seed=frames)
    expected = pixels.net.simulate(x)
    got = pixels.network.run({"image": x}, batch=8)
    assert np.array_equal(got.codes["prob"], expected.codes["prob"])
    assert np.array_equal(got.real["prob"], expected.real["prob"])
    assert np.array_equal(got.output["prob"].argmax(axis=1), expected.top1())
    assert got.speed.frames == frames
    assert 0 < got.speed.busy <= got.speed.seconds


def test_several_ports_and_calls(two: Bench) -> None:
    for frames, batch in [(20, 8), (3, 64), (20, 5), (1, 1)]:
        x = nets.two_inputs(frames, seed=frames)
        expected = two.net.simulate(x)
        got = two.network.run(x, batch=batch)
        for name in ("mask", "classes"):
            assert np.array_equal(got.codes[name], expected.codes[name])
            assert np.array_equal(got.real[name], expected.real[name])


def test_receivers_start_before_senders_and_transfers_are_whole_beats(two: Bench) -> None:
    two.network.run(nets.two_inputs(9), batch=4)
    step = two.network.step
    outputs = {link.port for link in two.ports.outputs}
    order = [port in outputs for _, port, _ in two.fake.log]
    assert order == [True, True, False, False] * 3
    assert all(count % step == 0 for _, _, count in two.fake.log)


def test_golden_vectors_are_checked(pixels: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    golden = pixels.where / "golden.npz"
    assert qfxc_driver.main(["--check", str(golden)]) == 0
    assert capsys.readouterr().out == "equal: 40 codes\n"
    with np.load(golden) as loaded:
        arrays = dict(loaded)
    arrays["y0"][2, 3] ^= 1
    np.savez(golden, **arrays)
    assert qfxc_driver.main(["--check", str(golden)]) == 1
    right, wrong = arrays["y0"][2, 3], arrays["y0"][2, 3] ^ 1
    assert capsys.readouterr().err == (
        f"error: prob: 1 of 40 differ; the first at (2, 3): {right} expected, {wrong} received\n"
    )


def test_command_line(pixels: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    x = nets.pixels(10, seed=3)
    np.save(pixels.where / "x.npy", x)
    out = pixels.where / "out.npz"
    assert qfxc_driver.main([str(pixels.where / "x.npy"), "-o", str(out)]) == 0
    assert capsys.readouterr().out.startswith("10 frames in ")
    with np.load(out) as loaded:
        assert np.array_equal(loaded["prob"].argmax(axis=1), pixels.net.simulate(x).top1())


def _fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert qfxc_driver.main(arguments) == 1
    return capsys.readouterr().err


def test_errors_of_the_command_line(
    pixels: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = pixels.where
    np.save(where / "x.npy", nets.pixels(2))
    (where / "bad.npy").write_bytes(b"nothing")
    x = str(where / "x.npy")
    wants = "error: give an input file or --check, and a --batch of at least 1\n"
    assert _fails([], capsys) == wants
    assert _fails([x, "--batch", "0"], capsys) == wants
    assert f"error: {where / 'no.npy'}: " in _fails([str(where / "no.npy")], capsys)
    assert f"error: {where / 'bad.npy'}: " in _fails([str(where / "bad.npy")], capsys)
    text = _fails([x, "--bitstream", str(where / "no.bit")], capsys)
    assert text == f"error: {where / 'no.bit'}: no such file; build it with `make bit`\n"
    pixels.fake.stuck = True
    monkeypatch.setattr(qfxc_driver, "TIMEOUT", 0.01)
    assert _fails([x], capsys) == "error: no answer within 0.01 s: load the bitstream again\n"
    pixels.fake.broken = True
    text = _fails([x], capsys)
    assert text == "error: a DMA engine reports an error: load the bitstream again\n"
    del pixels.fake.cells[f"{pixels.ports.inputs[0].port}_dma"]
    assert "it is another network's" in _fails([x], capsys)
    monkeypatch.setitem(sys.modules, "pynq", None)
    assert _fails([x], capsys) == "error: pynq is not installed: run this on the board\n"


def test_frames_that_do_not_fill_a_beat_go_together(
    residual: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an interval of one cycle every beat counts; the driver then rounds batches up."""
    ports = border(residual.netlist, residual.board, 1)
    bench = Bench(residual, tmp_path, monkeypatch)
    bench.fake = Fake(residual.netlist, ports, bench.simulate)
    monkeypatch.setitem(sys.modules, "pynq", bench.fake.module(bench.bitstream))
    text = host.render(residual.netlist, residual.integer, ports)["host/network.json"]
    assert isinstance(text, str)
    (tmp_path / "network.json").write_text(text)
    network = qfxc_driver.Network()
    x = nets.pixels(5, seed=5)
    assert np.array_equal(
        network.run({"image": x}, 2).codes["prob"], residual.simulate(x).codes["prob"]
    )
    assert {count % ports.step for _, _, count in bench.fake.log} == {0}
