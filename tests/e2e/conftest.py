"""Compilations that several tests look at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

import onnx_nets as nets
import qfxc
from qfxc.driver import Compiled


@pytest.fixture(scope="session")
def pixel_net() -> Compiled:
    """The residual network for pixels, verified by C-simulation."""
    calib = nets.pixels()
    net: Compiled = qfxc.compile(nets.residual(), "ultra96", calib=calib, input="uint8")
    return net


@pytest.fixture(scope="session")
def double_net() -> Compiled:
    """Two inputs, two outputs, verified by C-simulation."""
    net: Compiled = qfxc.compile(nets.two_by_two(), "ultra96", calib=nets.two_inputs())
    return net


@pytest.fixture(scope="session")
def pixel_project(pixel_net: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``pixel_net``; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("project") / "out"
    pixel_net.write(folder)
    return folder
