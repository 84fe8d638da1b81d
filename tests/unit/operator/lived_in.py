"""A bureau that has been used: a lender, a subject, records, consents, a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bureau.testing import RunningBureau
from bureau_client import (
    AccountStatus,
    Action,
    EvidenceLevel,
    IdentificationMethod,
    Lender,
    Month,
    Party,
    PartyRole,
    PortfolioType,
    Purpose,
    Section,
    SigningKey,
    Snapshot,
    Wallet,
)

# What a stolen backup is searched for; it stands in a stored statement.
CANARY = "CANARY-7f3a-ACCOUNT"
SECTIONS = [Section.SUMMARY, Section.TRADELINES, Section.PAYMENT_HISTORY, Section.EVIDENCE]


@dataclass(frozen=True, slots=True)
class LivedIn:
    """What the tests need to know of it."""

    folder: Path
    saved_report: Path
    subject_id: str
    entries: int


def live_in(bureau: RunningBureau, folder: Path) -> LivedIn:
    """Uses a bureau as its members would."""
    profile = bureau.add_member(
        "riverbank", ["furnisher", "subscriber", "attester"], ["credit-application"]
    )
    agent = bureau.add_member("wallets", ["agent"])
    key = SigningKey.generate()
    with Lender(profile) as lender:
        (subject_id,) = lender.subject_ids([("US", "SSN", "000-12-3456")])
        with Wallet(agent, subject_id, key) as wallet:
            lender.attest(
                wallet.binding(),
                method=IdentificationMethod.EXISTING_CUSTOMER,
                identify_time=datetime.now(UTC),
            )
            wallet.grant("riverbank", [Action.FURNISH], expire=timedelta(days=300))
            consent = wallet.grant(
                "riverbank",
                [Action.INQUIRE],
                [Purpose.CREDIT_APPLICATION],
                SECTIONS,
                expire=timedelta(days=30),
                history_months=12,
                max_uses=3,
            )
        lender.submit([_snapshot(subject_id, month) for month in (1, 2, 3)])
        report = lender.query(
            subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=consent.consent_id,
            evidence=EvidenceLevel.ALL,
        )
    saved = folder / "report.json"
    report.save(saved)
    return LivedIn(bureau.folder, saved, subject_id, entries=9)


def _snapshot(subject_id: str, month: int) -> Snapshot:
    return Snapshot(
        account_ref=CANARY,
        month=Month(2026, month),
        parties=(Party(subject_id, PartyRole.INDIVIDUAL),),
        portfolio_type=PortfolioType.REVOLVING,
        account_type="18",
        currency="USD",
        open_date=date(2020, 1, 1),
        status=AccountStatus.CURRENT,
        balance_minor=1000 * month,
        credit_limit_minor=500_000,
    )
