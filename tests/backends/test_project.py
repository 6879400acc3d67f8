"""A project as a value, and writing it: all or nothing, and never over a user's files."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from qfxc.backends.project import Project, check_target
from qfxc.errors import InternalError, UserError

REPORT = json.dumps({"generator": "qfxc"})
FILES: dict[str, str | bytes] = {"b/c.txt": "é", "a.bin": b"\x00\xff", "report.json": REPORT}


def test_paths_are_sorted_and_text_is_utf8() -> None:
    project = Project.of(FILES)
    assert list(project) == ["a.bin", "b/c.txt", "report.json"]
    assert project["b/c.txt"] == b"\xc3\xa9"
    assert project.text("b/c.txt") == "é"


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a\\b"])
def test_unclean_paths_are_bugs(path: str) -> None:
    with pytest.raises(InternalError, match="not a clean relative path"):
        Project.of({path: ""})


def test_the_digest() -> None:
    # the length prefixes written out by hand for one file
    assert Project.of({"a": "xy"}).digest() == hashlib.sha256(b"1 a 2 xy").hexdigest()
    assert Project.of(FILES).digest() == Project.of(dict(reversed(FILES.items()))).digest()
    assert Project.of({"a": "bc"}).digest() != Project.of({"ab": "c"}).digest()
    assert Project.of({}).digest() == hashlib.sha256().hexdigest()


def test_merging() -> None:
    left, right = Project.of({"a": "1", "b": "2"}), Project.of({"b": "2", "c": "3"})
    assert dict(left | right) == {"a": b"1", "b": b"2", "c": b"3"}
    with pytest.raises(InternalError, match="write 'b' differently"):
        _ = left | Project.of({"b": "3"})


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_writing_into_a_new_and_into_an_empty_folder(tmp_path: Path) -> None:
    project = Project.of(FILES)
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "x" / "new", tmp_path / "empty"):
        project.write(target)
        assert tree(target) == dict(project)
    assert not list(tmp_path.rglob(".qfxc-*"))


def test_an_existing_project_is_replaced_only_on_demand(tmp_path: Path) -> None:
    Project.of({**FILES, "old": ""}).write(tmp_path / "out")
    with pytest.raises(UserError) as caught:
        Project.of(FILES).write(tmp_path / "out")
    assert str(caught.value) == (
        f"error: {tmp_path}/out: the output folder exists\n"
        "hint: name another folder with -o, or replace this project with --overwrite"
    )
    assert "old" in tree(tmp_path / "out")
    Project.of(FILES).write(tmp_path / "out", overwrite=True)
    assert tree(tmp_path / "out") == dict(Project.of(FILES))


@pytest.mark.parametrize("content", ["", "[]", '{"generator": "another"}', "no json"])
def test_a_users_folder_is_never_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UserError) as caught:
        Project.of(FILES).write(tmp_path, overwrite=True)
    assert str(caught.value) == (
        f"error: {tmp_path}: the output folder exists and was not written by qfxc\n"
        "hint: name another folder with -o; qfxc deletes no files but its own"
    )
    assert tree(tmp_path) == {"report.json": content.encode()}


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="exists and is not a folder"):
        check_target(tmp_path / "file")
    with pytest.raises(UserError, match="is not a folder"):
        Project.of(FILES).write(tmp_path / "file" / "out")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the test may run as root, who may write everywhere: the question is answered for it
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError) as caught:
        Project.of(FILES).write(tmp_path / "out")
    assert str(caught.value) == f"error: {tmp_path}/out: the folder '{tmp_path}' is not writable"


def test_a_failure_half_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.of(FILES).write(tmp_path / "out")

    def fail(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError) as caught:
        Project.of({"report.json": REPORT, "z": ""}).write(tmp_path / "out", overwrite=True)
    assert caught.value.what == "the output cannot be written: No space left on device"
    assert tree(tmp_path / "out") == dict(Project.of(FILES))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failed_rename_puts_the_old_project_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.of(FILES).write(tmp_path / "out")
    rename = os.rename

    def fail(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(UserError, match="Input/output error"):
        Project.of({"report.json": REPORT, "z": ""}).write(tmp_path / "out", overwrite=True)
    assert tree(tmp_path / "out") == dict(Project.of(FILES))
