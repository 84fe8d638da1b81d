"""Draws docs/images/report.svg: `python -m tests.demo.picture`, from a report of a real bureau."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console

from bureau.testing import running_bureau
from bureau_client import (
    AccountStatus,
    Action,
    EvidenceLevel,
    IdentificationMethod,
    Lender,
    Month,
    Party,
    PortfolioType,
    Purpose,
    Report,
    Section,
    SigningKey,
    Snapshot,
    Wallet,
)
from bureau_client.cli.show import show_report

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "report.svg"
WIDTH = 110
MONTHS = 12


def record(subject_id: str, index: int, today: date) -> Snapshot:
    """Return the card's record of the month `MONTHS - index` months ago."""
    months = today.year * 12 + today.month - 1 - (MONTHS - index)
    late = index == MONTHS - 4
    return Snapshot(
        account_ref="card-0001",
        month=Month(months // 12, months % 12 + 1),
        parties=(Party(subject_id),),
        portfolio_type=PortfolioType.REVOLVING,
        account_type="18",
        currency="USD",
        open_date=date(today.year - 3, 3, 15),
        status=AccountStatus.PAST_DUE_30 if late else AccountStatus.CURRENT,
        balance_minor=181_010 - index * 9_000,
        credit_limit_minor=500_000,
        amount_due_minor=4_100,
        amount_past_due_minor=4_100 if late else 0,
        days_past_due=31 if late else 0,
    )


def made_report() -> Report:
    """Return a verified report of a made-up person, from a bureau of this process."""
    now = datetime.now(UTC)
    with running_bureau() as bureau:
        roles = ["furnisher", "subscriber", "attester"]
        bank = bureau.add_member("riverbank", roles, ["credit-application"])
        agent = bureau.add_member("wallets", roles=["agent"])
        with Lender(bank) as lender:
            subject = lender.subject_id("US", "ssn", "000-12-3456")
            with Wallet(agent, subject, SigningKey.generate()) as wallet:
                lender.attest(
                    wallet.binding(), method=IdentificationMethod.IN_PERSON, identify_time=now
                )
                wallet.grant("riverbank", [Action.FURNISH], expire=timedelta(days=365))
                lender.submit([record(subject, index, now.date()) for index in range(MONTHS)])
                consent = wallet.grant(
                    "riverbank",
                    [Action.INQUIRE],
                    [Purpose.CREDIT_APPLICATION],
                    [
                        Section.SUMMARY,
                        Section.TRADELINES,
                        Section.PAYMENT_HISTORY,
                        Section.EVIDENCE,
                    ],
                    expire=timedelta(days=30),
                    max_uses=1,
                )
                return lender.query(
                    subject,
                    purpose=Purpose.CREDIT_APPLICATION,
                    consent_id=consent.consent_id,
                    evidence=EvidenceLevel.NEWEST,
                )


def draw(report: Report) -> str:
    """Return the report as an SVG that fetches nothing, as `bureau-lender query` prints it."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), markup=False, highlight=False)
    show_report(report, console)
    svg = console.export_svg(title="bureau-lender query", unique_id="report")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    PICTURE.write_text(draw(made_report()), "utf-8")
