"""Keep the newest calls of a node in memory, for its operator and for the members' engineers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

# Calls that a node keeps; about 2 MiB. At the limit the oldest one goes.
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


@dataclass(slots=True)
class RecentCalls:
    """The newest calls, oldest first."""

    _calls: deque[RecentCall] = field(default_factory=lambda: deque(maxlen=KEPT))
    _adding: threading.Lock = field(default_factory=threading.Lock)
    _cursor: int = 0

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
        with self._adding:
            # By the machine's time: a cursor of an earlier run of the node lies before this run.
            self._cursor = max(self._cursor + 1, time.time_ns() // 1000)
            self._calls.append(
                RecentCall(
                    self._cursor,
                    time_us,
                    method,
                    member_id,
                    outcome,
                    round(seconds * 1_000_000),
                    call_id,
                    carried_statement.get(),
                )
            )

    def newest(self, count: int, member_id: str = "") -> list[RecentCall]:
        """Return the newest calls, oldest first.

        Args:
            member_id: Only calls of this member; empty for all.
        """
        newest_first = (call for call in reversed(self._copy()) if _is_of(call, member_id))
        return [*islice(newest_first, count)][::-1]

    def after(self, cursor: int, count: int, member_id: str = "") -> list[RecentCall]:
        """Return the calls after a cursor, oldest first.

        Args:
            member_id: Only calls of this member; empty for all.
        """
        later = (call for call in self._copy() if call.cursor > cursor and _is_of(call, member_id))
        return [*islice(later, count)]

    def of_request(self, request_id: str, member_id: str = "") -> Iterator[RecentCall]:
        """Yield the calls that have this id, or whose statement has it."""
        for call in self._copy():
            if call.is_of(request_id) and _is_of(call, member_id):
                yield call

    def _copy(self) -> list[RecentCall]:
        with self._adding:
            return [*self._calls]


def _is_of(call: RecentCall, member_id: str) -> bool:
    return not member_id or call.member_id == member_id
