"""--passes: options by name, optional passes left out, clear errors."""

from __future__ import annotations

import pytest

from qfxc.errors import UserError
from qfxc.passes.base import override
from qfxc.passes.pipeline import STAGES, pipeline


def test_options_are_fields() -> None:
    steps = {s.name: s for s in override(pipeline(), "quantize{weights=4, powers=true},rescale")}
    assert (steps["quantize"].weights, steps["quantize"].powers) == (4, True)


def test_optional_passes_can_be_left_out() -> None:
    names = [s.name for s in override(pipeline(), "-fold-affine")]
    assert names == [s.name for s in pipeline() if s.name != "fold-affine"]


def test_every_pass_has_a_stage_and_a_summary() -> None:
    assert {s.name for s in pipeline()} == set(STAGES)
    assert all(s.summary for s in pipeline())


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("fold", "'fold' is not a pass"),
        ("-lower", "pass 'lower' cannot be left out"),
        ("quantize{bits=4}", "pass 'quantize' has no option 'bits'"),
        ("quantize{weights=many}", "'many' is not an integer"),
        ("quantize{frames=3}", "pass 'quantize' has no option 'frames'"),
    ],
)
def test_bad_specs(spec: str, text: str) -> None:
    with pytest.raises(UserError) as caught:
        override(pipeline(), spec)
    assert caught.value.what == text
