"""qfxc: compiles neural networks to integer-only FPGA hardware and proves it bit for bit."""

__version__ = "0.1.0"
