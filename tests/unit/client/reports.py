"""Reports of every shape that the models allow, without a bureau."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bureau_client.models.attributes import MINOR_UNITS
from bureau_client.models.codes import (
    AccountStatus,
    Classification,
    CloseReason,
    Code,
    ComplianceCondition,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    FacilityActionKind,
    Initiator,
    InquiryKind,
    InquiryOutcome,
    PartyRole,
    PortfolioType,
    Purpose,
    ReportOutcome,
    Section,
)
from bureau_client.models.months import Month
from bureau_client.models.reports import Attribute, Dispute, InquiryLine, Report
from bureau_client.models.tradelines import PaymentHistory, Tradeline, TradelineAction

SUBJECT = "ab" * 16
NOW = datetime(2024, 6, 15, 12, 30, 0, 123456, UTC)
MAY = Month(2024, 5)
SECTIONS = tuple(section for section in Section if section)


def history(profile: str, newest: Month = MAY, **columns: tuple[int, ...]) -> PaymentHistory:
    """A payment history whose amounts are counted up from the newest month."""
    counted = {
        name: tuple(range(start, start + len(profile)))
        for start, name in enumerate(
            ("balance_minor", "amount_due_minor", "amount_paid_minor", "amount_past_due_minor")
        )
    }
    return PaymentHistory(newest_month=newest, profile=profile, **(counted | columns))


def tradeline(ref: str = "a", profile: str = "000", **changes: Any) -> Tradeline:
    """A card."""
    fields: dict[str, Any] = {
        "tradeline_id": f"line-{ref}",
        "member_id": "riverbank",
        "role": PartyRole.INDIVIDUAL,
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2020, 1, 31),
        "credit_limit_minor": 500_000,
        "original_amount_minor": None,
        "term_months": 0,
        "secured": False,
        "month": MAY,
        "status": AccountStatus.CURRENT,
        "balance_minor": 100_00,
        "amount_due_minor": 5_00,
        "amount_paid_minor": 5_00,
        "amount_past_due_minor": 0,
        "days_past_due": 0,
        "close_date": None,
        "close_reason": CloseReason.UNSPECIFIED,
        "first_delinquency_date": None,
        "classification": Classification.UNSPECIFIED,
        "compliance_condition": ComplianceCondition.UNSPECIFIED,
        "restructured": False,
        "history": history(profile, changes.get("month", MAY)),
        "record": None,
        "actions": (),
        "party_count": 1,
        "original_creditor": "",
    }
    return Tradeline(**(fields | changes))


def report(number: int = 0, *tradelines: Tradeline, **changes: Any) -> Report:
    """A report on one person; a later number is later, by an hour and by a leaf."""
    fields: dict[str, Any] = {
        "request_id": f"report-{number}",
        "issue_time": NOW + timedelta(hours=number),
        "request_digest": b"",
        "member_id": "hillside",
        "subject_id": SUBJECT,
        "purpose": Purpose.CREDIT_APPLICATION,
        "consent_id": "consent",
        "log_size": 100 + number,
        "outcome": ReportOutcome.HIT if tradelines else ReportOutcome.NO_HIT,
        "sections": SECTIONS,
        "summary": None,
        "tradelines": tradelines,
        **dict.fromkeys(
            ("inquiries", "omissions", "attributes", "holds", "disputes", "standings", "flags"), ()
        ),
        "subject_statement": "",
        "notices": (),
        "jurisdiction": "US",
        "rules_version": "2026-11",
        "envelope": b"",
        "inquiry": b"",
    }
    return Report(**(fields | changes))


# Values of every kind, for Hypothesis.

IDS = st.text(string.hexdigits.lower(), min_size=1, max_size=8)
TEXTS = st.text(max_size=8)
AMOUNTS = st.integers(-(10**15), 10**15)
COUNTS = st.integers(0, 2**31 - 1)
DAYS = st.dates(date(1900, 1, 1), date(2999, 12, 31))
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MONTHS = st.builds(Month, st.integers(1910, 2999), st.integers(1, 12))
CURRENCIES = st.sampled_from(("USD", "CNY", "JPY"))


def codes(cls: type[Code]) -> st.SearchStrategy[Any]:
    """A code, one of a newer bureau among them."""
    return st.sampled_from([*cls, cls(99)])


@st.composite
def histories(draw: st.DrawFn) -> PaymentHistory:
    profile = draw(st.text("BDE0123456JHGKL", min_size=1, max_size=9))
    size = len(profile)
    amounts = st.lists(AMOUNTS, min_size=size, max_size=size).map(tuple)
    return PaymentHistory(draw(MONTHS), profile, *(draw(amounts) for _ in range(4)))


ACTIONS = st.builds(
    TradelineAction,
    kind=codes(FacilityActionKind),
    initiator=codes(Initiator),
    reasons=st.just(()),
    effective_time=st.none() | MOMENTS,
    review_by_date=st.none(),
    appeal_route=TEXTS,
    record=st.none(),
)
TRADELINES = st.builds(
    Tradeline,
    tradeline_id=IDS,
    member_id=IDS,
    role=codes(PartyRole),
    portfolio_type=codes(PortfolioType),
    account_type=TEXTS,
    currency=CURRENCIES,
    open_date=st.none() | DAYS,
    credit_limit_minor=st.none() | AMOUNTS,
    original_amount_minor=st.none() | AMOUNTS,
    term_months=COUNTS,
    secured=st.booleans(),
    month=st.none() | MONTHS,
    status=codes(AccountStatus),
    balance_minor=AMOUNTS,
    amount_due_minor=AMOUNTS,
    amount_paid_minor=AMOUNTS,
    amount_past_due_minor=AMOUNTS,
    days_past_due=COUNTS,
    close_date=st.none() | DAYS,
    close_reason=codes(CloseReason),
    first_delinquency_date=st.none() | DAYS,
    classification=codes(Classification),
    compliance_condition=codes(ComplianceCondition),
    restructured=st.booleans(),
    history=st.none() | histories(),
    record=st.none(),
    actions=st.lists(ACTIONS, max_size=2).map(tuple),
    party_count=COUNTS,
    original_creditor=TEXTS,
)
INQUIRIES = st.builds(
    InquiryLine,
    inquiry_id=TEXTS,
    member_id=IDS,
    purpose=codes(Purpose),
    kind=codes(InquiryKind),
    outcome=codes(InquiryOutcome),
    create_time=st.none() | MOMENTS,
    consent_id=TEXTS,
    denial_reason=TEXTS,
    leaf_index=st.integers(0, 2**62),
    subject_id=TEXTS,
)
DISPUTES = st.builds(
    Dispute,
    dispute_id=IDS,
    subject_id=IDS,
    tradeline_id=IDS,
    month=st.none() | MONTHS,
    field=TEXTS,
    reason=codes(DisputeReason),
    narrative=TEXTS,
    state=codes(DisputeState),
    outcome=codes(DisputeOutcome),
    create_time=st.none() | MOMENTS,
    due_time=st.none() | MOMENTS,
    close_time=st.none() | MOMENTS,
    attachment_digests=st.just(()),
    member_id=TEXTS,
    answer_narrative=TEXTS,
    correction=st.none(),
    additions=st.just(()),
)


@st.composite
def attributes(draw: st.DrawFn) -> tuple[Attribute, ...]:
    """Attributes of a report."""
    value = st.none() | st.floats(allow_nan=False)
    amounts = st.dictionaries(CURRENCIES, value, min_size=1)
    names = draw(st.lists(st.sampled_from(sorted(ATTRIBUTES)), unique=True))
    return tuple(
        Attribute(name, unit, draw(amounts) if unit == MINOR_UNITS else {"": draw(value)})
        for name, unit in ((name, ATTRIBUTES[name]) for name in names)
    )


ATTRIBUTES = {
    "total_balance": MINOR_UNITS,
    "amount_paid": MINOR_UNITS,
    "utilisation": "share",
    "oldest_account_age": "months",
}


@st.composite
def report_lists(draw: st.DrawFn) -> list[Report]:
    """Reports on several people, in no order of time."""
    return [
        report(
            number,
            *draw(st.lists(TRADELINES, max_size=3)),
            issue_time=draw(MOMENTS),
            subject_id=draw(IDS),
            log_size=draw(st.integers(0, 2**62)),
            sections=draw(st.sampled_from((SECTIONS, (Section.TRADELINES,)))),
            inquiries=tuple(draw(st.lists(INQUIRIES, max_size=2))),
            disputes=tuple(draw(st.lists(DISPUTES, max_size=2))),
            attributes=draw(attributes()),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
