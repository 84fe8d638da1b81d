"""Read how far the partitions of a database are, without changing anything."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import text

from bureau.store.compiled import Query
from bureau.store.database import Connection, Database
from bureau.store.partitions.forms import Ask, closing_ends, forms_of, has_rows, own_tables
from bureau.store.partitions.layout import BY_MONTH, PARTITION_KEYS


class State(NamedTuple):
    """The state of a database's partitions.

    Attributes:
        begun: True if a run has changed anything.
        whole: Tables that are not partitioned.
        unfinished: Tables that a run which was broken off has left.
        late: Tables with rows that came after their last month.
        ends: The first key after the last month, by table.
        refused_from: The first key that a table refuses until a run has made its default partition
            a range; None if all tables take every key.
    """

    begun: bool
    whole: list[str]
    unfinished: list[str]
    late: list[str]
    ends: dict[str, int | None]
    refused_from: int | None

    @property
    def end(self) -> int | None:
        """The key up to which all tables have months; None if one of them has none."""
        ends = [end for end in self.ends.values() if end is not None]
        return min(ends) if len(ends) == len(self.ends) else None


def read_state(database: Database) -> State | None:
    """Return the state of a database's partitions; None on SQLite, which has none."""
    if database.is_sqlite:
        return None
    with database.snapshot() as db:
        ask = asking(db)
        forms = forms_of(ask)
        by_month = [table for table in BY_MONTH if forms[table].is_partitioned]
        whole = [table for table in PARTITION_KEYS if not forms[table].is_partitioned]
        begun = bool(own_tables(forms))
        closing = {table: closing_ends(ask, table) for table in by_month}
        is_open = [table for table in by_month if closing[table] or forms[table].end is None]
        return State(
            begun,
            whole,
            [*whole, *is_open] if begun else [],
            [table for table in by_month if has_rows(ask, table)],
            {table: forms[table].end for table in BY_MONTH},
            min((end for ends in closing.values() for end in ends), default=None),
        )


def newest_key(ask: Ask) -> int:
    """Return the newest key by which rows are cut by month; 0 if there are no rows."""
    newest = (ask(f"SELECT max({key}) FROM {table}")[0][0] for table, key in BY_MONTH.items())
    return max((key for key in newest if key is not None), default=0)


def server_time_us(ask: Ask) -> int:
    """Return the time of the database's server."""
    ((time_us,),) = ask("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")
    return int(time_us)


def asking(db: Connection) -> Ask:
    """Return a function that runs statements on a connection."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return db.all(Query(text(sql)))

    return ask
