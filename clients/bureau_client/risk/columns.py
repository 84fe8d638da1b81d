"""Columns of the tables: kind, unit, description and meaning of null, each declared once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any

import pyarrow as pa

from bureau_client.models.codes import Code
from bureau_client.models.months import Month

MONTHS_A_YEAR = 12
# Payment history characters of a month of which nothing is known.
UNKNOWN_MONTHS = frozenset("BD")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of values.

    Attributes:
        name: Name of the kind in the documents.
        type: The Arrow type.
        text: The values in words.
        convert: Returns the Arrow value of a value of the models; None to take it as it is.
    """

    name: str
    type: pa.DataType
    text: str
    convert: Callable[[Any], Any] | None = None

    def array(self, values: Iterable[Any]) -> pa.Array:
        """Convert values of the models to an Arrow array."""
        converted = values if self.convert is None else map(self.convert, values)
        return pa.array(list(converted), self.type)


def first_day(month: Month | None) -> date | None:
    """Return the first day of a month."""
    return None if month is None else date(month.year, month.month, 1)


def _name(code: Code) -> str | None:
    return str(code) if code else None


def _text(text: str) -> str | None:
    return text or None


# Ids recur in many rows and tables, so they are dictionaries like codes: a join finds one type.
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())

ID = Kind("id", _DICTIONARY, "an id as text", _text)
CODE = Kind("code", _DICTIONARY, "the name of a code, for example `CURRENT`", _name)
TEXT = Kind("text", _DICTIONARY, "text", _text)
MONEY = Kind("money", pa.int64(), "minor units of the currency of the row")
COUNT = Kind("count", pa.int32(), "a number of things")
POSITION = Kind("position", pa.int64(), "a size of the log, or the index of a leaf")
FIGURE = Kind("figure", pa.float64(), "a number with a fraction")
FLAG = Kind("flag", pa.bool_(), "true or false")
DAY = Kind("day", pa.date32(), "a day")
MONTH = Kind("month", pa.date32(), "the first day of a month", first_day)
MOMENT = Kind("moment", pa.timestamp("us", tz="UTC"), "a point in time, UTC, in microseconds")

KINDS: tuple[Kind, ...] = (
    *(ID, CODE, TEXT, MONEY, COUNT, POSITION, FIGURE, FLAG, DAY, MONTH, MOMENT),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Name of the column; of the field of the model too, unless `of` is set.
        kind: Kind of the values.
        text: The values in words.
        missing: Meaning of null; empty for a column that has none.
        unit: Unit of a number.
        of: Returns the value of a row; None for the field of the same name.
    """

    name: str
    kind: Kind
    text: str
    missing: str = ""
    unit: str = ""
    of: Callable[[Any], Any] | None = None

    @property
    def field(self) -> pa.Field:
        """The column in an Arrow schema, with unit, description and meaning of null."""
        notes = {"description": self.text, "unit": self.unit, "missing": self.missing}
        kept = {name: note for name, note in notes.items() if note}
        return pa.field(self.name, self.kind.type, metadata=kept)

    def array(self, rows: Iterable[Any]) -> pa.Array:
        """Read the column of many rows."""
        return self.kind.array(map(self.of or attrgetter(self.name), rows))


@dataclass(frozen=True, slots=True)
class TableDeclaration:
    """A table.

    Attributes:
        name: Name of the table.
        text: Its rows in words.
        columns: Columns that follow those of the report.
    """

    name: str
    text: str
    columns: tuple[Column, ...]


def days_of_months(newest: Month, count: int) -> list[int]:
    """Return the first days of months, the newest first, as days since 1970."""
    end = (newest.year - _FIRST_YEAR) * MONTHS_A_YEAR + newest.month
    return _MONTH_STARTS[max(end - count, 0) : end][::-1]


# Days since 1970 of the first day of every month that a `Month` can be.
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_MONTH_STARTS = [
    (date(year, month, 1) - _EPOCH).days
    for year in range(_FIRST_YEAR, _LAST_YEAR + 1)
    for month in range(1, MONTHS_A_YEAR + 1)
]
