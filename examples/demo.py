"""The demo: an MNIST network, quantized, compiled for the Ultra96-V2, proved and run.

Model and digits come out of packages on PyPI. Everything lands in build/demo.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from packages import mnist_5000, mnist_conv

from qfxc.cli import main

FOLDER = Path(__file__).resolve().parents[1] / "build" / "demo"
CALIBRATION = 500


def prepare() -> None:
    """Writes the model, calibration inputs, test inputs and labels."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "mnist_conv.onnx").write_bytes(mnist_conv())
    images, labels = mnist_5000()
    pixels = images[:, None]  # the network takes (N, 1, 28, 28), raw pixels 0..255
    np.save(FOLDER / "calibration.npy", pixels[:CALIBRATION])
    np.savez_compressed(FOLDER / "test.npz", Input3=pixels[CALIBRATION:])
    np.save(FOLDER / "labels.npy", labels[CALIBRATION:])


def step(*arguments: str) -> None:
    print("\n$ qfxc " + " ".join(arguments), flush=True)
    code = main(list(arguments))
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    prepare()
    at = {name: str(FOLDER / name) for name in ("mnist_conv.onnx", "calibration.npy", "out")}
    step(
        at["mnist_conv.onnx"],
        *("--board", "ultra96", "--input", "uint8", "--calib", at["calibration.npy"]),
        *("-o", at["out"]),
    )
    test = [at["out"], str(FOLDER / "test.npz"), "--labels", str(FOLDER / "labels.npy")]
    step("run", *test, "--engine", "sim")
    step("run", *test, "--engine", "hls")
    print(
        f"\nThe project is in {FOLDER / 'out'}; {FOLDER / 'out' / 'README.md'} says what it holds."
    )
