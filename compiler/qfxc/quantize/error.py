"""How far a quantized result is from the real one."""

from __future__ import annotations

import numpy as np

from qfxc.ir.types import Array


def sqnr_db(real: Array, quantized: Array) -> float:
    """Signal-to-quantization-noise ratio in dB; infinity where nothing differs."""
    signal = float(np.mean(np.square(real.astype(np.float64))))
    noise = float(np.mean(np.square(real.astype(np.float64) - quantized)))
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(max(signal, 1e-300) / noise))


def cosine(real: Array, quantized: Array) -> float:
    """Mean cosine similarity over frames (arrays lead with a batch axis)."""
    a = real.reshape(len(real), -1).astype(np.float64)
    b = quantized.reshape(len(quantized), -1).astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(
        np.mean(
            np.where(norms == 0, a.any(1) == b.any(1), (a * b).sum(1) / np.maximum(norms, 1e-300))
        )
    )
