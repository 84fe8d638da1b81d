"""`bureau-lender act`, `delete`: report a facility action, withdraw an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bureau_client.cli.common import (
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    names_of,
    parse_month,
    parse_record_ref,
)
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_many
from bureau_client.models.codes import ActionReason, DeletionReason, FacilityActionKind, Initiator
from bureau_client.models.records import Deletion, FacilityAction, Record
from bureau_client.sync.lender import Lender

SHOWN = ("submission_id", "record_count", "leaf_index")
RefArgument = Annotated[str, typer.Argument(help="This member's reference of the account.")]


def act(
    account_ref: RefArgument,
    kind: Annotated[
        FacilityActionKind,
        typer.Argument(
            parser=code_parser(FacilityActionKind),
            metavar="KIND",
            help=names_of(FacilityActionKind),
        ),
    ],
    profile: ProfileOption,
    reason: Annotated[
        list[ActionReason],
        typer.Option(
            parser=code_parser(ActionReason),
            metavar="REASON",
            help=f"Reason: {names_of(ActionReason)}; up to 4 times.",
        ),
    ],
    by: Annotated[
        Initiator,
        typer.Option(
            parser=code_parser(Initiator),
            metavar="WHO",
            show_default="lender",
            help=f"Initiator: {names_of(Initiator)}.",
        ),
    ] = Initiator.LENDER,
    time: Annotated[
        datetime | None,
        typer.Option(
            "--at", formats=["%Y-%m-%dT%H:%M:%S"], help="Time of the action, UTC; default: now."
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBMISSION:INDEX", help="Record that supports the reasons; repeatable."
        ),
    ] = None,
    review_by: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of your next review.")
    ] = None,
    appeal: Annotated[str, typer.Option(help="Address for the person's objections.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=0, help="With limit-change: new limit, in minor units.")
    ] = None,
    new_ref: Annotated[
        str, typer.Option(help="With renumber: new reference; with transfer: the buyer's.")
    ] = "",
    new_member: Annotated[
        str, typer.Option(help="With transfer: the buyer, if it is a member.")
    ] = "",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Report an action on a facility between two month ends, with its reasons."""
    action = FacilityAction(
        account_ref=account_ref,
        kind=kind,
        initiator=by,
        reasons=tuple(reason),
        effective_time=time.replace(tzinfo=UTC) if time else datetime.now(UTC),
        record_refs=tuple(parse_record_ref(text, "--record") for text in record or ()),
        review_by_date=review_by.date() if review_by else None,
        appeal_route=appeal,
        credit_limit_minor=limit,
        new_account_ref=new_ref,
        new_member_id=new_member,
    )
    with open_lender(profile, passphrase_file) as lender:
        _submit(lender, action, output)


def delete(
    account_ref: RefArgument,
    reason: Annotated[
        DeletionReason,
        typer.Argument(
            parser=code_parser(DeletionReason), metavar="REASON", help=names_of(DeletionReason)
        ),
    ],
    profile: ProfileOption,
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="Month to withdraw; default: the whole account.")
    ] = "",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Withdraw an account, or a month of it; to bring it back, submit it certified."""
    which = parse_month(month)
    with open_lender(profile, passphrase_file) as lender:
        _submit(lender, Deletion(account_ref=account_ref, reason=reason, month=which), output)


def _submit(lender: Lender, record: Record, output: Output) -> None:
    emit_many(lender.submit([record]).submissions, output, SHOWN)
