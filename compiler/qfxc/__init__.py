"""qfxc: compiles neural networks to integer-only FPGA hardware and proves it bit for bit."""

from typing import Any

__version__ = "0.1.0"

__all__ = ["__version__", "compile", "load_project"]


def __getattr__(name: str) -> Any:
    """``qfxc.compile`` and ``qfxc.load_project``, imported when first used: a fast ``--help``."""
    if name == "compile":
        from qfxc.driver import compile as value
    elif name == "load_project":
        from qfxc.run import load_project as value  # type: ignore[assignment]
    else:
        raise AttributeError(f"module 'qfxc' has no attribute '{name}'")
    return value
