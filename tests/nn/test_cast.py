"""Cast: formats that train, freeze, save and load."""

from __future__ import annotations

import copy
import io

import pytest
import torch

from qfxc import nn as qnn
from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.nn.cast import fraction_bits


def trained() -> qnn.Cast:
    """A cast of which everything differs from the defaults."""
    cast = qnn.Cast(6, rounding="RND_INF", overflow="SAT_SYM", signed=False, channels=3, axis=1)
    cast.train_wbit(per_channel=True)
    with torch.no_grad():
        cast.fbit.copy_(torch.tensor([2.4, -1.0, 7.6]))
        cast.wbit.copy_(torch.tensor([5.6, 4.0, 2.2]))  # type: ignore[union-attr]
    cast.freeze()
    return cast


def test_format_has_the_integers_that_hold() -> None:
    cast = qnn.Cast(6, 2.6, rounding="RND_CONV", overflow="WRAP")
    known = qnn.Format(6, (3,), None, True, Rounding.HALF_EVEN, qnn.Overflow.WRAP)
    assert cast.format() == known
    assert (known.lo, known.hi, str(known)) == (-32, 31, "6.3")
    x = torch.linspace(-3, 3, 101)
    assert torch.equal(cast(x), qnn.fixed(x, 6, 3, "RND_CONV", "WRAP"))


def test_a_narrower_width_keeps_the_range() -> None:
    """wbit 6 -> 5.6, 4, 2.2: 0, 2 and 4 bits less of fraction."""
    format = trained().format()
    assert format.fbit == (2, -3, 4)
    assert (format.wbit, format.narrow, format.axis) == (6, (6, 4, 2), 1)
    x = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0)) * 10
    for channel, (wbit, fbit) in enumerate(zip((6, 4, 2), format.fbit, strict=True)):
        expected = qnn.fixed(x[:, channel], wbit, fbit, "RND_INF", "SAT_SYM", signed=False)
        assert torch.equal(trained()(x)[:, channel], expected)


@pytest.mark.parametrize("start", [qnn.Cast(3), qnn.Cast(9, channels=2)])
def test_checkpoints_bring_the_format_along(start: qnn.Cast) -> None:
    file = io.BytesIO()
    torch.save(trained().state_dict(), file)
    file.seek(0)
    start.load_state_dict(torch.load(file, weights_only=True))
    assert start.format() == trained().format()
    assert start.frozen
    assert not any(p.requires_grad for p in start.parameters())
    start.load_state_dict(qnn.Cast(7, 1.0).state_dict())
    assert (start.wbit, start.frozen, start.format()) == (7, False, qnn.Cast(7, 1.0).format())


def test_copies_are_equal_and_independent() -> None:
    one = trained()
    two = copy.deepcopy(one)
    assert two.format() == one.format()
    with torch.no_grad():
        two.fbit.add_(1)
    assert two.format() != one.format()


def test_frozen_formats_stay() -> None:
    cast = qnn.Cast(6, 2.6)
    optimizer = torch.optim.SGD(cast.parameters(), lr=1.0, weight_decay=0.5)
    cast.freeze()
    x = torch.randn(50, requires_grad=True)
    cast(x).square().sum().backward()
    optimizer.step()
    assert cast.fbit.item() == 3
    cast.unfreeze()
    cast(x).square().sum().backward()
    optimizer.step()
    assert cast.fbit.item() != 3


def test_fraction_bits_hold_the_largest_value() -> None:
    for largest, signed, expected in ((1.0, True, 7), (1.01, True, 6), (0.3, False, 9)):
        assert fraction_bits(torch.tensor(largest), 8, signed) == expected


def test_training_finds_the_best_fraction() -> None:
    """Normal numbers at 4 bits: descent on the squared error ends at the fbit with the least."""
    x = torch.randn(4000, generator=torch.Generator().manual_seed(1))
    errors = {f: (qnn.fixed(x, 4, f, "RND", "SAT") - x).square().sum().item() for f in range(6)}
    best = min(errors, key=lambda f: errors[f])
    for start in (best - 1.0, best + 2.0):
        cast = qnn.Cast(4, start)
        optimizer = torch.optim.Adam(cast.parameters(), lr=0.05)
        for _ in range(100):
            optimizer.zero_grad()
            (cast(x) - x).square().sum().backward()
            optimizer.step()
        assert abs(cast.fbit.item() - best) <= 0.6


def test_a_penalty_takes_bits() -> None:
    x = torch.randn(2000, generator=torch.Generator().manual_seed(2))
    cast = qnn.Cast(8, 5.0)
    cast.train_wbit()
    optimizer = torch.optim.Adam(cast.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        ((cast(x) - x).square().mean() + qnn.width_penalty(cast)).backward()
        optimizer.step()
    wide, narrow = 8, cast.format().wbit
    assert narrow < wide
    assert narrow - cast.format().fbit[0] in (2, 3, 4)  # the range is that of the data


def test_widths_are_checked() -> None:
    with pytest.raises(UserError, match="wbit is 54"):
        qnn.Cast(54)
