"""`bureau-lender agent`: review a lender's lines on each alert, and act on them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bureau_client._operations.operation import utc_now
from bureau_client.cli import common
from bureau_client.cli.common import (
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    names_of,
)
from bureau_client.cli.extras import extra
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_stream
from bureau_client.cli.policies import ScorecardOption, load_scorecards, signing_key
from bureau_client.cli.saved_reports import load_verified, saved_reports
from bureau_client.cli.streams import WaitOption, within
from bureau_client.files.lines import load_lines
from bureau_client.models.alerts import Alert
from bureau_client.models.codes import ActionReason
from bureau_client.models.lines import Lines
from bureau_client.models.reports import Report
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile, Trust

if TYPE_CHECKING:
    from bureau_client.agent.plans import LinePlanner
    from bureau_client.agent.reviews import Review


def agent(
    profile: ProfileOption,
    policy: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Policy for lines, signed by `policy sign`, by this member."
        ),
    ],
    lines: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV file with the columns of `template --lines`.")
    ],
    state: Annotated[
        Path, typer.Option(metavar="FILE", help="File that keeps the alerts in work.")
    ],
    appeal: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address for the persons' objections.")
    ],
    scorecard: ScorecardOption = None,
    review_days: Annotated[
        int, typer.Option(min=1, help="Days from a freeze or a change of limit to your review.")
    ] = 30,
    other: Annotated[
        ActionReason,
        typer.Option(
            "--other-reason",
            parser=code_parser(ActionReason),
            metavar="REASON",
            show_default="policy-change",
            help=f"Reason of an action for regb.other: {names_of(ActionReason)}.",
        ),
    ] = ActionReason.POLICY_CHANGE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the reviews of waiting alerts; send nothing.")
    ] = False,
    reports: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With --dry-run: folder of saved reports to decide on, *.json."
        ),
    ] = None,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.JSONL,
) -> None:
    """Review the lines of a person on each alert: query, decide, record, act, acknowledge.

    Prints a line for each alert that is acted on. After a crash, run it again with the same
    state file: no inquiry, decision or action is made twice.
    """
    with extra("risk", "decisions"):
        from bureau_client.agent.actions import ActionTerms  # noqa: PLC0415  (an extra)
        from bureau_client.agent.line_agent import LineAgent  # noqa: PLC0415
        from bureau_client.agent.plans import LinePlanner  # noqa: PLC0415
        from bureau_client.models.reasons import ACTION_REASONS, OTHER  # noqa: PLC0415
        from bureau_client.risk.activation import activate  # noqa: PLC0415
        from bureau_client.risk.signed_policy import read_signed_policy  # noqa: PLC0415

        own = Profile.load(profile)
        key = signing_key(own, passphrase_file).verify_key
        signed = read_signed_policy(policy.read_bytes(), {key.key_id: key})
        active = activate(signed, load_scorecards(scorecard))
    if active.policy.kind != "line":
        raise ValueError(f"{policy} is a policy for applications; name one for existing lines")
    own_lines = load_lines(lines)
    terms = ActionTerms(
        appeal_route=appeal, review_days=review_days, reasons=ACTION_REASONS | {OTHER: other}
    )
    with open_lender(profile, passphrase_file) as lender:
        alerts = within(lender.alerts(), seconds)
        if dry_run:
            planner = LinePlanner(active, terms, lender.member_id)
            saved = {} if reports is None else _newest(reports, own.trust)
            previews = (_preview(alert, planner, own_lines, saved, utc_now()) for alert in alerts)
            emit_stream((review for review in previews if review), output)
            return
        with LineAgent(lender, active, own_lines, state, terms) as line_agent:
            print_reviews(line_agent.run(alerts), output)


def print_reviews(reviews: Iterator[Review], output: Output = Output.JSONL) -> None:
    """Print a line for each review as it comes; exit with 8 if one has a problem."""
    from bureau_client.agent.reviews import ReviewState  # noqa: PLC0415  (an extra)

    states: Counter[ReviewState] = Counter()

    def counted() -> Iterator[Review]:
        for review in reviews:
            states[review.state] += 1
            yield review

    emit_stream(counted(), output)
    if problem_count := states.total() - states[ReviewState.DONE]:
        say(f"{problem_count} alerts have a problem: see their state", style="yellow")
        sys.exit(common.EXIT_PARTIAL)


def _newest(folder: Path, trust: Trust) -> dict[str, Report]:
    """Return the newest saved report on each person, verified."""
    newest: dict[str, Report] = {}
    for path in saved_reports([folder]):
        report = load_verified(path, trust)
        before = newest.get(report.subject_id)
        if before is None or before.log_size < report.log_size:
            newest[report.subject_id] = report
    return newest


def _preview(
    alert: Alert, planner: LinePlanner, lines: Lines, saved: dict[str, Report], now: datetime
) -> Review | None:
    """Return the review that an alert would cause: on a saved report, if there is one."""
    from bureau_client.agent.reviews import (  # noqa: PLC0415  (an extra)
        LineReview,
        Review,
        ReviewState,
        line_review,
    )

    own = lines(alert.subject_id)
    if not own:
        return None
    report = saved.get(alert.subject_id)
    if report is None:
        problem = f"would query a report under consent {own[0].consent_id}; none is saved"
        unknown = tuple(LineReview(account_ref=line.account_ref) for line in own)
        return Review.of(alert, ReviewState.PREVIEW, unknown, problem=problem)
    planned = tuple(line_review(plan) for plan in planner.plans(report, own, now))
    return Review.of(alert, ReviewState.PREVIEW, planned, inquiry_id=report.request_id)
