"""The compiled core: made once, made again where what is kept is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from qfxc.adders import build


def test_a_damaged_library_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(build, "OPTIONS", ("-O0", "-std=c++14", "-shared", "-fPIC"))
    compiled: list[Path] = []
    compile_ = build._compile

    def damaged(sources: dict[str, bytes], folder: Path) -> None:
        compiled.append(folder)
        if len(compiled) == 1:
            (folder / build.LIBRARY).write_bytes(b"junk")
        else:
            compile_(sources, folder)

    monkeypatch.setattr(build, "_compile", damaged)
    assert build.library.__wrapped__().qfxc_adders
    assert len(compiled) == 2
    (library,) = tmp_path.rglob(build.LIBRARY)
    assert (library.parent / "core.cpp").is_file()
    assert build.library.__wrapped__().qfxc_adders
    assert len(compiled) == 2
