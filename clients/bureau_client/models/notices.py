"""A person's choice of what to hear of, and what an agent learns that passes notices on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import NoticeKind
from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeChoice:
    """A choice of what to hear of, as the person signed it.

    Attributes:
        muted: Kinds that streams leave out; lists have every notice.
        agent_id: Agent that passes notices on; empty for none.
        language: Language in which the agent writes, a BCP 47 tag; empty for any.
        time: Time of the choice in the log, UTC; None for a person who chose nothing.
        receipt: Proof that the choice is in the log; None for a person who chose nothing.
    """

    muted: tuple[NoticeKind, ...] = ()
    agent_id: str = ""
    language: str = ""
    time: datetime | None = None
    receipt: Receipt | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedNotice:
    """That there is a notice to a person, for the agent that the person chose to pass it on.

    What it says, the person reads with their own key: this is the bureau's word alone.

    Attributes:
        notice_id: Id of the notice to the person.
        subject_id: The person.
        create_time: Time of its cause, or its own time if it comes by the clock, UTC.
        language: Language that the person chose, a BCP 47 tag; empty for any.
        cursor: Cursor after the notice, to continue from.
    """

    notice_id: str
    subject_id: str
    kind: NoticeKind
    create_time: datetime
    language: str
    cursor: str = field(default="", compare=False)

    @property
    def delivery_id(self) -> str:
        """The name of the notice among those to all people, the same however often it comes."""
        return f"{self.subject_id}/{self.notice_id}"
