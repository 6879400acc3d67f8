"""Statistics: right, and the same however frames are batched."""

from __future__ import annotations

import numpy as np
import pytest

from networks import NETWORKS
from qfxc import sim
from qfxc.quantize import observe as module
from qfxc.quantize.observe import observe


def test_extremes_and_means_are_those_of_the_data() -> None:
    graph, frames = NETWORKS["residual"]()
    stats = observe(graph, [frames], ["x"])["x"]
    assert (stats.low, stats.high) == (frames.min(), frames.max())
    assert np.allclose(stats.mean, frames.reshape(-1, frames.shape[-1]).mean(axis=0))
    assert set(stats.sample) <= set(frames.reshape(-1).astype(np.float64))


def test_the_sample_does_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, frames = NETWORKS["residual"]()
    monkeypatch.setattr(module, "SAMPLES", 24 * 50)
    monkeypatch.setattr(sim, "CHUNK_ELEMENTS", 1 << 20)
    whole = observe(graph, [frames], ["x"])["x"].sample
    monkeypatch.setattr(sim, "CHUNK_ELEMENTS", 1 << 11)
    parts = observe(graph, [frames], ["x"])["x"].sample
    assert len(whole) == 24 * 50
    assert np.array_equal(whole, parts)
