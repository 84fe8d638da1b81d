"""`bureau-lender policy` and `bureau-lender decide`: policies, decisions and their notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bureau_client.cli.code_words import CodeTyper
from bureau_client.cli.common import OutputOption, PassphraseOption, ProfileOption, in_a_folder
from bureau_client.cli.extras import extra
from bureau_client.cli.open_clients import open_lender, read_passphrase
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.models.reports import Report
from bureau_client.verify import verify_bundle
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.suggestions import did_you_mean
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from bureau_keys.terminal import write_out
from bureau_keys.whole_files import write_whole

if TYPE_CHECKING:
    from bureau_client.risk.notices import AdverseNotice
    from bureau_client.risk.scorecard import Scorecard

policies = CodeTyper(help="Check, sign and show policies.", no_args_is_help=True)
PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="Policy, a JSON file.")]
ScorecardOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--scorecard",
        metavar="FILE",
        help="Scorecard that the policy pins; repeat for several. Those of the SDK are found.",
    ),
]


@policies.command("check")
def check_policy(
    file: PolicyFile, scorecard: ScorecardOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Check that a policy is safe to decide by: every table, rule, cell and golden case."""
    with extra("risk", "decisions"):
        from bureau_client.risk.activation import activate  # noqa: PLC0415  (an extra)
        from bureau_client.risk.policy import load_policy  # noqa: PLC0415

        active = activate(load_policy(file), load_scorecards(scorecard))
    policy, tables = active.policy, active.engine.tables
    figures = {
        "name": policy.name,
        "version": policy.version,
        "inputs": len(policy.inputs),
        "tables": len(tables),
        "rules": sum(len(table.rules) for table in tables),
        "golden_cases": len(policy.golden),
        "digest": policy.digest.hex(),
    }
    if output is not Output.TABLE:
        emit_one(figures, output)
        return
    say(
        f"{policy.name} {policy.version}: {len(policy.inputs)} inputs, {len(tables)} tables, "
        f"{figures['rules']} rules, {len(policy.golden)} golden cases pass; "
        f"digest {figures['digest']}",
    )


@policies.command("sign")
def sign_policy_file(
    file: PolicyFile,
    profile: ProfileOption,
    to: Annotated[Path, typer.Option(metavar="FILE", help="File to write the signed policy to.")],
    scorecard: ScorecardOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Check a policy and sign it with this member's key."""
    with extra("risk", "decisions"):
        from bureau_client.risk.activation import activate  # noqa: PLC0415  (an extra)
        from bureau_client.risk.policy import load_policy  # noqa: PLC0415
        from bureau_client.risk.signed_policy import sign_policy  # noqa: PLC0415

        policy = activate(load_policy(file), load_scorecards(scorecard)).policy
    key = signing_key(Profile.load(profile), passphrase_file)
    write_whole(to, sign_policy(policy, key))
    say(f"signed {policy.name} {policy.version} by key {key.verify_key.key_id}: {to}")


@policies.command("reference")
def reference_policy(
    name: Annotated[str, typer.Argument(help="Name, for example cards-US; empty to list.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a policy that comes with the SDK, to start from."""
    with extra("risk", "decisions"):
        from bureau_client.risk.policy import reference_policies  # noqa: PLC0415  (an extra)

        documents = reference_policies()
    if name and name not in documents:
        near = did_you_mean(name, documents)
        raise ValueError(f"{name!r} is not a reference policy, only {', '.join(documents)}.{near}")
    if name:
        # The document itself is JSON, which `policy check` and `policy sign` read.
        write_out(documents[name].decode())
    elif output is Output.TABLE:
        write_out("".join(f"{known}\n" for known in documents))
    else:
        emit_many([{"name": known} for known in documents], output)


def decide(
    file: Annotated[Path, typer.Argument(metavar="REPORT", help="Report saved by `query --save`.")],
    profile: ProfileOption,
    policy: Annotated[
        Path, typer.Option(metavar="FILE", help="Policy signed by `policy sign`, by this member.")
    ],
    inputs: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The applicant's data, a JSON object; with `tradeline_id` for an existing line.",
        ),
    ],
    scorecard: ScorecardOption = None,
    notice: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=in_a_folder,
            help="File for the notice of an adverse action: .pdf, .html or .txt.",
        ),
    ] = None,
    letterhead: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML file with the names and addresses that a notice states."
        ),
    ] = None,
    notice_language: Annotated[
        str, typer.Option("--language", metavar="TAG", help="Language of the notice.")
    ] = "en",
    record: Annotated[
        bool, typer.Option("--record", help="Sign the decision and have the bureau log it.")
    ] = False,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide on a saved report, verified offline, under a signed policy."""
    with extra("risk", "decisions"):
        from bureau_client.risk.activation import activate  # noqa: PLC0415  (an extra)
        from bureau_client.risk.notices import Letterhead, adverse_notice  # noqa: PLC0415
        from bureau_client.risk.signed_policy import read_signed_policy  # noqa: PLC0415

        if notice is not None and (letterhead is None or notice.suffix not in _formats()):
            raise ValueError(
                "--notice takes a file .pdf, .html or .txt, and needs the option --letterhead"
            )
        own = Profile.load(profile)
        key = signing_key(own, passphrase_file).verify_key
        signed = read_signed_policy(policy.read_bytes(), {key.key_id: key})
        active = activate(signed, load_scorecards(scorecard))
        report = verify_bundle(Report.load(file), own.trust)
        decision = active.decide(report, inputs.read_bytes())
        emit_one(decision, output)
        if record:
            with open_lender(profile, passphrase_file) as lender:
                receipt = lender.record_decision(decision)
            say(f"recorded as leaf {receipt.leaf_index} of the log")
        if notice is None or letterhead is None:
            return
        if not decision.outcome.is_adverse:
            say("the outcome is not adverse: no notice")
            return
        written = adverse_notice(
            decision,
            active,
            report,
            Letterhead.load(letterhead),
            datetime.now(UTC).date(),
            notice_language,
        )
        write_whole(notice, _formats()[notice.suffix](written))
        say(f"notice: {notice}")


def load_scorecards(paths: list[Path] | None) -> list[Scorecard]:
    """Load the scorecards of the option `--scorecard`."""
    from bureau_client.risk.scorecard import load_scorecard  # noqa: PLC0415  (an extra)

    return [load_scorecard(path) for path in paths or ()]


def _formats() -> dict[str, Callable[[AdverseNotice], bytes]]:
    from bureau_client.risk.notice_formats import (  # noqa: PLC0415  (an extra)
        notice_html,
        notice_pdf,
        notice_text,
    )

    return {
        ".pdf": notice_pdf,
        ".html": lambda notice: notice_html(notice).encode(),
        ".txt": lambda notice: notice_text(notice).encode(),
    }


def signing_key(profile: Profile, passphrase_file: Path | None) -> SigningKey:
    """Open the signing key of a profile."""
    passphrase = read_passphrase(passphrase_file)
    return SigningKey.from_pem(
        profile.signing_key_pem, None if passphrase is None else passphrase.encode()
    )
