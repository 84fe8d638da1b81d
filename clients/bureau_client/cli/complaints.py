"""`bureau-wallet complaint` and `bureau-lender complaint`: complaints about deeds of members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
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
from bureau_client.cli.open_clients import (
    WalletOption,
    WalletPassphraseOption,
    open_lender,
    open_wallet,
)
from bureau_client.cli.output import Output, emit_many, emit_one, emit_stream, plain
from bureau_client.cli.streams import WaitOption, within
from bureau_client.models.codes import ComplaintKind, ComplaintOutcome
from bureau_client.models.complaints import Complaint

own = CodeTyper(help="Complain about something that a lender did.", no_args_is_help=True)
received = CodeTyper(help="List and answer the complaints about this member.", no_args_is_help=True)

COLUMNS = (
    *("complaint_id", "member_id", "kind", "state", "due_time", "answer"),
    *("escalate_until_time", "decision", "proved"),
)
RECEIVED_COLUMNS = (
    *("complaint_id", "subject_id", "kind", "deed", "state", "due_time", "narrative", "proved"),
)
COUNT_COLUMNS = (
    *("member_id", "kind", "opened", "unanswered", "upheld", "rejected"),
    *("escalated", "operator_upheld", "operator_rejected", "unproved"),
)
ComplaintArgument = Annotated[str, typer.Argument(help="Complaint id, from `complaint list`.")]


@own.command("open")
def open_complaint(
    member_id: Annotated[str, typer.Argument(help="The member that did it.")],
    kind: Annotated[
        ComplaintKind,
        typer.Argument(
            parser=code_parser(ComplaintKind), metavar="KIND", help=names_of(ComplaintKind)
        ),
    ],
    deed: Annotated[
        str,
        typer.Argument(
            help="Id of the inquiry, decision, dispute, consent or action, from `complaint deeds`."
        ),
    ],
    wallet: WalletOption,
    profile: ProfileOption,
    narrative: Annotated[str, typer.Option(help="Explanation in your own words.")] = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open a complaint about a deed; hides an inquiry from other members until it is decided."""
    about = parse_record_ref(deed, "DEED") if ":" in deed else deed
    with open_wallet(wallet, profile, passphrase_file) as person:
        emit_one(person.complain(member_id, kind, about, narrative=narrative), output)


@own.command("list")
def list_own(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List your complaints, with answers and decisions."""
    with open_wallet(wallet, profile, passphrase_file) as person:
        emit_many(person.complaints(limit=limit), output, COLUMNS)


@own.command("escalate")
def escalate(
    complaint_id: ComplaintArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    narrative: Annotated[str, typer.Option(help="Your words to the operator.")] = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a complaint that is overdue or was rejected to the bureau's operator."""
    with open_wallet(wallet, profile, passphrase_file) as person:
        listed = _named(person.complaints(), complaint_id)
        emit_one(_proved(person.escalate(complaint_id, narrative), listed), output)


@own.command("counts")
def count_own(
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Count all complaints by member and kind; each is verified against the log."""
    with open_wallet(wallet, profile, passphrase_file) as person:
        emit_many(person.complaint_counts(), output, COUNT_COLUMNS)


@received.command("list")
def list_received(
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the complaints about this member, oldest first."""
    with open_lender(profile, passphrase_file) as lender:
        emit_many(lender.complaints(limit=limit), output, RECEIVED_COLUMNS)


@received.command("watch")
def watch(
    profile: ProfileOption,
    after: Annotated[int, typer.Option(help="Cursor of the last event; 0: all.")] = 0,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.JSONL,
) -> None:
    """Follow the events of complaints; print a line each."""
    with open_lender(profile, passphrase_file) as lender:
        events = within(lender.watch_complaints(after), seconds)
        rows = ({"cursor": news.cursor, **plain(news.complaint)} for news in events)
        emit_stream(rows, output, ("cursor", *RECEIVED_COLUMNS))


@received.command("answer")
def answer(
    complaint_id: ComplaintArgument,
    outcome: Annotated[
        ComplaintOutcome,
        typer.Argument(
            parser=code_parser(ComplaintOutcome), metavar="OUTCOME", help=names_of(ComplaintOutcome)
        ),
    ],
    profile: ProfileOption,
    narrative: Annotated[str, typer.Option(help="Reasons, for the person to read.")],
    remedy: Annotated[str, typer.Option(help="With upheld: what was done about it.")] = "",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Answer a complaint, with reasons and with what was done about it."""
    with open_lender(profile, passphrase_file) as lender:
        listed = _named(lender.complaints(), complaint_id)
        answered = lender.answer_complaint(listed, outcome, narrative, remedy=remedy)
        emit_one(_proved(answered, listed), output)


@received.command("counts")
def count_received(
    profile: ProfileOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Count all complaints by member and kind; each is verified against the log."""
    with open_lender(profile, passphrase_file) as lender:
        emit_many(lender.complaint_counts(), output, COUNT_COLUMNS)


def _proved(replied: Complaint, listed: Complaint) -> Complaint:
    """Return the complaint of a reply, whose receipt proves the newest step, with the proof of all
    that the list showed before.
    """
    return replace(
        replied, number=listed.number, leaf_index=listed.leaf_index, proved=listed.proved
    )


def _named(complaints: Iterable[Complaint], complaint_id: str) -> Complaint:
    """Return a complaint of a list."""
    for complaint in complaints:
        if complaint.complaint_id == complaint_id:
            return complaint
    raise ValueError(f"no complaint has the id {complaint_id!r}; see `complaint list`")
