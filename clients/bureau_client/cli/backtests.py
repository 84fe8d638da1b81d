"""`bureau-lender backtest`: decide by two policies on saved reports, and compare them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bureau_client.cli.common import OutputOption, ProfileOption
from bureau_client.cli.extras import extra
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.cli.policies import ScorecardOption, load_scorecards
from bureau_client.cli.saved_reports import load_verified, saved_reports
from bureau_client.models.reports import Report
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile
from bureau_keys.whole_files import write_whole

if TYPE_CHECKING:
    from bureau_client.risk.outcomes import PastDue

InputsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The applicants' data, a table with report_id or subject_id.",
        exists=True,
    ),
]
PageOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="HTML page to write, with plots.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap intervals.")]
DrawsOption = Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")]
SHOWN = ("figure", "champion", "challenger", "difference")


def backtest(
    champion: Annotated[
        Path, typer.Option(metavar="FILE", help="Policy in force, a JSON file.", dir_okay=False)
    ],
    challenger: Annotated[
        Path, typer.Option(metavar="FILE", help="Policy to compare with it.", dir_okay=False)
    ],
    reports: Annotated[
        list[Path],
        typer.Option(
            metavar="REPORT_OR_DIR",
            help="Saved reports, or folders of them; repeatable.",
            exists=True,
        ),
    ],
    profile: ProfileOption,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Outcomes of the reports, a table .parquet, .arrow or .csv (docs/tables.md).",
            exists=True,
        ),
    ] = None,
    observe: Annotated[
        str,
        typer.Option(
            metavar="DAYS:MONTHS",
            help="Observe outcomes in the later reports of the same persons, for example 60:12.",
        ),
    ] = "",
    inputs: InputsOption = None,
    scorecard: ScorecardOption = None,
    loss_given_default: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Share of the exposure that is lost, for expected losses."
        ),
    ] = None,
    to: PageOption = None,
    seed: SeedOption = 0,
    draws: DrawsOption = 1000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide by two policies on saved reports, each verified offline, and compare them.

    The bureau is not called, and nothing is recorded.
    """
    if outcomes is not None and observe:
        raise ValueError("--outcomes and --observe exclude each other: leave one out")
    with extra("study", "backtests"):
        from bureau_client.risk.activation import activate  # noqa: PLC0415  (an extra)
        from bureau_client.risk.backtest import backtest as run_backtest  # noqa: PLC0415
        from bureau_client.risk.backtest_figures import (  # noqa: PLC0415
            Draws,
            backtest_figures,
        )
        from bureau_client.risk.backtest_page import (  # noqa: PLC0415
            backtest_html,
            figure_rows,
        )
        from bureau_client.risk.outcomes import observe_outcomes  # noqa: PLC0415
        from bureau_client.risk.policy import load_policy  # noqa: PLC0415
        from bureau_client.risk.table_files import read_table  # noqa: PLC0415

        event = read_event(observe)
        known = None if outcomes is None else read_table(outcomes)
        facts = None if inputs is None else read_table(inputs)
        cards = load_scorecards(scorecard)
        in_force, proposed = (activate(load_policy(path), cards) for path in (champion, challenger))
        trust = Profile.load(profile).trust
        verified: Iterable[Report] = (load_verified(path, trust) for path in saved_reports(reports))
        if event is not None:
            verified = kept = list(verified)
            known = observe_outcomes(kept, kept, event)
        tested = run_backtest(
            in_force,
            proposed,
            verified,
            inputs=facts,
            outcomes=known,
            loss_given_default=loss_given_default,
        )
        figures = backtest_figures(tested, Draws(seed=seed, count=draws))
        if to is not None:
            write_whole(to, backtest_html(tested, figures))
            say(f"page: {to}")
    if output in {Output.TABLE, Output.CSV}:
        emit_many(figure_rows(figures), output, SHOWN)
    else:
        whole = {"figures": figures, "decisions": tested.pairs, "refusals": tested.refusals}
        emit_one(whole, output)
    for problem, count in figures.refused.items():
        say(f"{count} decisions refused by the {problem}", style="yellow")


def read_event(text: str) -> PastDue | None:
    """Read an event, DAYS:MONTHS; None for an empty text.

    Raises:
        ValueError: The text has another form, or is no event.
    """
    from bureau_client.risk.outcomes import PastDue  # noqa: PLC0415  (an extra)

    if not text:
        return None
    days, _, months = text.partition(":")
    if not (days.isdecimal() and months.isdecimal()):
        raise ValueError(
            f"--observe {text!r} is not an event; write DAYS:MONTHS, for example 60:12 for 60 days "
            "past due within 12 months"
        )
    return PastDue(days=int(days), months=int(months))
