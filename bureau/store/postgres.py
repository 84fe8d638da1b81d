"""The bureau's connections to PostgreSQL, for machines that stop, cables that are pulled and
standbys that are promoted.

Every wait has a limit. The server ends what takes too long, the kernel ends
connections whose other end is gone, and a server that is there and silent (stopped, or
waiting for a standby that is dead) is given up here. A URL may name several hosts: the
one that takes writes is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg
from psycopg import RawCursor, conninfo
from psycopg.abc import RV, PQGen
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.waiting import Ready, Wait
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from bureau.store.statement_cursor import StatementCursor

# Seconds without a byte after which a server is given up. Above the server's own limits,
# so that it answers first if it is alive.
SILENCE_S = 5.0

# The channel on which nodes notify each other; seconds between two checks of
# `stopping`, and between two checks that the other end is there.
CHANNEL = "bureau_commits"
LISTEN_S = 1.0
ASK_S = 10.0

# Settings of every connection; those of the URL go before.
CONNECTION: dict[str, str] = {
    "connect_timeout": "3",  # for each host
    "target_session_attrs": "read-write",
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",  # ms that sent bytes may stay unconfirmed
}
# Limits of a node in service, in milliseconds: its callers wait.
IN_SERVICE: dict[str, int] = {
    "lock_timeout": 3000,
    "statement_timeout": 4000,
    # Of a node that stopped in the midst of a transaction, with locks that others need.
    "idle_in_transaction_session_timeout": 8000,
}
# PostgreSQL reports a cancelled wait for the standby by a warning, which must come through.
ALWAYS = "-c client_min_messages=warning"
# A commit is on disk, and on a synchronous standby's, before it is reported. The session's own
# setting counts: the server, the database, the role or the URL may ask for more
# (`remote_apply`), and not for less.
DURABLE_COMMITS = (
    "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)"
)


class PatientConnection(psycopg.Connection[Any]):
    """A connection whose waits have a limit, and that keeps the warnings of a commit."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.silence_s = 0.0
        self.warnings: list[str] = []
        self.add_notice_handler(self._noticed)

    def wait(self, gen: PQGen[RV], *args: Any, **named: Any) -> RV:
        """Wait for the server, which must not be silent for too long."""
        watched = impatient(gen, self.silence_s) if self.silence_s else gen
        return super().wait(watched, *args, **named)

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        # By its severity: the text is in the server's language.
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "a warning")


def connect(url: str, name: str, *, in_service: bool) -> PatientConnection:
    """Open a connection.

    Args:
        name: The name that the database's administrator sees.
        in_service: True if callers wait for what it does; otherwise only the connection
            itself is watched, and a statement may take its time.
    """
    parts = conninfo.conninfo_to_dict(url)
    limits = [f"-c {limit}={ms}" for limit, ms in IN_SERVICE.items() if in_service]
    options = " ".join([ALWAYS, *limits, str(parts.get("options") or "")]).strip()
    settings = {"application_name": name, **CONNECTION, **parts, "options": options}
    connection = PatientConnection.connect(conninfo.make_conninfo("", **settings), autocommit=True)
    if in_service:
        connection.silence_s = SILENCE_S
    try:
        connection.execute(DURABLE_COMMITS)
    except psycopg.Error:
        connection.close()
        raise
    return connection


def engine_of(url: str, node: str) -> tuple[Engine, Callable[[], Any]]:
    """Return SQLAlchemy's engine of a database, for migrations, and the function that opens the
    driver's own connections.
    """
    url, name = libpq(url), node or "bureau"

    def connect_to_migrate() -> Any:
        connection = connect(url, name, in_service=False)
        connection.autocommit = False
        connection.cursor_factory = RawCursor
        return connection

    def connect_to_run() -> Any:
        connection = connect(url, name, in_service=bool(node))
        connection.cursor_factory = StatementCursor  # type: ignore[assignment]
        # Every integer column has 64 bits. By the size of its value, a statement would be
        # prepared for each combination of sizes.
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        return connection

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connect_to_migrate,
        poolclass=NullPool,
        paramstyle="numeric_dollar",  # of a RawCursor
        use_native_hstore=False,  # looked up by named parameters
    )
    return engine, connect_to_run


def listen(url: str, node: str, heard: Callable[[], None], stopping: threading.Event) -> None:
    """Call `heard` for what any node commits, until it is stopping.

    Raises:
        psycopg.Error: The connection broke.
    """
    with connect(url, f"{node} listens", in_service=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        heard()  # there may have been some before
        asked = time.monotonic()
        while not stopping.is_set():
            for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                heard()
            # A connection that only listens would not notice that the other end is gone.
            if time.monotonic() - asked > ASK_S:
                connection.execute("SELECT 1")
                asked = time.monotonic()


def libpq(url: str) -> str:
    """Return the URL as the driver's own library reads it."""
    return f"postgresql://{url.partition('://')[2]}"


def without_password(url: str) -> tuple[str, str]:
    """Return a URL's settings as libpq reads them, and apart from them the password."""
    parts = conninfo.conninfo_to_dict(libpq(url))
    password = str(parts.pop("password", "") or "")
    return conninfo.make_conninfo("", **parts), password


def impatient(gen: PQGen[RV], silence_s: float) -> PQGen[RV]:
    """Run the same exchange with the server, given up after `silence_s` seconds of silence.

    Raises:
        psycopg.OperationalError: It was silent; the statement may have been carried out.
    """
    heard = time.monotonic()
    exchange: Generator[Wait, Ready | int, RV] = gen
    try:
        awaited = next(exchange)
        while True:
            ready = yield awaited
            now = time.monotonic()
            if ready:
                heard = now
            elif now - heard > silence_s:
                raise psycopg.OperationalError(f"no answer for {silence_s:.0f} s")
            awaited = exchange.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result
