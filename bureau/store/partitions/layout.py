"""The tables that are partitioned, by which column, and the uniqueness that this must not cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from bureau.store import tables  # noqa: F401  (fills SQLModel.metadata)

# Tables that grow with every statement, and their time-ordered column. The log is last: it is
# the one whose unique keys take long to copy.
BY_MONTH = {
    "statement": "entry_key",
    "record": "submission_key",
    "record_tile": "submission_key",
    "entry": "entry_key",
}
# Tables that grow with the accounts, and the column that spreads them evenly: a hash of the
# furnisher would follow the largest one.
BY_HASH = {"tradeline": "tradeline_key"}
PARTITION_KEYS = {**BY_MONTH, **BY_HASH}
# Each is vacuumed by itself, and every lookup without the key asks all of them.
HASH_PARTITIONS = 16


class Months(NamedTuple):
    """The first keys of coming months, and the names of months.

    Attributes:
        cuts: The keys, in order. None of them can have been assigned yet.
        name_of: Returns the name of the month that a key is in.
    """

    cuts: tuple[int, ...]
    name_of: Callable[[int], str]


class UniqueKey(NamedTuple):
    """Columns whose values no two rows of a table share.

    An index of PostgreSQL lies in one partition. So columns without the partition key are kept
    unique by a table of their own: see `bureau/store/partitions/unique_keys.py`.

    Attributes:
        table: Name of the partitioned table.
        columns: The columns.
        partition_key: Column by which the table is partitioned.
    """

    table: str
    columns: tuple[str, ...]
    partition_key: str

    @property
    def name(self) -> str:
        """The name of the table, the trigger and the function that keep it."""
        return f"{self.table}_by_{'_'.join(self.columns)}"

    @property
    def lookup(self) -> str:
        """The name of the index that finds rows of the partitioned table by these columns."""
        return f"{self.name}_lookup"


def unique_keys_of(table: str) -> list[UniqueKey]:
    """List the unique keys of a table that lack its partition key."""
    partition_key = PARTITION_KEYS[table]
    constraints = [
        tuple(column.name for column in constraint.columns)
        for constraint in SQLModel.metadata.tables[table].constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    return [
        UniqueKey(table, columns, partition_key)
        for columns in sorted(constraints)
        if partition_key not in columns
    ]


UNIQUE_KEYS = [key for table in PARTITION_KEYS for key in unique_keys_of(table)]
