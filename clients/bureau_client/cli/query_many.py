"""`bureau-lender query-many`: query the reports on a file of applicants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bureau_client._operations.many import CONCURRENCY, MOST_CONCURRENCY
from bureau_client.cli import common
from bureau_client.cli.common import PassphraseOption, ProfileOption
from bureau_client.cli.open_clients import open_lender
from bureau_client.files.querying import query_file
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile


def query_many(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV file with the columns of `template --applicants`.",
            exists=True,
            dir_okay=False,
        ),
    ],
    profile: ProfileOption,
    save: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder for the reports, for `verify`, and the table."),
    ],
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=MOST_CONCURRENCY, help="Largest number of inquiries at once."),
    ] = CONCURRENCY,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Query the reports on many applicants, and write one table, reports.csv.

    The error of one line stops no other. After a crash, run it again with the same folder: the
    reports that are saved stay, and the other inquiries continue without a second use of any
    consent. A new folder asks again.
    """
    trust = Profile.load(profile).trust
    with (
        open_lender(profile, passphrase_file) as lender,
        common.progress_bar("querying") as on_progress,
    ):
        queried = query_file(
            lender, file, save, trust, concurrency=concurrency, on_progress=on_progress
        )
    if queried.resumed_count:
        say(f"{queried.resumed_count} reports were saved by an earlier run")
    say(f"{queried.report_count} reports saved to {save}, the table is {queried.table}")
    if queried.error_count:
        say(f"{queried.error_count} lines have no report: see their column error", style="yellow")
        sys.exit(common.EXIT_PARTIAL)
