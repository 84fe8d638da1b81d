"""`bureau-lender study`: measure the value of sharing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli import common
from bureau_keys.command_line.messages import say
from bureau_keys.whole_files import write_whole

# The bureau begins on the day before the first month's end.
AHEAD = timedelta(days=1)


def study(
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="HTML page to write.", dir_okay=False)
    ] = Path("study.html"),
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Figures to write, as JSON.", dir_okay=False),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV file of real accounts (docs/study.md), in place of synthetic people.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    reports: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="New folder to keep the reports in, those of the applications and one more on "
            "each applicant, which shows the outcome; for synthetic people.",
            file_okay=False,
        ),
    ] = None,
    people: Annotated[int, typer.Option(min=1, help="Number of synthetic people.")] = 600,
    lenders: Annotated[int, typer.Option(min=1, max=20, help="Number of their lenders.")] = 6,
    months: Annotated[int, typer.Option(min=12, max=58, help="Months to furnish.")] = 36,
    outcome_months: Annotated[
        int, typer.Option(min=1, help="Months in which an outcome is observed.")
    ] = 12,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of people, folds and intervals; repeats a study.")
    ] = 7,
    draws: Annotated[int, typer.Option(min=1, help="Number of draws of each interval.")] = 200,
) -> None:
    """Measure the value of sharing: one model from own data, and from the bureau's reports.

    The accounts go through a bureau of the study's own, served on this machine at past dates. Every
    returned value is compared with the furnished one; if one differs, the study ends with 5, names
    the rows, and writes nothing.
    """
    try:
        # The one import of the server in the SDK: a study runs a bureau of its own.
        from bureau import logs  # noqa: PLC0415
        from bureau.testing import running_bureau  # noqa: PLC0415
        from bureau_client.study.comparison import ReturnedDiffers  # noqa: PLC0415
        from bureau_client.study.furnishing import month_end  # noqa: PLC0415
        from bureau_client.study.page import study_page  # noqa: PLC0415
        from bureau_client.study.real_accounts import read_population  # noqa: PLC0415
        from bureau_client.study.run import run_study  # noqa: PLC0415
        from bureau_client.study.synthetic import Size, synthetic_population  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "bureau_client":
            raise
        raise ValueError(
            f"a study needs {error.name}, of an extra: pip install 'creditbureau[study]'"
        ) from error

    if reports is not None and accounts is not None:
        raise ValueError(
            "--reports and --accounts exclude each other: no report shows the outcomes of a file "
            "of accounts; leave one out"
        )
    population = (
        synthetic_population(Size(people, lenders, months, outcome_months), seed)
        if accounts is None
        else read_population(accounts)
    )
    logs.configure("warning")
    begin = month_end(population.months[0]) - AHEAD
    end = month_end(population.months[-1]) + AHEAD
    try:
        with (
            running_bureau(start=begin, until=end) as bureau,
            common.progress_bar("months", len(population.months)) as on_progress,
        ):
            result = run_study(
                population,
                bureau,
                seed=seed,
                draws=draws,
                on_progress=on_progress,
                reports=reports,
            )
    except ReturnedDiffers as error:
        common.fail(str(error), common.EXIT_INVALID)
    write_whole(to, study_page(result))
    if json_file is not None:
        write_whole(json_file, json.dumps(result.document(), indent=1) + "\n")
    compared = result.comparison
    say(
        f"{compared.values:,} values of {compared.tradelines:,} tradelines were returned as "
        f"furnished; the figures are in {to}",
    )
