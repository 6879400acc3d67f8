"""How many additions fit between two registers at a clock: a model of a device's fabric.

An addition is a net, a LUT and a carry chain. In a chain of additions the carry runs through the
width of a word once, not once per addition: every addition can only wait for bits that come later.

    delay = slower * (once + additions * addition)

The figures are published ones; nothing here was measured with Vivado. UltraScale+ (ps):
RapidWright, ``timing/ultrascaleplus/intrasite_delay_terms.txt`` (v0.5; no speed grade is stated).

- ``addition`` 660: a LUT by its slowest pin 150, to the carry chain 15, its own bit 65, out of the
  slice 30; 400 for the net (a routed net of 397 in an example of RapidWright; UG949 expects about
  as much delay in nets as in cells).
- ``once`` 1,170: clock to output 77, the choice of a word of a FIFO 550 (net and LUT), 24 bits of
  carry 390, into the register 25, its setup 25, skew and uncertainty 100.

7 series (ps): prjxray's Artix-7 figures as Yosys has them (``techlibs/xilinx/cells_sim.v``).

- ``addition`` 1,150: a LUT 124, its own bit 226; 800 for the net (UG949: up to 75 % of a path).
- ``once`` 2,630: clock to output 303, a FIFO's word 924, 24 bits of carry 1,300, skew and
  uncertainty 100.

``slower``: 1.2 for slower speed grades and full devices, a choice of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

SLOWER = 1.2


@dataclass(frozen=True, slots=True)
class Fabric:
    """Picoseconds of an addition, and of what a path has besides."""

    addition: float
    once: float

    def additions(self, clock_mhz: float) -> int:
        """How many follow each other in a cycle; at least one."""
        period = 1e6 / clock_mhz / SLOWER
        return max(int((period - self.once) / self.addition), 1)


FABRICS = {"zynquplus": Fabric(660, 1170), "zynq": Fabric(1150, 2630)}
"""By Vivado's names of families."""


def additions(family: str, clock_mhz: float) -> int:
    """Additions between two registers of a circuit, on parts of that family; of families that are
    not known, as on the slowest that is."""
    slowest = max(FABRICS.values(), key=lambda fabric: fabric.addition)
    return FABRICS.get(family, slowest).additions(clock_mhz)
