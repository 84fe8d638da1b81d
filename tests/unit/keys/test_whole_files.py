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
