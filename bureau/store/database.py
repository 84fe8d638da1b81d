"""Connections to the database, SQLite or PostgreSQL, by one URL.

Named statements run on the driver's own cursor: rows are plain tuples, which on the path of a
request is several times faster than going through an ORM or a result proxy.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import Dialect

from bureau.masking import without_passwords
from bureau.store import commit_wait, sqlite
from bureau.store.commit_wait import CommitWait
from bureau.store.compiled import Change, InQuery, Insert, Query, Row, Statement
from bureau.store.errors import StorageError, failure_of
from bureau_keys.tiles import TileMemory

T = TypeVar("T")

# Connections of one process, and seconds that a caller waits for one.
MAX_CONNECTIONS = 48
MAX_WAIT_S = 5.0
# Tiles of trees in memory: 16 MB at most.
MAX_TILES = 1024
# Seconds within which a dead connection says so.
AT_ONCE_S = 0.5
# Seconds since a connection's last transaction after which it waits for the answer to BEGIN: a host
# that was rebooted tells only who sends to it that the connection is gone.
RECENT_S = 1.0
# Rows that PostgreSQL takes by one insert: a statement has few shapes.
INSERT_SIZES = (32, 16, 8, 4, 2, 1)


class Connection:
    """A driver's connection that runs named statements. Every failure is a StorageError.

    Changes and locks return nothing: PostgreSQL gets them together with the next statement whose
    answer is needed, which raises the failure of any of them, as `settle` does.

    Attributes:
        dialect_name: `sqlite` or `postgresql`.
        unfit: The server showed that its commits may not wait for a required standby.
        tiles: The tiles of trees that the database keeps in memory; None in a write, which could
            read what is never committed.
    """

    def __init__(self, raw: Any, dialect: Dialect, *, require_standby: bool = False) -> None:
        """Open the cursor on which statements run.

        Args:
            require_standby: Refuse transactions whose commit would not wait for a standby.
        """
        self.unfit = False
        self.tiles: TileMemory | None = None
        self._require_standby = require_standby
        self._wait: CommitWait | None = None
        self._raw = raw
        self._dialect = dialect
        self.dialect_name = dialect.name
        self._cursor = raw.cursor()
        self._begun = -math.inf  # the newest transaction
        # SQLite's driver has no answer to wait for.
        self._send = self._cursor.execute if dialect.name == "sqlite" else self._cursor.send
        self._driver_error: type[Exception] = dialect.loaded_dbapi.Error

    @property
    def is_lost(self) -> bool:
        """True if the other end has hung up."""
        return bool(getattr(self._raw, "closed", False))

    def overwrite_deleted(self) -> None:
        """Erase from the disk what this connection deletes from a SQLite file;
        PostgreSQL does so when it vacuums.
        """
        if self._dialect.name == "sqlite":
            self.execute_raw("PRAGMA secure_delete=ON")

    def close(self) -> None:
        """Close the driver's connection."""
        self._raw.close()

    def all(self, statement: Query[Row], **values: Any) -> list[Row]:
        """Return every row."""
        self._execute(statement, values)
        return statement.read_all(self._cursor.fetchall())

    def one(self, statement: Query[Row], **values: Any) -> Row | None:
        """Return the first row, or None."""
        self._execute(statement, values)
        row = self._cursor.fetchone()
        return None if row is None else statement.read(row)

    def fetch_one_raw(self, sql: str) -> tuple[Any, ...]:
        """Return the one row that a statement of the database's own language answers."""
        self.execute_raw(sql)
        return self._cursor.fetchone()  # type: ignore[no-any-return]

    def lock(self, statement: Query[Any], **values: Any) -> None:
        """Take the locks of the rows that a statement reads. SQLite has one writer, who
        holds everything.
        """
        if self._dialect.name != "sqlite":
            self._run(self._send, statement, values)
            # It may wait for as long as one statement may: its answer ends the silence.
            self._call(self._cursor.ask)

    def lock_in(self, listing: InQuery[Any], wanted: Sequence[Any]) -> None:
        """Take the locks of the rows that a query for a list of values reads: see `lock`."""
        for query, parameters in listing.slices(wanted):
            self.lock(query, **parameters)

    def execute(self, statement: Change, **values: Any) -> None:
        """Run a change."""
        self._run(self._send, statement, values)

    def count(self, statement: Change, **values: Any) -> int:
        """Run a change; return the number of rows that it touched."""
        self._execute(statement, values)
        return self._cursor.rowcount  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Wait until all changes were made.

        Raises:
            StorageError: The first one that failed.
        """
        if self._dialect.name != "sqlite":
            self._call(self._cursor.settle)

    def all_in(self, listing: InQuery[Row], wanted: Sequence[Any], **values: Any) -> list[Row]:
        """Return every row for a list of wanted values, queried in slices."""
        rows: list[Row] = []
        for query, parameters in listing.slices(wanted):
            rows += self.all(query, **values, **parameters)
        return rows

    def execute_many(self, statement: Change, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a change once for each row of values."""
        bind = statement.sql(self._dialect).bind
        self._execute_many(statement, [tuple(bind(row)) for row in rows])

    def execute_many_tuples(
        self, statement: Change, order: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Run a change once for each tuple of values, named in `order`."""
        places = statement.sql(self._dialect).places
        if places != order:
            pick = [order.index(name) for name in places]
            rows = [tuple(row[i] for i in pick) for row in rows]
        self._execute_many(statement, rows)

    @contextmanager
    def any_text(self) -> Iterator[None]:
        """Read a text that is not UTF-8 as bytes: SQLite stores one like any other."""
        if self.dialect_name != "sqlite":
            yield
            return
        self._raw.text_factory = _text_or_bytes
        try:
            yield
        finally:
            self._raw.text_factory = str

    def execute_raw(self, sql: str) -> None:
        """Run one statement of the database's own language, and wait for it."""
        self._call(self._cursor.execute, sql)

    def begin_savepoint(self, name: str) -> None:
        """Begin a part of the transaction that can be rolled back by itself."""
        self._call(self._send, f"SAVEPOINT {name}")

    def release_savepoint(self, name: str) -> None:
        """Keep the changes since a savepoint."""
        self._call(self._send, f"RELEASE SAVEPOINT {name}")

    def roll_back(self, savepoint: str = "") -> None:
        """Drop all changes since a savepoint, or of the transaction."""
        # A change may have failed that was not waited for; it is undone, too.
        with suppress(StorageError):
            self.settle()
        self.execute_raw(f"ROLLBACK TO SAVEPOINT {savepoint}" if savepoint else "ROLLBACK")

    def end_read(self) -> None:
        """End a transaction that has only read, without waiting for the answer."""
        if self._dialect.name == "sqlite":
            self.execute_raw("COMMIT")
        else:
            self._call(self._cursor.post, "COMMIT")

    def notify(self) -> None:
        """Notify all nodes of this transaction, once it is committed."""
        if self.dialect_name == "postgresql":
            self._call(self._send, "NOTIFY bureau_commits")

    def begin(self, sql: str) -> None:
        """Begin a transaction.

        Raises:
            StorageError: The other end has hung up.
        """
        if self._dialect.name == "sqlite":
            self.execute_raw(sql)
        else:
            self._call(self._cursor.hear)
            self._call(self._send, sql)
            if time.monotonic() - self._begun > RECENT_S:
                self.settle()
            self._begun = time.monotonic()

    def begin_write(self, sql: str) -> None:
        """Begin a transaction that writes.

        Raises:
            StorageError: The other end has hung up; the commit would not wait for a standby, and
                one is required.
        """
        self.begin(sql)
        self._wait = self.check_commit_wait()

    def check_commit_wait(self) -> CommitWait | None:
        """Read the settings that decide on a commit's wait, where a standby is required.

        Raises:
            StorageError: A commit would not wait for a standby.
        """
        if not self._require_standby:
            return None
        wait = self._commit_wait()
        if wait.gap:
            self.unfit = True
            raise StorageError(
                f"require_standby is set, and commits do not wait for a standby: {wait.gap}",
                unfit=True,
            )
        return wait

    def commit(self) -> None:
        """Commit the transaction and raise StorageError unless the commit is a success.

        A warning is none: PostgreSQL warns, and goes on, where the wait for the standby
        was cancelled and only one machine has what was committed. It does not even warn
        where synchronous_standby_names was emptied during the wait: so a required standby's
        settings are read again after the commit. The server tells sessions of a new
        configuration before it ends their waits, so settings that were not loaded again
        since the transaction began are those that the commit waited under.
        """
        self.settle()
        warnings: list[str] = getattr(self._raw, "warnings", [])
        warnings.clear()
        try:
            self._cursor.execute("COMMIT")
        except self._driver_error as error:
            raise failure_of(error, committing=True) from error
        if self._dialect.name != "sqlite" and self._cursor.command != "COMMIT":
            # Somebody went on after a statement that failed.
            raise StorageError("the server rolled the transaction back instead of committing it")
        if warnings:
            raise StorageError(f"committed with a warning: {warnings[0]}", outcome_known=False)
        if self._wait is not None:
            self._check_waited(self._wait)

    def _check_waited(self, wait: CommitWait) -> None:
        """Raise StorageError unless the settings are still those of the commit's beginning."""
        try:
            changed = self._commit_wait() != wait
        except StorageError as error:
            raise StorageError(str(error), outcome_known=False) from error
        if changed:
            self.unfit = True
            raise StorageError(
                "committed while the server loaded a new configuration: the commit may not "
                "have waited for the standby",
                outcome_known=False,
            )

    def _commit_wait(self) -> CommitWait:
        row = self.one(commit_wait.settings)
        assert row is not None, "a select without a table has one row"
        return CommitWait(*row)

    def _execute(self, statement: Statement, values: Mapping[str, Any]) -> None:
        """Run a statement, and wait for its answer."""
        self._run(self._cursor.execute, statement, values)

    def _run(
        self, run: Callable[..., object], statement: Statement, values: Mapping[str, Any]
    ) -> None:
        sql, _, bind = statement.sql(self._dialect)
        self._call(run, sql, bind(values))

    def _call(self, call: Callable[..., object], *arguments: object) -> None:
        """Call the driver, and raise its errors as StorageError."""
        try:
            call(*arguments)
        except self._driver_error as error:
            raise failure_of(error) from error

    def _execute_many(self, statement: Change, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._dialect.name == "sqlite":
            self._call(self._cursor.executemany, statement.sql(self._dialect).text, rows)
        elif isinstance(statement, Insert):
            self._insert_together(statement, rows)
        else:
            for row in rows:
                self._call(self._send, statement.sql(self._dialect).text, row)

    def _insert_together(self, statement: Insert, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows by as few statements as their shapes allow."""
        start = 0
        for size in INSERT_SIZES:
            while len(rows) - start >= size:
                values = list(chain.from_iterable(rows[start : start + size]))
                self._call(self._send, statement.of_rows(size).sql(self._dialect).text, values)
                start += size


class Database:
    """A database by URL: `sqlite:////path/bureau.db` or `postgresql://…`.

    Attributes:
        url: The URL as it was given.
        engine: SQLAlchemy's, for migrations.
        on_connect: The check of each connection before it is used, outside a transaction;
            called with the connection and the number of lost ones; it raises StorageError
            for one that is not to be used.
        turn: Returns the block in which this process may write, where several processes of one
            node write to a SQLite file; None where SQLite's own lock is enough.
    """

    def __init__(self, url: str, node: str = "", *, require_standby: bool = False) -> None:
        """Prepare the database without connecting to it.

        Args:
            url: The database; a PostgreSQL URL is libpq's, and may name several hosts.
            node: The node in service; empty to let statements take their time.
            require_standby: Refuse what would be committed on one machine only.

        Raises:
            ValueError: The URL is of another kind of database, or of SQLite, which has no
                standby that could be required.
        """
        scheme = url.partition("://")[0].partition("+")[0]
        if scheme not in {"sqlite", "postgresql", "postgres"}:
            raise ValueError(
                f"database URL {without_passwords(url)!r}: use sqlite:/// or postgresql://"
            )
        if require_standby and scheme == "sqlite":
            raise ValueError(
                "require_standby is set, and SQLite has no standby: set require_standby = false, "
                "or database_url to a PostgreSQL server"
            )
        self.url = url
        self._require_standby = require_standby
        self._name = node or "bureau"
        self.is_sqlite = scheme == "sqlite"
        self.on_connect: Callable[[Connection, int], None] = lambda _connection, _losses: None
        self.turn: Callable[[], AbstractContextManager[None]] | None = None
        self._losses = 0
        self.engine, self._open = sqlite.engine_of(url) if self.is_sqlite else _postgres(url, node)
        self._begin_read = (
            "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        )
        self._begin_write = "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN"
        # One for each connection that may still be taken; and those that are open and
        # that no caller uses, the last used on top as its cache is warm. The engine's own
        # pool does the same and takes several times as long.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(MAX_CONNECTIONS):
            self._free.put(None)
        self._idle: list[Connection] = []
        self._tiles = TileMemory(MAX_TILES)

    @property
    def losses(self) -> int:
        """Number of connections that were lost so far."""
        return self._losses

    @property
    def file(self) -> Path:
        """The file of a SQLite database."""
        name = make_url(self.url).database
        assert name, "a bureau's SQLite database is a file"
        return Path(name)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return without_passwords(self.url)

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Begin a read of committed state: every statement inside sees the same moment.

        Raises:
            StorageError: The database cannot be reached.
        """
        return self._transaction(self._begin_read)

    def read_one(self, statement: Query[Row], **values: Any) -> Row | None:
        """Return the first row of committed state, or None. One statement is a snapshot of its
        own, so no transaction is begun and ended around it.

        Raises:
            StorageError: The database cannot be reached.
        """
        # All rows: SQLite keeps the snapshot of a statement that was not read to its end.
        connection, rows = self._asked(
            lambda connection: connection.all(statement, **values), begins=False
        )
        self._give_back(connection, usable=True)
        return rows[0] if rows else None

    def transaction(self) -> AbstractContextManager[Connection]:
        """Begin a write: committed at the end of the block, rolled back if it raises.

        Raises:
            StorageError: The database failed; `outcome_known` says whether the
                transaction is surely undone.
        """
        if self.turn is None:
            return self._transaction(self._begin_write)
        return self._transaction_in_turn(self.turn)

    def drop_write_ahead_log(self) -> None:
        """Drop a SQLite file's write-ahead log, in which what was erased can still be read.

        Raises:
            StorageError: A reader holds on to what was erased.
        """
        if not self.is_sqlite:
            return
        connection = self._opened()
        try:
            busy, *_ = connection.fetch_one_raw("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
        if busy:
            raise StorageError(
                "what was erased is still in the write-ahead log, as somebody reads it: "
                "erase again when no backup runs"
            )

    @contextmanager
    def _transaction_in_turn(
        self, turn: Callable[[], AbstractContextManager[None]]
    ) -> Iterator[Connection]:
        with turn(), self._transaction(self._begin_write) as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        connection, _ = self._asked(lambda connection: self._begin(connection, begin))
        is_write = begin == self._begin_write
        usable = False
        try:
            try:
                yield connection
                if is_write:
                    connection.settle()  # its failure is known; that of the commit may not be
            except BaseException:
                # The first error counts, whatever becomes of the connection.
                with suppress(StorageError):
                    connection.roll_back()
                    usable = True
                raise
            if is_write:
                connection.commit()
            else:
                connection.end_read()
            usable = True
        finally:
            self._give_back(connection, usable=usable)

    def _begin(self, connection: Connection, begin: str) -> None:
        if begin == self._begin_write:
            connection.tiles = None
            connection.begin_write(begin)
        else:
            connection.tiles = self._tiles
            connection.begin(begin)

    def _asked(
        self, first: Callable[[Connection], T], *, begins: bool = True
    ) -> tuple[Connection, T]:
        """Return a connection, and its answer to the first thing that is asked of it.

        Args:
            begins: It begins a transaction, whose state is unknown if it fails.
        """
        while True:
            connection, was_open = self._take()
            started = time.monotonic()
            try:
                return connection, first(connection)
            except BaseException as error:
                self._give_back(connection, usable=not begins and _is_passing(error))
                # One that was open from before may have been hung up on since: nothing
                # else was asked of it yet, and the others of its time are gone with it.
                hung_up = _may_be_hung_up(error) and time.monotonic() - started < AT_ONCE_S
                if not (was_open and hung_up):
                    raise

    def _take(self) -> tuple[Connection, bool]:
        """Return a connection, and True if it was open before; wait where all are in use."""
        try:
            self._free.get(timeout=MAX_WAIT_S)
        except Empty:
            raise StorageError("every connection is in use", conflict=True) from None
        try:
            return self._idle.pop(), True
        except IndexError:
            pass  # there is none: one more is opened
        try:
            return self._opened(), False
        except BaseException:
            self._free.put(None)
            raise

    def _opened(self) -> Connection:
        try:
            connection = Connection(
                self._open(), self.engine.dialect, require_standby=self._require_standby
            )
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise failure_of(error) from error
        try:
            self.on_connect(connection, self._losses)
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: Connection, *, usable: bool) -> None:
        if usable and not connection.unfit:
            self._idle.append(connection)
        else:
            # Its state is unknown, and what befell it may have befallen all.
            self._losses += connection.is_lost or connection.unfit
            connection.close()
            self._close_idle()
            # Another server may go on from an earlier state than the one that was read; reads
            # that still run keep what they find in the old memory.
            self._tiles = TileMemory(MAX_TILES)
        self._free.put(None)

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def listen(self, heard: Callable[[], None], stopping: threading.Event) -> None:
        """Call `heard` for what any node announces, until it is stopping; return at
        once where there is one node only.

        Raises:
            StorageError: The connection broke.
        """
        if self.is_sqlite:
            return
        from bureau.store import postgres  # noqa: PLC0415  (see `_postgres`)

        try:
            postgres.listen(postgres.libpq(self.url), self._name, heard, stopping)
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise failure_of(error) from error

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        self._close_idle()
        self.engine.dispose()


def _text_or_bytes(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _postgres(url: str, node: str) -> tuple[Engine, Callable[[], Any]]:
    # A node on SQLite does without the driver.
    from bureau.store import postgres  # noqa: PLC0415  (see above)

    return postgres.engine_of(url, node)


def _is_passing(error: BaseException) -> bool:
    """Return True for a failure of one statement, which says nothing about its connection."""
    return isinstance(error, StorageError) and (error.conflict or error.too_long)


def _may_be_hung_up(error: BaseException) -> bool:
    known = isinstance(error, StorageError) and (error.full or error.fatal or _is_passing(error))
    return isinstance(error, StorageError) and not known
