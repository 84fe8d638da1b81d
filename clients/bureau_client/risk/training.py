"""Training sets: features as of a report's own time and log size, outcomes strictly later.

A set whose features or outcomes break this is refused, with its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from bureau_client.models.months import Month
from bureau_client.risk.declarations import KEY
from bureau_client.risk.outcomes import OUTCOME

# Rows that the message of an error names; `LeakError.leaks` has all.
NAMED_ROWS = 10
KEY_NAMES = tuple(column.name for column in KEY)
OUTCOME_NAMES = tuple(column.name for column in OUTCOME)

Row = Mapping[str, Any]


class Leak(NamedTuple):
    """A value that comes from the future of its row.

    Attributes:
        row: Index of the row among the features, zero-based.
        report_id: The report of the row.
        subject_id: Its subject.
        column: The column at fault.
        problem: The fault in words.
    """

    row: int
    report_id: str
    subject_id: str
    column: str
    problem: str

    def __str__(self) -> str:
        return (
            f"row {self.row}, report {self.report_id} of {self.subject_id}: "
            f"{self.column} {self.problem}"
        )


class LeakError(ValueError):
    """A training set would leak the future into its features.

    Attributes:
        leaks: Every value at fault, by row.
    """

    def __init__(self, leaks: Sequence[Leak]) -> None:
        named = [f"\n  {leak}" for leak in leaks[:NAMED_ROWS]]
        if len(leaks) > NAMED_ROWS:
            named.append(f"\n  and {len(leaks) - NAMED_ROWS} more")
        super().__init__(
            f"{len(leaks)} values of the training set come from the future of their rows; take "
            "features from the row's own report and outcomes from later ones:" + "".join(named)
        )
        self.leaks = tuple(leaks)


def training_set(features: Any, outcomes: Any, *, scheduled: Collection[str] = ()) -> pa.Table:
    """Join features with their outcomes, after a check that no row knows of its future.

    Both may be any table with `__arrow_c_stream__`, so frames of polars and pandas too.

    Args:
        features: One row for each report: the columns of the report, and any features; for
            example the table `attributes`.
        outcomes: The table of `observe_outcomes`, or one with its columns from another system;
            there `outcome_log_size` may be null.
        scheduled: Columns of `features` with days or times that were known ahead, for example
            `due_time`: they may be later than the report.

    Returns:
        The features, in their order, and the columns of OUTCOME: null where `outcomes` has
        no row for the report.

    Raises:
        LeakError: A day or time of a row is later than its report, the row has the time or
            log size of another report, or its outcome is not later than the report.
        ValueError: A column is missing or has a null, or a report has two rows.
    """
    known, observed = pa.table(features), pa.table(outcomes)
    if doubled := [name for name in OUTCOME_NAMES if name in known.column_names]:
        raise ValueError(f"the features have columns of outcomes: drop {', '.join(doubled)}")
    rows = _rows(known, "features", KEY_NAMES)
    outcome_rows = _rows(observed, "outcomes", KEY_NAMES, OUTCOME_NAMES)
    by_report = {_report_of(row): index for index, row in enumerate(outcome_rows)}
    matches = [by_report.get(_report_of(row)) for row in rows]
    leaks = list(_later_features(known, rows, scheduled))
    for number, (row, match) in enumerate(zip(rows, matches, strict=True)):
        if match is not None:
            leaks += _outcome_leaks(number, row, outcome_rows[match])
    if leaks:
        raise LeakError(sorted(leaks))
    joined = observed.select(OUTCOME_NAMES).take(pa.array(matches, pa.int64()))
    return pa.table(
        [*known.columns, *joined.columns], schema=pa.schema([*known.schema, *joined.schema])
    )


def _rows(
    table: pa.Table, name: str, required: Sequence[str], optional: Sequence[str] = ()
) -> list[Row]:
    """Return the columns that the check needs, row by row."""
    if lacking := [column for column in (*required, *optional) if column not in table.column_names]:
        raise ValueError(f"the {name} lack the columns {', '.join(lacking)}")
    rows: list[Row] = table.select([*required, *optional]).to_pylist()
    reports: set[tuple[str, str]] = set()
    for number, row in enumerate(rows):
        if empty := [column for column in required if row[column] is None]:
            raise ValueError(f"row {number} of the {name} has no {', '.join(empty)}")
        if _report_of(row) in reports:
            report_id, subject_id = _report_of(row)
            raise ValueError(
                f"row {number} of the {name} is the second of report {report_id} of {subject_id}"
            )
        reports.add(_report_of(row))
    return rows


def _report_of(row: Row) -> tuple[str, str]:
    return row["report_id"], row["subject_id"]


def _later_features(
    table: pa.Table, rows: Sequence[Row], scheduled: Collection[str]
) -> Iterator[Leak]:
    """Find the days and times among the features that are later than the report."""
    for field in table.schema:
        if not pa.types.is_temporal(field.type) or field.name in {*KEY_NAMES, *scheduled}:
            continue
        values = table[field.name].to_pylist()
        for number, (row, value) in enumerate(zip(rows, values, strict=True)):
            if isinstance(value, date) and _is_after(value, _utc(row["report_time"])):
                problem = f"{value} is after the report, {row['report_time']}"
                yield Leak(number, *_report_of(row), field.name, problem)


def _outcome_leaks(number: int, row: Row, outcome: Row) -> Iterator[Leak]:
    """Find the columns of an outcome that are not later than its report."""
    time = _utc(row["report_time"])
    if outcome["outcome_from"] is None or Month.of(outcome["outcome_from"]) <= Month.of(time):
        problem = f"{outcome['outcome_from']} is not after the month of the report, {time:%Y-%m}"
        yield Leak(number, *_report_of(row), "outcome_from", problem)
    if outcome["outcome"] is not None and (
        outcome["outcome_time"] is None or not _is_after(outcome["outcome_time"], time)
    ):
        problem = f"{outcome['outcome_time']} is not after the report, {time}"
        yield Leak(number, *_report_of(row), "outcome_time", problem)
    size = outcome["outcome_log_size"]
    if size is not None and size <= row["log_size"]:
        problem = f"{size} is not after the log size of the report, {row['log_size']}"
        yield Leak(number, *_report_of(row), "outcome_log_size", problem)
    if _utc(outcome["report_time"]) != time or outcome["log_size"] != row["log_size"]:
        problem = f"{time} at log size {row['log_size']} is not the moment of this report"
        yield Leak(number, *_report_of(row), "report_time", problem)


def _is_after(value: date, time: datetime) -> bool:
    return _utc(value) > time if isinstance(value, datetime) else value > time.date()


def _utc(time: datetime) -> datetime:
    """Return a time in UTC, which a time without a zone is in."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
