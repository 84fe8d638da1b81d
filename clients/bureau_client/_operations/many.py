"""Requests about many people: the operation of each person, and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Generic, Self, TypeVar

from bureau_client._operations import arguments, directory
from bureau_client._operations.consents import list_held
from bureau_client._operations.context import SigningContext
from bureau_client._operations.inquiry_journal import InquiryJournal
from bureau_client._operations.operation import Clock, Operation, Sleep
from bureau_client._operations.receipts import get_receipt
from bureau_client._operations.reporting import replay, send_inquiry, sign_inquiry
from bureau_client._operations.signer import Signer
from bureau_client._operations.typed_calls import argument
from bureau_client.errors import (
    BureauError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QuotaExceeded,
    Unavailable,
    VerificationFailed,
    WrongState,
)
from bureau_client.models.codes import EvidenceLevel, Purpose
from bureau_client.models.consents import Consent
from bureau_client.models.many import Identifier, Inquiry
from bureau_client.models.progress import OnProgress, Progress
from bureau_client.models.reports import Report
from bureau_client.protocols import Journal
from bureau_client.verify.log_view import Sighting
from bureau_keys import pseudonym
from bureau_keys.envelope import peek
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope

Asked = TypeVar("Asked")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Requests at once. A node gives one member three quarters of its `calls`, 24 of 32 by default;
# above the bureau refuses with OVERLOADED.
CONCURRENCY = 16
MOST_CONCURRENCY = 256
# Longest time that the request of one person waits in all for a bureau that asks for pauses. A
# quota of the minute renews within it, a quota of the day does not.
LONGEST_WAIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Asked, Answer]):
    """The outcome of the request about one person of many.

    Attributes:
        request: The request, as the caller passed it.
        error: The refusal, or the failure; None with an answer.
    """

    request: Asked
    _answer: Answer | BureauError

    @property
    def error(self) -> BureauError | None:
        """The refusal or the failure; None with an answer."""
        return self._answer if isinstance(self._answer, BureauError) else None

    @property
    def answer(self) -> Answer:
        """The answer.

        Raises:
            BureauError: The request has no answer: the same as `error`.
        """
        if isinstance(self._answer, BureauError):
            raise self._answer
        return self._answer


@dataclass(slots=True)
class Tally:
    """The outcomes of one run, counted for its progress, until an error concerns everyone.

    Attributes:
        total: Number of requests in all; None if unknown before the end.
    """

    total: int | None
    clock: Clock
    on_progress: OnProgress | None
    _done: int = 0
    _started: datetime = field(init=False)
    _failure: BureauError | None = None

    def __post_init__(self) -> None:
        self._started = self.clock()

    @classmethod
    def of(cls, requests: Iterable[object], clock: Clock, on_progress: OnProgress | None) -> Self:
        """Return the tally of a run that begins now."""
        return cls(len(requests) if isinstance(requests, Sized) else None, clock, on_progress)

    def until_failure(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and no further one after an error that concerns everyone."""
        for item in items:
            if self._failure is not None:
                return
            yield item

    def outcome(self, request: Asked, answer: Answer | BureauError) -> Outcome[Asked, Answer]:
        """Count the request about one person, and return its outcome."""
        if isinstance(answer, BureauError) and concerns_everyone(answer):
            self._failure = self._failure or answer
        self._done += 1
        if self.on_progress is not None:
            self.on_progress(Progress(self._done, self.total, self.clock() - self._started))
        return Outcome(request, answer)

    def finish(self) -> None:
        """End the run.

        Raises:
            BureauError: The error that ended the run, because it is one of the connection, the
                member or the log, and so of every further request.
        """
        if self._failure is not None:
            raise self._failure


def concerns_everyone(error: BureauError) -> bool:
    """Return True if the requests about other people would fail with the error, too."""
    if isinstance(error, QuotaExceeded):
        return error.retry_after is not None
    if isinstance(error, VerificationFailed):
        return error.evidence is not None
    of_member = error.reason in {"MEMBER_SUSPENDED", "ROLE_REQUIRED"}
    return of_member or isinstance(error, NotAuthenticated | Unavailable | Overloaded)


def open_journal(
    journal: str | Path | Journal | None, signer: Signer
) -> AbstractContextManager[Journal | None]:
    """Open the journal of a run: lock a file, use a `Journal` as it is; None keeps none."""
    if isinstance(journal, str | Path):
        return InquiryJournal(Path(journal), signer)
    return nullcontext(journal)


def checked_concurrency(value: int) -> int:
    """Return a number of requests at once.

    Raises:
        InvalidRequest: The number is not between 1 and MOST_CONCURRENCY.
    """
    if not 1 <= value <= MOST_CONCURRENCY:
        message = f"is {value}; write a number from 1 to {MOST_CONCURRENCY}"
        raise arguments.refuse("concurrency", "INVALID_FIELD", message)
    return value


def patiently(start: Callable[[], Operation[Answer]]) -> Operation[Answer]:
    """Run an operation, and again after each pause that the bureau asks for.

    Raises:
        Overloaded, QuotaExceeded: The pauses exceed LONGEST_WAIT.
    """
    waited = timedelta()
    while True:
        try:
            return (yield from start())
        except (Overloaded, QuotaExceeded) as error:
            if error.retry_after is None or waited + error.retry_after > LONGEST_WAIT:
                raise
            pause = error.retry_after
        waited += pause
        yield Sleep(pause.total_seconds())


def query(context: SigningContext, journal: Journal | None, inquiry: Inquiry) -> Operation[Report]:
    """Query the report of one inquiry of many.

    The same signed inquiry is sent until the bureau answers: the one of an earlier run, if the
    journal has it. Only an inquiry that grew too old, or whose key was rotated since, and that is
    not in the log, is signed again.
    """
    inquiry = canonical(inquiry)
    sealed, newest = _sealed(context, journal, inquiry)
    try:
        return (yield from patiently(partial(send_inquiry, context, sealed, newest)))
    except WrongState as error:
        if error.reason != "EXPIRED_REQUEST":
            raise
    except NotAuthenticated:
        if sealed.signatures[0].keyid == context.signer.key.verify_key.key_id:
            raise
    request_id = peek(sealed, reporting_pb2.Inquiry).header.request_id
    if (yield from _took_effect(context, request_id, sealed)):
        again = partial(replay, context, request_id, inquiry.subject_id)
        return (yield from patiently(again)).report
    sealed, newest = _sealed(context, journal, inquiry, void=sealed)
    return (yield from patiently(partial(send_inquiry, context, sealed, newest)))


def canonical(inquiry: Inquiry) -> Inquiry:
    """Return an inquiry with its ids in their canonical spelling.

    Raises:
        InvalidRequest: A field is wrong.
    """
    inquiry = argument("inquiry", inquiry, Inquiry)
    purpose = argument("purpose", inquiry.purpose, Purpose)
    arguments.code(purpose, "purpose")
    return replace(
        inquiry,
        subject_id=arguments.subject_id(argument("subject_id", inquiry.subject_id, str)),
        purpose=purpose,
        consent_id=arguments.consent_id(inquiry.consent_id),
        evidence=argument("evidence", inquiry.evidence, EvidenceLevel),
        reference=argument("reference", inquiry.reference, str),
    )


def _sealed(
    context: SigningContext,
    journal: Journal | None,
    inquiry: Inquiry,
    void: Envelope | None = None,
) -> tuple[Envelope, Sighting | None]:
    """Return the signed inquiry, and the newest checkpoint seen before it was first sent; None
    if an earlier run may have sent it.
    """
    sign = partial(
        sign_inquiry,
        context,
        inquiry.subject_id,
        purpose=inquiry.purpose,
        consent_id=inquiry.consent_id,
        evidence=inquiry.evidence,
    )
    newest = context.log_view.newest
    if journal is None:
        return sign(), newest
    sealed, is_kept = journal.sealed(inquiry, sign, void)
    return sealed, None if is_kept else newest


def _took_effect(context: SigningContext, request_id: str, sealed: Envelope) -> Operation[bool]:
    """Return True if an inquiry that cannot be sent again was answered with a report."""
    statement = sealed.SerializeToString(deterministic=True)
    try:
        receipt = yield from get_receipt(context, request_id, statement)
    except NotFound:
        return False
    return receipt.kind == "inquiry"


def identifier_batches(identifiers: Iterable[Identifier]) -> Iterator[list[Identifier]]:
    """Yield identifiers in the batches of one evaluation each."""
    remaining = iter(identifiers)
    while batch := list(islice(remaining, pseudonym.MAX_BATCH)):
        yield batch


def subject_ids(
    context: SigningContext, batch: Sequence[Identifier]
) -> Operation[list[str | InvalidRequest]]:
    """Return the subject id of each identifier of a batch, or the fault of the identifier."""
    answers = [_fault(context, identifier) for identifier in batch]
    sound = [pair[0] for pair in zip(batch, answers, strict=True) if pair[1] is None]
    evaluated = iter((yield from patiently(partial(directory.subject_ids, context, sound))))
    return [next(evaluated) if fault is None else fault for fault in answers]


def each(
    batch: Sequence[Identifier], answers: Sequence[str | InvalidRequest] | BureauError
) -> Iterator[tuple[Identifier, str | BureauError]]:
    """Yield each identifier of a batch with its answer; the error of a whole batch is each's."""
    for index, identifier in enumerate(batch):
        yield identifier, answers if isinstance(answers, BureauError) else answers[index]


def _fault(context: SigningContext, identifier: Identifier) -> InvalidRequest | None:
    try:
        directory.normalised(context, "identifier", identifier)
    except InvalidRequest as error:
        return error
    return None


def consents(context: SigningContext, subject_id: str) -> Operation[list[Consent]]:
    """List the consents that the calling member holds of one subject, newest first."""
    named = argument("subject_id", subject_id, str)
    return (yield from patiently(partial(list_held, context, named, None)))
