"""A node that cannot start leaves nothing running, and says which address or part failed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions, create
from bureau.cli.exit_codes import Stop
from bureau.cli.serving_lock import serving_lock
from bureau.config import Settings
from bureau.listen import ListenError
from bureau.main import Server
from bureau.testing import free_port
from tests.service.postgres import until

PARTS = (
    "database",
    "metrics port",
    "HTTP port",
    "gRPC port",
    "health HTTP",
    "call log",
    "checkpoint file",
    "log follower",
    "ledger",
    "witness feeders",
    "commit listener",
    "read deadlines",
    "unread answers",
    "HTTP",
    "gRPC",
    "readiness",
)


LISTENING = ("listen", "metrics_listen", "http_listen")


@pytest.fixture
def taken() -> Iterator[str]:
    """An address at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node") / "bureau"
    create(folder, InitOptions())
    return folder


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def settings_of(folder: Path, **overrides: object) -> Settings:
    ports = {name: f"127.0.0.1:{free_port()}" for name in LISTENING if name not in overrides}
    return Settings.load(folder, **ports, **overrides)


def ports_of(settings: Settings) -> list[int]:
    return [int(getattr(settings, name).rpartition(":")[2]) for name in LISTENING]


def failing(start: Callable[[], None], *, after: bool) -> Callable[[], None]:
    def fail() -> None:
        if after:
            start()
        raise RuntimeError("injected")

    return fail


def serves(folder: Path, settings: Settings) -> None:
    """Starts and stops a second node on the same folder, ports and database."""
    second = Server(Settings.load(folder, node="node-2", listen=settings.listen))
    second.start()
    try:
        with second.database.transaction() as db:
            db.execute_raw("SELECT 1")
    finally:
        second.stop()


def test_the_list_of_parts_is_this(folder: Path) -> None:
    server = Server(settings_of(folder))
    assert tuple(part.name for part in server.parts) == PARTS
    server.stop()


@pytest.mark.parametrize("after", [False, True], ids=["before it runs", "when it runs"])
@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_fails_leaves_nothing_running(folder: Path, name: str, after: bool) -> None:
    before = set(threading.enumerate())
    settings = settings_of(folder)
    server = Server(settings)
    index = [part.name for part in server.parts].index(name)
    part = server.parts[index]
    server.parts[index] = part._replace(start=failing(part.start, after=after))
    with pytest.raises(RuntimeError, match="injected"):
        server.start()
    assert server.stopped.is_set()
    assert not any(listens(port) for port in ports_of(settings))
    # Threads of gRPC's own end a moment after its server.
    until(lambda: not set(threading.enumerate()) - before, "every thread has ended")
    serves(folder, settings)


def test_a_stopped_node_leaves_nothing_running(folder: Path) -> None:
    before = set(threading.enumerate())
    settings = settings_of(folder)
    server = Server(settings)
    server.start()
    assert all(listens(port) for port in ports_of(settings))
    server.stop()
    assert not any(listens(port) for port in ports_of(settings))
    until(lambda: not set(threading.enumerate()) - before, "every thread has ended")
    server.stop()  # again: nothing is left to do


@pytest.mark.parametrize("setting", LISTENING)
def test_a_taken_address_is_named_with_its_setting(folder: Path, taken: str, setting: str) -> None:
    settings = settings_of(folder, **{setting: taken})
    with pytest.raises(ListenError) as error:
        Server(settings).start()
    assert f"{taken} ({setting})" in str(error.value)
    assert f"BUREAU_{setting.upper()}" in error.value.fix
    others = [getattr(settings, name) for name in LISTENING if name != setting]
    assert not any(listens(int(other.rpartition(":")[2])) for other in others)


def test_the_command_names_a_taken_address(folder: Path, taken: str) -> None:
    command = Path(sys.executable).with_name("bureau")
    ended = subprocess.run(
        [command, "serve", "--dir", folder, "--listen", f"127.0.0.1:{free_port()}"],
        env={"BUREAU_METRICS_LISTEN": taken},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 7
    assert f"error: cannot listen on {taken} (metrics_listen): Address already in use" in (
        ended.stderr
    )
    assert "serving" not in ended.stderr


def test_a_second_node_of_a_sqlite_database_is_refused(folder: Path) -> None:
    settings = Settings.load(folder)
    command = Path(sys.executable).with_name("bureau")
    with serving_lock(settings):
        ended = subprocess.run(
            [command, "serve", "--dir", folder, "--listen", "127.0.0.1:0", "--node", "node-2"],
            capture_output=True,
            text=True,
            check=False,
        )
        # The file counts, by whatever path.
        linked = folder.parent / "linked.db"
        linked.symlink_to(settings.folder / "bureau.db")
        other = Settings.load(folder, database_url=f"sqlite:///{linked}")
        with pytest.raises(Stop, match="another process serves"), serving_lock(other):
            pass
    assert ended.returncode == 6
    assert f"another process serves {settings.folder / 'bureau.db'}" in ended.stderr
    assert "PostgreSQL takes several" in ended.stderr
    assert "serving" not in ended.stdout
    with serving_lock(settings):  # it was released
        pass


def test_a_failed_handshake_leaves_no_line_of_text_in_the_log(folder: Path) -> None:
    port = free_port()
    command = Path(sys.executable).with_name("bureau")
    node = subprocess.Popen(
        [command, "serve", "--dir", folder, "--listen", f"127.0.0.1:{port}"],
        env={"BUREAU_NODE": "node-3"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: listens(port), "the node listens")
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
            suppress(ConnectionResetError),
        ):
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while connection.recv(1024):
                pass  # until the node has closed it
    finally:
        node.terminate()
        _, printed = node.communicate(timeout=300)
    lines = [line for line in printed.splitlines() if line != f"serving at 127.0.0.1:{port}"]
    assert [json.loads(line)["event"] for line in lines] == ["ready", "serving", "stopped"]
