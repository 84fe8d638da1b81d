"""`bureau-wallet complaint deeds` and `dispute lines`: what a person can complain about and
dispute, with the ids that `complaint open` and `dispute open` take.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bureau_client._operations.complaints import DEED_OF
from bureau_client.cli.common import OutputOption, ProfileOption
from bureau_client.cli.open_clients import WalletOption, WalletPassphraseOption, open_wallet
from bureau_client.cli.output import Output, emit_many
from bureau_client.models.codes import DeedType, DisputeState
from bureau_client.models.complaints import Deed
from bureau_client.sync.wallet import Wallet

DEED_COLUMNS = ("deed", "member_id", "what", "time", "complaint_kinds", "complaint")
LINE_COLUMNS = ("tradeline_id", "member_id", "portfolio_type", "month", "status", "dispute")


def list_deeds(
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the deeds of members that you can complain about, newest first: the id and the kinds
    that `complaint open` takes, and the complaint that a deed has already.
    """
    with open_wallet(wallet, profile, passphrase_file) as person:
        rows = sorted(_deeds(person), key=lambda row: str(row["time"]), reverse=True)
    emit_many(rows, output, DEED_COLUMNS)


def list_lines(
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the accounts on your file, with the id that `dispute open` takes."""
    with open_wallet(wallet, profile, passphrase_file) as person:
        file = person.file()
    open_ones = {
        dispute.tradeline_id: dispute.state.name
        for dispute in file.disputes
        if dispute.state is DisputeState.OPEN
    }
    rows = [
        {
            "tradeline_id": line.tradeline_id,
            "member_id": line.member_id,
            "portfolio_type": line.portfolio_type,
            "month": line.month,
            "status": line.status,
            "dispute": open_ones.get(line.tradeline_id, ""),
        }
        for line in file.tradelines
    ]
    emit_many(rows, output, LINE_COLUMNS)


def _deeds(person: Wallet) -> Iterator[dict[str, Any]]:
    """Yield the row of each deed."""
    states = {complaint.deed: complaint.state.name for complaint in person.complaints()}

    def row(deed: Deed, member_id: str, description: str, time: datetime | None) -> dict[str, Any]:
        is_action = deed.type is DeedType.ACTION
        return {
            "deed": f"{deed.id}:{deed.record_index}" if is_action else deed.id,
            "member_id": member_id,
            "what": description,
            "time": time,
            "complaint_kinds": [
                kind.name for kind, deed_type in DEED_OF.items() if deed_type is deed.type
            ],
            "complaint": states.get(deed, ""),
        }

    for line in person.file().tradelines:
        for action in line.actions:
            if action.record is not None:
                reference = action.record
                deed = Deed(DeedType.ACTION, reference.submission_id, reference.record_index)
                yield row(deed, line.member_id, action.kind.name, action.effective_time)
    for inquiry in person.inquiries():
        deed = Deed(DeedType.INQUIRY, inquiry.inquiry_id)
        yield row(deed, inquiry.member_id, f"inquiry {inquiry.purpose.name}", inquiry.create_time)
    for recorded in person.decisions():
        deed = Deed(DeedType.DECISION, recorded.decision_id)
        outcome = recorded.decision.outcome.name
        yield row(deed, recorded.member_id, f"decision {outcome}", recorded.time)
    for dispute in person.disputes():
        if dispute.state is not DisputeState.OPEN:
            deed = Deed(DeedType.DISPUTE, dispute.dispute_id)
            answered = dispute.state is DisputeState.ANSWERED
            answer = f"answer {dispute.outcome.name}" if answered else "no answer by the deadline"
            yield row(deed, dispute.member_id, answer, dispute.close_time)
    for consent in person.consents():
        deed = Deed(DeedType.CONSENT, consent.consent_id)
        yield row(deed, consent.grantee, f"consent {consent.state.name}", consent.start_time)
