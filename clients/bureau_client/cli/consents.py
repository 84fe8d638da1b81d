"""`bureau-lender consent`: the changes of the consents that a member holds, and the deletion of
what it received under them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bureau_client.cli.code_words import CodeTyper
from bureau_client.cli.common import OutputOption, PassphraseOption, ProfileOption
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_one, emit_stream
from bureau_client.cli.streams import WaitOption, within

member_consents = CodeTyper(
    help="Follow the consents that this member holds, and confirm deletions.", no_args_is_help=True
)


@member_consents.command("watch")
def watch_consents(
    profile: ProfileOption,
    after: Annotated[str, typer.Option(help="Cursor of the last change; empty: all.")] = "",
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.JSONL,
) -> None:
    """Follow the changes of the consents that this member holds; print a line each."""
    with open_lender(profile, passphrase_file) as lender:
        emit_stream(within(lender.watch_consents(after), seconds), output)


@member_consents.command("confirm-deletion")
def confirm_deletion(
    consent_id: Annotated[str, typer.Argument(help="Consent id, from `consents`.")],
    profile: ProfileOption,
    reports: Annotated[
        int | None,
        typer.Option(min=1, help="Number of reports deleted; default: as the bureau counts."),
    ] = None,
    deleted: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="Time of the deletion, UTC; default: now."),
    ] = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Confirm that everything received under an ended consent is deleted; the person sees it."""
    delete_time = None if deleted is None else deleted.replace(tzinfo=UTC)
    with open_lender(profile, passphrase_file) as lender:
        receipt = lender.confirm_deletion(consent_id, report_count=reports, delete_time=delete_time)
    emit_one(receipt, output)
