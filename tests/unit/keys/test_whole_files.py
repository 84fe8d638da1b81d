"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from bureau_keys.whole_files import whole_file, whole_folder, write_whole


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
