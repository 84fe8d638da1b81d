"""A cursor for named statements on PostgreSQL: each prepared once, changes sent ahead of their
answers.

A node waits for what it reads, and for nothing else: a change stays in the driver's buffer until
the next statement whose answer is needed, and the server answers all of them in one exchange
(libpq's pipeline mode). The server runs them in their order, and none after one that failed.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from itertools import count
from typing import Any

from psycopg import Connection, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

# Statements that a connection keeps prepared; at the limit it drops all and begins again. More than
# a node has, with the shapes of lists and rows.
MAX_PREPARED = 500
# Statements after which the server is asked for the answers so far. It would keep them until it has
# 8 KiB of them, and look silent during many slow changes.
ASKED_AFTER = 8


class StatementCursor:
    """The one cursor of a connection, whose statements all go through it: parameters by place
    (`$1`), answers in binary.
    """

    def __init__(self, connection: Connection[Any], **_options: object) -> None:
        """Put the connection into pipeline mode."""
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn
        self._values = Transformer.from_context(connection)
        self._types: dict[str, tuple[int, ...]] = {}
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._numbers = count(1)
        self._prepared = 0
        self._unanswered = self._unasked = 0
        self._is_given_up = False
        self._result: PGresult | None = None
        self._arrivals = select.poll()
        self._arrivals.register(self._pgconn.socket, select.POLLIN)
        self._pgconn.enter_pipeline_mode()

    @property
    def rowcount(self) -> int:
        """Number of rows that the newest statement touched."""
        return (self._result and self._result.command_tuples) or 0

    @property
    def command(self) -> str:
        """The command that the newest statement was, as the server understood it: ROLLBACK for the
        COMMIT of a transaction in which a statement failed.
        """
        status = self._result and self._result.command_status
        return status.decode("ascii") if status else ""

    def execute(self, sql: str, values: Sequence[Any] | None = None) -> None:
        """Run a statement, after all that were sent before.

        Raises:
            psycopg.Error: It failed, or one of those did.
        """
        self.send(sql, values)
        self.settle()

    def send(self, sql: str, values: Sequence[Any] | None = None) -> None:
        """Send a statement, and leave its failure to the next one that waits for an answer.

        Args:
            values: The parameters of a statement to prepare; None to leave it unprepared.

        Raises:
            psycopg.Error: The connection is closed, or an answer did not come.
        """
        if self._is_given_up:
            # It may still come, and the next statement would take it for its own.
            raise OperationalError("an earlier statement of this connection was given up")
        if values is None:
            self._pgconn.send_query_params(sql.encode(), None, result_format=Format.BINARY)
        else:
            parameters = self._values.dump_sequence(values, [PyFormat.AUTO] * len(values))
            name = self._name_of(sql, self._values.types or ())
            self._pgconn.send_query_prepared(
                name, parameters, self._values.formats, result_format=Format.BINARY
            )
        self._unanswered += 1
        self._unasked += 1
        if self._unasked == ASKED_AFTER:
            self.ask()

    def ask(self) -> None:
        """Ask the server for the answers so far as soon as it has them, without waiting: it is
        given up if it says nothing for too long.
        """
        self._pgconn.send_flush_request()
        self._unasked = 0

    def post(self, sql: str) -> None:
        """Send a statement at once, and leave its answer and its failure to the next one."""
        self.send(sql)
        self._sync()

    def hear(self) -> None:
        """Read what the server has sent by itself.

        Raises:
            psycopg.Error: It hung up.
        """
        while self._arrivals.poll(0):
            self._pgconn.consume_input()

    def settle(self) -> None:
        """Wait for the answers to all statements that were sent.

        Raises:
            psycopg.Error: The failure of the first that failed; the server ran none after it.
        """
        if not self._unanswered:
            return
        self._sync()
        unanswered, self._unanswered = self._unanswered, 0
        try:
            failure, self._result = self._connection.wait(_answers(self._pgconn, unanswered))
        except BaseException:
            self._is_given_up = True
            raise
        if failure is not None:
            # Of what was to be prepared after the failure, nothing was; and a statement whose
            # table was changed must be prepared again.
            self._names.clear()
            raise error_from_result(failure, encoding=self._values.encoding)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows of the newest statement."""
        assert self._result is not None, "a statement was executed"
        self._values.set_pgresult(self._result)
        return self._values.load_rows(0, self._result.ntuples, tuple)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the first row of the newest statement; None if it has none."""
        assert self._result is not None, "a statement was executed"
        if not self._result.ntuples:
            return None
        self._values.set_pgresult(self._result)
        return self._values.load_row(0, tuple)

    def _sync(self) -> None:
        """End the exchange, so that the server answers, and let what comes next run though a
        statement of this exchange failed.
        """
        self._pgconn.pipeline_sync()
        self._unanswered += 1
        self._unasked = 0

    def _name_of(self, sql: str, types: tuple[int, ...]) -> bytes:
        """Return the name of a prepared statement; prepare it if it is new.

        A NULL has no type: it takes that of the values before it in its place. Otherwise a
        statement of many rows would be prepared for each way in which some of them have none.
        """
        known = self._types.get(sql, types)
        types = tuple(own or before for own, before in zip(types, known, strict=True))
        self._types[sql] = types
        name = self._names.get((sql, types))
        if name is None:
            if self._prepared == MAX_PREPARED:
                self.send("DEALLOCATE ALL")
                self._names.clear()
                self._prepared = 0
            self._prepared += 1
            name = self._names[sql, types] = b"statement_%d" % next(self._numbers)
            self._pgconn.send_prepare(name, sql.encode(), types)
            self._unanswered += 1
        return name


def _answers(pgconn: PGconn, unanswered: int) -> PQGen[tuple[PGresult | None, PGresult | None]]:
    """Send what is in the driver's buffer, and receive a number of answers; return the first
    failure, and the newest answer to a statement.
    """
    yield from generators.send(pgconn)
    failure: PGresult | None = None
    newest: PGresult | None = None
    for _ in range(unanswered):
        for result in (yield from generators.fetch_many(pgconn)):
            if result.status != ExecStatus.PIPELINE_SYNC:
                newest = result
            if result.status == ExecStatus.FATAL_ERROR:
                failure = result if failure is None else failure
    return failure, newest
