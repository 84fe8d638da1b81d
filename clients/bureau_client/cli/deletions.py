"""`bureau-wallet deletions`: the members that must delete what they received, and those that
confirmed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bureau_client.cli.common import LimitOption, OutputOption, ProfileOption
from bureau_client.cli.open_clients import WalletOption, WalletPassphraseOption, open_wallet
from bureau_client.cli.output import Output, emit_many
from bureau_client.models.consents import Consent

SHOWN = ("grantee", "consent_id", "state", "delete_by_time", "confirm_time", "report_count")


@dataclass(frozen=True, slots=True)
class DeletionLine:
    """A consent under which a member received reports that it must delete.

    Attributes:
        state: `confirmed`, `confirmed late`, `due`, or `overdue`.
        delete_by_time: Time by which the member must have deleted everything.
        confirm_time: Time at which it confirmed the deletion; None until then.
        report_count: Number of the reports.
    """

    grantee: str
    consent_id: str
    state: str
    delete_by_time: datetime
    confirm_time: datetime | None
    report_count: int


def deletions(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List who must delete your reports, by when, and who has confirmed it."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        lines = list(lines_of(own.consents(limit=limit), datetime.now(UTC)))
    emit_many(lines, output, SHOWN)


def lines_of(consents: Iterable[Consent], now: datetime) -> Iterator[DeletionLine]:
    """Yield a line for each consent with something to delete."""
    for consent in consents:
        if consent.delete_by_time is None:
            continue
        confirmed = consent.deletion
        if confirmed is not None:
            state = "confirmed late" if confirmed.is_late else "confirmed"
        else:
            state = "overdue" if consent.delete_by_time < now else "due"
        yield DeletionLine(
            grantee=consent.grantee,
            consent_id=consent.consent_id,
            state=state,
            delete_by_time=consent.delete_by_time,
            confirm_time=confirmed.confirm_time if confirmed else None,
            report_count=confirmed.report_count if confirmed else consent.use_count,
        )
