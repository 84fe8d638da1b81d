"""What the nodes of a bureau did, and what waits in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bureau_client.models.codes import ConsentState, DeadlineKind, Purpose
from bureau_client.models.receipts import Receipt

OK = "OK"
# Method and kinds of entries of inquiries about one person.
QUERY, INQUIRIES = "Reporting/QueryReport", frozenset({"inquiry", "inquiry-denial"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """A call that a node answered, without personal data.

    Attributes:
        cursor: Position among the calls of the node.
        method: The method, as `Service/Method`.
        member_id: The calling member; empty if its certificate was refused.
        purpose: Purpose of the inquiry that it carried; None for other calls.
        outcome: OK, or the reason for which it was refused.
        call_id: Id that the node gave to the call (`last_request_id` of the client).
        statement_id: Request id of the statement that it carried; empty without one.
    """

    cursor: int
    end_time: datetime
    method: str
    member_id: str
    purpose: Purpose | None
    outcome: str
    duration: timedelta
    call_id: str
    statement_id: str


@dataclass(frozen=True, slots=True)
class LoggedDigest:
    """A statement in the log, verified by its receipt.

    Attributes:
        digest: SHA-256 of what was signed.
        receipt: Its receipt.
        statement: The signed statement, a serialised DSSE envelope; empty for who may not read it.
    """

    digest: bytes
    receipt: Receipt
    statement: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CitedConsent:
    """The consent that an inquiry cites.

    Attributes:
        state: Its state when the story was read.
        logged: The signed consent in the log; None if it was erased.
    """

    consent_id: str
    state: ConsentState
    logged: LoggedDigest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEntry:
    """An entry of the log, with what led to it.

    Attributes:
        signer: `members/{member}`, or `subjects` for a person.
        logged: The statement in the log; None if it was erased.
        denial_reason: Reason for which the consent or a hold denied the inquiry; empty otherwise.
        consent: The consent that an inquiry cites; None without one.
    """

    request_id: str
    signer: str
    logged: LoggedDigest | None
    denial_reason: str
    consent: CitedConsent | None


@dataclass(frozen=True, slots=True)
class Story:
    """The story of a request: what it was, and what became of it.

    Attributes:
        calls: The calls that the node still has, oldest first.
        entries: Its entries in the log; empty if it had no effect.
    """

    calls: tuple[EndedCall, ...]
    entries: tuple[StoryEntry, ...]

    @property
    def outcome(self) -> str:
        """OK, or the reason of the refusal: of the inquiry in the log, else of the newest call."""
        denials = [entry.denial_reason for entry in self.entries if entry.denial_reason]
        if denials:
            return denials[0]
        return OK if self.entries or not self.calls else self.calls[-1].outcome

    @property
    def is_inquiry(self) -> bool:
        """True if it asked for a report about one person."""
        kinds = {entry.logged.receipt.kind for entry in self.entries if entry.logged}
        return bool(kinds & INQUIRIES) or any(call.method == QUERY for call in self.calls)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that waits for an answer.

    Attributes:
        id: Id of the dispute or complaint.
        member_id: The furnisher, or the member whose deed it is.
        due_time: Time by which the answer is due; None where the jurisdiction sets none.
        overdue: True if that time has passed.
    """

    kind: DeadlineKind
    id: str
    member_id: str
    create_time: datetime
    due_time: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class AlertCount:
    """The alerts of a member in 30 days.

    Attributes:
        count: The number of them; 1,000 if there are 1,000 or more.
        unacknowledged_count: Those that the member has not acknowledged, counted alike.
    """

    member_id: str
    count: int
    unacknowledged_count: int
    newest_time: datetime


@dataclass(frozen=True, slots=True)
class DaySize:
    """The number of the log's leaves at the end of a day (UTC)."""

    day: date
    tree_size: int
