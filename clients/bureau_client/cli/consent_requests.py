"""Commands for consent requests: a lender's own, and those that people answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from bureau_client.cli.arrangements import ReplacesOption
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    names_of,
)
from bureau_client.cli.decisions import LanguageOption
from bureau_client.cli.open_clients import (
    WalletOption,
    WalletPassphraseOption,
    open_lender,
    open_wallet,
)
from bureau_client.cli.output import Output, emit_many, emit_one, out
from bureau_client.cli.show import words
from bureau_client.models.codes import (
    Action,
    Code,
    ConsentMode,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Frequency
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.texts import tr

RequestArgument = Annotated[str, typer.Argument(help="Request id, from `consent-requests`.")]
ActionOption = Annotated[
    list[Action],
    typer.Option(
        parser=code_parser(Action),
        metavar="ACTION",
        help=f"Action: {names_of(Action)}; repeatable.",
    ),
]
PurposeOption = Annotated[
    list[Purpose] | None,
    typer.Option(
        parser=code_parser(Purpose),
        metavar="PURPOSE",
        help=f"Purpose: {names_of(Purpose)}; repeatable.",
    ),
]
SectionOption = Annotated[
    list[Section] | None,
    typer.Option(
        parser=code_parser(Section),
        metavar="SECTION",
        help=f"Section: {names_of(Section)}; repeatable.",
    ),
]
TypeOption = Annotated[
    list[PortfolioType] | None,
    typer.Option(
        parser=code_parser(PortfolioType),
        metavar="TYPE",
        help=f"Kind of facility: {names_of(PortfolioType)}; repeatable.",
    ),
]
ChangedOption = Annotated[
    datetime | None,
    typer.Option(help="Only requests that were made, ended or expired since this time, UTC."),
]
# Spaces before the lines that follow the first of a request: as wide as its day.
_INDENT = " " * 12


def request_consent(
    subject_id: Annotated[str, typer.Argument(help="Subject id of the person.")],
    profile: ProfileOption,
    action: ActionOption,
    text: Annotated[str, typer.Option(help="Reason for the person to read.")],
    purpose: PurposeOption = None,
    section: SectionOption = None,
    portfolio_type: TypeOption = None,
    period_days: Annotated[
        int, typer.Option("--days", min=1, help="Days that the consent lasts.")
    ] = 30,
    answer_days: Annotated[int, typer.Option(min=1, help="Days to answer in.")] = 7,
    history_months: Annotated[
        int, typer.Option(min=0, max=120, help="Months of payment history in a report.")
    ] = 24,
    max_uses: Annotated[
        int, typer.Option(min=0, help="Largest number of reports; 0: no limit.")
    ] = 0,
    uses_a_month: Annotated[
        int | None, typer.Option(min=1, help="Largest number of reports in a calendar month.")
    ] = None,
    mode: Annotated[
        ConsentMode,
        typer.Option(
            parser=code_parser(ConsentMode),
            metavar="MODE",
            show_default="view",
            help=f"Handling of the report: {names_of(ConsentMode)}.",
        ),
    ] = ConsentMode.VIEW,
    keep_days: Annotated[
        int, typer.Option(min=0, help="With mode store: days to keep the report.")
    ] = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask a person for a consent."""
    with open_lender(profile, passphrase_file) as lender:
        request = lender.request_consent(
            subject_id,
            action,
            purpose or (),
            section or (),
            text=text,
            period=timedelta(days=period_days),
            expire=timedelta(days=answer_days),
            portfolio_types=portfolio_type or (),
            history_months=history_months,
            max_uses=max_uses,
            frequency=Frequency(FrequencyUnit.MONTH, uses_a_month) if uses_a_month else None,
            mode=mode,
            data_life=timedelta(days=keep_days),
        )
    emit_one(request, output)


def made_requests(
    profile: ProfileOption,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="Subject id; default: all persons.")
    ] = None,
    changed_since: ChangedOption = None,
    limit: LimitOption = None,
    language: LanguageOption = "en",
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consent requests that this member made, newest first, with their answers."""
    with open_lender(profile, passphrase_file) as lender:
        listed = lender.consent_requests(subject, changed_since=_in_utc(changed_since), limit=limit)
    _emit(listed, output, language)


def withdraw_request(
    request_id: RequestArgument,
    profile: ProfileOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Withdraw a consent request before it is answered."""
    with open_lender(profile, passphrase_file) as lender:
        _emit_ended(lender.withdraw_consent_request(request_id), output)


def own_requests(
    wallet: WalletOption,
    profile: ProfileOption,
    changed_since: ChangedOption = None,
    limit: LimitOption = None,
    language: LanguageOption = "en",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consents that members ask you for, newest first, with your answers."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        listed = own.consent_requests(changed_since=_in_utc(changed_since), limit=limit)
    _emit(listed, output, language)


def grant_request(
    request_id: RequestArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    action: Annotated[
        list[Action] | None,
        typer.Option(
            parser=code_parser(Action),
            metavar="ACTION",
            help="Action, of those that are asked for; repeatable; default: all.",
        ),
    ] = None,
    purpose: Annotated[
        list[Purpose] | None,
        typer.Option(
            parser=code_parser(Purpose),
            metavar="PURPOSE",
            help="Purpose, of those that are asked for; repeatable; default: all.",
        ),
    ] = None,
    section: Annotated[
        list[Section] | None,
        typer.Option(
            parser=code_parser(Section),
            metavar="SECTION",
            help="Section, of those that are asked for; repeatable; default: all.",
        ),
    ] = None,
    portfolio_type: TypeOption = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until the consent expires.")] = None,
    history_months: Annotated[
        int | None, typer.Option(min=0, max=120, help="Months of payment history in a report.")
    ] = None,
    max_uses: Annotated[int | None, typer.Option(min=1, help="Largest number of reports.")] = None,
    uses_a_month: Annotated[
        int | None, typer.Option(min=1, help="Largest number of reports in a calendar month.")
    ] = None,
    view_only: Annotated[
        bool, typer.Option("--view-only", help="Let the member look at reports, and keep nothing.")
    ] = False,
    replaces: ReplacesOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Grant the consent that a member asks for, as it asks or narrowed by options."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        consent = own.grant_request(
            request_id,
            actions=action,
            purposes=purpose,
            sections=section,
            portfolio_types=portfolio_type,
            expire=None if days is None else timedelta(days=days),
            history_months=history_months,
            max_uses=max_uses,
            frequency=Frequency(FrequencyUnit.MONTH, uses_a_month) if uses_a_month else None,
            mode=ConsentMode.VIEW if view_only else None,
            replaces=replaces,
        )
    emit_one(consent, output)


def decline_request(
    request_id: RequestArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    note: Annotated[str, typer.Option(help="Reason; the member can read it.")] = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decline a consent request."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        _emit_ended(own.decline_request(request_id, note), output)


def _in_utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def _emit_ended(request: ConsentRequest, output: Output) -> None:
    if output is Output.TABLE:
        say(tr("{0} is {1}").format(request.consent_request_id, words(request.state)))
    else:
        emit_one(request, output)


def _emit(listed: Sequence[ConsentRequest], output: Output, language: str) -> None:
    if output is not Output.TABLE or not listed:
        emit_many(listed, output, ())
        return
    for request in listed:
        day = f"{request.create_time:%Y-%m-%d}  "
        state = request.state.text_in(language)
        out.print(Text.assemble(day, (request.member_id, "bold"), f"  {state}"))
        for label, text in _lines(request, language):
            out.print(Text.assemble(_INDENT, (tr(label), "dim"), f" {text}"))


def _lines(request: ConsentRequest, language: str) -> list[tuple[str, str]]:
    """Return the lines that follow the state of a request: label and words."""

    def listed(codes: Sequence[Code]) -> str:
        return ", ".join(code.text_in(language) for code in codes)

    lines = [
        ("reason", request.text),
        ("actions", listed(request.actions)),
        ("purposes", listed(request.purposes)),
        ("sections", listed(request.sections)),
        ("kinds", listed(request.portfolio_types)),
        ("lasts", tr("{0} days").format(request.period.days)),
        ("uses", str(request.max_uses or request.frequency or "")),
        ("mode", request.mode.text_in(language)),
        ("answer by", f"{request.expire_time:%Y-%m-%d %H:%M} UTC"),
        ("note", request.note),
        ("consent", request.consent_id),
        ("request", tr("{0} to {1}").format(request.consent_request_id, request.subject_id)),
    ]
    return [(label, text) for label, text in lines if text]
