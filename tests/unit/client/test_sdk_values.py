"""Months, days, codes: the SDK's small values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from hypothesis import given
from hypothesis import strategies as st

from bureau_client import Month, Purpose
from bureau_client._codec import scalars
from bureau_client._codec.reports import read_report
from bureau_client.models import codes
from creditbureau.v1 import (
    alert_pb2,
    codes_pb2,
    complaint_pb2,
    consent_event_pb2,
    consent_pb2,
    consent_request_pb2,
    decision_pb2,
    dispute_pb2,
    hold_pb2,
    members_pb2,
    notice_pb2,
    operations_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
)

MODULES: tuple[ModuleType, ...] = (
    alert_pb2,
    codes_pb2,
    complaint_pb2,
    consent_event_pb2,
    consent_pb2,
    consent_request_pb2,
    decision_pb2,
    dispute_pb2,
    hold_pb2,
    members_pb2,
    notice_pb2,
    operations_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
)

months = st.builds(Month, st.integers(1950, 2900), st.integers(1, 12))


@given(months, st.integers(-500, 500))
def test_months_move_by_whole_months(month: Any, steps: Any) -> None:
    assert (month + steps) - month == steps
    assert (month + steps) - steps == month
    assert (month + steps > month) == (steps > 0)


@given(months)
def test_months_are_read_as_they_are_written(month: Any) -> None:
    assert Month.parse(str(month)) == month
    assert Month.from_number(month.number) == month
    assert Month.of(date(month.year, month.month, 28)) == month


def test_a_year_ends_with_december() -> None:
    assert Month(2024, 12) + 1 == Month(2025, 1)
    assert str(Month(2024, 5)) == "2024-05"
    assert Month(2024, 5).number == 202405


@pytest.mark.parametrize("text", ["2024-13", "2024-00", "24-05", "May 2024", "", "2024-5"])
def test_what_is_no_month_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)


def test_every_enum_of_the_contract_is_mirrored_exactly() -> None:
    mirrored = {
        name: {code.name: int(code) for code in cls}
        for name, cls in vars(codes).items()
        if isinstance(cls, type) and issubclass(cls, codes.Code) and cls is not codes.Code
    }
    contract = {}
    for module in MODULES:
        for name, enum in vars(module).items():
            if isinstance(enum, EnumTypeWrapper):
                prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in name)[1:] + "_"
                contract[name] = {key.removeprefix(prefix): value for key, value in enum.items()}
    assert mirrored == contract


def test_codes_read_as_people_write_them() -> None:
    for text in ("credit-application", "Credit Application", "CREDIT_APPLICATION"):
        assert Purpose.parse(text) is Purpose.CREDIT_APPLICATION
    with pytest.raises(ValueError, match="credit-application"):
        Purpose.parse("because")
    with pytest.raises(ValueError, match="not one of"):
        Purpose.parse("unspecified")


def test_a_code_of_a_newer_bureau_can_be_shown() -> None:
    assert str(Purpose(77)) == "UNKNOWN_77"
    with pytest.raises(ValueError, match="-1"):
        Purpose(-1)


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)))
def test_days_survive_the_wire(day: Any) -> None:
    assert scalars.day_of(scalars.number_of(day)) == day


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_survive_the_wire_to_the_microsecond(moment: Any) -> None:
    assert scalars.moment_of(scalars.timestamp_of(moment)) == moment


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_spans_survive_the_wire(span: Any) -> None:
    assert scalars.span_of(scalars.duration_of(span)) == span


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    there = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert scalars.moment_of(scalars.timestamp_of(there)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        scalars.timestamp_of(datetime(2026, 1, 1))  # noqa: DTZ001


def test_nothing_is_nothing_on_the_wire() -> None:
    assert scalars.number_of(None) == 0
    assert scalars.day_of(0) is None
    assert scalars.month_of(0) is None


def attributes(*messages: report_pb2.Attribute) -> report_pb2.Report:
    report = report_pb2.Report(attributes=messages)
    report.header.issue_time.FromSeconds(1)
    return report


def test_attributes_are_read_by_name_and_currency() -> None:
    message = attributes(
        report_pb2.Attribute(name="total_balance", value=2.0, unit="minor units", currency="CNY"),
        report_pb2.Attribute(name="total_balance", unit="minor units", currency="USD"),
        report_pb2.Attribute(name="utilisation", value=0.5, unit="share of limits"),
    )
    report = read_report(message, envelope=b"", inquiry=b"")
    balance, share = report.attributes
    assert balance.values == {"CNY": 2.0, "USD": None}
    assert share.value == 0.5
    with pytest.raises(ValueError, match=r"CNY and USD: .* for example total_balance\.CNY"):
        _ = balance.value
    assert report.figures == {
        "total_balance.CNY": 2.0,
        "total_balance.USD": None,
        "utilisation": 0.5,
    }


def test_amounts_of_the_first_version_have_their_currency_as_unit() -> None:
    amounts = [
        report_pb2.Attribute(name="total_balance", value=value, unit=currency)
        for currency, value in (("CNY", 2.0), ("USD", 3.0))
    ]
    report = read_report(attributes(*amounts), envelope=b"", inquiry=b"")
    assert report.figures == {"total_balance.CNY": 2.0, "total_balance.USD": 3.0}


def test_two_values_of_one_attribute_and_currency_are_refused() -> None:
    twice = report_pb2.Attribute(name="utilisation", value=0.5, unit="share of limits")
    with pytest.raises(ValueError, match="the attribute utilisation has two values of one key"):
        read_report(attributes(twice, twice), envelope=b"", inquiry=b"")
