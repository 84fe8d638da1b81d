"""`bureau-wallet hold`, `dispute`, `statement`: a person's rights over their file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli.code_words import CodeTyper
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    ProfileOption,
    code_parser,
    names_of,
    parse_month,
)
from bureau_client.cli.open_clients import WalletOption, WalletPassphraseOption, open_wallet
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.models.codes import DisputeReason, HoldKind
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.texts import tr

holds = CodeTyper(help="Freeze your file, or place a fraud alert on it.", no_args_is_help=True)
disputes = CodeTyper(help="Dispute entries on your file.", no_args_is_help=True)

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
DISPUTE_COLUMNS = (
    "dispute_id",
    "tradeline_id",
    "field",
    "reason",
    "state",
    "outcome",
    "due_time",
    "block_time",
    "answer_narrative",
    "proved",
)


@holds.command("place")
def place(
    kind: Annotated[
        HoldKind,
        typer.Argument(parser=code_parser(HoldKind), metavar="KIND", help=names_of(HoldKind)),
    ],
    wallet: WalletOption,
    profile: ProfileOption,
    until: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="End of the hold, UTC; default: none.")
    ] = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Place a hold, from the next request on."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_one(own.place_hold(kind, expire=_utc(until)), output)


@holds.command("lift")
def lift(
    hold_id: Annotated[str, typer.Argument(help="Hold id, from `hold list`.")],
    wallet: WalletOption,
    profile: ProfileOption,
    until: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="End of the lift, UTC; default: none.")
    ] = None,
    member: Annotated[str, typer.Option(help="Member to lift the hold for; needs --until.")] = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lift a hold permanently, for a time, or for one member for a time."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_one(own.lift_hold(hold_id, until=_utc(until), member_id=member), output)


@holds.command("list")
def list_holds(
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the holds on your file."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        holds = own.file().holds
    shown = ("hold_id", "kind", "state", "create_time", "expire_time", "lifts")
    emit_many(holds, output, shown)


@disputes.command("open")
def open_dispute(
    tradeline_id: Annotated[str, typer.Argument(help="Tradeline id, from `dispute lines`.")],
    wallet: WalletOption,
    profile: ProfileOption,
    field: Annotated[str, typer.Option(help="Disputed field, for example balance_minor.")],
    reason: Annotated[
        DisputeReason,
        typer.Option(
            parser=code_parser(DisputeReason), metavar="REASON", help=names_of(DisputeReason)
        ),
    ],
    month: Annotated[str, typer.Option(help="Disputed month, yyyy-mm; default: all.")] = "",
    narrative: Annotated[str, typer.Option(help="Explanation in your own words.")] = "",
    attach: Annotated[
        list[Path] | None,
        typer.Option(help="Document; only its SHA-256 is sent. Repeatable."),
    ] = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Dispute an entry; every report shows the dispute at once."""
    digests = _digests(attach)
    with open_wallet(wallet, profile, passphrase_file) as own:
        dispute = own.dispute(
            tradeline_id,
            field=field,
            reason=reason,
            month=parse_month(month),
            narrative=narrative,
            attachment_digests=digests,
        )
    emit_one(dispute, output)


@disputes.command("add")
def add_to_dispute(
    dispute_id: Annotated[str, typer.Argument(help="Dispute id, from `dispute list`.")],
    narrative: Annotated[str, typer.Argument(help="Facts to add.")],
    wallet: WalletOption,
    profile: ProfileOption,
    attach: Annotated[
        list[Path] | None,
        typer.Option(help="Document; only its SHA-256 is sent. Repeatable."),
    ] = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Add facts to an open dispute; the lender is notified."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_one(own.add_to_dispute(dispute_id, narrative, _digests(attach)), output)


@disputes.command("list")
def list_disputes(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List your disputes and their outcomes."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_many(own.disputes(limit=limit), output, DISPUTE_COLUMNS)


def statement(
    wallet: WalletOption,
    profile: ProfileOption,
    text: Annotated[
        str, typer.Argument(help="At most 2,000 characters; omit to remove the statement.")
    ] = "",
    passphrase_file: WalletPassphraseOption = None,
) -> None:
    """Set your own statement on your file; every report shows it."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        receipt = own.set_statement(text)
    done = (
        tr("the statement is on your file (leaf {0})")
        if text
        else tr("the statement is removed from your file (leaf {0})")
    )
    say(done.format(receipt.leaf_index))


def _digests(paths: list[Path] | None) -> list[bytes]:
    return [hashlib.sha256(path.read_bytes()).digest() for path in paths or ()]


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
