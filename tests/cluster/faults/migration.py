"""The database's schema changes under load, as an operator would change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import psycopg
from psycopg import sql

from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.town.postgres import DATABASE as BUREAU
from tests.cluster.town.process import wait_until
from tests.cluster.town.town import Town

# A lock that is not had within this is let go, so that nobody waits behind it for long.
LOCK_TIMEOUT = "200ms"
PATIENCE_S = 30.0
TABLES = ("consent", "inquiry", "record", "submission")


@dataclass(frozen=True)
class Migrate(Fault):
    """An additive revision runs under load: a column first, an index, later without both."""

    table: str
    length_s: ClassVar[tuple[float, float]] = (2.0, 4.0)

    @property
    def takes(self) -> frozenset[str]:
        """The schema: no other fault of the database at once."""
        return frozenset({DATABASE})

    def inject(self, town: Town) -> None:
        """Expands."""
        table = sql.Identifier(self.table)
        run(town, sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS later BIGINT").format(table))
        run(
            town,
            sql.SQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS later ON {} (later)").format(table),
        )

    def heal(self, town: Town) -> None:
        """Contracts."""
        run(town, sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS later"))
        table = sql.Identifier(self.table)
        run(town, sql.SQL("ALTER TABLE {} DROP COLUMN IF EXISTS later").format(table))


def run(town: Town, statement: sql.SQL | sql.Composed) -> None:
    """Runs a statement of the schema as soon as its lock is had."""

    def done() -> bool:
        try:
            with town.pair.primary.session(BUREAU) as session:
                session.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
                session.execute(statement)
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    wait_until("the schema's lock", done, PATIENCE_S)
