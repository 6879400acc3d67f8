"""The ports of a network: numbers to codes, codes to the words of the accelerator, and back.

Runs anywhere: needs numpy alone. qfxc_driver.py, beside this file, moves the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class DriverError(Exception):
    """Bad input, a missing file, or a board that does not answer."""


# Words: ``lanes`` elements of ``bits`` bits, element 0 in the lowest, padded to whole bytes.


def _places(bits: int, lanes: int) -> tuple[Array, Array]:
    """Of every lane: the 64-bit column of its lowest bit, and the bit in it."""
    start = np.arange(lanes) * bits
    return start // 64, (start % 64).astype(np.uint64)


def pack(codes: Array, bits: int, lanes: int) -> Array:
    """Integers, any shape with whole words, as uint8 (words, bytes of a word)."""
    width = -(-bits * lanes // 8)
    if bits in (8, 16, 32):
        whole = codes.astype(f"<u{bits // 8}", order="C", copy=False)
        return whole.reshape(-1).view(np.uint8).reshape(-1, width)
    column, shift = _places(bits, lanes)
    mask = np.uint64((1 << bits) - 1)
    values = codes.reshape(-1, lanes).astype(np.int64).view(np.uint64) & mask
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    rows = np.zeros((len(values), column[-1] + 2), dtype="<u8")
    rows[:, column[starts]] = np.bitwise_or.reduceat(values << shift, starts, axis=1)
    split = np.flatnonzero(shift + np.uint64(bits) > 64)  # at most one lane per column
    rows[:, column[split] + 1] |= values[:, split] >> (np.uint64(64) - shift[split])
    return rows.view(np.uint8)[:, :width]


def unpack(data: Array, bits: int, lanes: int, signed: bool) -> Array:
    """The inverse: uint8 (words, bytes of a word) as integers (words, lanes)."""
    if bits in (8, 16, 32):
        kind = f"<{'i' if signed else 'u'}{bits // 8}"
        return np.ascontiguousarray(data).view(kind).astype(np.int64)
    column, shift = _places(bits, lanes)
    rows = np.zeros((len(data), 8 * (int(column[-1]) + 2)), dtype=np.uint8)
    rows[:, : data.shape[1]] = data
    words = rows.view("<u8")
    values = words[:, column] >> shift
    split = np.flatnonzero(shift + np.uint64(bits) > 64)
    values[:, split] |= words[:, column[split] + 1] << (np.uint64(64) - shift[split])
    up = np.uint64(64 - bits)
    raised = values << up
    return raised.view(np.int64) >> np.int64(up) if signed else (raised >> up).view(np.int64)


def round_in_place(steps: Array, mode: str) -> None:
    """Rounds float64 numbers as the network's quantizer does; "half-up" is floor(x + 1/2)."""
    sign = np.sign(steps) if mode in ("away", "half-away", "half-zero") else None
    if sign is not None:
        np.abs(steps, out=steps)
    steps += {"half-up": 0.5, "half-away": 0.5, "half-down": -0.5, "half-zero": -0.5}.get(mode, 0)
    towards = {"half-even": np.rint, "zero": np.trunc}
    up = mode in ("ceil", "away", "half-down", "half-zero")
    towards.get(mode, np.ceil if up else np.floor)(steps, out=steps)
    if sign is not None:
        steps *= sign


@dataclass(frozen=True)
class Port:
    """A network input or output as network.json describes it; arrays lead with a frame axis."""

    name: str
    shape: tuple[int, ...]
    perm: tuple[int, ...]
    frame: tuple[int, ...]
    bits: int
    signed: bool
    lo: int
    hi: int
    lanes: int
    words: int
    scale: Array
    host: tuple[str, ...]
    dma: str
    batch: str
    kind: str = ""
    zero: int = 0
    rounding: str = "half-up"
    overflow: str = "sat"
    offset: Array | float = 0.0

    @staticmethod
    def read(entry: Mapping[str, Any]) -> Port:
        plain = ("name", "bits", "signed", "lo", "hi", "lanes", "words", "dma")
        values: dict[str, Any] = {key: entry[key] for key in plain}
        values |= {key: entry[key] for key in ("kind", "zero", "rounding", "overflow")}
        values |= {key: tuple(entry[key]) for key in ("shape", "perm", "frame", "host")}
        scale = np.array(entry["scale"]["float"])
        if entry.get("offset"):
            values["offset"] = np.array(entry["offset"])
        return Port(**values, scale=scale, batch=entry.get("batch", ""))

    @property
    def word_bytes(self) -> int:
        return -(-self.bits * self.lanes // 8)

    @property
    def frame_bytes(self) -> int:
        return self.words * self.word_bytes

    @property
    def container(self) -> str:
        """The narrowest numpy integer that holds the codes."""
        width = next(w for w in (1, 2, 4, 8) if 8 * w >= self.bits)
        return f"{'i' if self.signed else 'u'}{width}"

    @property
    def pixels(self) -> bool:
        """Whether the codes are raw pixels: nothing to compute."""
        return (self.lo, self.hi) == (0, 255) and bool(np.all(self.scale == 1))

    def checked(self, array: Array) -> Array:
        """A batch in the ONNX layout; a single frame becomes a batch of one."""
        if array.dtype.kind not in "fiub":
            raise DriverError(f"{self.name}: dtype {array.dtype} is not numeric")
        if array.shape == self.shape:
            array = array[None]
        if array.shape[1:] != self.shape:
            wanted = ", ".join(map(str, self.shape))
            raise DriverError(f"{self.name}: shape {array.shape}, expected (frames, {wanted})")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DriverError(f"{self.name}: NaN or infinity in the data")
        within = self.pixels and array.min(initial=0) >= 0 and array.max(initial=0) <= 255
        if self.pixels and not (within and not (array % 1).any()):
            raise DriverError(f"{self.name}: values are not pixels 0..255")
        return array

    def quantize(self, array: Array) -> Array:
        """``overflow(round(x / scale))`` in float64: codes (frames, *frame shape).

        The network's own integers (``kind``) lose their zero point.
        """
        moved = array.transpose(0, *(axis + 1 for axis in self.perm))
        if self.kind:
            codes = moved.astype(np.int64).reshape(len(array), *self.frame) - self.zero
            return np.clip(codes, self.lo, self.hi).astype(self.container)
        if self.pixels:
            return moved.astype(np.uint8, copy=False).reshape(len(array), *self.frame)
        frames = moved.astype(np.float32, order="C").reshape(len(array), *self.frame)
        steps = np.divide(frames, self.scale, dtype=np.float64)
        round_in_place(steps, self.rounding)
        self._overflow(steps)
        return steps.astype(self.container)

    def _overflow(self, steps: Array) -> None:
        """Takes integers that have no code to one: the nearest, zero, or by their low bits."""
        if self.overflow == "wrap":
            np.subtract(steps, self.lo, out=steps)
            np.mod(steps, self.hi - self.lo + 1, out=steps)
            np.add(steps, self.lo, out=steps)
        elif self.overflow == "zero":
            steps[(steps < self.lo) | (steps > self.hi)] = 0
        else:
            np.clip(steps, self.lo, self.hi, out=steps)

    def outside(self, frames: Array) -> Array:
        """Frames in the ONNX layout."""
        moved = frames.reshape(len(frames), *(self.shape[axis] for axis in self.perm))
        order = (0, *(1 + int(i) for i in np.argsort(self.perm)))
        return np.ascontiguousarray(moved.transpose(order))

    def integers(self, frames: Array) -> Array:
        """Codes in the ONNX layout; the network's own integers with their zero point and type."""
        codes = self.outside(frames)
        if not self.kind:
            return codes
        sign, bits = self.kind.split("INT")
        return (codes + self.zero).astype(f"{sign.lower()}int{max(int(bits), 8)}")

    def pack(self, codes: Array) -> Array:
        """Codes (frames, ..) as uint8 (frames, bytes of a frame): what the accelerator takes."""
        return pack(codes, self.bits, self.lanes).reshape(len(codes), self.frame_bytes)

    def unpack(self, data: Array) -> Array:
        """What the accelerator gives, uint8 (frames, bytes of a frame), as codes."""
        words = data.reshape(-1, self.word_bytes)
        values = unpack(words, self.bits, self.lanes, self.signed)
        return values.reshape(len(data), *self.frame)

    def real(self, codes: Array) -> Array:
        """``codes * scale + offset`` in float64, in the ONNX layout."""
        return self.outside(codes.astype(np.float64) * self.scale + self.offset)

    def finish(self, real: Array) -> Array:
        """The operators that the network leaves to the host."""
        for op in self.host:
            name, *words = op.split()
            given = dict(word.split("=") for word in words)
            if name == "quantize":
                real = _quantized(real, given)
                continue
            if name not in ("softmax", "logsoftmax"):
                raise DriverError(f"{self.name}: the host operator '{name}' is unknown")
            axis = int(given["axis"])
            shifted = real - real.max(axis=axis, keepdims=True)
            total = np.exp(shifted).sum(axis=axis, keepdims=True)
            real = np.exp(shifted) / total if name == "softmax" else shifted - np.log(total)
        return real


def _quantized(real: Array, given: Mapping[str, str]) -> Array:
    """Half to even, saturated: integers, or the real numbers on their grid (type FLOAT)."""
    scale, zero = float(given["scale"]), int(given["zero"])
    codes = np.clip(np.rint(real / scale) + zero, int(given["lo"]), int(given["hi"]))
    return (codes - zero) * scale if given["type"] == "FLOAT" else codes.astype(np.int64)
