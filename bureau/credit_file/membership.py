"""The terms of a furnisher's membership, as they were at a log size."""

from __future__ import annotations

from typing import NamedTuple

from bureau.codes import EMPTY, CodeSet
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.codes_pb2 import ROLE_FURNISHER
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import (
    MEMBER_STATE_ACTIVE,
    Admission,
    MemberChange,
    MemberStateChange,
)


class Membership(NamedTuple):
    """A member's state, roles and group.

    Attributes:
        state: MemberState.
        group: Empty for a member of no group.
    """

    state: int
    roles: CodeSet
    group: str = ""

    @property
    def may_furnish(self) -> bool:
        """True if the member may report accounts."""
        return self.state == MEMBER_STATE_ACTIVE and ROLE_FURNISHER in self.roles


def membership_at(db: Connection, log_size: int, member_id: str) -> Membership:
    """Return a member's terms by its statements below a log size."""
    state, roles, group = MEMBER_STATE_ACTIVE, EMPTY, ""
    for kind, body in db.all(q.terms_of, member_id=member_id, log_size=log_size):
        payload = Envelope.FromString(body).payload
        if kind == "member-state":
            state = MemberStateChange.FromString(payload).state
            continue
        change = (Admission if kind == "admission" else MemberChange).FromString(payload)
        roles, group = CodeSet.of(change.roles), change.group
    return Membership(state, roles, group)
