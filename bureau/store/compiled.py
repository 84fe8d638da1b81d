"""Named statements: SQLAlchemy Core on the SQLModel tables, as the text that each dialect's
driver takes, made once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import bindparam
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement

# Lists in `IN` are padded to one of these, so that a statement has few shapes.
LIST_SIZES = (4, 256)


class CompiledQuery(NamedTuple):
    """A statement as one dialect spells it.

    Attributes:
        text: The SQL.
        places: The parameters' names by place; empty where the driver takes
            them by name.
        given: Values by name as the driver takes them.
    """

    text: str
    places: tuple[str, ...]
    given: Callable[[Mapping[str, Any]], Any]


class Query:
    """A named statement: SQL text for each dialect, made when first used."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, CompiledQuery] = {}

    def sql(self, dialect: Dialect) -> CompiledQuery:
        """The SQL text for a dialect."""
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._clause.compile(dialect=dialect)
            # Parameters whose value the statement itself fixes.
            constants = {name: v for name, v in compiled.params.items() if v is not None}
            places = tuple(getattr(compiled, "positiontup", None) or ())
            found = CompiledQuery(str(compiled), places, _giving(places, constants))
            self._compiled[dialect.name] = found
        return found


class InQuery:
    """A statement that compares with a list of values by `IN`."""

    def __init__(self, clause: Callable[[list[Any]], ClauseElement]) -> None:
        """Args:
        clause: Makes the statement from the list's parameters.
        """
        self._shapes = {}
        for size in LIST_SIZES:
            names = tuple(f"listed_{place}" for place in range(size))
            self._shapes[size] = names, Query(clause([bindparam(name) for name in names]))

    def shape(self, count: int) -> tuple[tuple[str, ...], Query]:
        """The statement for so many values, and the names of its list."""
        return next(self._shapes[size] for size in LIST_SIZES if size >= count)


def _giving(
    places: tuple[str, ...], constants: dict[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    """What turns values by name into what the driver takes."""
    if not places:
        return lambda values: {**constants, **values}
    if constants or len(places) == 1:
        return lambda values: [(values[n] if n in values else constants[n]) for n in places]
    return itemgetter(*places)
