"""Make a bureau, lenders, and a person with something of everything, for the portal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    ComplaintKind,
    ComplaintOutcome,
    ConsentExhausted,
    ConsentMode,
    ConsentRequest,
    Decision,
    DecisionBasis,
    DecisionOutcome,
    DecisionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Frequency,
    FrequencyUnit,
    Initiator,
    Month,
    PortfolioType,
    Purpose,
    Section,
    SigningKey,
    Wallet,
)
from tests.service.scenario import AUTUMN_2026, DAY, Scenario, account, clock_of, open_scenario

NEWEST = Month(2026, 10)


@dataclass
class Life:
    """The person of the pages, another one, and their bureau."""

    scenario: Scenario
    wallet: Wallet
    key: SigningKey
    other: Wallet
    other_key: SigningKey


@contextmanager
def lived() -> Iterator[Life]:
    """A line frozen for a delinquency elsewhere, another one past due, a loan; inquiries granted
    and refused, a decision, a dispute and a complaint that were answered, data to delete, a
    consent that was replaced, a request for another one.
    """
    with open_scenario("riverbank", "hillside", clock=clock_of(AUTUMN_2026)) as scenario:
        wallet, other = scenario.person(), scenario.person()
        for back in range(11, -1, -1):
            month = NEWEST - back
            late = {2: AccountStatus.PAST_DUE_30, 1: AccountStatus.PAST_DUE_60}.get(back)
            changes: dict[str, Any] = {}
            if late:
                changes = {
                    "status": late,
                    "days_past_due": 45 if back == 2 else 75,
                    "amount_past_due_minor": 60_00,
                    "first_delinquency_date": date(2026, 7, 15),
                }
            card = account(
                wallet, "card", month, balance_minor=(300 + 40 * (11 - back)) * 100, **changes
            )
            loan = account(
                wallet,
                "loan",
                month,
                portfolio_type=PortfolioType.INSTALMENT,
                account_type="01",
                credit_limit_minor=None,
                original_amount_minor=12_000_00,
                term_months=48,
                balance_minor=(9_000 - 250 * (11 - back)) * 100,
                amount_due_minor=250_00,
                amount_paid_minor=250_00,
            )
            line = account(wallet, "line", month, balance_minor=120_00)
            scenario.submit("hillside", card)
            scenario.submit("riverbank", loan, line)
        scenario.submit(
            "riverbank",
            FacilityAction(
                account_ref=line.account_ref,
                kind=FacilityActionKind.FREEZE,
                initiator=Initiator.LENDER,
                effective_time=scenario.now() - 5 * DAY,
                reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
                review_by_date=date(2026, 12, 31),
                appeal_route="https://riverbank.example/appeal",
            ),
        )
        report = scenario.report(wallet, "riverbank")
        (late_line,) = [one for one in report.tradelines if one.member_id == "hillside"]
        basis = (DecisionBasis(late_line.tradeline_id, NEWEST - 1),)
        reason = DecisionReason("regb.excessive_obligations", ("total_balance.USD",), basis)
        scenario.lenders["riverbank"].record_decision(
            Decision(
                subject_id=wallet.subject_id,
                inquiry_id=report.request_id,
                report_digest=report.digest,
                policy_name="cards",
                policy_version="2026.1",
                policy_digest=hashlib.sha256(b"policy").digest(),
                inputs_digest=hashlib.sha256(b"inputs").digest(),
                outcome=DecisionOutcome.DECLINE,
                reasons=(reason,),
            )
        )
        once = wallet.grant(
            "hillside",
            [Action.INQUIRE],
            [Purpose.CREDIT_APPLICATION],
            [Section.SUMMARY],
            expire=timedelta(days=20),
            max_uses=1,
        )
        ask = partial(
            scenario.lenders["hillside"].query,
            wallet.subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=once.consent_id,
        )
        ask()
        with pytest.raises(ConsentExhausted):
            ask()
        dispute = wallet.dispute(
            late_line.tradeline_id,
            field="balance_minor",
            reason=DisputeReason.WRONG_AMOUNT,
            month=NEWEST - 4,
            narrative="I paid more than that.",
        )
        scenario.lenders["hillside"].answer_dispute(
            dispute.dispute_id, DisputeOutcome.ACCURATE, narrative="The payment came a month later."
        )
        _complain(scenario, wallet)
        _keep_and_change(scenario, wallet)
        ask_for_consent(scenario, wallet)
        yield Life(
            scenario,
            wallet,
            scenario.keys[wallet.subject_id],
            other,
            scenario.keys[other.subject_id],
        )


def ask_for_consent(scenario: Scenario, wallet: Wallet, **changes: Any) -> ConsentRequest:
    """Hillside asks for a consent; the request waits for an answer."""
    terms: dict[str, Any] = {
        "actions": [Action.INQUIRE],
        "purposes": [Purpose.CREDIT_APPLICATION],
        "sections": [Section.SUMMARY, Section.TRADELINES],
        "text": "Your application of today for a car loan.",
        "period": timedelta(days=30),
        "max_uses": 3,
    }
    return scenario.lenders["hillside"].request_consent(wallet.subject_id, **terms | changes)


def _complain(scenario: Scenario, wallet: Wallet) -> None:
    """A complaint about the refused inquiry, which its lender rejects."""
    (refused,) = [line for line in wallet.inquiries() if line.denial_reason]
    complaint = wallet.complain(
        "hillside",
        ComplaintKind.INQUIRY_NOT_ASKED_FOR,
        refused.inquiry_id,
        narrative="I applied once, and they asked twice.",
    )
    scenario.lenders["hillside"].answer_complaint(
        complaint, ComplaintOutcome.REJECTED, "You applied on our site on that day."
    )


def _keep_and_change(scenario: Scenario, wallet: Wallet) -> None:
    """A report that riverbank must delete, and a consent for it that a newer one replaced."""
    kept = wallet.grant(
        "riverbank",
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.SUMMARY],
        expire=timedelta(days=20),
        max_uses=2,
        mode=ConsentMode.STORE,
        data_life=timedelta(days=30),
    )
    scenario.lenders["riverbank"].query(
        wallet.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=kept.consent_id
    )
    wallet.revoke(kept, "I chose another lender.")
    earlier = None
    for count in (1, 2):
        earlier = wallet.grant(
            "riverbank",
            [Action.INQUIRE],
            [Purpose.ACCOUNT_REVIEW],
            [Section.SUMMARY, Section.TRADELINES],
            expire=timedelta(days=365),
            frequency=Frequency(FrequencyUnit.MONTH, count),
            replaces=earlier,
        )
