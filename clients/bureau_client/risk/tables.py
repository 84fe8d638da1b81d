"""Reports as Arrow tables, which polars, pandas and DuckDB read without copies.

The columns are declared in `bureau_client.risk.declarations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

import pyarrow as pa

from bureau_client.models.reports import InquiryLine, Report
from bureau_client.models.tradelines import PaymentHistory
from bureau_client.risk.columns import (
    COUNT,
    FIGURE,
    MONEY,
    MONTH,
    TEXT,
    UNKNOWN_MONTHS,
    Column,
    TableDeclaration,
    days_of_months,
)
from bureau_client.risk.declarations import (
    ATTRIBUTES,
    DISPUTES,
    INQUIRIES,
    KEY,
    MONTHS,
    OWN_INQUIRIES,
    TRADELINES,
)

# Reports whose Python values are in memory at a time; the rest is Arrow already.
CHUNK = 1_000


class Tables(NamedTuple):
    """The tables of a number of reports; each is a `pyarrow.Table`."""

    tradelines: pa.Table
    months: pa.Table
    inquiries: pa.Table
    disputes: pa.Table
    attributes: pa.Table


def report_tables(reports: Iterable[Report]) -> Tables:
    """Convert reports to tables.

    Args:
        reports: Reports of `query`, `portfolio` or `Report.load`; read once, in order.
    """
    chunks = [_tables_of(chunk) for chunk in _chunks(reports)] or [_tables_of([])]
    return Tables(*map(_joined, zip(*chunks, strict=True)))


def inquiry_table(lines: Iterable[InquiryLine]) -> pa.Table:
    """Convert a member's own inquiries, from `Lender.inquiries`, to a table."""
    return _table(OWN_INQUIRIES.columns, list(lines))


def _chunks(reports: Iterable[Report]) -> Iterator[list[Report]]:
    remaining = iter(reports)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def _tables_of(reports: Sequence[Report]) -> Tables:
    key = _table(KEY, reports)
    tradelines = _children(key, TRADELINES, [report.tradelines for report in reports])
    return Tables(
        tradelines=tradelines,
        months=_months(tradelines, reports),
        inquiries=_children(key, INQUIRIES, [report.inquiries for report in reports]),
        disputes=_children(key, DISPUTES, [report.disputes for report in reports]),
        attributes=_attributes(key, reports),
    )


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Join the tables of all chunks; an attribute that a chunk lacks is null there."""
    return pa.concat_tables(parts, promote_options="default").unify_dictionaries()


def _table(columns: Sequence[Column], rows: Sequence[object]) -> pa.Table:
    arrays = [column.array(rows) for column in columns]
    return pa.table(arrays, schema=pa.schema([column.field for column in columns]))


def _beside(left: pa.Table, right: pa.Table) -> pa.Table:
    """Put the columns of two tables side by side."""
    return pa.table(
        [*left.columns, *right.columns], schema=pa.schema([*left.schema, *right.schema])
    )


def _repeated(table: pa.Table, counts: Iterable[int]) -> pa.Table:
    """Repeat each row of a table, once for each of its children."""
    parents = chain.from_iterable([row] * count for row, count in enumerate(counts))
    return table.take(pa.array(list(parents), pa.int64()))


def _children(
    key: pa.Table, declaration: TableDeclaration, rows: Sequence[Sequence[object]]
) -> pa.Table:
    own = _table(declaration.columns, list(chain.from_iterable(rows)))
    return _beside(_repeated(key, map(len, rows)), own)


def _months(tradelines: pa.Table, reports: Sequence[Report]) -> pa.Table:
    """Convert the payment histories column by column, as they are stored."""
    histories = [line.history for report in reports for line in report.tradelines]
    shown = [history for history in histories if history is not None]
    counts = [0 if history is None else len(history.profile) for history in histories]
    of_line = (*(column.name for column in KEY), "tradeline_id", "currency")
    days = [days_of_months(one.newest_month, len(one.profile)) for one in shown]
    arrays = {
        "month": pa.array(_flat(days), pa.int32()).cast(MONTH.type),
        "months_back": pa.array(_flat(range(len(one.profile)) for one in shown), COUNT.type),
        "status": pa.array(_flat(one.profile for one in shown), TEXT.type),
        **{
            column.name: pa.array(_flat(_amounts(one, column.name) for one in shown), MONEY.type)
            for column in MONTHS.columns
            if column.kind is MONEY
        },
    }
    own = [column for column in MONTHS.columns if column.name not in of_line]
    return _beside(
        _repeated(tradelines.select(of_line), counts),
        pa.table(
            [arrays[column.name] for column in own],
            schema=pa.schema([column.field for column in own]),
        ),
    )


def _flat(parts: Iterable[Iterable[object]]) -> list[object]:
    return list(chain.from_iterable(parts))


def _amounts(history: PaymentHistory, name: str) -> Sequence[int | None]:
    """Return the amounts of a history; the zero of a month without data is null."""
    amounts: tuple[int, ...] = getattr(history, name)
    lacking = len(history.profile) - len(amounts)
    if not lacking and UNKNOWN_MONTHS.isdisjoint(history.profile):
        return amounts
    padded = (*amounts, *[None] * lacking)[: len(history.profile)]
    return [
        None if not amount and status in UNKNOWN_MONTHS else amount
        for amount, status in zip(padded, history.profile, strict=True)
    ]


def _attributes(key: pa.Table, reports: Sequence[Report]) -> pa.Table:
    """Convert the attributes: a column for each key of `Report.figures`, in order of appearance."""
    units = {one.name: one.unit for report in reports for one in report.attributes}
    figures = [report.figures for report in reports]
    names = list(dict.fromkeys(chain.from_iterable(figures)))
    described = _beside(key, _table(ATTRIBUTES.columns, reports))
    if not names:
        return described
    columns = [FIGURE.array(figure.get(name) for figure in figures) for name in names]
    fields = [_attribute_field(name, units) for name in names]
    return _beside(described, pa.table(columns, schema=pa.schema(fields)))


def _attribute_field(name: str, units: Mapping[str, str]) -> pa.Field:
    attribute, _, currency = name.partition(".")
    notes = {"attribute": attribute, "unit": units[attribute], "currency": currency}
    return pa.field(
        name, FIGURE.type, metadata={note: text for note, text in notes.items() if text}
    )
