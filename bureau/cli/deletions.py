"""`bureau deletions`: the members that have not confirmed the deletion of what they received."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau.calendar import utc
from bureau.cli.common import Dir, Output, Shown, echo_status, settings_of, show
from bureau.clock import Clock
from bureau.store import queries as q
from bureau.store.database import Database

COLUMNS = ("member_id", "consent_id", "report_count", "delete_by_time")


def deletions(
    limit: Annotated[int, typer.Option(min=1, help="Largest number of consents.")] = 1000,
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """List the ended consents whose reports a member should have deleted, and has not confirmed;
    longest overdue first.
    """
    now_us = Clock().now_us()
    database = Database(settings_of(folder).database)
    try:
        with database.snapshot() as db:
            rows = db.all(q.overdue_deletions, now_us=now_us, limit=limit)
    finally:
        database.dispose()
    echo_status(f"{len(rows)} overdue")
    show(
        [
            {
                "member_id": row.member_id,
                "consent_id": row.consent_id,
                "report_count": row.use_count,
                "delete_by_time": utc(row.due_us).isoformat(),
            }
            for row in rows
        ],
        output,
        COLUMNS,
    )
