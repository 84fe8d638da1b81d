"""`bureau-lender calls`, `story` and `deadlines`: what the bureau did with a member's requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from bureau_client.cli.common import OutputOption, ProfileOption
from bureau_client.cli.output import Output, emit_many, emit_one
from bureau_client.models.checks import CheckState, walk_checks
from bureau_client.models.operations import OK, EndedCall, Story
from bureau_client.models.texts import DEFAULT, lookup
from bureau_client.sync.observer import Observer

CALL_COLUMNS = ("end_time", "member_id", "method", "purpose", "outcome", "ms", "request_id")
DEADLINE_COLUMNS = ("due_time", "member_id", "kind", "id", "overdue")


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call.

    Attributes:
        request_id: Request id of the statement that it carried, else id of the call.
    """

    end_time: datetime
    member_id: str
    method: str
    purpose: str
    outcome: str
    ms: float
    request_id: str


@dataclass(frozen=True, slots=True)
class StoryLine:
    """The story of a request: what it was, and what became of it.

    Attributes:
        stopped_by: Check that refused it; empty if none did.
        fix: What to do about the refusal.
        leaf_index: Index of its leaf in the log; None if it had no effect.
        consent_state: State of the cited consent now.
    """

    request_id: str
    outcome: str
    stopped_by: str
    fix: str
    kind: str
    leaf_index: int | None
    log_time: datetime | None
    consent_id: str
    consent_state: str


def calls(
    profile: ProfileOption,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=1000, help="Number of calls.")
    ] = 20,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest calls of this member that the node has answered."""
    with Observer.from_profile(profile) as observer:
        listed = observer.calls(limit=lines)
    emit_many(list(_call_lines(listed)), output, CALL_COLUMNS)


def story(
    request_id: Annotated[
        str, typer.Argument(help="Request id of a statement, or id that an error names.")
    ],
    profile: ProfileOption,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what became of a request: the check that refused it, or its entry in the log."""
    with Observer.from_profile(profile) as observer:
        result = observer.story(request_id)
    emit_one(_story_line(request_id, result), output)


def deadlines(profile: ProfileOption, output: OutputOption = Output.TABLE) -> None:
    """List the disputes and complaints that wait for an answer, the earliest deadline first."""
    with Observer.from_profile(profile) as observer:
        waiting = observer.deadlines()
    emit_many(waiting, output, DEADLINE_COLUMNS)


def _call_lines(listed: list[EndedCall]) -> Iterator[CallLine]:
    for call in listed:
        yield CallLine(
            end_time=call.end_time,
            member_id=call.member_id,
            method=call.method,
            purpose=call.purpose.name.lower().replace("_", "-") if call.purpose else "",
            outcome=call.outcome,
            ms=round(call.duration.total_seconds() * 1000, 1),
            request_id=call.statement_id or call.call_id,
        )


def _story_line(request_id: str, result: Story) -> StoryLine:
    entry = result.entries[0] if result.entries else None
    receipt = entry.logged.receipt if entry and entry.logged else None
    steps = walk_checks(result.outcome, is_inquiry=result.is_inquiry)
    stops = [step.check.name for step in steps if step.state is CheckState.STOPPED]
    fix = "" if result.outcome == OK else lookup("Reason", result.outcome, DEFAULT)[1]
    consent = entry.consent if entry else None
    return StoryLine(
        request_id=request_id,
        outcome=result.outcome,
        stopped_by=stops[0] if stops else "",
        fix=fix,
        kind=receipt.kind if receipt else "",
        leaf_index=receipt.leaf_index if receipt else None,
        log_time=receipt.log_time if receipt else None,
        consent_id=consent.consent_id if consent else "",
        consent_state=consent.state.name.lower() if consent else "",
    )
