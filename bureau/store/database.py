"""Connections to the database, SQLite or PostgreSQL, by one URL.

Statements are SQLAlchemy Core on the SQLModel tables, compiled once per dialect
and run on the driver's own cursor: rows are plain tuples, which on the path of a
request is several times faster than going through an ORM or a result proxy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from queue import Empty, LifoQueue
from typing import Any, NamedTuple

from sqlalchemy import Engine, bindparam, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement

# Lists in `IN` are padded to one of these, so that a statement has few shapes.
LIST_SIZES = (4, 256)

# Connections of one process, and seconds that a caller waits for one.
MAX_CONNECTIONS = 48
MAX_WAIT_S = 30.0

Row = tuple[Any, ...]


class StorageError(Exception):
    """The database did not do what it was asked.

    Attributes:
        outcome_known: False where a commit may or may not have happened.
        full: The disk is full.
        fatal: The process must not go on: what is on disk is unknown.
        conflict: Another transaction was in the way; a retry helps.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome_known: bool = True,
        full: bool = False,
        fatal: bool = False,
        conflict: bool = False,
    ) -> None:
        super().__init__(message)
        self.outcome_known = outcome_known
        self.full = full
        self.fatal = fatal
        self.conflict = conflict


class SqlText(NamedTuple):
    """A statement as one dialect spells it.

    Attributes:
        text: The SQL.
        places: The parameters' names by place; empty where the driver takes
            them by name.
        constants: Parameters whose value the statement itself fixes.
    """

    text: str
    places: tuple[str, ...]
    constants: dict[str, Any]


class Statement:
    """A named statement: SQL text for each dialect, made when first used."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, SqlText] = {}

    def sql(self, dialect: Dialect) -> SqlText:
        """The SQL text for a dialect."""
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._clause.compile(dialect=dialect)
            constants = {name: v for name, v in compiled.params.items() if v is not None}
            found = SqlText(
                str(compiled), tuple(getattr(compiled, "positiontup", None) or ()), constants
            )
            self._compiled[dialect.name] = found
        return found


class ListStatement:
    """A statement that compares with a list of values by `IN`."""

    def __init__(self, clause: Callable[[list[Any]], ClauseElement]) -> None:
        """Args:
        clause: Makes the statement from the list's parameters.
        """
        self._shapes = {}
        for size in LIST_SIZES:
            names = tuple(f"listed_{place}" for place in range(size))
            self._shapes[size] = names, Statement(clause([bindparam(name) for name in names]))

    def shape(self, count: int) -> tuple[tuple[str, ...], Statement]:
        """The statement for so many values, and the names of its list."""
        return next(self._shapes[size] for size in LIST_SIZES if size >= count)


class Connection:
    """A driver's connection that runs named statements."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self._raw = raw
        self._dialect = dialect
        self._cursor = raw.cursor()

    @property
    def dialect_name(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._dialect.name

    def close(self) -> None:
        """Closes the driver's connection."""
        self._raw.close()

    def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Every row."""
        self._execute(statement, values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def one(self, statement: Statement, **values: Any) -> Row | None:
        """The first row, or None."""
        self._execute(statement, values)
        return self._cursor.fetchone()  # type: ignore[no-any-return]

    def run(self, statement: Statement, **values: Any) -> int:
        """Runs a change; returns how many rows it touched."""
        self._execute(statement, values)
        return self._cursor.rowcount  # type: ignore[no-any-return]

    def among(self, listing: ListStatement, wanted: Sequence[Any], **values: Any) -> list[Row]:
        """Every row for a list of wanted values, asked for in slices."""
        rows: list[Row] = []
        for start in range(0, len(wanted), LIST_SIZES[-1]):
            part = wanted[start : start + LIST_SIZES[-1]]
            names, statement = listing.shape(len(part))
            padded = {name: part[min(i, len(part) - 1)] for i, name in enumerate(names)}
            self._execute(statement, values | padded)
            rows += self._cursor.fetchall()
        return rows

    def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a change once for each row of values."""
        sql, places, _ = statement.sql(self._dialect)
        if places:
            self._cursor.executemany(sql, [tuple(row[name] for name in places) for row in rows])
        else:
            self._cursor.executemany(sql, rows)

    def tuples(self, statement: Statement, order: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Runs a change once for each tuple of values, named in `order`."""
        sql, places, _ = statement.sql(self._dialect)
        if places:
            if places != order:
                pick = [order.index(name) for name in places]
                rows = [tuple(row[i] for i in pick) for row in rows]
            self._cursor.executemany(sql, rows)
        else:
            self._cursor.executemany(sql, [dict(zip(order, row, strict=True)) for row in rows])

    def script(self, sql: str) -> None:
        """Runs one statement of the transaction's own language (BEGIN, SAVEPOINT …)."""
        self._cursor.execute(sql)

    def _execute(self, statement: Statement, values: Mapping[str, Any]) -> None:
        sql, places, constants = statement.sql(self._dialect)
        if constants:
            values = {**constants, **values}
        if places:
            self._cursor.execute(sql, [values[name] for name in places])
        else:
            self._cursor.execute(sql, values)


class Database:
    """A database by URL: `sqlite:////path/bureau.db` or `postgresql://…`."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = create_engine(parsed, pool_reset_on_return=None)
        elif parsed.get_backend_name() == "sqlite":
            self.engine = create_engine(
                parsed,
                pool_reset_on_return=None,
                connect_args={"check_same_thread": False, "timeout": 10},
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            raise ValueError(f"database URL {url!r}: use sqlite:/// or postgresql://")
        self.url = parsed
        self._driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        # Open connections that nobody uses, the last used on top as its cache is
        # warm; below them one None for each that may still be opened. The
        # engine's own pool does the same and takes several times as long.
        self._idle: LifoQueue[Connection | None] = LifoQueue()
        for _ in range(MAX_CONNECTIONS):
            self._idle.put(None)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is embedded; else it is PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @cached_property
    def _begin_read(self) -> str:
        return "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    @cached_property
    def _begin_write(self) -> str:
        return "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN"

    def snapshot(self) -> AbstractContextManager[Connection]:
        """A read of committed state: every statement inside sees the same moment.

        Raises:
            StorageError: The database cannot be reached.
        """
        return self._transaction(self._begin_read, end="ROLLBACK")

    def transaction(self) -> AbstractContextManager[Connection]:
        """A write: committed at the end of the block, rolled back if it raises.

        Raises:
            StorageError: The database failed; `outcome_known` says whether the
                transaction is surely undone.
        """
        return self._transaction(self._begin_write, end="COMMIT")

    @contextmanager
    def _transaction(self, begin: str, *, end: str) -> Iterator[Connection]:
        connection = self._take()
        committing = False
        try:
            connection.script(begin)
            try:
                yield connection
            except BaseException:
                # After some errors nothing is open any more; the first one counts.
                with suppress(self._driver_error):
                    connection.script("ROLLBACK")
                raise
            committing = end == "COMMIT"
            connection.script(end)
        except self._driver_error as error:
            # What state it is in is unknown: the next one gets a new connection.
            connection.close()
            self._idle.put(None)
            raise translate(error, committing=committing) from error
        except BaseException:
            self._idle.put(connection)
            raise
        self._idle.put(connection)

    def _take(self) -> Connection:
        """An idle connection, or a new one; waits where all are in use."""
        try:
            connection = self._idle.get(timeout=MAX_WAIT_S)
        except Empty:
            raise StorageError("every connection is in use") from None
        if connection is not None:
            return connection
        try:
            pooled = self.engine.raw_connection()
            raw: Any = pooled.driver_connection
            pooled.detach()
            if not self.is_sqlite:
                raw.autocommit = True  # transactions are opened and closed in words
            return Connection(raw, self.engine.dialect)
        except Exception as error:
            self._idle.put(None)
            raise translate(error) from error

    def dispose(self) -> None:
        """Closes every connection that is not in use."""
        idle = [self._idle.get() for _ in range(self._idle.qsize())]
        for connection in idle:
            if connection is not None:
                connection.close()
            self._idle.put(None)
        self.engine.dispose()


def engine_of(url: str) -> Engine:
    """The SQLAlchemy engine of a URL, for migrations."""
    return Database(url).engine


def translate(error: Exception, *, committing: bool = False) -> StorageError:
    """A driver's error as the bureau's own, without the driver's values in it."""
    code = getattr(error, "sqlite_errorname", "") or getattr(error, "sqlstate", "") or ""
    name = f"{type(error).__name__} {code}".strip()
    if code in {"SQLITE_FULL", "53100"}:
        return StorageError(name, full=True)
    if code.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")):
        # After a failed fsync SQLite would go on with pages that are not on disk.
        return StorageError(name, outcome_known=False, fatal=True)
    if code in {"40001", "40P01", "23505"} or code.startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT")
    ):
        return StorageError(name, conflict=True)
    return StorageError(name, outcome_known=not committing)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # transactions are opened and closed in words
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL loses acknowledged commits in a power cut
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",
        "trusted_schema=OFF",
    ):
        raw.execute(f"PRAGMA {pragma}")
