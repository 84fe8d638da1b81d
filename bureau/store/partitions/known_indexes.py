"""Indexes of a table that are none of this version's: a partitioned table would lose them."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from bureau.store.errors import StorageError
from bureau.store.partitions.layout import BY_HASH
from bureau.store.partitions.session import Session

# Indexes of a table but for the one of its primary key: name, True if it is unique, True if it is a
# constraint's, and its columns.
INDEXES = """
SELECT relname, indisunique, EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid),
  (SELECT coalesce(string_agg(attname, ' ' ORDER BY position), '')
   FROM unnest(indkey) WITH ORDINALITY AS keys (number, position)
   JOIN pg_attribute ON attrelid = indrelid AND attnum = number)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = '{table}'::regclass AND NOT indisprimary ORDER BY relname
"""


def require_known_indexes(session: Session, table: str) -> None:
    """Check that a whole table has no index that it would lose as a partitioned one.

    A table by month keeps indexes that are not unique; a copy has this version's indexes alone.

    Raises:
        StorageError: There is one.
    """
    metadata = SQLModel.metadata.tables[table]
    constraints = {
        " ".join(column.name for column in constraint.columns)
        for constraint in metadata.constraints
        if isinstance(constraint, UniqueConstraint)
    }
    indexes = {index.name for index in metadata.indexes}
    for name, is_unique, is_constraint, columns in session.all(INDEXES.format(table=table)):
        is_kept = not is_unique and table not in BY_HASH
        is_known = columns in constraints if is_constraint else name in indexes
        if not (is_kept or is_known):
            raise StorageError(
                f"the database cannot be partitioned: the table {table} would lose the index"
                f" {name}, which is none of this version's; drop it first"
            )
