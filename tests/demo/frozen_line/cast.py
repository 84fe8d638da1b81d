"""Everybody at the bureau of the second act: members, the person, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bureau.admin.operator import Operator
from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    Action,
    Auditor,
    Consent,
    Frequency,
    FrequencyUnit,
    IdentificationMethod,
    Lender,
    Purpose,
    Section,
    SigningKey,
    Wallet,
)
from creditbureau.v1.standard_pb2 import StandardOfCredit
from tests.demo.frozen_line.story import (
    AUDITOR,
    BEGIN,
    CAP,
    CARDS,
    CASH,
    CHECKED,
    GROUP,
    HARBOUR,
)
from tests.demo.frozen_line.timeline import CURRENCY

LENDER = ("furnisher", "subscriber", "attester")
PURPOSES = ("credit-application", "account-review")
# Everything that a decision and its reasons need.
SECTIONS = (
    Section.SUMMARY,
    Section.TRADELINES,
    Section.PAYMENT_HISTORY,
    Section.DISPUTES,
    Section.ATTRIBUTES,
)
YEAR = timedelta(days=365)
# The ceiling of the purpose.
OFTEN = Frequency(FrequencyUnit.MONTH, 5)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody at the bureau.

    Attributes:
        lenders: Clients by member id.
        reviewing: Consent under which Cards reviews the line.
    """

    bureau: RunningBureau
    lenders: dict[str, Lender]
    wallet: Wallet
    auditor: Auditor
    reviewing: Consent

    def applying(self, member_id: str) -> Consent:
        """Let a lender inquire for one application."""
        return self.wallet.grant(
            member_id,
            [Action.INQUIRE],
            [Purpose.CREDIT_APPLICATION],
            SECTIONS,
            expire=timedelta(days=20),
            history_months=24,
            max_uses=2,
        )


@contextmanager
def assembled(folder: Path) -> Iterator[Cast]:
    """Start a bureau at the day of the story, and admit everybody."""
    with ExitStack() as closing:
        bureau = closing.enter_context(running_bureau(folder, start=BEGIN, until=CHECKED + YEAR))
        lenders = {
            member_id: closing.enter_context(
                Lender(
                    bureau.add_member(member_id, LENDER, PURPOSES, group=group), clock=bureau.now
                )
            )
            for member_id, group in ((CARDS, GROUP), (CASH, GROUP), (HARBOUR, ""))
        }
        auditor = closing.enter_context(
            Auditor(bureau.add_member(AUDITOR, ["auditor"]), clock=bureau.now)
        )
        wallet = closing.enter_context(_wallet(bureau, lenders[CARDS]))
        _publish_standard(bureau)
        yield Cast(bureau, lenders, wallet, auditor, _consent(wallet))


def _wallet(bureau: RunningBureau, attester: Lender) -> Wallet:
    """Make the person's wallet, its key attested by their lender."""
    agent = bureau.add_member("wallets", ["agent"])
    # A social security number that was never issued: no area 000 exists.
    subject_id = attester.subject_id("US", "SSN", "000-10-0001")
    wallet = Wallet(agent, subject_id, SigningKey.generate(), clock=bureau.now)
    attester.attest(
        wallet.binding(),
        method=IdentificationMethod.EXISTING_CUSTOMER,
        identify_time=bureau.now() - timedelta(minutes=5),
    )
    return wallet


def _consent(wallet: Wallet) -> Consent:
    """Consent to records, to monitoring by the group, and to reviews of the line."""
    for member_id in (CARDS, CASH, HARBOUR):
        wallet.grant(member_id, [Action.FURNISH], expire=YEAR)
    for member_id in (CARDS, CASH):
        wallet.grant(
            member_id,
            [Action.MONITOR],
            [Purpose.ACCOUNT_REVIEW],
            SECTIONS,
            expire=YEAR,
            frequency=OFTEN,
        )
    return wallet.grant(
        CARDS,
        [Action.INQUIRE],
        [Purpose.ACCOUNT_REVIEW],
        SECTIONS,
        expire=YEAR,
        history_months=24,
        frequency=OFTEN,
        max_uses=20,
    )


def _publish_standard(bureau: RunningBureau) -> None:
    standard = StandardOfCredit(
        version=1,
        jurisdiction="US",
        currency=CURRENCY,
        max_unsecured_exposure_minor=CAP,
        max_concurrent_lenders=5,
        max_exposure_to_income_percent=50,
    )
    standard.effective_time.FromDatetime(bureau.now() - timedelta(seconds=1))
    with Operator(bureau.operator, bureau.clock) as operator:
        operator.publish(standard)
