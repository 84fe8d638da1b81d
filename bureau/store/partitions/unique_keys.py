"""Uniqueness across partitions: a small table for each unique key, kept by a trigger.

An index of a partitioned table keeps its columns unique in each partition only, unless the
partition key is among them. The bureau relies on more: on one entry for each request id of a
signer and for each leaf index, on one account for each reference of a furnisher. Between two nodes
that commit at the same moment nothing but the database can hold it. So the values are the primary
key of a table that is not partitioned. The trigger runs in the transaction of the row, which fails
with the same error, at the same statement, as under the index of the whole table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bureau.store.database import Connection
from bureau.store.partitions.copying import batches, copy_columns
from bureau.store.partitions.forms import forms_of
from bureau.store.partitions.layout import PARTITION_KEYS, UniqueKey, unique_keys_of
from bureau.store.partitions.privileges import owner_of, share_as
from bureau.store.partitions.session import Session
from bureau.store.partitions.state import asking

FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND {old} IS NOT DISTINCT FROM {new} THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM {name} WHERE ROW({columns}) = {old};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {name} ({columns}, {partition_key}) VALUES ({values}, NEW.{partition_key});
  END IF;
  RETURN NULL;
END $$
"""

# The triggers that are in force, with their tables.
TRIGGERS = """
SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgenabled = 'O' AND relnamespace = CAST(current_schema() AS regnamespace)
"""


def create_key_tables(session: Session, table: str, on: str) -> None:
    """Create the tables of unique keys with their triggers on a table, inside `briefly`.

    Args:
        table: Name of the table whose keys they are.
        on: Name of the table whose rows they follow from now on.
    """
    for key in unique_keys_of(table):
        columns = ", ".join(key.columns)
        session.run(
            f"CREATE TABLE {key.name} AS"
            f" SELECT {columns}, {key.partition_key} FROM {table} WITH NO DATA"
        )
        session.run(f"ALTER TABLE {key.name} ADD PRIMARY KEY ({columns})")
        share_as(session, table, key.name)
        session.run(
            FUNCTION.format(
                name=key.name,
                columns=columns,
                partition_key=key.partition_key,
                old=f"ROW({', '.join(f'OLD.{column}' for column in key.columns)})",
                new=f"ROW({', '.join(f'NEW.{column}' for column in key.columns)})",
                values=", ".join(f"NEW.{column}" for column in key.columns),
            )
        )
        session.run(f"ALTER FUNCTION {key.name}() OWNER TO {owner_of(session, table)}")
        create_trigger(session, key, on)


def create_trigger(session: Session, key: UniqueKey, on: str) -> None:
    """Create the trigger by which a unique key follows the rows of a table."""
    columns = ", ".join(key.columns)
    session.run(
        f"CREATE TRIGGER {key.name} AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {on}"
        f" FOR EACH ROW EXECUTE FUNCTION {key.name}()"
    )


def move_triggers(session: Session, table: str, source: str) -> None:
    """Move the triggers of a table's unique keys to it from the table that becomes its part."""
    for key in unique_keys_of(table):
        session.run(f"DROP TRIGGER {key.name} ON {source}")
        create_trigger(session, key, table)


def fill_key_tables(session: Session, table: str, say: Callable[[str], None]) -> None:
    """Fill the tables of unique keys with those of rows that were there before the triggers."""
    for key in unique_keys_of(table):
        columns = ", ".join((*key.columns, key.partition_key))
        waiting = batches(session, table, key.partition_key, say)
        copy_columns(session, table, key.name, columns, waiting)


class BrokenKey(NamedTuple):
    """A unique key of a partitioned table that is not kept.

    Attributes:
        table: Name of the table.
        columns: The columns, as people read them.
        differing: Number of values that are not those of the rows; None without a trigger.
    """

    table: str
    columns: str
    differing: int | None


def broken_keys(db: Connection) -> Iterator[BrokenKey]:
    """Yield the unique keys of partitioned tables that are not kept."""
    if db.dialect_name == "sqlite":
        return
    ask = asking(db)
    forms, triggers = forms_of(ask), {(table, name) for table, name in ask(TRIGGERS)}
    for table in [name for name in PARTITION_KEYS if forms[name].is_partitioned]:
        for key in unique_keys_of(table):
            if key.name not in forms or (table, key.name) not in triggers:
                yield BrokenKey(table, ", ".join(key.columns), None)
                continue
            columns = ", ".join((*key.columns, key.partition_key))
            rows, values = (f"SELECT {columns} FROM {name}" for name in (table, key.name))
            ((differing,),) = ask(
                f"SELECT count(*) FROM (({rows} EXCEPT ALL {values})"
                f" UNION ALL ({values} EXCEPT ALL {rows})) AS differing"
            )
            if differing:
                yield BrokenKey(table, ", ".join(key.columns), differing)
