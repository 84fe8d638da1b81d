"""Reports as Arrow tables: values, types and nulls, as polars, pandas and DuckDB read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.models.attributes import MINOR_UNITS
from bureau_client.models.codes import (
    Code,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    FacilityActionKind,
    Initiator,
    InquiryKind,
    InquiryOutcome,
    Purpose,
    Section,
)
from bureau_client.models.months import Month
from bureau_client.models.reports import Attribute, Dispute, InquiryLine, Report
from bureau_client.models.tradelines import Tradeline, TradelineAction
from bureau_client.risk import tables as risk_tables
from bureau_client.risk.__main__ import PAGE, page
from bureau_client.risk.declarations import (
    ATTRIBUTES,
    DISPUTES,
    INQUIRIES,
    KEY,
    OF_REPORTS,
    OWN_INQUIRIES,
    TRADELINES,
)
from bureau_client.risk.tables import Tables, inquiry_table, report_tables
from tests.unit.client import reports as sample
from tests.unit.client.reports import MAY, NOW, SUBJECT, history, report, tradeline

Row = dict[str, Any]
Reader = Callable[[pa.Table], list[Row]]


def test_the_page_is_made_from_the_declarations() -> None:
    assert PAGE.read_text("utf-8") == page()


# Fields of a model that have no column of their name, each with the reason.
WITHOUT_COLUMN = {
    Tradeline: {"history", "record", "actions"},  # a table, provenance, the newest one
    Dispute: {
        *("narrative", "answer_narrative", "attachment_digests", "additions"),  # personal words
        *("subject_id", "correction"),  # the report's, provenance
        "proved",  # of lists: the disputes of a report are the bureau's word
    },
    InquiryLine: {
        *("inquiry_id", "consent_id", "denial_reason", "leaf_index", "subject_id"),  # empty
        "arrangement_id",  # empty
        *("statement", "receipt"),  # proofs
        "proved",  # of lists: the inquiries of a report are the bureau's word
    },
}


@pytest.mark.parametrize(
    ("model", "table"), [(Tradeline, TRADELINES), (Dispute, DISPUTES), (InquiryLine, INQUIRIES)]
)
def test_every_field_of_a_model_is_a_column(model: Any, table: Any) -> None:
    fields = {field.name for field in dataclasses.fields(model)} - WITHOUT_COLUMN[model]
    assert fields == {column.name for column in table.columns if column.of is None}


def test_own_inquiries_have_every_field_of_the_list() -> None:
    fields = {field.name for field in dataclasses.fields(InquiryLine)}
    columns = {column.name for column in OWN_INQUIRIES.columns}
    assert fields - columns == {"statement", "receipt"}


@pytest.mark.parametrize("table", OF_REPORTS, ids=lambda table: table.name)
def test_no_column_is_named_twice(table: Any) -> None:
    names = [column.name for column in (*KEY, *table.columns)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("count", [0, 3])
def test_types_units_and_descriptions_do_not_depend_on_the_reports(count: int) -> None:
    tables = report_tables(report(number, tradeline()) for number in range(count))
    assert tables._fields == tuple(table.name for table in OF_REPORTS)
    for declaration, table in zip(OF_REPORTS, tables, strict=True):
        assert table.schema.names == [column.name for column in (*KEY, *declaration.columns)]
        for column, field in zip((*KEY, *declaration.columns), table.schema, strict=True):
            assert field.type == column.kind.type
            assert field.metadata[b"description"] == column.text.encode()
            assert field.metadata.get(b"unit", b"") == column.unit.encode()
            assert field.metadata.get(b"missing", b"") == column.missing.encode()


# Every row computed slowly and plainly.


def plain(value: Any) -> Any:
    if isinstance(value, Code):
        return value.name if value else None
    if isinstance(value, Month):
        return date(value.year, value.month, 1)
    return None if value == "" else value


def key_of(one: Report) -> Row:
    return {
        "report_id": one.request_id,
        "subject_id": one.subject_id,
        "report_time": one.issue_time,
        "log_size": one.log_size,
    }


def fields_of(item: Any, *names: str) -> Row:
    return {name: plain(getattr(item, name)) for name in names}


def tradeline_row(one: Report, line: Tradeline) -> Row:
    names = {field.name for field in dataclasses.fields(Tradeline)} - WITHOUT_COLUMN[Tradeline]
    newest: TradelineAction | None = line.actions[0] if line.actions else None
    return {
        **key_of(one),
        **fields_of(line, *names),
        "history_months": len(line.history.profile) if line.history else None,
        "newest_action": plain(newest.kind) if newest else None,
        "newest_action_time": newest.effective_time if newest else None,
    }


def month_rows(one: Report, line: Tradeline) -> Iterator[Row]:
    for back, month in enumerate(line.history.months() if line.history else ()):
        amounts = fields_of(
            month,
            *("balance_minor", "amount_due_minor", "amount_paid_minor", "amount_past_due_minor"),
        )
        yield {
            **key_of(one),
            "tradeline_id": line.tradeline_id,
            "currency": line.currency,
            "month": date(month.month.year, month.month.month, 1),
            "months_back": back,
            "status": month.status,
            **{
                name: None if month.status in "BD" and not amount else amount
                for name, amount in amounts.items()
            },
        }


def expected(reports: Sequence[Report]) -> dict[str, list[Row]]:
    lines = [(one, line) for one in reports for line in one.tradelines]
    inquiry = ("member_id", "purpose", "kind", "outcome", "create_time")
    dispute = [column.name for column in DISPUTES.columns]
    figures = list(dict.fromkeys(key for one in reports for key in one.figures))
    return {
        "tradelines": [tradeline_row(*pair) for pair in lines],
        "months": [row for pair in lines for row in month_rows(*pair)],
        "inquiries": [
            key_of(one) | fields_of(line, *inquiry) for one in reports for line in one.inquiries
        ],
        "disputes": [
            key_of(one) | fields_of(item, *dispute) for one in reports for item in one.disputes
        ],
        "attributes": [
            {
                **key_of(one),
                **fields_of(one, "member_id", "purpose", "jurisdiction", "rules_version"),
                "hit": one.outcome == 1,
                "attributes_shown": Section.ATTRIBUTES in one.sections,
                **dict.fromkeys(figures),
                **one.figures,
            }
            for one in reports
        ],
    }


@given(sample.report_lists(), st.sampled_from((1, 2, 1000)))
def test_every_value_comes_back(reports: list[Report], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(risk_tables, "CHUNK", chunk)
        tables = report_tables(iter(reports))
    for name, rows in expected(reports).items():
        table = getattr(tables, name)
        table.validate(full=True)
        assert table.to_pylist() == rows, name


@given(st.lists(sample.INQUIRIES, max_size=4))
def test_every_own_inquiry_comes_back(lines: list[InquiryLine]) -> None:
    names = [column.name for column in OWN_INQUIRIES.columns]
    assert inquiry_table(lines).to_pylist() == [fields_of(line, *names) for line in lines]


def test_a_month_without_data_has_no_amounts() -> None:
    line = tradeline(
        profile="0D2B",
        history=history(
            "0D2B",
            balance_minor=(5, 0, 0, 0),
            amount_due_minor=(1, 9, 0, 0),  # reported, though the status is unknown
            amount_paid_minor=(1, 0),  # shorter than the profile
        ),
    )
    months = report_tables([report(0, line)]).months.to_pydict()
    assert months["balance_minor"] == [5, None, 0, None]
    assert months["amount_due_minor"] == [1, 9, 0, None]
    assert months["amount_paid_minor"] == [1, None, None, None]
    assert months["month"] == [date(2024, month, 1) for month in (5, 4, 3, 2)]


def test_an_attribute_has_a_column_for_each_currency() -> None:
    first = (
        Attribute("total_balance", MINOR_UNITS, {"CNY": 5.0, "USD": 7.0}),
        Attribute("utilisation", "share", {"": None}),
    )
    second = (
        Attribute("total_balance", MINOR_UNITS, {"USD": 2.0}),
        Attribute("utilisation", "share", {"": 0.5}),
    )
    closed = report(2, sections=(Section.TRADELINES,))
    tables = report_tables([report(0, attributes=first), report(1, attributes=second), closed])
    rows = tables.attributes.select(
        ["attributes_shown", "total_balance.CNY", "total_balance.USD", "utilisation"]
    )
    assert rows.to_pylist() == [
        dict(zip(rows.column_names, values, strict=True))
        for values in (
            (True, 5.0, 7.0, None),
            (True, None, 2.0, 0.5),
            (False, None, None, None),
        )
    ]
    assert tables.attributes.schema.field("total_balance.CNY").metadata == {
        b"attribute": b"total_balance",
        b"unit": b"minor units",
        b"currency": b"CNY",
    }


# Each of the readers, by the PyCapsule interface alone.


class Capsule:
    """An object of which a reader knows nothing but the PyCapsule interface."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def by_polars(table: pa.Table) -> list[Row]:
    return pl.DataFrame(Capsule(table)).to_dicts()


def by_pandas(table: pa.Table) -> list[Row]:
    frame = pd.DataFrame.from_arrow(Capsule(table))
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def by_duckdb(table: pa.Table) -> list[Row]:
    capsule = Capsule(table)  # noqa: F841  (DuckDB reads the variable)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.sql("SELECT * FROM capsule")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def everything() -> Tables:
    """Tables with every column filled, and null where it may be."""
    shown = TradelineAction(
        kind=FacilityActionKind.FREEZE,
        initiator=Initiator(1),
        reasons=(),
        effective_time=NOW,
        review_by_date=None,
        appeal_route="",
        record=None,
    )
    lines = (
        tradeline("a", "0D1", actions=(shown,)),
        tradeline("b", history=None, credit_limit_minor=None, currency="CNY", open_date=None),
    )
    inquiry = InquiryLine(
        inquiry_id="",
        member_id="riverbank",
        purpose=Purpose.CREDIT_APPLICATION,
        kind=InquiryKind.HARD,
        outcome=InquiryOutcome.REPORTED,
        create_time=NOW,
        consent_id="",
        denial_reason="",
        leaf_index=0,
    )
    dispute = Dispute(
        dispute_id="dispute",
        subject_id=SUBJECT,
        tradeline_id="line-a",
        month=MAY,
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        narrative="no",
        state=DisputeState.OPEN,
        outcome=DisputeOutcome.UNSPECIFIED,
        create_time=NOW,
        due_time=NOW,
        close_time=None,
        attachment_digests=(),
        member_id="",
        answer_narrative="",
        correction=None,
        additions=(),
    )
    figures = (
        Attribute("total_balance", MINOR_UNITS, {"USD": 7.0}),
        Attribute("utilisation", "share", {"": None}),
    )
    return report_tables(
        [
            report(0, *lines, inquiries=(inquiry,), disputes=(dispute,), attributes=figures),
            report(1, subject_id="cd" * 16),
        ]
    )


@pytest.mark.parametrize("read", [by_polars, by_pandas, by_duckdb])
@pytest.mark.parametrize("name", Tables._fields)
def test_polars_pandas_and_duckdb_read_every_table(name: str, read: Reader) -> None:
    table = getattr(everything(), name)
    assert table.num_rows > 0
    assert [comparable(row) for row in read(table)] == [
        comparable(row) for row in table.to_pylist()
    ]


def comparable(row: Row) -> Row:
    """Times of pandas and of other zones, as times in UTC."""
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("read", [by_polars, by_pandas, by_duckdb])
def test_own_inquiries_are_read_too(read: Reader) -> None:
    line = InquiryLine(
        inquiry_id="inquiry",
        member_id="hillside",
        purpose=Purpose.CREDIT_APPLICATION,
        kind=InquiryKind.HARD,
        outcome=InquiryOutcome.DENIED,
        create_time=NOW,
        consent_id="",
        denial_reason="CONSENT_REVOKED",
        leaf_index=2**60,
        subject_id=SUBJECT,
    )
    table = inquiry_table([line])
    assert [comparable(row) for row in read(table)] == table.to_pylist()


def test_codes_and_ids_are_categories_and_amounts_whole_numbers() -> None:
    tables = everything()
    polars = pl.DataFrame(tables.tradelines)
    assert polars.schema["status"] == pl.Categorical
    assert polars.schema["balance_minor"] == pl.Int64
    assert polars.schema["open_date"] == pl.Date
    assert polars.schema["report_time"] == pl.Datetime("us", "UTC")
    frame = pd.DataFrame.from_arrow(tables.tradelines)
    assert isinstance(frame["status"].dtype, pd.CategoricalDtype)
    # pandas alone turns integers with nulls into floats, unless it keeps Arrow's types.
    kept = tables.tradelines.to_pandas(types_mapper=pd.ArrowDtype)
    assert kept["credit_limit_minor"].dtype == "int64[pyarrow]"
    tradelines = tables.tradelines  # noqa: F841  (DuckDB reads the variable)
    types = duckdb.sql(
        "SELECT typeof(status), typeof(balance_minor), typeof(month) FROM tradelines"
    )
    assert types is not None
    assert types.fetchall()[0] == ("VARCHAR", "BIGINT", "DATE")


def test_the_values_are_not_copied() -> None:
    table = report_tables([report(0, tradeline())]).tradelines
    own = table["balance_minor"].chunk(0).buffers()[1].address
    read = pa.table(pl.DataFrame(Capsule(table)))["balance_minor"].chunk(0).buffers()[1].address
    assert read == own


def test_tables_join_on_their_ids() -> None:
    tables = everything()
    joined = pl.DataFrame(tables.months).join(
        pl.DataFrame(tables.attributes), on=["report_id", "subject_id"]
    )
    assert joined.height == tables.months.num_rows
    assert joined["total_balance.USD"].to_list() == [7.0] * joined.height


def test_reports_are_read_once_and_in_order() -> None:
    numbers = iter(range(5))
    tables = report_tables(report(number) for number in numbers)
    assert tables.attributes["report_id"].to_pylist() == [f"report-{n}" for n in range(5)]


def test_the_columns_of_the_attributes_table_are_not_names_of_attributes() -> None:
    # A definition of the bureau with one of these names would be a second column of it.
    names = {column.name for column in (*KEY, *ATTRIBUTES.columns)}
    text = (PAGE.parent / "attributes.md").read_text("utf-8")
    assert not {name for name in names if f"\n| `{name}` |" in text}
