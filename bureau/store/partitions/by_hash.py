"""A table that is spread over partitions by a hash of its key.

Its rows are copied, in small batches, to a partitioned table beside it. A trigger changes the copy
in the transaction of each change, and when both are the same, the copy takes the table's place.
"""

from __future__ import annotations

from collections.abc import Callable

from bureau.store.partitions.copying import batches, copy_rows, wait_for_earlier_readers
from bureau.store.partitions.forms import hashed
from bureau.store.partitions.known_indexes import require_known_indexes
from bureau.store.partitions.layout import HASH_PARTITIONS, unique_keys_of
from bureau.store.partitions.privileges import create_like, owner_of
from bureau.store.partitions.session import Session
from bureau.store.partitions.unfinished import drop_copy, has_columns_of_table
from bureau.store.partitions.unique_keys import create_key_tables

FUNCTION = """
CREATE FUNCTION copy_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM {copy} WHERE {key} = OLD.{key};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {copy} SELECT NEW.*;
  END IF;
  RETURN NULL;
END $$
"""


def partition_by_hash(session: Session, table: str, key: str, say: Callable[[str], None]) -> None:
    """Divide a table among partitions, as far as it is not.

    Raises:
        StorageError: It failed, or others did not release the table in time; a later run goes on.
    """
    forms = session.forms()
    if forms[table].is_partitioned:
        session.run(f"ANALYZE {table}")  # the server's own analysis leaves out partitioned tables
        return
    require_known_indexes(session, table)
    copy = hashed(table)
    is_begun = copy in forms
    if is_begun and not has_columns_of_table(session.all, table):
        session.briefly(lambda: drop_copy(session.run, table))
        is_begun = False
        say(f"{table}: its columns have changed since an earlier run, whose copy is dropped")
    if not is_begun:
        session.briefly(lambda: _begin_copy(session, table, key))
    say(f"{table}: copying its rows; nodes go on serving")
    copy_rows(session, table, copy, batches(session, table, key, say))
    # Until then queries would be planned as for empty partitions.
    session.run(f"ANALYZE {copy}")
    say(f"{table}: copied; transactions that began earlier have to end first")
    wait_for_earlier_readers(session)
    session.briefly(lambda: _take_place(session, table))
    session.run(f"ANALYZE {table}")  # its commit waits for a standby
    say(f"{table}: partitioned")


def _begin_copy(session: Session, table: str, key: str) -> None:
    """Create the copy, empty, and have it follow the table."""
    copy = hashed(table)
    create_like(session, table, copy, f"PARTITION BY HASH ({key})")
    session.run(f"ALTER TABLE {copy} ADD CONSTRAINT {copy}_pkey PRIMARY KEY ({key})")
    for number in range(HASH_PARTITIONS):
        part = f"{table}_{number:02}"
        create_like(session, table, part)
        session.run(
            f"ALTER TABLE {copy} ATTACH PARTITION {part}"
            f" FOR VALUES WITH (MODULUS {HASH_PARTITIONS}, REMAINDER {number})"
        )
    for unique_key in unique_keys_of(table):
        columns = ", ".join(unique_key.columns)
        session.run(f"CREATE INDEX {unique_key.lookup} ON {copy} ({columns})")
    create_key_tables(session, table, copy)
    session.run(FUNCTION.format(table=table, copy=copy, key=key))
    session.run(f"ALTER FUNCTION copy_{table}() OWNER TO {owner_of(session, table)}")
    session.run(
        f"CREATE TRIGGER copy_{table} AFTER INSERT OR UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION copy_{table}()"
    )


def _take_place(session: Session, table: str) -> None:
    """Put the copy in the table's place."""
    copy = hashed(table)
    session.run(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    require_known_indexes(session, table)
    session.run(f"DROP TABLE {table}")
    session.run(f"DROP FUNCTION copy_{table}()")
    session.run(f"ALTER TABLE {copy} RENAME TO {table}")
    session.run(f"ALTER INDEX {copy}_pkey RENAME TO {table}_pkey")
