"""Copies of tables that a run which was killed has left. A copy with other columns than its table
would fail every change of a row: the trigger writes whole rows into it.
"""

from __future__ import annotations

from collections.abc import Callable

from bureau.store.partitions.forms import Ask, forms_of, hashed
from bureau.store.partitions.layout import BY_HASH, unique_keys_of

# The columns of a table whose definitions another one lacks, in their order.
DIFFERING_COLUMNS = """
SELECT count(*) FROM ({columns_of_table}) AS own FULL JOIN ({columns_of_copy}) AS copied
ON own.position = copied.position WHERE own IS DISTINCT FROM copied
"""
COLUMNS = """
SELECT row_number() OVER (ORDER BY attnum) AS position, attname, atttypid, atttypmod, attnotnull
FROM pg_attribute WHERE attrelid = CAST('{table}' AS regclass) AND attnum > 0 AND NOT attisdropped
"""


def unfinished_copies(ask: Ask) -> list[str]:
    """List the tables that have a copy which has not taken their place."""
    forms = forms_of(ask)
    return [table for table in BY_HASH if hashed(table) in forms]


def has_columns_of_table(ask: Ask, table: str) -> bool:
    """Return True if the copy of a table has its columns."""
    ((differing,),) = ask(
        DIFFERING_COLUMNS.format(
            columns_of_table=COLUMNS.format(table=table),
            columns_of_copy=COLUMNS.format(table=hashed(table)),
        )
    )
    return not differing


def drop_copy(run: Callable[[str], object], table: str) -> None:
    """Drop the copy of a table and all that belongs to it, in one transaction."""
    run(f"DROP TRIGGER copy_{table} ON {table}")
    run(f"DROP FUNCTION copy_{table}()")
    run(f"DROP TABLE {hashed(table)}")
    for key in unique_keys_of(table):
        run(f"DROP TABLE {key.name}")
        run(f"DROP FUNCTION {key.name}()")
