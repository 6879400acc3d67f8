"""The library and the compiler name the same kernels, parameters and memories."""

from __future__ import annotations

import re

import pytest

from kernel_cases import glue_cases, sample_cases
from qfxc.ir.kernel import Kernel
from qfxc.share import folder

HEADERS = folder("hls_lib") / "include" / "qfx"
SHARED = {"word", "axis", "product", "dot"}
TYPES = re.compile(r"^(X|Y)(Bits|Signed)$")


def kernels() -> dict[str, list[Kernel]]:
    found: dict[str, list[Kernel]] = {}
    for case in [*sample_cases(), *glue_cases()]:
        found.setdefault(case.instance.kernel.name, []).append(case.instance.kernel)
    return found


def test_every_kernel_has_its_header_and_every_header_its_kernel() -> None:
    assert {path.stem for path in HEADERS.glob("*.hpp")} - SHARED == set(kernels())


@pytest.mark.parametrize("name", sorted(kernels()))
def test_parameter_names(name: str) -> None:
    """The constants that the header reads are the kernel's parameters.

    The types of x and y are always there, a header that moves words whole need not look at them.
    """
    text = (HEADERS / f"{name}.hpp").read_text()
    fixed = set(re.findall(r"\bstatic constexpr \w+ (\w+) = [\w:<>]+;", text))
    for other in re.findall(r'#include "qfx/(\w+)\.hpp"', text):  # that it is a case of
        text += (HEADERS / f"{other}.hpp").read_text() if other in kernels() else ""
    if '"qfx/dot.hpp"' in text:
        text += (HEADERS / "dot.hpp").read_text()
    if name in ("matvec", "depthwise", "pool", "dyadic"):
        text += (HEADERS / "product.hpp").read_text()
    read = set(re.findall(r"\bC::([A-Z]\w*)", text)) - fixed
    given: set[str] = set().union(*(set(k.params) for k in kernels()[name]))
    assert read <= given
    unread = {p for p in given - read if not TYPES.match(p)}
    assert not unread


@pytest.mark.parametrize("name", sorted(kernels()))
def test_contract_document_lists_the_kernel(name: str) -> None:
    text = (folder("hls_lib").parent / "docs" / "kernels.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    for kernel in kernels()[name]:
        for memory in kernel.roms:
            assert f"`{memory}`" in row
