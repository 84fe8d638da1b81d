"""A worker's journal: operations, and the resolution of unknown outcomes.

A statement is written down once its outcome is known. What a broken connection left
unknown is settled by the same bytes: while the run goes on, and when it ends until
nothing is unknown any more.
"""

from __future__ import annotations

import base64
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypedDict, TypeVar

from bureau_client import (
    BureauError,
    Internal,
    NotAuthenticated,
    Overloaded,
    QuotaExceeded,
    Receipt,
    Statement,
    Unavailable,
    VerificationFailed,
)
from tests.cluster.history import History, Operation, Outcome, now_ns
from tests.cluster.workers.receipts import text_of

T = TypeVar("T")

SETTLE_S = 60.0
PAUSE_S = 0.5
# Statements kept to be sent again although their answers came.
REMEMBERED = 50


class Client(Protocol):
    """A client that can send a statement again."""

    def resend(self, statement: Statement) -> Receipt:
        """Its receipt."""
        ...


def _no_receipt(_: object) -> Receipt | None:
    """For results that hand out none."""
    return None


def _nothing(_: bool) -> None:
    """For those who need not know."""


def _no_more(_: object) -> dict[str, Any]:
    """For results that add nothing."""
    return {}


@dataclass(slots=True)
class OpenOperation:
    """An operation that is not written down yet, and who can settle it."""

    operation: Operation
    statement: Statement
    client: Client
    then: Callable[[bool], None] = _nothing


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operation that is under way.

    Attributes:
        signed: The statements that it has signed so far.
    """

    kind: str
    begin_ns: int
    about: dict[str, Any]
    signed: list[Statement] = field(default_factory=list)


@dataclass
class Journal:
    """One worker's; safe to share between its threads.

    Attributes:
        worker: The worker's name.
        history: Where it is written.
        settler: Settles whatever is unknown, where those who sent it may be out of date.
        present: Holds the attempt that the present thread makes.
    """

    worker: str
    history: History
    settler: Client | None = None
    present: Any = field(default_factory=threading.local)
    _open: list[OpenOperation] = field(default_factory=list)
    _accepted: deque[Statement] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def heard(self, statement: Statement) -> None:
        """Note a statement of the present attempt: the `before_send` of clients."""
        if attempt := self.attempt_under_way:
            attempt.signed.append(statement)

    @property
    def attempt_under_way(self) -> Attempt | None:
        """The attempt that the present thread makes; None without one."""
        attempt: Attempt | None = getattr(self.present, "attempt", None)
        return attempt

    def read(
        self,
        kind: str,
        act: Callable[[], T],
        *,
        more: Callable[[T], dict[str, Any]] = _no_more,
        **about: Any,
    ) -> T | None:
        """Reads something; None if it did not come. It has no effect either way."""
        done = Operation(self.worker, kind, "", Outcome.OK, now_ns(), 0, about=about)
        try:
            result = act()
        except BureauError as error:
            failed = replace(done, outcome=Outcome.FAILED, **why(error))
            self.history.add(replace(failed, end_ns=now_ns()))
            return None
        self.history.add(replace(done, end_ns=now_ns(), about=about | more(result)))
        return result

    def attempt(
        self,
        kind: str,
        client: Client,
        act: Callable[[], T],
        *,
        receipt: Callable[[T], Receipt | None] = _no_receipt,
        more: Callable[[T], dict[str, Any]] = _no_more,
        then: Callable[[bool], None] = _nothing,
        **about: Any,
    ) -> T | None:
        """Carry out an operation; None if its result did not come. See `carry_out`."""
        try:
            return self.carry_out(kind, client, act, receipt=receipt, more=more, then=then, **about)
        except BureauError:
            return None

    def carry_out(
        self,
        kind: str,
        client: Client,
        act: Callable[[], T],
        *,
        receipt: Callable[[T], Receipt | None] = _no_receipt,
        more: Callable[[T], dict[str, Any]] = _no_more,
        then: Callable[[bool], None] = _nothing,
        **about: Any,
    ) -> T:
        """Does something that is signed, and writes it down.

        Args:
            kind: What the history calls it.
            client: Who can send it again.
            act: The SDK's method, which signs at least one statement.
            receipt: Where the result has the receipt, if it has one.
            more: What the result adds to what it was about.
            then: Is told whether it took effect, as soon as that is known.

        Raises:
            BureauError: The result did not come.
        """
        attempt = self.present.attempt = Attempt(kind, now_ns(), about)
        try:
            result = act()
        except BureauError as error:
            self._failed(attempt, client, error, then)
            raise
        finally:
            self.present.attempt = None
        if attempt.signed:
            *earlier, last = attempt.signed
            attempt.about.update(more(result))
            for statement in earlier:
                self._answered(attempt, statement, client)
            self._answered(attempt, last, client, receipt(result))
        then(True)
        return result

    def again(self, client: Client, statement: Statement, how: str) -> None:
        """Sends a statement once more, and writes down what came of that."""
        attempt = Attempt("again", now_ns(), {"how": how, "method": statement.method})
        try:
            receipt = client.resend(statement)
        except BureauError as error:
            operation = replace(self._operation(attempt, statement), **why(error))
            if _is_final(error):
                self.history.add(replace(operation, outcome=Outcome.FAILED))
            else:
                self._keep(OpenOperation(operation, statement, client))
        else:
            operation = self._operation(attempt, statement)
            self._accept(replace(operation, outcome=Outcome.OK), statement, receipt)

    @property
    def accepted(self) -> list[Statement]:
        """The newest statements that were accepted."""
        with self._lock:
            return list(self._accepted)

    @property
    def unknown(self) -> int:
        """The number of operations whose outcome is still unknown."""
        with self._lock:
            return len(self._open)

    def settle_one(self) -> bool:
        """Sends the oldest open statement again; whether it is settled, or none is open."""
        with self._lock:
            if not self._open:
                return True
            oldest = self._open.pop(0)
        operation = oldest.operation
        try:
            receipt = (self.settler or oldest.client).resend(oldest.statement)
        except BureauError as error:
            if operation.outcome is Outcome.OK or not (
                _is_final(error) or _over_quota(operation, error)
            ):
                self._keep(oldest)
                return False
            operation = replace(operation, outcome=Outcome.FAILED, **why(error))
            self.history.add(replace(operation, settled_ns=now_ns()))
            oldest.then(False)
            return True
        settled = now_ns() if operation.outcome is Outcome.UNKNOWN else None
        operation = replace(operation, outcome=Outcome.OK, settled_ns=settled)
        self._accept(operation, oldest.statement, receipt)
        if settled:
            oldest.then(True)
        return True

    def settle_all(self) -> None:
        """Settle what is unknown, as far as the bureau answers in time."""
        give_up = time.monotonic() + SETTLE_S
        while self.unknown and time.monotonic() < give_up:
            if not self.settle_one():
                time.sleep(PAUSE_S)

    def close(self) -> None:
        """Settles what is unknown; what stays so is written down as it is."""
        self.settle_all()
        for left in self._open:
            self.history.add(left.operation)
        self.history.close()

    def _answered(
        self,
        attempt: Attempt,
        statement: Statement,
        client: Client,
        receipt: Receipt | None = None,
    ) -> None:
        """Write down a statement that was accepted, once it has its receipt.

        The SDK verified a receipt that it did not hand out: it is fetched later.
        """
        operation = replace(self._operation(attempt, statement), outcome=Outcome.OK)
        if receipt:
            self._accept(operation, statement, receipt)
        else:
            self._keep(OpenOperation(operation, statement, client))

    def _failed(
        self, attempt: Attempt, client: Client, error: BureauError, then: Callable[[bool], None]
    ) -> None:
        """Write down an attempt whose result did not come, as far as its outcome is known."""
        if not attempt.signed:
            refused = Operation(
                self.worker, attempt.kind, "", Outcome.FAILED, attempt.begin_ns, now_ns()
            )
            self.history.add(replace(refused, **why(error), about=attempt.about))
            then(False)
            return
        # The answers to those before came; only the last one's did not.
        *earlier, last = attempt.signed
        for statement in earlier:
            self._answered(attempt, statement, client)
        self._end(OpenOperation(self._operation(attempt, last), last, client, then), error)

    def _operation(self, attempt: Attempt, statement: Statement) -> Operation:
        envelope = base64.b64encode(statement.envelope).decode()
        return Operation(
            self.worker,
            attempt.kind,
            statement.request_id,
            Outcome.UNKNOWN,
            attempt.begin_ns,
            now_ns(),
            envelope=envelope,
            about=attempt.about,
        )

    def _accept(self, operation: Operation, statement: Statement, receipt: Receipt) -> None:
        text = text_of(receipt, statement)
        self.history.add(replace(operation, leaf_index=receipt.leaf_index, receipt=text))
        with self._lock:
            self._accepted.append(statement)

    def _end(self, opened: OpenOperation, error: BureauError) -> None:
        operation = replace(opened.operation, outcome=outcome_of(error), **why(error))
        if operation.outcome is Outcome.FAILED:
            self.history.add(operation)
            opened.then(False)
        else:
            opened.operation = operation
            self._keep(opened)

    def _keep(self, opened: OpenOperation) -> None:
        with self._lock:
            self._open.append(opened)


def outcome_of(error: BureauError) -> Outcome:
    """Return the outcome after an error: a refusal is final only where no try before
    it may have gone through."""
    known = not isinstance(error, Unavailable | VerificationFailed | Internal)
    return Outcome.FAILED if known and error.attempts == 1 else Outcome.UNKNOWN


def reason_of(error: BureauError) -> str:
    """Why, in one word."""
    return error.reason or type(error).__name__


class Why(TypedDict, total=False):
    """The fields of an operation that say why its answer did not come; empty if it did."""

    reason: str
    message: str


def why(error: BureauError) -> Why:
    """Return why an answer did not come."""
    return Why(reason=reason_of(error), message=error.message)


def _over_quota(operation: Operation, error: BureauError) -> bool:
    """Return True if the directory will not evaluate it today: evaluated ones are answered
    again whatever the quota.
    """
    return operation.kind == "evaluate" and error.reason == "QUOTA_EXCEEDED"


def _is_final(error: BureauError) -> bool:
    """Return True if a refusal settles a statement: its own, not one of the connection, of the
    moment, or of the member that carries it."""
    if isinstance(error, Unavailable | Overloaded | QuotaExceeded | VerificationFailed | Internal):
        return False
    if isinstance(error, NotAuthenticated):
        return error.reason == "BAD_SIGNATURE"
    return error.reason != "MEMBER_SUSPENDED"
