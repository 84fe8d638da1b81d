"""`bureau-lender alerts`, `dispute`, `replay`, `standard`: what a member
watches over and answers for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Annotated, TypeVar

import typer

from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    names_of,
)
from bureau_client.cli.lenders import emit_report, opened, record_in
from bureau_client.cli.output import Output, emit_many, emit_one, err, plain, write_line
from bureau_client.errors import BureauError
from bureau_client.models.codes import DisputeOutcome

disputes = typer.Typer(help="Disputes against this member's records.", no_args_is_help=True)

DISPUTE_COLUMNS = (
    "dispute_id",
    "subject_id",
    "tradeline_id",
    "field",
    "reason",
    "state",
    "due_time",
)
Item = TypeVar("Item")
# Items that are read before the ones in front of them are written.
AHEAD = 64
WaitOption = Annotated[
    float,
    typer.Option("--for", metavar="SECONDS", help="End after so long; 0: wait without end."),
]


def alerts(
    profile: ProfileOption,
    after: Annotated[int, typer.Option(help="Cursor of the last; 0: what was acknowledged.")] = 0,
    acknowledge: Annotated[
        bool, typer.Option("--ack", help="Acknowledge each once it is written.")
    ] = False,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Follow the alerts on people who let this member monitor them; a JSON line each."""
    with opened(profile, passphrase_file) as lender:
        for alert in _within(lender.alerts(after), seconds):
            write_line(plain(alert))
            if acknowledge:
                lender.acknowledge(alert.cursor)


def replay(
    inquiry_id: Annotated[str, typer.Argument(help="Request id of the inquiry.")],
    profile: ProfileOption,
    subject: Annotated[str, typer.Option(metavar="ID", help="Which one, of a portfolio.")] = "",
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep it.")] = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a report again, exactly as it was."""
    with opened(profile, passphrase_file) as lender:
        report = lender.replay(inquiry_id, subject)
    if save is not None:
        report.save(save)
        err.print(f"saved to {save}")
    emit_report(report, output)


def standard(
    profile: ProfileOption,
    version: Annotated[int, typer.Option(min=0, help="0: the one in force.")] = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the consortium's standard of credit, verified."""
    with opened(profile, passphrase_file) as lender:
        emit_one(lender.standard(version), output)


@disputes.command("list")
def list_disputes(
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the disputes, oldest first."""
    with opened(profile, passphrase_file) as lender:
        emit_many(lender.disputes(limit=limit), output, DISPUTE_COLUMNS)


@disputes.command("watch")
def watch_disputes(
    profile: ProfileOption,
    after: Annotated[int, typer.Option(help="Cursor of the last.")] = 0,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Follow disputes as they come; a JSON line each."""
    with opened(profile, passphrase_file) as lender:
        for news in _within(lender.watch_disputes(after), seconds):
            write_line({"cursor": news.cursor, **plain(news.dispute)})


@disputes.command("answer")
def answer(
    dispute_id: Annotated[str, typer.Argument(help="`dispute list` shows it.")],
    outcome: Annotated[
        DisputeOutcome,
        typer.Argument(
            parser=code_parser(DisputeOutcome), metavar="OUTCOME", help=names_of(DisputeOutcome)
        ),
    ],
    profile: ProfileOption,
    narrative: Annotated[str, typer.Option(help="Why; the person reads it.")] = "",
    correction: Annotated[
        str, typer.Option(metavar="SUBMISSION:INDEX", help="With modified: the new record.")
    ] = "",
    certified: Annotated[
        bool,
        typer.Option("--certified", help="It is complete and accurate; needed after the deadline."),
    ] = False,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Answer a dispute. deleted and fraud delete what is disputed."""
    with opened(profile, passphrase_file) as lender:
        found = lender.answer_dispute(
            dispute_id,
            outcome,
            narrative=narrative,
            correction=record_in(correction, "--correction") if correction else None,
            certified=certified,
        )
    emit_one(found, output)


def _within(stream: Iterator[Item], seconds: float) -> Iterator[Item]:
    """What a stream brings within a time; it would wait without end."""
    if not seconds:
        yield from stream
        return
    found: Queue[Item | BureauError] = Queue(AHEAD)

    def read() -> None:
        try:
            for item in stream:
                found.put(item)
        except BureauError as error:
            found.put(error)

    threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            item = found.get(timeout=left)
        except Empty:
            return
        if isinstance(item, BureauError):
            raise item
        yield item
