"""The tables of a PostgreSQL database as its catalogue shows them: whole or partitioned."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from bureau.store.partitions.layout import BY_HASH, UNIQUE_KEYS

# Runs a statement and returns its rows.
Ask: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]

FORMS = """
SELECT whole.relname, whole.relkind = 'p', part.relname, pg_get_expr(part.relpartbound, part.oid)
FROM pg_class AS whole
LEFT JOIN pg_inherits ON inhparent = whole.oid
LEFT JOIN pg_class AS part ON part.oid = inhrelid
WHERE whole.relnamespace = CAST(current_schema() AS regnamespace)
AND whole.relkind IN ('r', 'p') AND NOT whole.relispartition
ORDER BY whole.relname, part.relname
"""
RANGE = re.compile(r"FROM \(.+\) TO \('?(\d+)'?\)")


class Partition(NamedTuple):
    """A partition of a table.

    Attributes:
        name: Its name.
        end: The key before which all of its keys lie; None unless it is a range of keys.
    """

    name: str
    end: int | None


class Form(NamedTuple):
    """The form of a table.

    Attributes:
        is_partitioned: The table is partitioned; otherwise it is whole.
        partitions: Its partitions.
    """

    is_partitioned: bool
    partitions: tuple[Partition, ...]

    @property
    def end(self) -> int | None:
        """The key before which all ranges end; None if there is no range."""
        return max((part.end for part in self.partitions if part.end is not None), default=None)


def forms_of(ask: Ask) -> dict[str, Form]:
    """Return the form of every table, by name."""
    forms: dict[str, Form] = {}
    for table, is_partitioned, part, bound in ask(FORMS):
        earlier = forms[table].partitions if table in forms else ()
        partitions = (*earlier, _partition(part, bound)) if is_partitioned and part else earlier
        forms[table] = Form(is_partitioned, partitions)
    return forms


def own_tables(forms: dict[str, Form]) -> set[str]:
    """Return the names of tables that exist because others are partitioned, or are about to be."""
    parts = {part.name for form in forms.values() for part in form.partitions}
    keys = {key.name for key in UNIQUE_KEYS}
    return parts | (keys | {hashed(table) for table in BY_HASH}) & set(forms)


def hashed(table: str) -> str:
    """Return the name of the copy that will take a table's place."""
    return f"{table}_hashed"


def default_of(table: str) -> str:
    """Return the name of a table's default partition."""
    return f"{table}_default"


def closing_check(table: str, end: int) -> str:
    """Return the name of the constraint that proves that a default partition ends at a key."""
    return f"{default_of(table)}_before_{end}"


def closing_ends(ask: Ask, table: str) -> list[int]:
    """Return the keys from which on the default partition of a table refuses rows, by constraints
    that are to make it a range.
    """
    names = ask(
        "SELECT conname FROM pg_constraint WHERE contype = 'c'"
        f" AND conrelid = CAST('{default_of(table)}' AS regclass)"
        f" AND conname ~ '^{closing_check(table, 0)[:-1]}[0-9]+$' ORDER BY conname"
    )
    return [int(name.rpartition("_")[2]) for (name,) in names]


def has_rows(ask: Ask, table: str) -> bool:
    """Return True if the default partition of a table has rows: it came too late for a month."""
    ((filled,),) = ask(f"SELECT EXISTS (SELECT FROM {default_of(table)})")
    return bool(filled)


def _partition(name: str, bound: str) -> Partition:
    match = RANGE.search(bound)
    return Partition(name, int(match[1]) if match else None)
