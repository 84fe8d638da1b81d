"""Outcomes observed in later reports, and training sets that would leak the future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.models.codes import AccountStatus, OmissionReason, Section
from bureau_client.models.months import Month
from bureau_client.models.reports import Omission, Report
from bureau_client.risk.outcomes import OUTCOME, PastDue, observe_outcomes
from bureau_client.risk.tables import report_tables
from bureau_client.risk.training import Leak, LeakError, training_set
from tests.unit.client.reports import SUBJECT, history, report, tradeline

JUNE = Month(2024, 6)
IN_THREE = PastDue(days=60, months=3)


def shown(month: Month, profile: str, ref: str = "a", **changes: Any) -> Report:
    """A report of the 20th day after a month, with one line to the end of that month."""
    following = month + 1
    number = following - JUNE
    line = tradeline(ref, profile, **{"month": month, "history": history(profile, month)} | changes)
    time = datetime(following.year, following.month, 20, tzinfo=UTC)
    return report(number, line, issue_time=time)


def outcome_of(first: Report, *later: Report, event: PastDue = IN_THREE) -> dict[str, Any]:
    (row,) = observe_outcomes([first], later, event).to_pylist()
    return {name: row[name] for name in (column.name for column in OUTCOME)}


FIRST = shown(JUNE - 1, "000")


def test_an_event_in_the_window_is_seen_in_the_first_report_that_shows_it() -> None:
    early, late = shown(JUNE + 1, "2100"), shown(JUNE + 4, "0032100")
    assert outcome_of(FIRST, late, early) == {
        "outcome_from": date(2024, 7, 1),
        "outcome_until": date(2024, 9, 1),
        "outcome_time": early.issue_time,
        "outcome_log_size": early.log_size,
        "outcome": True,
    }


def test_no_event_is_decided_by_the_first_report_that_shows_the_whole_window() -> None:
    early, whole = shown(JUNE + 1, "0000"), shown(JUNE + 3, "100000")
    decided = outcome_of(FIRST, early, whole, shown(JUNE + 5, "00010000"))
    assert (decided["outcome"], decided["outcome_time"]) == (False, whole.issue_time)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([], id="no later report"),
        pytest.param([FIRST], id="the report itself"),
        pytest.param([shown(JUNE + 1, "0000")], id="before the end of the window"),
        pytest.param([shown(JUNE + 1, "2100", history=None)], id="without payment history"),
        pytest.param(
            [replace(shown(JUNE + 4, "0000000"), sections=(Section.TRADELINES,))],
            id="without the section of payment history",
        ),
        pytest.param(
            [replace(shown(JUNE + 4, "2000000"), subject_id="cd" * 16)], id="of another subject"
        ),
        pytest.param(
            [replace(shown(JUNE + 4, "2222222"), log_size=FIRST.log_size)], id="of the same log"
        ),
        pytest.param(
            [replace(shown(JUNE + 4, "2222222"), issue_time=FIRST.issue_time)],
            id="of the same time",
        ),
        pytest.param(
            [replace(shown(JUNE + 1, "0000"), issue_time=datetime(2025, 1, 20, tzinfo=UTC))],
            id="the line is not reported to the end of the window",
        ),
        pytest.param(
            [
                replace(
                    shown(JUNE + 4, "00"),
                    omissions=(
                        Omission(OmissionReason.CONSENT_SCOPE, Section.PAYMENT_HISTORY, ""),
                    ),
                )
            ],
            id="the consent opens too few months",
        ),
        pytest.param(
            [
                replace(
                    shown(JUNE + 4, "0000000"),
                    omissions=(Omission(OmissionReason.RECIPROCITY, Section.TRADELINES, ""),),
                )
            ],
            id="tradelines are omitted",
        ),
    ],
)
def test_an_outcome_that_no_report_decides_is_null(later: list[Report]) -> None:
    decided = outcome_of(FIRST, *later)
    assert [decided[name] for name in ("outcome", "outcome_time", "outcome_log_size")] == [None] * 3


@pytest.mark.parametrize(
    ("line", "happened"),
    [
        pytest.param({"close_date": date(2024, 8, 1)}, False, id="closed"),
        pytest.param({"status": AccountStatus.PAID_OR_CLOSED}, False, id="paid"),
        pytest.param(
            {"open_date": date(2024, 8, 5), "history": history("00", JUNE + 3)}, False, id="new"
        ),
        pytest.param({"history": history("L00", JUNE)}, False, id="lost before"),
        pytest.param({"history": history("LLLLL00", JUNE + 3)}, False, id="lost before, and after"),
        pytest.param({"history": history("222D200", JUNE + 3)}, False, id="as late before"),
        pytest.param({"history": history("0202200", JUNE + 3)}, True, id="late again"),
        pytest.param({"history": history("L00", JUNE + 1)}, True, id="lost in the window"),
    ],
)
def test_an_account_counts_if_it_becomes_late_and_as_long_as_it_can(
    line: dict[str, Any], happened: bool
) -> None:
    later = report(
        8,
        tradeline(**({"profile": "000"} | line)),
        issue_time=datetime(2025, 1, 2, tzinfo=UTC),
        # Of a line that is longer than the consent opens.
        omissions=(Omission(OmissionReason.CONSENT_SCOPE, Section.PAYMENT_HISTORY, ""),),
    )
    assert outcome_of(FIRST, later)["outcome"] is happened


def test_the_month_of_the_report_is_no_outcome() -> None:
    # It was late by the end of the report's own month, and never after.
    later = shown(JUNE + 4, "0000200")
    assert later.tradelines[0].history is not None
    assert later.tradelines[0].history.months()[4].month == JUNE
    assert outcome_of(FIRST, later)["outcome"] is False


@pytest.mark.parametrize(
    ("days", "statuses"),
    [(30, set("123456GHJKL")), (60, set("23456GHJKL")), (180, set("6GHJKL"))],
)
def test_later_and_worse_is_the_event_too(days: int, statuses: set[str]) -> None:
    assert PastDue(days=days).statuses == statuses


@pytest.mark.parametrize("wrong", [{"days": 45}, {"days": 210}, {"months": 0}, {"months": 85}])
def test_an_event_that_no_history_shows_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PastDue(**wrong)


PROFILES = st.text("01236LE", min_size=1, max_size=30)


def becomes_late(report: Report, first: Month, last: Month, event: PastDue) -> bool:
    """The event, month by month."""
    history = report.tradelines[0].history
    assert history is not None
    status = {past.month: past.status for past in history.months()}
    return any(
        status[month] in event.statuses and status.get(month - 1, "0") not in event.statuses
        for month in status
        if first <= month <= last
    )


@given(st.lists(st.tuples(st.integers(1, 24), PROFILES), max_size=6), st.integers(1, 12))
def test_a_panels_outcomes_look_at_later_months_of_later_reports_alone(
    panel: list[tuple[int, str]], months: int
) -> None:
    reports = [
        replace(shown(JUNE + ahead, profile), request_id=f"{index}", log_size=ahead * 10 + index)
        for index, (ahead, profile) in enumerate(panel)
    ]
    event = PastDue(days=60, months=months)
    rows = observe_outcomes(reports, reports, event).to_pylist()
    assert [row["report_id"] for row in rows] == [one.request_id for one in reports]
    for row, one in zip(rows, reports, strict=True):
        month = Month.of(one.issue_time)
        events = [
            later.issue_time
            for later in reports
            if later.issue_time > one.issue_time
            and later.log_size > one.log_size
            and becomes_late(later, month + 1, month + months, event)
        ]
        if row["outcome"]:
            assert row["outcome_time"] in events
        elif row["outcome"] is None:
            assert not events
        else:
            assert row["outcome_time"] <= min(events, default=datetime.max.replace(tzinfo=UTC))
            assert row["outcome_time"] > one.issue_time


# Training sets.

SECOND = replace(FIRST, request_id="other", subject_id="cd" * 16)


def panel() -> tuple[pa.Table, pa.Table]:
    """Features of two people, and their outcomes."""
    later = [
        shown(JUNE + 3, "200000"),
        replace(shown(JUNE + 3, "000000"), subject_id=SECOND.subject_id),
    ]
    features = report_tables([FIRST, SECOND]).attributes
    return features, observe_outcomes([SECOND, FIRST], later, IN_THREE)


def with_column(table: pa.Table, name: str, values: list[Any], kind: Any = None) -> pa.Table:
    index = table.schema.get_field_index(name)
    column = pa.array(values, kind or table.schema.field(name).type)
    return (
        table.set_column(index, name, column) if index >= 0 else table.append_column(name, column)
    )


@pytest.mark.parametrize("of", [lambda table: table, pl.DataFrame, pa.Table.to_pandas])
def test_features_and_outcomes_are_joined_by_report(of: Callable[[pa.Table], Any]) -> None:
    features, outcomes = panel()
    joined = training_set(of(features), of(outcomes))
    assert joined.column_names == [*features.column_names, *(column.name for column in OUTCOME)]
    assert joined["report_id"].to_pylist() == features["report_id"].to_pylist()
    assert joined["outcome"].to_pylist() == [True, False]


def test_a_report_without_an_outcome_keeps_its_row() -> None:
    features, outcomes = panel()
    joined = training_set(features, outcomes.slice(0, 1))
    assert joined["outcome"].to_pylist() == [None, False]


def test_outcomes_of_another_system_need_no_log_size() -> None:
    features, outcomes = panel()
    own = with_column(outcomes, "outcome_log_size", [None, None])
    assert training_set(features, own)["outcome"].to_pylist() == [True, False]


TOMORROW = FIRST.issue_time + timedelta(days=1)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("outcome_time", FIRST.issue_time, "is not after the report"),
        ("outcome_time", None, "is not after the report"),
        ("outcome_log_size", FIRST.log_size, "is not after the log size of the report, 100"),
        ("outcome_from", date(2024, 6, 1), "is not after the month of the report, 2024-06"),
        ("outcome_from", None, "is not after the month of the report, 2024-06"),
    ],
)
def test_an_outcome_that_is_not_later_is_refused(column: str, value: Any, problem: str) -> None:
    features, outcomes = panel()
    values = outcomes[column].to_pylist()
    # The first person's outcome is the second row.
    with pytest.raises(LeakError) as refused:
        training_set(features, with_column(outcomes, column, [values[0], value]))
    (leak,) = refused.value.leaks
    assert leak[:4] == (0, FIRST.request_id, SUBJECT, column)
    assert problem in leak.problem
    assert f"row 0, report {FIRST.request_id} of {SUBJECT}: {column}" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("closed", TOMORROW.date(), pa.date32()),
        ("asked", TOMORROW, pa.timestamp("us", tz="UTC")),
        ("asked", FIRST.issue_time.replace(tzinfo=None) + timedelta(seconds=1), pa.timestamp("ms")),
    ],
)
def test_a_feature_from_after_the_report_is_refused(name: str, value: Any, kind: Any) -> None:
    features, outcomes = panel()
    before = value - timedelta(days=1)
    wrong = with_column(features, name, [before, value], kind)
    with pytest.raises(LeakError) as refused:
        training_set(wrong, outcomes)
    (leak,) = refused.value.leaks
    assert leak[:4] == (1, SECOND.request_id, SECOND.subject_id, name)
    assert "is after the report" in leak.problem
    # Unless it was known ahead, or comes from before.
    assert training_set(wrong, outcomes, scheduled=[name]).num_rows == 2
    assert training_set(with_column(features, name, [before, None], kind), outcomes).num_rows == 2


@pytest.mark.parametrize(("column", "value"), [("report_time", TOMORROW), ("log_size", 900)])
def test_features_of_another_moment_are_refused(column: str, value: Any) -> None:
    """The features of a later report under the id of an earlier one."""
    features, outcomes = panel()
    values = features[column].to_pylist()
    with pytest.raises(LeakError, match="is not the moment of this report") as refused:
        training_set(with_column(features, column, [values[0], value]), outcomes)
    assert {leak.row for leak in refused.value.leaks} == {1}


def test_all_leaks_are_held_and_ten_are_named() -> None:
    reports = [replace(FIRST, request_id=f"report-{number}") for number in range(25)]
    features = report_tables(reports).attributes
    wrong = with_column(features, "asked", [TOMORROW] * 25, pa.timestamp("us", tz="UTC"))
    with pytest.raises(LeakError, match=r"25 values (?s:.*) and 15 more") as refused:
        training_set(wrong, observe_outcomes(reports, [], IN_THREE))
    assert [leak.row for leak in refused.value.leaks] == list(range(25))
    assert str(refused.value).count("\n  row ") == 10
    assert isinstance(refused.value.leaks[0], Leak)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, o: (f.drop_columns("log_size"), o), "features lack the columns log_size"),
        (lambda f, o: (f, o.drop_columns("outcome")), "outcomes lack the columns outcome"),
        (lambda f, o: (pa.concat_tables([f, f]), o), "row 2 of the features is the second of"),
        (lambda f, o: (f, pa.concat_tables([o, o])), "row 2 of the outcomes is the second of"),
        (
            lambda f, o: (with_column(f, "log_size", [None, 1]), o),
            "row 0 of the features has no log_size",
        ),
        (
            lambda f, o: (with_column(f, "outcome", [True, False], pa.bool_()), o),
            "have columns of outcomes: drop outcome",
        ),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(
    change: Callable[[pa.Table, pa.Table], tuple[pa.Table, pa.Table]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        training_set(*change(*panel()))


def test_no_reports_make_an_empty_set() -> None:
    outcomes = observe_outcomes([], [], IN_THREE)
    assert training_set(report_tables([]).attributes, outcomes).num_rows == 0


def test_pandas_may_have_made_floats_of_whole_numbers_with_nulls() -> None:
    features, outcomes = panel()
    frame = outcomes.to_pandas()
    frame["outcome_log_size"] = pd.array([float("nan"), float(FIRST.log_size + 1)], "float64")
    assert training_set(features, frame)["outcome"].to_pylist() == [True, False]
