"""Pieces of the supervisor, without a node: ports, folders, notices, workers that die."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import structlog

from bureau.admin.bureau_folder import InitOptions, create
from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.listen import ListenError
from bureau.store.turns import Turns
from bureau.workers import folder as folders
from bureau.workers import supervisor, worker, worker_process
from bureau.workers.channel import Beat
from bureau.workers.folder import NodeServedError, locked_folder
from bureau.workers.notices import CommitNotices, Pipe
from bureau.workers.port import reserve
from bureau.workers.sharing import Sharing
from bureau.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from bureau.main import Server
    from bureau.workers.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("node") / "bureau"
    create(folder, InitOptions())
    return Settings.load(folder, listen="127.0.0.1:0", worker_processes=2)


# Ports ------------------------------------------------------------------------------


def test_a_reserved_port_is_for_workers_alone() -> None:
    reserved, address = reserve("listen", "127.0.0.1:0")
    port = int(address.rpartition(":")[2])
    with reserved:
        # 1. Another node, with a supervisor or without.
        with pytest.raises(ListenError, match=f"{address} .listen.: Address already in use"):
            reserve("listen", address)
        with socket.socket() as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                alone.bind(("127.0.0.1", port))
        # 2. Workers, which also get every connection: the supervisor does not listen.
        with socket.socket() as one, socket.socket() as two:
            for worker in (one, two):
                worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                worker.bind(("127.0.0.1", port))
                worker.listen()
            with pytest.raises(ListenError):
                reserve("listen", address)
            socket.create_connection(("127.0.0.1", port), timeout=60).close()


@pytest.mark.parametrize("address", ["127.0.0.1:70000", "127.0.0.1:x", "no such host:1", "::9"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ListenError, match="cannot listen on") as caught:
        reserve("listen", address)
    assert "BUREAU_LISTEN" in caught.value.fix


# Folders ----------------------------------------------------------------------------


def test_one_supervisor_serves_a_node(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LINGER_S", 0)
    with locked_folder(settings) as folder:
        (folder.metrics / "counter_0.db").write_bytes(b"x")
        with (
            pytest.raises(NodeServedError, match="another process serves the node node-1"),
            locked_folder(settings),
        ):
            pass
        assert (folder.metrics / "counter_0.db").exists()
        assert folder.path.stat().st_mode & 0o777 == 0o700
    # What a killed supervisor left is made again.
    with locked_folder(settings) as folder:
        assert list(folder.metrics.iterdir()) == []


def test_the_lock_is_held_until_the_last_worker_has_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LINGER_S", 0)
    with locked_folder(settings) as folder:
        worker = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[folder.lock])
    with pytest.raises(NodeServedError), locked_folder(settings):
        pass
    worker.communicate()
    with locked_folder(settings):
        pass


def test_turns_are_taken_one_at_a_time(tmp_path: Path) -> None:
    turns = [Turns(tmp_path / "turn") for _ in range(2)]  # as two processes would
    inside = most = 0

    def write(turn: Turns) -> None:
        nonlocal inside, most
        for _ in range(200):
            with turn.take():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=write, args=(turn,)) for turn in turns * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


# Notices ----------------------------------------------------------------------------


def test_a_commit_is_heard_by_every_other_worker() -> None:
    pipes = [Pipe.create() for _ in range(3)]
    heard = [threading.Event() for _ in range(3)]
    workers = [CommitNotices(pipes, number) for number in range(3)]
    for one, event in zip(workers, heard, strict=True):
        one.start(event.set)
    workers[0].send()
    assert all(event.wait(60) for event in heard[1:])
    assert not heard[0].is_set()
    for one in workers:
        one.stop()


def test_a_worker_that_does_not_listen_holds_up_nobody() -> None:
    pipes = [Pipe.create() for _ in range(2)]
    sender = CommitNotices(pipes, 0)
    for _ in range(100_000):  # more than a pipe holds
        sender.send()
    assert len(os.read(pipes[1].reader, 1 << 20)) < 100_000


def test_a_worker_ends_with_a_supervisor_that_left_beats_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "END_S", 1e6)  # this process goes on
    ended: list[float] = []

    class Stopping:
        is_ready = True

        def stop(self, grace_s: float) -> None:
            ended.append(grace_s)

    theirs, ours = socket.socketpair()
    beats = worker._Beats(ours)
    beats._server = cast("Server", Stopping())
    beats._send(Beat(serving=True))
    theirs.close()
    beats.end_with_supervisor()
    assert ended == [0.0]


# Workers that die -------------------------------------------------------------------


def test_workers_that_keep_dying_end_the_node(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(supervisor, "LOOK_S", 0.01)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(Stop, match=r"worker [12] ended 5 times .* by exit code 1") as caught,
    ):
        Supervisor(settings).run(lambda _address, _http: pytest.fail("it serves"))
    assert caught.value.code is Exit.UNAVAILABLE
    assert "--workers 1" in caught.value.fix
    assert {line["event"] for line in lines} == {"worker_ended"}
    assert 4 <= len(lines) <= 8


class Ended:
    """A worker that has ended."""

    number, started = 0, 0.0

    def __init__(self, code: int, *, has_served: bool = False) -> None:
        self.code, self.has_served, self.exit_code = code, has_served, code
        self.state = Beat(failure=["the database is away", "Wait."])

    def wait(self) -> int:
        return self.code

    def look(self) -> None:
        pass

    def ending(self) -> str:
        return f"exit code {self.code}"


def ended(code: int, *, has_served: bool = False) -> WorkerProcess:
    return cast("WorkerProcess", Ended(code, has_served=has_served))


def test_a_worker_that_cannot_start_again_leaves_the_others_serving(settings: Settings) -> None:
    node = Supervisor(settings)
    # 1. Before the node has served, the error is that of its start.
    with pytest.raises(Stop, match="the database is away"):
        node._ended(ended(Exit.UNAVAILABLE))
    # 2. Afterwards it is tried for as long as it takes, ever more seldom.
    node._served = True
    with structlog.testing.capture_logs() as lines:
        for _ in range(2000):
            node._ended(ended(Exit.UNAVAILABLE))
    assert lines[0]["error"] == "the database is away Wait."
    assert lines[-1]["restart_s"] == supervisor.LONGEST_PAUSE_S
    assert not node._is_ready()
    # 3. A disk that failed under a worker that served, or another log, ends the node all the same.
    for dead in (ended(Exit.UNAVAILABLE, has_served=True), ended(Exit.CONFLICT)):
        with pytest.raises(Stop):
            node._ended(dead)


def test_a_worker_that_the_system_cannot_start_is_started_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.0)
    node = Supervisor(settings)
    node._served, node._workers = True, [ended(-9, has_served=True)]
    tries: list[int] = []

    def start(number: int) -> WorkerProcess:
        tries.append(number)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        return ended(0, has_served=True)

    with structlog.testing.capture_logs() as lines:
        for _ in range(4):  # the end, two starts that fail, and one that does not
            node._look(start)
    assert [line["event"] for line in lines] == ["worker_ended", *["worker_not_started"] * 2]
    assert tries == [0, 0, 0]
    assert not node._restart_at


def test_a_worker_that_hangs_at_its_start_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n", "ascii")
    hanging.chmod(0o700)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(supervisor, "LOOK_S", 0.01)
    monkeypatch.setattr(worker_process, "START_LOOKS", 2)
    monkeypatch.setattr(sys, "executable", str(hanging))
    with pytest.raises(Stop, match=r"ended 5 times before it served, .* by signal SIGKILL"):
        Supervisor(settings).run(lambda _address, _http: pytest.fail("it serves"))


# Traces -----------------------------------------------------------------------------


def test_each_process_of_a_node_has_a_name_of_its_own_in_traces() -> None:
    processes = [Sharing(b""), Sharing(b"", worker=1), Sharing(b"", worker=2)]
    names = ["node-1", "node-1/1", "node-1/2"]
    assert [each.instance_of("node-1") for each in processes] == names
