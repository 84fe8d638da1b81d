"""A bureau that is left up: a wallet on disk, and the first commands to try."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bureau_client import IdentificationMethod, Report
from bureau_client.wallet_folder import WalletFolder
from tests.demo.journey import WALLETS, Scenario
from tests.demo.sandbox import Sandbox


def say_how_to_talk(scenario: Scenario, sandbox: Sandbox, shown: Report, console: Console) -> None:
    """Says how to be the operator, a lender and one of its customers: another one than
    the demo was about, who has revoked.
    """
    report = next(report for report in scenario.reports if report.subject_id != shown.subject_id)
    wallet = wallet_on_disk(scenario, report, sandbox.folder / "wallet")
    lender = f"--profile {sandbox.profile_folder(report.member_id)}"
    person = f"--wallet {wallet} --profile {sandbox.profile_folder(WALLETS)}"
    asking = f"{report.subject_id} --purpose credit-application --consent {report.consent_id}"
    lines = (
        f"\nThe bureau stays up at {sandbox.address}. Talk to it:",
        f"  . {Path(sys.executable).parent / 'activate'}",
        f"  bureau member list --dir {sandbox.folder}",
        f"  bureau log verify --dir {sandbox.folder}",
        f"  bureau-lender consents --limit 5 {lender}",
        f"  bureau-lender query {asking} {lender}",
        f"  bureau-wallet inquiries {person}",
        f"  bureau-wallet revoke {report.consent_id} {person}",
        f"  kill {sandbox.process_id}     stops it\n",
    )
    # Whole lines, however narrow the terminal: they are to be copied.
    console.print(*lines, sep="\n", soft_wrap=True, highlight=False)


def wallet_on_disk(scenario: Scenario, report: Report, path: Path) -> Path:
    """A folder with a new key of somebody's, attested by the lender of a report."""
    assert scenario.wallets is not None, "the agent is admitted first"
    folder = WalletFolder.create(path, report.subject_id)
    with folder.open(scenario.wallets) as wallet:
        scenario.lenders[report.member_id].attest(
            wallet.binding(),
            method=IdentificationMethod.EXISTING_CUSTOMER,
            identify_time=datetime.now(UTC),
        )
    return path
