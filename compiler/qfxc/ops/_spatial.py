"""Window arithmetic that convolution, pooling and their kernels share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from qfxc.ir.types import Array

Pair = tuple[int, int]

BLOCK = 1 << 18
"""Elements of the largest array inside an operator."""


def extent(kernel: Pair, dilation: Pair) -> Pair:
    """Rows and columns that one window spans."""
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def out_size(size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Pair:
    """Positions of the window, without padding: floor((size - extent) / stride) + 1."""
    span = extent(kernel, dilation)
    if span[0] > size[0] or span[1] > size[1]:
        raise ValueError(f"a window of {span[0]}x{span[1]} does not fit {size[0]}x{size[1]}")
    return (size[0] - span[0]) // stride[0] + 1, (size[1] - span[1]) // stride[1] + 1


def windows(x: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """A view (batch, OH, OW, C, KH, KW) of ``x`` (batch, H, W, C)."""
    view = sliding_window_view(x, extent(kernel, dilation), axis=(1, 2))
    return view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def columns(x: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """The windows as rows of a matrix (batch * OH * OW, KH * KW * C): row, column, channel.

    Without horizontal dilation a window row is one contiguous run of ``x``: copied as such.
    """
    if dilation[1] != 1:
        view = windows(x, kernel, stride, dilation).transpose(0, 1, 2, 4, 5, 3)
        return view.reshape(-1, kernel[0] * kernel[1] * x.shape[3])
    x = np.ascontiguousarray(x)
    batch, height, width, channels = x.shape
    rows, cols = out_size((height, width), kernel, stride, dilation)
    c = x.itemsize  # not x.strides: numpy leaves those of axes of size 1 undefined
    w = c * channels
    h, b = w * width, w * width * height
    run = kernel[1] * channels
    shape = (batch, rows, cols, kernel[0], run)
    view = as_strided(
        x, shape, (b, h * stride[0], w * stride[1], h * dilation[0], c), writeable=False
    )
    return view.reshape(-1, kernel[0] * run)


def blocks(batch: int, elements: int) -> Iterator[slice]:
    """The frames of a batch in blocks whose ``elements`` per frame stay in the caches."""
    step = max(1, BLOCK // elements)
    return (slice(i, i + step) for i in range(0, batch, step))


def counts(size: Pair, kernel: Pair, stride: Pair, uncounted: tuple[int, ...]) -> NDArray[np.int64]:
    """How many positions of each window an average counts, (OH, OW).

    ``uncounted`` = rows and columns at the (top, left, bottom, right) that are padding.
    """
    top, left, bottom, right = uncounted
    mask = np.zeros(size, dtype=np.int64)
    mask[top : size[0] - bottom, left : size[1] - right] = 1
    view = sliding_window_view(mask, kernel)[:: stride[0], :: stride[1]]
    return np.asarray(view.sum(axis=(2, 3)))
