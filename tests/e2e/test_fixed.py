"""Networks of ``Fixed`` casts through the compiler: C++ and RTL equal the simulator."""

from __future__ import annotations

import onnx
import pytest

import qfxc
from fixed_nets import chain, residual


@pytest.mark.parametrize("model", [residual(1, 5), residual(4, 5), chain(2), chain(5)])
def test_csim(model: onnx.ModelProto) -> None:
    compiled = qfxc.compile(model, "ultra96", verify="csim", frames=4)
    assert compiled.report["verification"][0]["equal"]
    assert compiled.warnings == ()


@pytest.mark.parametrize("model", [residual(1, 5), chain(5)])
def test_rtl(model: onnx.ModelProto) -> None:
    compiled = qfxc.compile(model, "ultra96", verify="rtl", frames=2)
    assert compiled.report["verification"][0]["equal"]
