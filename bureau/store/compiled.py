"""Named statements: SQLAlchemy Core on the SQLModel tables, as the text that each dialect's
driver takes, made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Column, bindparam
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import ValuesBase

Row = TypeVar("Row", bound=tuple[Any, ...])

# Lists in `IN` are padded to one of these, so that a statement has few shapes.
LIST_SIZES = (1, 4, 8, 32, 256)


class CompiledQuery(NamedTuple):
    """A statement as one dialect spells it.

    Attributes:
        text: The SQL.
        places: The parameters' names by place.
        bind: Values by name as the driver takes them.
    """

    text: str
    places: tuple[str, ...]
    bind: Callable[[Mapping[str, Any]], Any]


class Statement:
    """A statement, compiled to SQL text for each dialect when it is first used."""

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause
        self._compiled: dict[str, CompiledQuery] = {}

    def sql(self, dialect: Dialect) -> CompiledQuery:
        """Return the SQL text for a dialect."""
        query = self._compiled.get(dialect.name)
        if query is None:
            compiled = self.clause.compile(dialect=dialect)
            # Parameters whose value the statement itself fixes.
            constants = {name: v for name, v in compiled.params.items() if v is not None}
            places = tuple(getattr(compiled, "positiontup", None) or ())
            query = CompiledQuery(str(compiled), places, _giving(places, constants))
            self._compiled[dialect.name] = query
        return query


class Change(Statement):
    """A statement that inserts, updates or deletes and returns no rows."""


class Insert(Change):
    """An insert whose parameters are the columns, of one row or of several at once."""

    def __init__(self, clause: ValuesBase, columns: Sequence[Column[Any]]) -> None:
        """Prepare the statement.

        Args:
            clause: The insert without its values.
            columns: The columns, in the table's order.
        """
        super().__init__(clause.values({c.name: bindparam(c.name) for c in columns}))
        self._bare = clause
        self._columns = tuple(columns)
        self._shapes: dict[int, Change] = {1: self}

    def of_rows(self, count: int) -> Change:
        """Return the statement that inserts a number of rows; its parameters are those of one row
        after the other.
        """
        shape = self._shapes.get(count)
        if shape is None:
            rows = [
                {c.name: bindparam(f"{c.name}_{index}", type_=c.type) for c in self._columns}
                for index in range(count)
            ]
            shape = self._shapes[count] = Change(self._bare.values(rows))
        return shape


class Query(Statement, Generic[Row]):
    """A statement that returns rows: `Query[tuple[int, str]](select(...))`.

    The row type is checked by mypy where rows are read, and held against the columns of
    the statement by `tests/unit/test_queries.py`. Rows are the driver's own tuples, without
    any conversion, unless the query names a row class: `Query(select(...), LoggedAlert)`. A
    row with several columns of one type has a class, and is read by attribute.

    Attributes:
        row: The row class, a NamedTuple with the names of the columns; None for plain tuples.
    """

    def __init__(self, clause: ClauseElement, row: type[Row] | None = None) -> None:
        super().__init__(clause)
        self.row = row
        # Several times as fast as `_make`, which counts the columns: `tests/unit/test_queries.py`
        # has counted them.
        self._make: Callable[[tuple[Any, ...]], Row] | None = (
            partial(tuple.__new__, row) if row else None
        )

    def read(self, row: tuple[Any, ...]) -> Row:
        """Return a driver's row as the row class of this query."""
        return row if self._make is None else self._make(row)  # type: ignore[return-value]

    def read_all(self, rows: list[tuple[Any, ...]]) -> list[Row]:
        """Return a driver's rows as the row class of this query."""
        return rows if self._make is None else list(map(self._make, rows))  # type: ignore[return-value]


class InQuery(Generic[Row]):
    """A query for a list of values, or of pairs of values."""

    def __init__(
        self,
        clause: Callable[[list[Any]], ClauseElement],
        row: type[Row] | None = None,
        *,
        pairs: bool = False,
    ) -> None:
        """Prepare the query.

        Args:
            clause: Makes the statement from the list's parameters.
            row: The row class; None for plain tuples.
            pairs: True if the list has pairs of values.
        """
        self.row = row
        self._pairs = pairs
        self._clause = clause
        # Built when they are first used: a clause for 256 pairs takes milliseconds.
        self._shapes: dict[int, tuple[tuple[str, ...], Query[Row]]] = {}

    @property
    def clause(self) -> ClauseElement:
        """The statement in its smallest shape."""
        return self._shape(LIST_SIZES[0])[1].clause

    def slices(self, wanted: Sequence[Any]) -> Iterator[tuple[Query[Row], dict[str, Any]]]:
        """Yield the queries for a list of any length, each with its parameters."""
        for start in range(0, len(wanted), LIST_SIZES[-1]):
            yield self.for_values(wanted[start : start + LIST_SIZES[-1]])

    def for_values(self, wanted: Sequence[Any]) -> tuple[Query[Row], dict[str, Any]]:
        """Return the query for a list of at most `LIST_SIZES[-1]` values, and its parameters."""
        size = next(size for size in LIST_SIZES if size >= len(wanted))
        names, query = self._shape(size)
        padded = [*wanted, *[wanted[-1]] * (size - len(wanted))]
        flat = [value for pair in padded for value in pair] if self._pairs else padded
        return query, dict(zip(names, flat, strict=True))

    def _shape(self, size: int) -> tuple[tuple[str, ...], Query[Row]]:
        """Return the names of the parameters of a shape, and its query."""
        shape = self._shapes.get(size)
        if shape is None:
            names = tuple(f"listed_{index}" for index in range(size * 2 if self._pairs else size))
            listed: list[Any] = [bindparam(name) for name in names]
            if self._pairs:
                listed = list(zip(listed[::2], listed[1::2], strict=True))
            shape = self._shapes[size] = names, Query(self._clause(listed), self.row)
        return shape


def _giving(
    places: tuple[str, ...], constants: dict[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function that turns values by name into the driver's parameters."""
    if not places:
        return lambda _values: ()
    if constants or len(places) == 1:
        return lambda values: [(values[n] if n in values else constants[n]) for n in places]
    return itemgetter(*places)
