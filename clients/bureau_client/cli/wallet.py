"""`bureau-wallet`: grant and revoke consents, read and dispute one's own credit file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli import (
    arrangements,
    common,
    complaints,
    consent_requests,
    decisions,
    deeds,
    deletions,
    notices,
    rights,
)
from bureau_client.cli.attributes import attributes
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    ProfileOption,
    code_parser,
    in_a_folder,
    log_calls,
    names_of,
)
from bureau_client.cli.open_clients import (
    WalletOption,
    WalletPassphraseOption,
    open_wallet,
    read_passphrase,
)
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.cli.show import save_and_emit, words
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Consent, Frequency
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.command_line.app import command_line_of
from bureau_keys.command_line.context_commands import context_commands
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.texts import tr
from bureau_keys.profile import Profile
from bureau_keys.whole_files import write_whole

PROGRAM = Program(
    "bureau-wallet",
    "bureau_client.cli",
    ("wallet", "profile", "passphrase_file", "output", "language"),
)
app = command_line_of(
    PROGRAM,
    "Hold your own key: control access to your credit file, and see every inquiry.",
    log_calls,
)
rights.disputes.command("lines")(deeds.list_lines)
complaints.own.command("deeds")(deeds.list_deeds)
app.add_typer(rights.holds, name="hold")
app.add_typer(rights.disputes, name="dispute")
app.add_typer(complaints.own, name="complaint")
app.add_typer(context_commands(PROGRAM), name="context")
app.command("statement")(rights.statement)
app.add_typer(notices.own_notices, name="notices")
app.command("decisions")(decisions.decisions)
app.command("arrangements")(arrangements.own_arrangements)
app.command("consent-requests")(consent_requests.own_requests)
app.command("grant-request")(consent_requests.grant_request)
app.command("decline-request")(consent_requests.decline_request)
app.command("deletions")(deletions.deletions)
app.command("attributes")(attributes)

NoteOption = Annotated[str, typer.Option(help="Reason; the member can read it.")]
KeyArgument = Annotated[str, typer.Argument(help="Key id, from `notices list`.")]
ConsentArgument = Annotated[str, typer.Argument(help="Consent id, from `consents`.")]

_SHOWN = (
    "consent_id",
    "grantee",
    "state",
    "actions",
    "purposes",
    "expire_time",
    "use_count",
    "proved",
)


def main() -> None:
    """Run `bureau-wallet`."""
    common.run(app, PROGRAM)


@app.command()
def create(
    subject_id: Annotated[str, typer.Argument(help="Your subject id, from a member.")],
    wallet: WalletOption,
    passphrase_file: WalletPassphraseOption = None,
) -> None:
    """Make a wallet with a new key."""
    folder = WalletFolder.create(wallet, subject_id, read_passphrase(passphrase_file))
    message = tr("made {0}; next, let a member attest the file of `bureau-wallet binding`")
    say(message.format(folder.path))


@app.command()
def binding(
    wallet: WalletOption,
    profile: ProfileOption,
    file: Annotated[Path | None, typer.Option(help="File to write; default: stdout.")] = None,
    passphrase_file: WalletPassphraseOption = None,
) -> None:
    """Sign the binding of your id to your key; a member attests it within five minutes."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        data = own.binding()
    if file is not None:
        write_whole(file, data)
    else:
        sys.stdout.buffer.write(data)


@app.command()
def grant(
    grantee: Annotated[str, typer.Argument(help="Member that the consent is for.")],
    wallet: WalletOption,
    profile: ProfileOption,
    action: Annotated[
        list[Action],
        typer.Option(
            parser=code_parser(Action),
            metavar="ACTION",
            help=f"Action: {names_of(Action)}; repeatable.",
        ),
    ],
    purpose: Annotated[
        list[Purpose] | None,
        typer.Option(
            parser=code_parser(Purpose),
            metavar="PURPOSE",
            help=f"Purpose: {names_of(Purpose)}; repeatable.",
        ),
    ] = None,
    section: Annotated[
        list[Section] | None,
        typer.Option(
            parser=code_parser(Section),
            metavar="SECTION",
            help=f"Section: {names_of(Section)}; repeatable.",
        ),
    ] = None,
    portfolio_type: Annotated[
        list[PortfolioType] | None,
        typer.Option(
            parser=code_parser(PortfolioType),
            metavar="TYPE",
            help=f"Kind of facility: {names_of(PortfolioType)}; repeatable; default: all.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days until the consent expires.")] = 30,
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
            help=f"Allowed handling of the report: {names_of(ConsentMode)}.",
        ),
    ] = ConsentMode.VIEW,
    keep_days: Annotated[
        int, typer.Option(min=0, help="With mode store: days that the report may be kept.")
    ] = 0,
    replaces: arrangements.ReplacesOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sign a consent and submit it."""
    if computed := {Section.SUMMARY, Section.ATTRIBUTES}.intersection(section or ()):
        names = " and ".join(sorted(one.name for one in computed))
        say(
            tr(
                "{0}: these figures are computed from up to 84 months of history, "
                "whatever --history-months says"
            ).format(names)
        )
    with open_wallet(wallet, profile, passphrase_file) as own:
        consent = own.grant(
            grantee,
            action,
            purpose or (),
            section or (),
            expire=timedelta(days=days),
            portfolio_types=portfolio_type or (),
            history_months=history_months,
            max_uses=max_uses,
            frequency=Frequency(FrequencyUnit.MONTH, uses_a_month) if uses_a_month else None,
            mode=mode,
            data_life=timedelta(days=keep_days),
            replaces=replaces,
        )
    emit_one(consent, output)


@app.command()
def pause(
    consent_id: ConsentArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    note: NoteOption = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Pause a consent, from the next request on."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        _emit_change(own.pause(consent_id, note), output)


@app.command()
def resume(
    consent_id: ConsentArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    note: NoteOption = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Resume a paused consent."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        _emit_change(own.resume(consent_id, note), output)


@app.command()
def revoke(
    consent_id: ConsentArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    note: NoteOption = "",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Revoke a consent permanently, from the next request on."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        _emit_change(own.revoke(consent_id, note), output)


@app.command()
def consents(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consents that you granted."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_many(own.consents(limit=limit), output, _SHOWN)


@app.command()
def inquiries(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the inquiries about you, granted and denied."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        inquiries = own.inquiries(limit=limit)
    shown = ("create_time", "member_id", "purpose", "kind", "outcome", "denial_reason", "proved")
    emit_many(inquiries, output, shown)


@app.command()
def events(
    wallet: WalletOption,
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every statement about you that the log holds, oldest first, each verified."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        listed = own.events(limit=limit)
    emit_many(listed, output, ("number", "time", "kind", "signer", "leaf_index", "proved"))


@app.command("file")
def credit_file(
    wallet: WalletOption,
    profile: ProfileOption,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=in_a_folder,
            help="File to save it in, to be verified offline.",
        ),
    ] = None,
    language: decisions.LanguageOption = "en",
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show your whole credit file, with the parts that reports leave out."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        report = own.file()
    save_and_emit(report, save, output, language)


@app.command()
def receipt(
    request_id: Annotated[str, typer.Argument(help="Request id of a write, as in its error.")],
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the receipt of a write, the proof that it took effect."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_one(own.receipt(request_id), output)


@app.command("forget-checkpoint")
def forget_checkpoint(wallet: WalletOption) -> None:
    """Forget the newest checkpoint seen, after you have shown evidence of a fork to others."""
    common.forget_checkpoint(wallet)


@app.command("rotate-key")
def rotate_key(
    wallet: WalletOption, profile: ProfileOption, passphrase_file: WalletPassphraseOption = None
) -> None:
    """Replace your key, here and at the bureau; run it again if it is interrupted."""
    folder = WalletFolder.load(wallet, read_passphrase(passphrase_file))
    receipt = folder.rotate(Profile.load(profile))
    leaf = tr("leaf {0}").format(receipt.leaf_index) if receipt else ""
    cause = leaf or tr("an earlier rotation took effect")
    in_force = tr("the new key is in force ({0}, {1:%Y-%m-%d %H:%M} UTC)")
    say(in_force.format(cause, datetime.now(UTC)))


@app.command("approve-key")
def approve_key(
    key_id: KeyArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
) -> None:
    """Approve the key that is to replace yours; it is in force at once."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        receipt = own.approve_key(key_id)
    in_force = tr("the new key is in force (leaf {0}); this wallet's key has ended")
    say(in_force.format(receipt.leaf_index))


@app.command("repudiate-key")
def repudiate_key(
    key_id: KeyArgument,
    wallet: WalletOption,
    profile: ProfileOption,
    passphrase_file: WalletPassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Repudiate a key that replaces yours, and undo what was signed with it."""
    with open_wallet(wallet, profile, passphrase_file) as own:
        emit_one(own.repudiate_key(key_id), output)


def _emit_change(consent: Consent, output: Output) -> None:
    if output is Output.TABLE:
        changed = tr("{0} is {1}, from the next request on")
        say(changed.format(consent.consent_id, words(consent.state)))
    else:
        emit_one(consent, output)
