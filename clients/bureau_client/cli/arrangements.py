"""Commands for arrangements: consents with those that they replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from bureau_client.cli.common import OutputOption, PassphraseOption, ProfileOption
from bureau_client.cli.decisions import LanguageOption
from bureau_client.cli.open_clients import (
    WalletOption,
    WalletPassphraseOption,
    open_lender,
    open_wallet,
)
from bureau_client.cli.output import Output, emit_many, out
from bureau_client.models.consents import Arrangement
from bureau_keys.command_line.texts import tr

ReplacesOption = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Earlier consent for the member, which this one replaces."),
]


def held_arrangements(
    profile: ProfileOption,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="Subject id; default: all persons.")
    ] = None,
    language: LanguageOption = "en",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consents that this member holds, each with those that it replaced."""
    with open_lender(profile, passphrase_file) as lender:
        listed = lender.arrangements(subject)
    _emit(listed, output, language)


def own_arrangements(
    wallet: WalletOption,
    profile: ProfileOption,
    language: LanguageOption = "en",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consents that you granted, each with those that it replaced."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        listed = own.arrangements()
    _emit(listed, output, language)


def _emit(listed: Sequence[Arrangement], output: Output, language: str) -> None:
    if output is not Output.TABLE or not listed:
        emit_many(listed, output, ())
        return
    for arrangement in listed:
        newest = arrangement.newest
        parties = tr("{0}, subject {1}").format(newest.grantee, newest.subject_id)
        out.print(Text.assemble((arrangement.arrangement_id, "bold"), f"  {parties}"))
        for consent in arrangement.consents:
            span = tr("{0:%Y-%m-%d} to {1:%Y-%m-%d}")
            dates = span.format(consent.start_time, consent.expire_time)
            state = consent.state.text_in(language)
            uses = tr("uses {0}").format(consent.use_count)
            out.print(Text(f"  {dates}  {state}  {consent.consent_id}  {uses}"))
