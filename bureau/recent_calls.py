"""Keep the newest calls of a node in memory, for its operator and for the members' engineers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import NamedTuple, Protocol

# Calls that each process of a node keeps; about 2 MiB. At the limit the oldest one goes.
KEPT = 5_000


class CarriedStatement(NamedTuple):
    """The verified statement of a running call.

    Attributes:
        request_id: Request id in its header.
        purpose: Purpose of an inquiry; 0 for other statements.
    """

    request_id: str = ""
    purpose: int = 0


NO_STATEMENT = CarriedStatement()
# The statement that the running call carries.
carried_statement: ContextVar[CarriedStatement] = ContextVar(
    "carried_statement", default=NO_STATEMENT
)


class RecentCall(NamedTuple):
    """A call that has ended.

    Attributes:
        cursor: Position among the node's calls.
        outcome: OK, or the reason of its refusal.
        duration_us: Duration in microseconds.
        call_id: Id that the caller was given.
        statement: The statement that it carried.
    """

    cursor: int
    time_us: int
    method: str
    member_id: str
    outcome: str
    duration_us: int
    call_id: str
    statement: CarriedStatement

    def is_of(self, request_id: str) -> bool:
        """Return True if the call or its statement has this id."""
        return request_id in {self.call_id, self.statement.request_id}


class KeptCalls(Protocol):
    """The calls that a node keeps, where all its processes find them."""

    def add(self, call: RecentCall) -> None:
        """Add a call, which gets the next cursor here."""

    def newest_first(self) -> Iterator[RecentCall]:
        """Yield the calls, the newest first."""
        ...


class OwnCalls:
    """The calls of a node that has one process."""

    def __init__(self) -> None:
        self._calls: deque[RecentCall] = deque(maxlen=KEPT)
        self._adding = threading.Lock()
        self._cursor = 0

    def add(self, call: RecentCall) -> None:
        """Add a call, which gets the next cursor here."""
        with self._adding:
            # By the machine's time: a cursor of an earlier run of the node lies before this run.
            self._cursor = max(self._cursor + 1, time.time_ns() // 1000)
            self._calls.append(call._replace(cursor=self._cursor))

    def newest_first(self) -> Iterator[RecentCall]:
        """Yield the calls, the newest first."""
        with self._adding:
            calls = [*self._calls]
        return reversed(calls)


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """The newest calls of a node."""

    kept: KeptCalls = field(default_factory=OwnCalls)

    def add(
        self,
        *,
        time_us: int,
        method: str,
        member_id: str,
        outcome: str,
        seconds: float,
        call_id: str,
    ) -> None:
        """Add the running call, which has ended, with the statement that it carried."""
        duration_us, statement = round(seconds * 1_000_000), carried_statement.get()
        self.kept.add(
            RecentCall(0, time_us, method, member_id, outcome, duration_us, call_id, statement)
        )

    def newest(self, count: int, member_id: str = "") -> list[RecentCall]:
        """Return the newest calls, oldest first.

        Args:
            member_id: Only calls of this member; empty for all.
        """
        calls = (call for call in self.kept.newest_first() if _is_of(call, member_id))
        return [*islice(calls, count)][::-1]

    def after(self, cursor: int, count: int, member_id: str = "") -> list[RecentCall]:
        """Return the calls after a cursor, oldest first.

        Args:
            member_id: Only calls of this member; empty for all.
        """
        later = takewhile(lambda call: call.cursor > cursor, self.kept.newest_first())
        return [call for call in later if _is_of(call, member_id)][::-1][:count]

    def of_request(self, request_id: str, member_id: str = "") -> list[RecentCall]:
        """Return the calls that have this id, or whose statement has it, oldest first."""
        calls = self.kept.newest_first()
        return [call for call in calls if call.is_of(request_id) and _is_of(call, member_id)][::-1]


def _is_of(call: RecentCall, member_id: str) -> bool:
    return not member_id or call.member_id == member_id
