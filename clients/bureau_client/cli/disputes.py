"""`bureau-lender dispute`: the disputes against a member's records, and its answers."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau_client.cli.code_words import CodeTyper
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    names_of,
    parse_record_ref,
)
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_many, emit_one, emit_stream, plain
from bureau_client.cli.streams import WaitOption, within
from bureau_client.models.codes import DisputeOutcome

disputes = CodeTyper(
    help="List and answer the disputes against this member's records.", no_args_is_help=True
)

DISPUTE_COLUMNS = (
    "dispute_id",
    "subject_id",
    "tradeline_id",
    "field",
    "reason",
    "state",
    "due_time",
    "block_time",
    "proved",
)


@disputes.command("list")
def list_disputes(
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the disputes, oldest first."""
    with open_lender(profile, passphrase_file) as lender:
        emit_many(lender.disputes(limit=limit), output, DISPUTE_COLUMNS)


@disputes.command("watch")
def watch_disputes(
    profile: ProfileOption,
    after: Annotated[int, typer.Option(help="Cursor of the last event; 0: all.")] = 0,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.JSONL,
) -> None:
    """Follow the events of disputes; print a line each."""
    with open_lender(profile, passphrase_file) as lender:
        events = within(lender.watch_disputes(after), seconds)
        rows = ({"cursor": news.cursor, **plain(news.dispute)} for news in events)
        emit_stream(rows, output, ("cursor", *DISPUTE_COLUMNS))


@disputes.command("answer")
def answer(
    dispute_id: Annotated[str, typer.Argument(help="Dispute id, from `dispute list`.")],
    outcome: Annotated[
        DisputeOutcome,
        typer.Argument(
            parser=code_parser(DisputeOutcome), metavar="OUTCOME", help=names_of(DisputeOutcome)
        ),
    ],
    profile: ProfileOption,
    narrative: Annotated[
        str,
        typer.Option(
            help="Answer in words, at most 4,000 characters: the person reads it, no other lender "
            "does. Needed to end a block for identity theft."
        ),
    ] = "",
    correction: Annotated[
        str, typer.Option(metavar="SUBMISSION:INDEX", help="With modified: the correcting record.")
    ] = "",
    certified: Annotated[
        bool,
        typer.Option(
            "--certified",
            help="Certify complete, accurate data; needed where the law has withdrawn them.",
        ),
    ] = False,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Answer a dispute; `deleted` and `fraud` delete the disputed data."""
    with open_lender(profile, passphrase_file) as lender:
        dispute = lender.answer_dispute(
            dispute_id,
            outcome,
            narrative=narrative,
            correction=parse_record_ref(correction, "--correction") if correction else None,
            certified=certified,
        )
    emit_one(dispute, output)
