"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bureau_keys import whole_files
from bureau_keys.whole_files import remove_leftovers, whole_file, whole_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_replaces_the_earlier_one_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("earlier")
    path.chmod(0o600)
    write_whole(path, "später")
    assert path.read_text("utf-8") == "später"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["report.json"]


def test_an_error_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("earlier")
    with pytest.raises(ZeroDivisionError), whole_file(path) as stream:
        stream.write(b"half" * (1 // 0 if stream.write(b"half") else 1))
    assert path.read_text() == "earlier"
    assert names(tmp_path) == ["report.json"]


def test_a_link_keeps_pointing_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(60)
    assert read == [b"through"]


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    kept = tmp_path / "new" / "kept"
    with pytest.raises(FileNotFoundError), whole_folder(kept) as folder:
        (folder / "1").write_text((folder / "no such file").read_text())
    assert names(tmp_path / "new") == []
    with whole_folder(kept) as folder:
        write_whole(folder / "1", "whole")
        assert not kept.exists()
    assert (kept / "1").read_text() == "whole"
    with pytest.raises(OSError, match="not empty"), whole_folder(kept) as folder:
        write_whole(folder / "2", "of another study")
    assert names(kept) == ["1"]
    assert names(tmp_path / "new") == ["kept"]


def test_what_others_may_not_read_is_not_readable_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "accounts.dat"
    path.write_text("earlier")
    path.chmod(0o600)
    with whole_file(path) as stream:
        stream.write(b"666123456")
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_name_may_have_any_characters_and_length(tmp_path: Path) -> None:
    for name in ("字" * 80 + ".csv", "\U0001f4c4" * 60, "a" * 255):
        write_whole(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_a_folder_is_as_private_as_any_new_one(tmp_path: Path) -> None:
    earlier = os.umask(0o077)
    try:
        with whole_folder(tmp_path / "kept"):
            pass
    finally:
        os.umask(earlier)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_a_folder_replaces_the_empty_one_that_a_name_stands_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "link").symlink_to(empty)
    monkeypatch.chdir(empty)
    for name in (".", tmp_path / "link"):
        with whole_folder(name) as folder:
            (folder / "1").write_text("whole")
        assert (empty / "1").read_text() == "whole"
        (empty / "1").unlink()


def test_content_and_then_the_name_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = tmp_path / "inquiry.json", list[tuple[bool, bool]]()

    def keep(opened: int) -> None:
        kept.append((stat.S_ISDIR(os.fstat(opened).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", keep)
    write_whole(path, b"sent after this is kept")
    assert kept == [(False, False), (True, True)]


def test_an_error_names_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "no such folder" / "report.json"
    with pytest.raises(FileNotFoundError) as refused:
        write_whole(path, b"new")
    assert refused.value.filename == str(path)


# Writes half of a file or folder, says so, waits for a line, and finishes.
WRITER = """
import sys
from bureau_keys.whole_files import whole_file, whole_folder
kind, path = sys.argv[1:]
with (whole_file if kind == "file" else whole_folder)(path) as fresh:
    if kind == "file":
        fresh.write(b"half")
        fresh.flush()
    else:
        (fresh / "1").write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
    if kind == "file":
        fresh.write(b", and half")
"""


@contextmanager
def writer(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has written half."""
    command = [sys.executable, "-c", WRITER, kind, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        yield process


def write_as_a_new_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_files, "_cleared", set())
    write_whole(path, "whole")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_process_writes_stays_and_what_a_killed_one_left_goes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writer(kind, tmp_path / "kept") as living:
        write_as_a_new_process(tmp_path / "other", monkeypatch)
        [unfinished, other] = names(tmp_path)
        assert (unfinished[:6], other) == (".kept.", "other")
        living.communicate("\n", timeout=60)
        assert living.returncode == 0
    assert names(tmp_path) == ["kept", "other"]
    with writer(kind, tmp_path / "lost") as killed:
        killed.kill()
        killed.wait(60)
        assert len(names(tmp_path)) == 3
    write_as_a_new_process(tmp_path / "other", monkeypatch)
    assert names(tmp_path) == ["kept", "other"]


def test_two_processes_write_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with writer("file", path) as first, writer("file", path) as second:
        assert len(names(tmp_path)) == 2
        for process in (second, first):
            process.communicate("\n", timeout=60)
            assert process.returncode == 0
            assert path.read_text() == "half, and half"
    assert names(tmp_path) == ["file"]


def test_leftovers_are_known_by_the_whole_form_of_their_names(tmp_path: Path) -> None:
    mine = [".profile.new", f"report.{'0' * 32}.new", f".report.{'0' * 31}.new", f".x.{'0' * 32}"]
    for name in mine:
        (tmp_path / name).touch()
    (tmp_path / f".report.{'0' * 32}.new").touch()
    (tmp_path / f".pipe.{'0' * 32}.new").symlink_to(tmp_path / ".profile.new")
    remove_leftovers(tmp_path)
    assert set(mine) <= set(names(tmp_path))
    assert f".report.{'0' * 32}.new" not in names(tmp_path)
    remove_leftovers(tmp_path / "no such folder")


def write_late(path: Path) -> None:
    """Write a file exclusively; another writer is done before it."""
    with whole_file(path, exclusive=True) as late:
        late.write(b"late")
        with whole_file(path, exclusive=True) as early:
            early.write(b"early")


@pytest.mark.parametrize("has_links", [True, False])
def test_of_two_exclusive_writers_one_has_the_name(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "key"
    for _ in range(2):
        with pytest.raises(FileExistsError) as refused:
            write_late(path)
        assert refused.value.filename == str(path)
        assert path.read_bytes() == b"early"
        assert names(tmp_path) == ["key"]
