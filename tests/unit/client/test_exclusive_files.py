"""Locked files, and the form of the line agent's state file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Thread

import pytest

from bureau_client import Conflict, InvalidRequest
from bureau_client._operations.exclusive_file import ExclusiveFile
from bureau_client.agent.state import FORM, AgentState

OWNER = ("acme", "bureau.example/log")


def exclusive(path: Path) -> ExclusiveFile:
    return ExclusiveFile(path, lambda: Conflict("in use", reason="STATE_IN_USE"))


def nothing() -> None:
    pass


def test_a_file_is_entered_once(tmp_path: Path) -> None:
    file, other = exclusive(tmp_path / "file"), exclusive(tmp_path / "file")
    file.acquire(nothing)
    for again in (file, other):
        with pytest.raises(Conflict):
            again.acquire(nothing)
    file.release()
    other.acquire(nothing)
    other.release()


def test_a_file_is_opened_in_one_thread_and_closed_in_another(tmp_path: Path) -> None:
    file = exclusive(tmp_path / "file")
    opening = Thread(target=file.acquire, args=(nothing,))
    opening.start()
    opening.join()
    with pytest.raises(Conflict):
        file.acquire(nothing)
    file.release()
    file.acquire(nothing)
    file.release()


def test_a_file_that_does_not_open_is_released(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("full")

    file = exclusive(tmp_path / "file")
    with pytest.raises(OSError, match="full"):
        file.acquire(fail)
    file.acquire(nothing)
    file.release()


def form_of(path: Path) -> int:
    db = sqlite3.connect(path)
    (form,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return int(form)


def test_a_state_file_says_its_form(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with AgentState(path, *OWNER):
        pass
    assert form_of(path) == FORM
    with AgentState(path, *OWNER) as state:
        assert state.unfinished() == []


def test_a_state_file_without_a_form_is_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with AgentState(path, *OWNER):
        pass
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 0")
    db.close()
    with AgentState(path, *OWNER):
        pass
    assert form_of(path) == FORM


def test_a_state_file_of_a_newer_release_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {FORM + 1}")
    db.execute("CREATE TABLE plans_of_tomorrow (id TEXT)")
    db.commit()
    db.close()
    before = path.read_bytes()
    for _ in range(2):  # the refusal releases the lock
        with (
            pytest.raises(InvalidRequest, match=f"form {FORM + 1} .* reads up to {FORM}"),
            AgentState(path, *OWNER),
        ):
            pass
    assert path.read_bytes() == before
