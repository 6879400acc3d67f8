"""Boards: the delivered ones, a user's own, and every mistake."""

from pathlib import Path

import pytest

from qfxc.errors import UserError
from qfxc.hw.board import boards, load
from qfxc.ir.kernel import Cost
from qfxc.share import folder


def test_the_delivered_boards() -> None:
    assert [board.name for board in boards()] == ["kv260", "pynq-z2", "ultra96"]
    assert all(board.source and board.part.source for board in boards())


def test_ultra96_budget() -> None:
    board = load("ultra96")
    assert board.part.name == "xczu3eg-sbva484-1-i"
    assert board.resources == Cost(70560, 141120, 360, 432)
    # 70 % of LUT and FF, every DSP, 90 % of 432 half blocks rounded down
    assert board.budget == Cost(49392, 98784, 360, 388)
    # 32 bits at 1,066 Mb/s, 70 % of it, in bytes per second
    assert board.bandwidth == pytest.approx(4264e6 * 0.7)


@pytest.mark.parametrize("name", ["ultra96v2", "Ultra96", "ULTRA96-V2"])
def test_aliases_and_case(name: str) -> None:
    assert load(name) == load("ultra96")


def test_unknown_board_suggests_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        load("ultra69")
    assert str(caught.value) == (
        "error: there is no board 'ultra69'\n"
        "hint: did you mean 'ultra96'? boards: kv260, pynq-z2, ultra96, or a path to a .toml file"
    )


def _own(tmp_path: Path, change: tuple[str, str] = ("", "")) -> Path:
    text = (folder("boards") / "ultra96.toml").read_text().replace(*change)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_users_own_board(tmp_path: Path) -> None:
    board = load(str(_own(tmp_path, ('name = "ultra96"', 'name = "mine"'))))
    assert (board.name, board.part) == ("mine", load("ultra96").part)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("mhz =", "hz ="), "key 'mhz' is missing"),
        (("lut = 0.70", "lut = 1.70"), "every budget fraction lies in (0, 1]"),
        (("lut = 0.70", 'lut = "most"'), "could not convert string to float: 'most'"),
        (("mhz = 200.0", "mhz = -1.0"), "clock, bandwidth and efficiency are positive"),
        (("xczu3eg", "xczu9eg"), "there is no part file for 'xczu9eg-sbva484-1-i'"),
        (("[clock]", "[clock"), "not a TOML file: "),
    ],
)
def test_mistakes_in_a_board_file(tmp_path: Path, change: tuple[str, str], what: str) -> None:
    path = _own(tmp_path, change)
    with pytest.raises(UserError) as caught:
        load(str(path))
    assert caught.value.what.startswith(what)
    assert caught.value.where == str(path)


def test_a_board_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(str(tmp_path / "none.toml"))
