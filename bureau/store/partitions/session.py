"""The session that partitions tables: one at a time, with locks that nodes do not feel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bureau.store import schema
from bureau.store.database import Database
from bureau.store.errors import StorageError, translate
from bureau.store.partitions.forms import Form, forms_of

if TYPE_CHECKING:
    from bureau.store.postgres import PatientConnection

# The limit of a change that waits for a table while calls wait after it: half a second is less than
# they notice. Then it lets them go first and tries again after PAUSE_S seconds, TRIES times in all.
LOCK_TIMEOUT = "500ms"
PAUSE_S = 0.5
TRIES = 120


class Session:
    """A connection to PostgreSQL on which every statement is committed by itself, unless `briefly`
    runs it.
    """

    def __init__(self, raw: PatientConnection, driver_error: type[Exception]) -> None:
        """Take over a connection that commits by itself."""
        self._raw = raw
        self._driver_error = driver_error

    def run(self, sql: str) -> None:
        """Run a statement that returns no rows."""
        self._execute(sql)

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        """Return every row of a query."""
        rows: list[tuple[Any, ...]] = self._execute(sql).fetchall()
        return rows

    def value(self, sql: str) -> Any:
        """Return the one value of a query."""
        return self.all(sql)[0][0]

    def forms(self) -> dict[str, Form]:
        """Return the form of every table."""
        return forms_of(self.all)

    def briefly(self, work: Callable[[], None]) -> None:
        """Run a transaction that locks tables for itself.

        It steps back where others hold a table, and tries again. It does not wait for a standby
        while it holds its locks, as reads would wait with it; every later commit of a node
        follows it in the database's log, and waits.

        Raises:
            StorageError: It failed, or others did not release a table in time.
        """
        for tried in range(1, TRIES + 1):
            try:
                with self._raw.transaction():
                    self.run(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                    self.run("SET LOCAL synchronous_commit = 'local'")
                    work()
            except StorageError as error:
                if not error.conflict or tried == TRIES:
                    raise
                time.sleep(PAUSE_S)
            except self._driver_error as error:  # of the commit itself
                raise failed(error) from error
            else:
                return

    def _execute(self, sql: str) -> Any:
        try:
            return self._raw.execute(sql.encode())
        except self._driver_error as error:
            raise failed(error) from error


@contextmanager
def open_session(database: Database, say: Callable[[str], None]) -> Iterator[Session]:
    """Yield the session of a PostgreSQL database; wait while another one partitions or migrates.

    Args:
        say: Called once if it waits.

    Raises:
        StorageError: The database cannot be reached, or has another schema than this version's.
    """
    # Commands on SQLite do without the driver.
    from bureau.store import postgres  # noqa: PLC0415  (see above)

    driver_error = database.engine.dialect.loaded_dbapi.Error
    try:
        raw = postgres.connect(postgres.libpq(database.url), "bureau", in_service=False)
    except driver_error as error:
        raise failed(error) from error
    try:
        session = Session(raw, driver_error)
        _wait_for_turn(session, say)
        _require_newest(session)
        yield session
    finally:
        raw.close()


def _wait_for_turn(session: Session, say: Callable[[str], None]) -> None:
    """Wait by many short statements: the other one may build an index, or wait for the end of
    earlier transactions, and one statement that waits is such a transaction.
    """
    if session.value(schema.TRY_LOCK):
        return
    say("another run or a migration is at work: waiting for its end")
    while not session.value(schema.TRY_LOCK):
        time.sleep(PAUSE_S)


def _require_newest(session: Session) -> None:
    """Check the schema once more: it may have been migrated meanwhile."""
    revision, newest = session.value("SELECT version_num FROM alembic_version"), schema.newest()
    if revision != newest:
        raise StorageError(
            f"the database cannot be partitioned: it is at {revision}, the command needs {newest}"
        )


def failed(error: Exception) -> StorageError:
    """Return a driver's error for the operator: its first line, which has no values of rows."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    message = f"the database cannot be partitioned: {why}"
    return StorageError(message, conflict=translate(error).conflict)
