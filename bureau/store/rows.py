"""Whole rows of any table, by its key: for checks that must not forget a column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, TypeAlias

from sqlalchemy import (
    Integer,
    LargeBinary,
    Table,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    tuple_,
)
from sqlmodel import SQLModel

from bureau.store import tables  # noqa: F401  (fills SQLModel.metadata)
from bureau.store.compiled import Change, Query
from bureau.store.database import Connection
from bureau.store.record_blocks import DamagedBlockError, RecordBlock

Values: TypeAlias = tuple[Any, ...]

# Columns by which a row names the entry that it came with.
ENTRY_COLUMNS = ("entry_key", "submission_key", "from_entry")
# Rows that are read at once.
PAGE = 1000


class Rows:
    """The rows of one table.

    Attributes:
        name: Name of the table.
        columns: Names of its columns.
        key: The columns by which a row is found.
    """

    def __init__(self, name: str, key: tuple[str, ...] = (), order: tuple[str, ...] = ()) -> None:
        """Prepare the statements.

        Args:
            key: Columns that name a row instead of its primary key.
            order: Columns that give the order of all rows instead of the primary key: no two
                rows have the same, and none lacks it.
        """
        table: Table = SQLModel.metadata.tables[name]
        primary = list(table.primary_key)
        ordered = [table.c[column] for column in order] or primary
        key_columns = [table.c[column] for column in key] or primary
        self.name = name
        self.columns = tuple(column.name for column in table.columns)
        self.key = tuple(column.name for column in key_columns)
        self._key_indices = [self.columns.index(column) for column in self.key]
        self._types = [
            (_python_type(column.type), bool(column.nullable)) for column in table.columns
        ]
        marks = [bindparam(f"key_{index}", type_=c.type) for index, c in enumerate(key_columns)]
        places = [bindparam(f"place_{index}", type_=c.type) for index, c in enumerate(ordered)]
        self._order_indices = [self.columns.index(column.name) for column in ordered]
        whole = select(*table.columns)
        same = and_(*(c == mark for c, mark in zip(key_columns, marks, strict=True)))
        first = whole.order_by(*ordered).limit(PAGE)
        self._first = Query[Values](first)
        self._next = Query[Values](first.where(tuple_(*ordered) > tuple_(*places)))
        self._before = Query[Values](whole.where(same, tuple_(*ordered) < tuple_(*places)))
        self._one = Query[Values](whole.where(same))
        entry = next((table.c[column] for column in ENTRY_COLUMNS if column in table.c), None)
        self._of_entry = Query[Values](
            whole.where(false() if entry is None else entry == bindparam("entry_key")).order_by(
                *key_columns
            )
        )
        self._count = Query[tuple[int]](select(func.count()).select_from(table))
        self._delete = Change(delete(table).where(same))
        # The database counts some keys itself.
        self._stored = [c.name for c in table.columns if c.autoincrement is not True]
        self._insert = Change(
            insert(table).values({name: bindparam(name) for name in self._stored}).inline()
        )

    def key_of(self, row: Values) -> Values:
        """Return the key of a row."""
        return tuple(row[index] for index in self._key_indices)

    def value(self, row: Values, column: str) -> Any:
        """Return the value of a row's column."""
        return row[self.columns.index(column)]

    def all(self, db: Connection) -> Iterator[Values]:
        """Yield every row in their order; a page of them is in memory."""
        page = db.all(self._first)
        while page:
            yield from page
            page = db.all(self._next, **self._place_of(page[-1]))

    def is_repeated(self, db: Connection, row: Values) -> bool:
        """Return True if a row of the same key comes before a row."""
        return (
            self._key_indices != self._order_indices
            and db.one(self._before, **self._given(self.key_of(row)), **self._place_of(row))
            is not None
        )

    def one(self, db: Connection, key: Values) -> Values | None:
        """Return the row of a key."""
        return db.one(self._one, **self._given(key))

    def of_entry(self, db: Connection, entry_key: int) -> list[Values]:
        """Return the rows that came with an entry, in order of the key."""
        return db.all(self._of_entry, entry_key=entry_key)

    def count(self, db: Connection) -> int:
        """Count the rows."""
        row = db.one(self._count)
        assert row is not None, "a count has one row"
        return row[0]

    def put(self, db: Connection, row: Values) -> None:
        """Store a row, in place of the one of the same key."""
        self.remove(db, self.key_of(row))
        named = dict(zip(self.columns, row, strict=True))
        db.execute(self._insert, **{name: named[name] for name in self._stored})

    def remove(self, db: Connection, key: Values) -> None:
        """Delete the row of a key."""
        db.execute(self._delete, **self._given(key))

    def wrong_types(self, row: Values) -> list[str]:
        """List the columns of a row whose values are of another type than the column's.

        SQLite stores a value of any type in any column.
        """
        return [
            name
            for name, value, (wanted, nullable) in zip(self.columns, row, self._types, strict=True)
            if not (isinstance(value, wanted) or (value is None and nullable))
        ]

    def _place_of(self, row: Values) -> dict[str, Any]:
        return {f"place_{number}": row[index] for number, index in enumerate(self._order_indices)}

    def _given(self, key: Values) -> dict[str, Any]:
        return {f"key_{index}": value for index, value in enumerate(key)}


class RecordRows(Rows):
    """The records, as if each had a row of its own, with the record as it was signed.

    A row that cannot be read is one record, of the bytes that are there.
    """

    def __init__(self) -> None:
        """Prepare the statements."""
        super().__init__("record")
        record: Table = SQLModel.metadata.tables["record"]
        self._last_before = Query[Values](
            select(*record.columns)
            .where(
                record.c.submission_key == bindparam("submission_key"),
                record.c.record_index <= bindparam("record_index"),
            )
            .order_by(record.c.record_index.desc())
            .limit(1)
        )

    def all(self, db: Connection) -> Iterator[Values]:
        """Yield every record in their order."""
        for row in super().all(db):
            yield from _records_in(row)

    def one(self, db: Connection, key: Values) -> Values | None:
        """Return the record of a key."""
        submission_key, record_index = key
        row = db.one(self._last_before, submission_key=submission_key, record_index=record_index)
        records = () if row is None else _records_in(row)
        return next((record for record in records if self.key_of(record) == key), None)

    def of_entry(self, db: Connection, entry_key: int) -> list[Values]:
        """Return the records of a submission, in order of the key."""
        rows = super().of_entry(db, entry_key)
        return [record for row in rows for record in _records_in(row)]

    def count(self, db: Connection) -> int:
        """Count the records."""
        return sum(1 for _ in self.all(db))


# All records of a row are compared one after the other, with those of another database.
@lru_cache(maxsize=4)
def _records_in(row: Values) -> tuple[Values, ...]:
    """Return the records of a row."""
    if rows_of("record").wrong_types(row):
        return (row,)
    try:
        return tuple((row[0], *record) for record in RecordBlock(*row[1:]).records())
    except DamagedBlockError:
        return (row,)


@cache
def rows_of(name: str, key: tuple[str, ...] = (), order: tuple[str, ...] = ()) -> Rows:
    """Return the rows of a table: see `Rows`."""
    return RecordRows() if name == "record" else Rows(name, key, order)


def table_names() -> list[str]:
    """List the tables of the schema."""
    return sorted(SQLModel.metadata.tables)


def _python_type(type_: object) -> type:
    if isinstance(type_, Integer):
        return int
    return bytes if isinstance(type_, LargeBinary) else str
