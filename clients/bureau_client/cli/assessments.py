"""`bureau-lender assess`: score saved reports over time, and warn early of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli.backtests import (
    DrawsOption,
    InputsOption,
    PageOption,
    SeedOption,
    read_event,
)
from bureau_client.cli.common import OutputOption, ProfileOption
from bureau_client.cli.extras import extra
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.cli.saved_reports import load_verified, saved_reports
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile
from bureau_keys.whole_files import write_whole

LIFT = ("figure", "at_opening", "now", "difference")
TIMELINE = ("report_time", "probability", "change", "decision", "moved_by")


def assess(
    reports: Annotated[
        list[Path],
        typer.Option(
            metavar="REPORT_OR_DIR",
            help="Saved reports of several times, or folders of them; repeatable.",
            exists=True,
        ),
    ],
    profile: ProfileOption,
    scorecard: Annotated[
        str,
        typer.Option(
            metavar="FILE_OR_NAME", help="Scorecard: a JSON file, or the name of one of the SDK's."
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Policy that decides on each report too; may pin the scorecard."
        ),
    ] = None,
    inputs: InputsOption = None,
    subject: Annotated[
        str,
        typer.Option(metavar="ID", help="Show the scores of one person, and what moved them."),
    ] = "",
    own: Annotated[
        bool, typer.Option("--own", help="Warn of accounts alone that this member furnishes.")
    ] = False,
    observe: Annotated[
        str,
        typer.Option(metavar="DAYS:MONTHS", help="Event that an account is warned of."),
    ] = "60:6",
    to: PageOption = None,
    seed: SeedOption = 0,
    draws: DrawsOption = 1000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Score saved reports over time, each verified offline, and warn of accounts.

    The table compares the score of now with the score at opening, on the accounts that were
    current and whose outcome is known. The bureau is not called, and nothing is recorded.
    """
    with extra("study", "assessments"):
        from bureau_client.risk.activation import activate  # noqa: PLC0415  (an extra)
        from bureau_client.risk.assessment import assess as run_assessment  # noqa: PLC0415
        from bureau_client.risk.assessment_page import (  # noqa: PLC0415
            assessment_html,
            comparison_rows,
            timeline_rows,
        )
        from bureau_client.risk.early_warning import (  # noqa: PLC0415
            IN_SIX_MONTHS,
            early_warning,
        )
        from bureau_client.risk.policy import load_policy  # noqa: PLC0415
        from bureau_client.risk.scorecard import (  # noqa: PLC0415
            load_scorecard,
            reference_scorecards,
        )
        from bureau_client.risk.table_files import read_table  # noqa: PLC0415

        event = read_event(observe) or IN_SIX_MONTHS
        references = reference_scorecards()
        model = references[scorecard] if scorecard in references else load_scorecard(scorecard)
        active = None if policy is None else activate(load_policy(policy), [model])
        facts = None if inputs is None else read_table(inputs)
        trust = Profile.load(profile).trust
        verified = [load_verified(path, trust) for path in saved_reports(reports)]
        if subject:
            verified = [report for report in verified if report.subject_id == subject]
        assessed = run_assessment(model, verified, policy=active, inputs=facts)
        warning = early_warning(model, verified, event=event, own=own, seed=seed, draws=draws)
        if to is not None:
            write_whole(to, assessment_html(model, assessed, warning))
            say(f"page: {to}")
    if output not in {Output.TABLE, Output.CSV}:
        whole = {
            "comparisons": warning.comparisons,
            "watched": warning.watched,
            "accounts": warning.accounts,
            "months": assessed.months,
            "assessments": assessed.assessments,
            "refusals": assessed.refusals,
        }
        emit_one(whole, output)
    elif subject:
        emit_many(timeline_rows(assessed), output, TIMELINE)
    else:
        emit_many(comparison_rows(warning.comparisons), output, LIFT)
    say(
        f"{len(assessed.assessments)} reports scored, {len(assessed.refusals)} refused; the "
        f"outcome of {len(warning.known)} current accounts is known, "
        f"{len(warning.watched)} to watch",
    )
