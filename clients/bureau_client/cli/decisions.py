"""Commands for decisions on reports: those of a lender, and those about a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.text import Text

from bureau_client.cli.common import LimitOption, OutputOption, PassphraseOption, ProfileOption
from bureau_client.cli.open_clients import (
    WalletOption,
    WalletPassphraseOption,
    open_lender,
    open_wallet,
)
from bureau_client.cli.output import Output, emit_many, out
from bureau_client.models.decisions import Decision, DecisionReason, RecordedDecision
from bureau_client.models.money import format_amount
from bureau_client.models.reasons import REASON_CODES, reason_text
from bureau_keys.command_line.texts import tr

LanguageOption = Annotated[
    str, typer.Option(help="Language, BCP 47, for example zh; English if unknown.")
]
# Spaces before the lines that follow the first of a decision: as wide as its day.
_INDENT = " " * 12


def own_decisions(
    profile: ProfileOption,
    subject: Annotated[
        str, typer.Option(metavar="ID", help="Only decisions about this subject.")
    ] = "",
    limit: LimitOption = None,
    language: LanguageOption = "en",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List this member's own decisions, newest first, each verified."""
    with open_lender(profile, passphrase_file) as lender:
        listed = lender.decisions(subject, limit=limit)
    _emit(listed, output, language)


def decisions(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    language: LanguageOption = "en",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the decisions on reports about you, newest first, each as its lender signed it."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        listed = own.decisions(limit=limit)
    _emit(listed, output, language)


def _emit(listed: Sequence[RecordedDecision], output: Output, language: str) -> None:
    if output is not Output.TABLE or not listed:
        emit_many(listed, output, ())
        return
    for recorded in listed:
        decision = recorded.decision
        day = f"{recorded.time:%Y-%m-%d}  "
        outcome = decision.outcome.text_in(language)
        out.print(Text.assemble(day, (recorded.member_id, "bold"), f"  {outcome}"))
        for label, words in _lines(decision, language):
            out.print(Text.assemble(_INDENT, (tr(label), "dim"), f" {words}"))


def _lines(decision: Decision, language: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that follow the outcome of a decision: label and words."""
    for reason in decision.reasons:
        yield "reason", _reason(reason, language)
        for entry in reason.basis:
            month = f", {entry.month}" if entry.month else ""
            yield "  rests on", tr("tradeline {0}").format(entry.tradeline_id) + month
    if decision.limit is not None:
        yield "limit", f"{format_amount(decision.limit, decision.currency)} {decision.currency}"
    if decision.price_band:
        yield "price band", decision.price_band
    if decision.tradeline_id:
        yield "about", tr("tradeline {0}").format(decision.tradeline_id)
    yield "policy", f"{decision.policy_name} {decision.policy_version}"
    yield "report", tr("of inquiry {0} about {1}").format(decision.inquiry_id, decision.subject_id)


def _reason(reason: DecisionReason, language: str) -> str:
    """Return a reason in words, with the attributes that it follows from."""
    attributes = f" ({', '.join(reason.attributes)})" if reason.attributes else ""
    # A lender may name a reason that this version of the SDK has no text of.
    known = reason.code in REASON_CODES
    return (reason_text(reason.code, language).text if known else reason.code) + attributes
