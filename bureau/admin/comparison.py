"""Comparison of the bureau's tables with those that the log's statements give.

Every table of the schema is compared, row by row and column by column, both ways. What is
left out is named here, each with its reason; a table or a column that is new is compared
until it is named too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bureau.admin.findings import Checked, Erased
from bureau.admin.log_integrity import LOG_TABLES
from bureau.ledger.node_checks import MAX_SKEW_US
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.rows import ENTRY_COLUMNS, Rows, Values, rows_of, table_names
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ERASURE

# Tables and columns that no signed statement gives: the reason for each.
UNSIGNED: dict[str, str] = {
    "alert_mark": "a member's bookmark among its alerts; it moves without a signature",
    "inquiry.inquiry_key": "the order in which lists show inquiries",
    "quota_usage": "amounts used in a minute and on a day; no statement names its carrier",
    "erased_statement.time_us": "the time of an erasure by the operator",
    "erasure.time_us": "the time of an erasure by the operator",
}
# Columns that name a row where the database counts the primary key.
KEYS = {"inquiry": ("entry_key", "subject_id")}
# Times that a node's clock gives. They may differ from the log's by as much as clocks may.
NODE_TIMES = frozenset(
    {
        "complaint.open_us",
        "consent.create_us",
        "consent.update_us",
        "consent_request.create_us",
        "consent_request.update_us",
        "contribution.default_us",
        "contribution.good_us",
        "dispute.open_us",
        "member.create_us",
        "subject_event.time_us",
        "subject_key.end_us",
        "subject_key.lift_us",
        "subject_key.start_us",
        "submission.create_us",
    }
)
# Rows of these follow from whole credit files: where accounts were erased they may differ.
FROM_FILES = frozenset({"alert", "notice"})
# Tables and columns that are kept for speed: each follows from records and statements that
# are stored beside it. `bureau db rebuild` makes them again.
CACHES = frozenset(
    {
        "complaint",
        "complaint_line",
        "consent_end",
        "consent_event",
        "contribution",
        "decision",
        "dispute",
        "former_ref",
        "hold",
        "hold_lift",
        "monitor",
        "notice_choice",
        "own_statement",
        "record_tile",
        "tradeline.history",
        "tradeline.marks",
        "tradeline.newest_record_index",
        "tradeline.newest_submission_key",
        "tradeline.people",
        "tradeline.trail",
        "tradeline_party",
    }
)


class Difference(NamedTuple):
    """A row that is not as the statements give it.

    Attributes:
        stored: The row in the bureau's database; None if it is missing.
        expected: The row that the statements give; None if they give none.
        columns: The columns that differ, where both are there.
    """

    rows: Rows
    stored: Values | None
    expected: Values | None
    columns: tuple[str, ...] = ()

    @property
    def row(self) -> Values:
        """The row that is there."""
        row = self.expected or self.stored
        assert row is not None, "a difference has a row"
        return row

    @property
    def is_of_cache(self) -> bool:
        """True if nothing but a cache differs."""
        name = self.rows.name
        columns = [f"{name}.{column}" for column in self.columns]
        return name in CACHES or (bool(columns) and CACHES.issuperset(columns))

    def __str__(self) -> str:
        name = f"{self.rows.name} {' '.join(map(_shown, self.rows.key_of(self.row)))}"
        if self.stored is None:
            return f"{name} is not there, and the signed statements give it"
        if self.expected is None:
            return f"{name} is there, and no signed statement gives it"
        columns = ", ".join(self.columns)
        return f"{name}: {columns} is not what the signed statements give"


def compared_tables() -> list[str]:
    """List the tables that are compared."""
    return [name for name in table_names() if name not in LOG_TABLES and name not in UNSIGNED]


def compare(stored: Connection, expected: Connection, checked: Checked, erased: Erased) -> None:
    """Compare all tables; add a finding for each difference.

    Args:
        stored: The bureau's database.
        expected: The database that the replay filled.
        erased: Traces of erasures, which may be the reason of a difference.
    """
    for difference, leaf_index in breaches(stored, expected, checked, erased):
        checked.found(str(difference), leaf_index)


def breaches(
    stored: Connection, expected: Connection, checked: Checked, erased: Erased
) -> Iterator[tuple[Difference, int | None]]:
    """Yield the differences of all tables, each with its entry's leaf index; count those that
    an erasure may be the reason of.
    """
    for name in compared_tables():
        for difference in differences(name, stored, expected):
            leaf_index = _leaf_of(expected, difference)
            if _may_follow_from(erased, difference, leaf_index):
                checked.unproved += 1
            else:
                yield difference, leaf_index


def differences(name: str, stored: Connection, expected: Connection) -> Iterator[Difference]:
    """Yield the rows of a table that are not as the statements give them."""
    rows = rows_of(name, KEYS.get(name, ()))
    matched = 0
    for row in rows.all(stored):
        again = rows.one(expected, rows.key_of(row))
        if again is None or rows.is_repeated(stored, row):
            yield Difference(rows, row, None)
            continue
        matched += 1
        wrong = dict.fromkeys(rows.wrong_types(row))
        wrong |= dict.fromkeys(
            column
            for column, was, now in zip(rows.columns, row, again, strict=True)
            if column not in wrong and not _alike(f"{name}.{column}", was, now)
        )
        if wrong:
            yield Difference(rows, row, again, tuple(wrong))
    if matched == rows.count(expected):
        return
    for row in rows.all(expected):
        if rows.one(stored, rows.key_of(row)) is None:
            yield Difference(rows, None, row)


def _alike(column: str, was: Any, now: Any) -> bool:
    if column in UNSIGNED:
        return True
    return was == now or (column in NODE_TIMES and abs(was - now) <= MAX_SKEW_US)


def _leaf_of(expected: Connection, difference: Difference) -> int | None:
    """Return the leaf index of the entry that a row came with."""
    rows = difference.rows
    column = next((name for name in ENTRY_COLUMNS if name in rows.columns), None)
    if column is None:
        return None
    row = expected.one(q.leaf_of, entry_key=rows.value(difference.row, column))
    return row[0] if row else None


def _may_follow_from(erased: Erased, difference: Difference, leaf_index: int | None) -> bool:
    """Return True if an erasure may be the reason of a difference."""
    name, rows = difference.rows.name, difference.rows
    if difference.stored is not None and rows.wrong_types(difference.stored):
        return False
    if name == "contribution":
        return rows.value(difference.row, "member_id") in erased.furnishers
    if name not in FROM_FILES or erased.from_leaf is None:
        return False
    if name == "notice" and rows.value(difference.row, "kind") == NOTICE_KIND_ERASURE:
        return False  # the erasure itself gives it
    return leaf_index is not None and leaf_index >= erased.from_leaf


def _shown(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
