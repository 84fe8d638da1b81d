"""Reports, inputs and policies as the tests of `bureau_client.risk` use them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from bureau_client import (
    AccountStatus,
    Month,
    PartyRole,
    PaymentHistory,
    PortfolioType,
    Purpose,
    Report,
    Section,
    Tradeline,
)
from bureau_client.models.codes import (
    Classification,
    CloseReason,
    ComplianceCondition,
    ReportOutcome,
)
from bureau_client.models.reports import Attribute, Standing
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.decision_tables import read_tables
from bureau_client.risk.engine import Engine
from bureau_client.risk.policy import Policy, read_policy, reference_policies
from tests.unit.client.fakes import CONSENT, SUBJECT, FakeBureau, snapshot

# Name of a policy in which several inputs decide together.
KNOWN = "cards-US with known customers"
LINE, OTHER_LINE = "11" * 16, "22" * 16
OPENED = (Section.SUMMARY, Section.TRADELINES, Section.PAYMENT_HISTORY, Section.ATTRIBUTES)
APPLICANT = {"monthly_income": 500_000, "requested_limit": 400_000}


def document(name: str) -> dict[str, Any]:
    """A reference policy, to change."""
    return copy.deepcopy(_documents()[name])


@cache
def _documents() -> dict[str, dict[str, Any]]:
    return {name: json.loads(text) for name, text in reference_policies().items()}


@cache
def active(name: str) -> ActivePolicy:
    if name == KNOWN:
        policy = policy_of(_with_known_customers())
        return ActivePolicy(policy, Engine(policy, read_tables(policy)), {}, {})
    return activate(read_policy(reference_policies()[name]))


def _with_known_customers() -> dict[str, Any]:
    """A policy whose first rule approves, and whose rule on inquiries tests two inputs; its
    golden cases are not run.
    """
    changed = document("cards-US")
    rule_of(changed, "inquiries")["outcome_history_months"] = "< 80"
    known = {"history_months": ">= 100", "late_months": "0", "burden": "<= 0.2"}
    row = {f"outcome_{name}": cell for name, cell in known.items()}
    row |= {"_id": "known", "outcome_outcome": "'APPROVE'", "outcome_limit": "requested_limit"}
    table_of(changed)["rules"].insert(0, row)
    return changed


def policy_of(changed: Mapping[str, Any]) -> Policy:
    return read_policy(json.dumps(changed))


def table_of(changed: dict[str, Any], name: str = "Outcome") -> dict[str, Any]:
    content: dict[str, Any] = next(
        node["content"] for node in changed["graph"]["nodes"] if node["name"] == name
    )
    return content


def rule_of(changed: dict[str, Any], rule: str, table: str = "Outcome") -> dict[str, str]:
    rule_row: dict[str, str] = next(
        row for row in table_of(changed, table)["rules"] if row["_id"] == rule
    )
    return rule_row


def input_of(changed: dict[str, Any], name: str) -> dict[str, Any]:
    declared: dict[str, Any] = next(each for each in changed["inputs"] if each["name"] == name)
    return declared


def tradeline(tradeline_id: str = LINE, **values: Any) -> Tradeline:
    fields: dict[str, Any] = {
        "tradeline_id": tradeline_id,
        "member_id": "birch",
        "role": PartyRole.INDIVIDUAL,
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2020, 5, 17),
        "credit_limit_minor": 1_000_000,
        "original_amount_minor": None,
        "term_months": 0,
        "secured": False,
        "month": Month(2026, 1),
        "status": AccountStatus.CURRENT,
        "balance_minor": 400_000,
        "amount_due_minor": 0,
        "amount_paid_minor": 0,
        "amount_past_due_minor": 0,
        "days_past_due": 0,
        "close_date": None,
        "close_reason": CloseReason.UNSPECIFIED,
        "first_delinquency_date": None,
        "classification": Classification.NORMAL,
        "compliance_condition": ComplianceCondition.UNSPECIFIED,
        "restructured": False,
        "history": history("000"),
        "record": None,
        "actions": (),
        "party_count": 1,
        "original_creditor": "",
    }
    return Tradeline(**(fields | values))


def history(profile: str) -> PaymentHistory:
    amounts = tuple(400_000 for _ in profile)
    zeros = tuple(0 for _ in profile)
    return PaymentHistory(Month(2026, 1), profile, amounts, zeros, zeros, zeros)


@cache
def _signed_report() -> Report:
    bureau = FakeBureau()
    lender = bureau.lender()
    lender.submit([snapshot("A-1")])
    return lender.query(SUBJECT, purpose=Purpose.CREDIT_APPLICATION, consent_id=CONSENT)


def report_of(
    attributes: Mapping[str, float | None] | None = None,
    tradelines: tuple[Tradeline, ...] = (),
    standings: tuple[Standing, ...] = (),
    **values: Any,
) -> Report:
    """A report with these attributes, by name or name and currency."""
    listed = [(key.partition("."), value) for key, value in (attributes or {}).items()]
    values.setdefault("outcome", ReportOutcome.HIT)
    return replace(
        _signed_report(),
        sections=OPENED,
        attributes=tuple(
            Attribute(name, "x", {currency: value}) for (name, _, currency), value in listed
        ),
        tradelines=tradelines,
        standings=standings,
        **values,
    )


GOOD = {
    "tradelines_ever_lost": 0.0,
    "tradelines_now_30_plus": 0.0,
    "months_30_plus_24m": 0.0,
    "months_30_plus_12m": 0.0,
    "scheduled_payment.USD": 50_000.0,
    "inquiries_6m": 1.0,
    "oldest_account_age": 60.0,
}
