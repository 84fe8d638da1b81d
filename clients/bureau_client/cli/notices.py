"""`bureau-wallet notices`: what the bureau tells a person, as a list and as it comes; the choice of
what to hear of; and the agent that passes notices on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bureau_client.cli.code_words import CodeTyper
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    ProfileOption,
    code_parser,
    fail,
    names_of,
)
from bureau_client.cli.decisions import LanguageOption
from bureau_client.cli.open_clients import WalletOption, WalletPassphraseOption, open_wallet
from bureau_client.cli.output import Output, emit_many, emit_one, out, plain
from bureau_client.cli.streams import WaitOption, within
from bureau_client.models.codes import NoticeKind
from bureau_client.models.reports import Notice
from bureau_client.models.texts import nearest
from bureau_client.notifiers import (
    FileNotifier,
    NotDelivered,
    Notifier,
    WebhookNotifier,
    forward,
)
from bureau_client.sync.relay import Relay
from bureau_keys.command_line.app import Group
from bureau_keys.terminal import write_json


class ListsOtherwise(Group):
    """The group of notices: without a command of its own it lists them, as it always did."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words behind `notices`."""
        options = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        # A shell that completes looks for the commands.
        if options and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)


own_notices = CodeTyper(
    help="Read what the bureau tells you, and choose what to hear of.", cls=ListsOtherwise
)
INDENT = " " * 12


@own_notices.command("list")
def list_notices(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    language: LanguageOption = "en",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the bureau's notices to you, newest first."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        notices = own.notices(limit=limit)
    if output is not Output.TABLE:
        emit_many(notices, output, ())
        return
    for notice in notices:
        for line in lines_of(notice, language):
            out.print(line)


@own_notices.command("watch")
def watch_notices(
    wallet: WalletOption,
    profile: ProfileOption,
    after: Annotated[str, typer.Option(help="Cursor of the last notice; empty: all.")] = "",
    seconds: WaitOption = 0,
    passphrase_file: WalletPassphraseOption = None,
) -> None:
    """Follow the bureau's notices to you; print a JSON line each."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        for notice in within(own.watch_notices(after), seconds):
            write_json(plain(notice))


@own_notices.command("choose")
def choose_notices(
    wallet: WalletOption,
    profile: ProfileOption,
    without: Annotated[
        list[NoticeKind] | None,
        typer.Option(
            parser=code_parser(NoticeKind),
            metavar="KIND",
            help=f"Leave out a kind; may be repeated. One of: {names_of(NoticeKind)}.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Hear of everything again.")
    ] = False,
    agent: Annotated[
        str, typer.Option(help="Agent that passes notices on by mail or message; default: none.")
    ] = "",
    notice_language: Annotated[
        str, typer.Option(metavar="TAG", help="Language in which the agent writes, BCP 47.")
    ] = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Choose what to hear of, in place of the choice before; without an option, show it."""
    if without and everything:
        raise typer.BadParameter("give --without or --everything, not both")
    with open_wallet(wallet, profile, passphrase_file) as own:
        if without or everything or agent or notice_language:
            own.choose_notices(without or (), agent_id=agent, language=notice_language)
        emit_one(own.notice_choice(), output)


@own_notices.command("forward")
def forward_notices(
    profile: ProfileOption,
    cursor: Annotated[Path, typer.Option(help="File that keeps the cursor of the last notice.")],
    file: Annotated[Path | None, typer.Option(help="Append a JSON line for each notice.")] = None,
    webhook: Annotated[str, typer.Option(help="Post each notice to this https URL.")] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that the webhook knows you by.")
    ] = None,
    seconds: WaitOption = 0,
) -> None:
    """Pass notices on to the people who chose the agent of a profile, at least once each."""
    notifier = _notifier(file, webhook, token_file)
    with Relay.from_profile(profile) as relay:
        try:
            forward(relay, notifier, cursor, within=lambda stream: within(iter(stream), seconds))
        except NotDelivered as error:
            fail(str(error), 7)


def lines_of(notice: Notice, language: str) -> Iterator[Text]:
    """Yield a notice in lines: its sentence, the reasons, until when to act, and what proves it."""
    sentence = next(iter(nearest(notice.texts, language)), "")
    day = f"{notice.create_time:%Y-%m-%d}"
    yield Text.assemble(f"{day}  ", (notice.member_id, "bold"), f"  {sentence}")
    if notice.action is not None:
        for reason in notice.action.reasons:
            yield Text(f"{INDENT}{reason.text_in(language)}: {reason.fix_in(language)}")
        if notice.action.review_by_date is not None:
            yield _pair("review by", f"{notice.action.review_by_date:%Y-%m-%d}")
        if notice.action_ref is not None:
            yield _pair("record", str(notice.action_ref))
    if notice.act_by_time is not None:
        yield _pair("until", f"{notice.act_by_time:%Y-%m-%d %H:%M} UTC")
    if notice.due_time is not None:
        yield _pair("deadline", f"{notice.due_time:%Y-%m-%d %H:%M} UTC")
    if notice.tradeline_id:
        yield _pair("tradeline", notice.tradeline_id)
    if notice.due_time is not None:
        yield _pair("about", notice.about_id)
    if not notice.proved:
        yield Text(f"{INDENT}not proved: its cause was erased", "dim")
    if notice.effect_time is not None:
        yield _pair("key", f"{notice.key_id} ({notice.effect_time:%Y-%m-%d %H:%M} UTC)")


def _notifier(file: Path | None, webhook: str, token_file: Path | None) -> Notifier:
    if (file is None) == (not webhook):
        raise typer.BadParameter("give --file or --webhook, one of them")
    if file is not None:
        return FileNotifier(file)
    token = token_file.read_text("utf-8").strip() if token_file else ""
    return WebhookNotifier(webhook, token=token)


def _pair(name: str, value: str) -> Text:
    return Text.assemble(INDENT, (name, "dim"), f" {value}")
