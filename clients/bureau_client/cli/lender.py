"""`bureau-lender`: submit records, query reports, verify saved reports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bureau_client._operations.context import clock_of
from bureau_client._operations.operation import utc_now
from bureau_client.cli import (
    agent,
    alerts,
    arrangements,
    common,
    complaints,
    consent_requests,
    decisions,
    disputes,
    facility_actions,
    files,
    metro2,
    operations,
    policies,
)
from bureau_client.cli.assessments import assess
from bureau_client.cli.attributes import attributes
from bureau_client.cli.backtests import backtest
from bureau_client.cli.common import (
    LimitOption,
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    in_a_folder,
    log_calls,
    names_of,
)
from bureau_client.cli.consents import member_consents
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.cli.portfolio import portfolio
from bureau_client.cli.query_many import query_many
from bureau_client.cli.schemes import schemes
from bureau_client.cli.show import emit_report, save_and_emit, witnessed_at
from bureau_client.cli.study import study
from bureau_client.cli.tables import tables
from bureau_client.models.codes import EvidenceLevel, IdentificationMethod, Purpose
from bureau_client.models.reports import Report
from bureau_client.verify import verify_bundle
from bureau_keys.command_line.app import command_line_of
from bureau_keys.command_line.context_commands import context_commands
from bureau_keys.command_line.messages import for_people, say
from bureau_keys.command_line.programs import Program
from bureau_keys.profile import Profile
from bureau_keys.terminal import Terminal, write_out

PROGRAM = Program(
    "bureau-lender",
    "bureau_client.cli",
    ("profile", "passphrase_file", "output", "language"),
)
app = command_line_of(
    PROGRAM, "Submit credit records and query reports as a member of the bureau.", log_calls
)
app.add_typer(disputes.disputes, name="dispute")
app.add_typer(complaints.received, name="complaint")
app.add_typer(member_consents, name="consent")
app.add_typer(policies.policies, name="policy")
app.add_typer(context_commands(PROGRAM), name="context")
COMMANDS: tuple[Callable[..., None], ...] = (
    *(files.submit, metro2.check, metro2.export, files.template),
    *(facility_actions.act, facility_actions.delete),
    *(alerts.alerts, agent.agent, portfolio, query_many, tables, policies.decide),
    *(backtest, assess, study, schemes, attributes),
    *(operations.calls, operations.story, operations.deadlines),
)
for command in COMMANDS:
    app.command()(command)
app.command("import")(files.submit)
app.command("decisions")(decisions.own_decisions)
app.command("arrangements")(arrangements.held_arrangements)
app.command("request-consent")(consent_requests.request_consent)
app.command("consent-requests")(consent_requests.made_requests)
app.command("withdraw-request")(consent_requests.withdraw_request)


def main() -> None:
    """Run `bureau-lender`."""
    common.run(app, PROGRAM)


@app.command()
def query(
    subject_id: Annotated[str, typer.Argument(help="Subject id, from `subject-id`.")],
    profile: ProfileOption,
    purpose: Annotated[
        Purpose,
        typer.Option(
            parser=code_parser(Purpose),
            metavar="PURPOSE",
            help=f"Purpose of the inquiry: {names_of(Purpose)}.",
        ),
    ],
    consent: Annotated[
        str, typer.Option(metavar="ID", help="Consent, or arrangement, that allows the inquiry.")
    ],
    evidence: Annotated[
        EvidenceLevel,
        typer.Option(
            parser=code_parser(EvidenceLevel),
            metavar="LEVEL",
            show_default="none",
            help="Furnishers' own signed records to fetch and verify: none, newest, all.",
        ),
    ] = EvidenceLevel.NONE,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=in_a_folder, help="File to save the report in, for `verify`."
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Query a credit report under a consent."""
    with open_lender(profile, passphrase_file) as lender:
        report = lender.query(subject_id, purpose=purpose, consent_id=consent, evidence=evidence)
    save_and_emit(report, save, output)


@app.command()
def replay(
    inquiry_id: Annotated[str, typer.Argument(help="Request id of the inquiry.")],
    subject: Annotated[str, typer.Argument(help="Subject of the report.")],
    profile: ProfileOption,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=in_a_folder, help="File to save the report in."),
    ] = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an earlier report again, exactly as it was."""
    with open_lender(profile, passphrase_file) as lender:
        report = lender.replay(inquiry_id, subject)
    save_and_emit(report, save, output)


@app.command()
def inquiries(
    profile: ProfileOption,
    subject: Annotated[
        str, typer.Option(metavar="ID", help="Only inquiries about this subject.")
    ] = "",
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List this member's own inquiries and replays."""
    with open_lender(profile, passphrase_file) as lender:
        inquiries = lender.inquiries(subject, limit=limit)
    shown = (
        "create_time",
        "subject_id",
        "inquiry_id",
        "purpose",
        "outcome",
        "denial_reason",
        "proved",
    )
    emit_many(inquiries, output, shown)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Report saved by `query --save`.")],
    profile: ProfileOption,
    output: OutputOption = Output.TABLE,
) -> None:
    """Verify a saved report offline: signature, request, receipt, evidence."""
    trust = Profile.load(profile).trust
    report = verify_bundle(Report.load(file), trust)
    steps = [for_people("the bureau signed the report, in answer to this very request")]
    if report.receipt is not None:
        leaf, size = report.receipt.leaf_index, report.receipt.tree_size
        logged = f"its inquiry is leaf {leaf} of the log, which signed size {size}"
        steps.append(for_people(logged))
        if cosigned := witnessed_at(report.receipt.checkpoint, trust):
            steps.append(for_people(f"this state of the log was witnessed {cosigned}"))
    if report.evidence:
        count, names = len(report.evidence), ", ".join(m.member_id for m in report.furnishers)
        steps.append(for_people(f"{count} records verify under the signatures of {names}"))
    for step in steps:
        mark = Text.assemble(("✓", "green"), f" {step}")
        Terminal(stderr=True).print(mark, soft_wrap=True)
    emit_report(report, output)


@app.command("subject-id")
def subject_id(
    country: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-2, for example CN.")],
    scheme: Annotated[str, typer.Argument(help="Identifier scheme, from `schemes`: resident-id.")],
    profile: ProfileOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Turn national identifiers into subject ids.

    The identifiers are read from stdin, one a line, which keeps them out of the
    shell's history; the ids are printed in the same order. The bureau does not see
    the identifiers.
    """
    if sys.stdin.isatty():
        say("identifiers, one a line; end with Ctrl-D", style="dim")
    identifiers = [(country, scheme, line.strip()) for line in sys.stdin if line.strip()]
    with (
        open_lender(profile, passphrase_file) as lender,
        common.progress_bar("evaluating", len(identifiers)) as on_progress,
    ):
        subjects = list(lender.subject_ids(identifiers, on_progress=on_progress))
    if output is Output.TABLE:
        write_out("".join(f"{subject}\n" for subject in subjects))
    else:
        emit_many([{"subject_id": subject} for subject in subjects], output)


@app.command()
def attest(
    binding: Annotated[Path, typer.Argument(help="File written by `bureau-wallet binding`.")],
    profile: ProfileOption,
    method: Annotated[
        IdentificationMethod,
        typer.Option(
            parser=code_parser(IdentificationMethod),
            metavar="METHOD",
            help=f"Method of identification: {names_of(IdentificationMethod)}.",
        ),
    ],
    identified: Annotated[
        datetime | None,
        typer.Option(
            help="Time of identification, UTC; default: now.", formats=["%Y-%m-%dT%H:%M:%S"]
        ),
    ] = None,
    replaces: Annotated[
        bool, typer.Option("--replaces", help="The key replaces one that the person has or had.")
    ] = False,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Attest that a key belongs to a person whom this member has identified."""
    now = clock_of(Profile.load(profile), utc_now)()
    moment = identified.replace(tzinfo=UTC) if identified else now
    with open_lender(profile, passphrase_file) as lender:
        receipt = lender.attest(
            binding.read_bytes(), method=method, identify_time=moment, replaces=replaces
        )
    emit_one(receipt, output)


@app.command("repudiate-key")
def repudiate_key(
    subject_id: Annotated[str, typer.Argument(help="Subject id, from `subject-id`.")],
    key_id: Annotated[str, typer.Argument(help="Key id, from the person's notices.")],
    profile: ProfileOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Repudiate a person's key; it ends once a second attester does so, too."""
    with open_lender(profile, passphrase_file) as lender:
        undoing = lender.repudiate_key(subject_id, key_id)
    if undoing is None:
        say("logged; an attester of another group must repudiate the key, too")
    else:
        emit_one(undoing, output)


@app.command()
def consents(
    profile: ProfileOption,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="Subject id; default: all persons.")
    ] = None,
    changed_since: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="Only consents that changed since this time, UTC."),
    ] = None,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the consents that this member holds."""
    since = None if changed_since is None else changed_since.replace(tzinfo=UTC)
    with open_lender(profile, passphrase_file) as lender:
        granted = lender.consents(subject, changed_since=since, limit=limit)
    shown = ("consent_id", "subject_id", "state", "actions", "purposes", "expire_time", "use_count")
    emit_many(granted, output, shown)


@app.command()
def submissions(
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List this member's submissions."""
    with open_lender(profile, passphrase_file) as lender:
        listed = lender.submissions(limit=limit)
    shown = ("create_time", "submission_id", "kind", "record_count", "label", "leaf_index")
    emit_many(listed, output, shown)


@app.command()
def receipt(
    request_id: Annotated[str, typer.Argument(help="Request id of a write, as in its error.")],
    profile: ProfileOption,
    cosigned: Annotated[int, typer.Option(min=0, help="Number of witnesses to wait for.")] = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the receipt of a write, the proof that it took effect."""
    with open_lender(profile, passphrase_file) as lender:
        proven = lender.receipt(request_id)
        if cosigned:
            proven = lender.wait_for_witnesses(proven, quorum=cosigned)
            say(f"witnessed {witnessed_at(proven.checkpoint, Profile.load(profile).trust)}")
        emit_one(proven, output)


@app.command("forget-checkpoint")
def forget_checkpoint(profile: ProfileOption) -> None:
    """Forget the newest checkpoint seen, after you have shown evidence of a fork to others."""
    common.forget_checkpoint(profile)


@app.command()
def members(
    profile: ProfileOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the members of the bureau."""
    with open_lender(profile, passphrase_file) as lender:
        listed = lender.members()
    shown = (
        *("member_id", "display_name", "state", "roles", "jurisdiction", "group"),
        "reciprocity",
    )
    emit_many(listed, output, shown)


@app.command()
def erasures(
    profile: ProfileOption,
    limit: LimitOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the operator's signed erasures of this member's accounts."""
    with open_lender(profile, passphrase_file) as lender:
        shown = ("erasure_id", "subject_id", "before_month", "leaf_index")
        emit_many(lender.erasures(limit=limit), output, shown)


@app.command()
def standard(
    profile: ProfileOption,
    version: Annotated[int, typer.Option(min=0, help="Version; 0: the one in force.")] = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the consortium's standard of credit, verified."""
    with open_lender(profile, passphrase_file) as lender:
        emit_one(lender.standard(version), output)
