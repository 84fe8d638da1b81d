"""The chain of a subject's events: listed, and held to the newest head seen before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bureau_client._codec.receipts import read_receipt
from bureau_client._operations import methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import as_it_is, check_size, collect
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import NotFound, VerificationFailed
from bureau_client.models.events import Event
from bureau_client.models.members import Vouched
from bureau_client.models.reports import Report
from bureau_client.verify.checks import TELL, verifying
from bureau_client.verify.event_memory import EventMemory
from bureau_client.verify.evidence import logged_keys_of
from bureau_client.verify.receipts import leaf_hash_of
from bureau_client.verify.report_heads import ReportHead
from bureau_keys.event_chain import ChainHead, extend
from bureau_keys.event_checks import CheckedEvent, Passed, check_events, events_signed_by
from bureau_keys.signer_name import subject_id_of
from creditbureau.v1 import reporting_pb2, subjects_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of events"


def list_events(
    context: SigningContext, memory: EventMemory, limit: int | None
) -> Operation[list[Event]]:
    """List the events of the subject, oldest first, each verified.

    Raises:
        VerificationFailed: An event is not in the log, not signed, or about another subject; or
            the chain lacks one that a signed file covered.
    """
    kept = memory.refresh()
    chain = _Chain.after(memory, ChainHead())
    events = yield from _read(context, chain, limit)
    if limit is None and chain.head.events < kept.head.events:
        raise memory.gap(
            f"The list has {chain.head.events} events, a signed file covered {kept.head.events}"
        )
    return events


def hold_file(context: SigningContext, memory: EventMemory, file: Report) -> Operation[None]:
    """Check that the chains of a signed file and of the kept one are one chain, and keep the
    newer file.

    Raises:
        VerificationFailed: The chain of the newer file does not extend that of the older one.
    """
    head = ChainHead(file.event_count, file.event_chain_hash)
    while True:
        kept = memory.refresh()
        # Two calls at once can end in the other order: the one that was read first is older.
        older, newer = (kept.head, head) if file.log_size >= kept.log_size else (head, kept.head)
        chain = _Chain.after(memory, older)
        if newer.events > older.events:
            yield from _read(context, chain, newer.events - older.events)
        if chain.head != newer:
            raise memory.gap(
                f"The file's chain of {newer.events} events does not extend the {older.events} "
                "events that an earlier file covered",
                file.envelope,
            )
        if memory.keep(file.envelope, compared=kept):
            return


def hold_report(context: Context, report: Report) -> Operation[None]:
    """Check that a report covers every event that the member's earlier one about the same
    subject covered, the earlier inquiry itself among them, and remember its head.

    Raises:
        VerificationFailed: The chains of the two reports contradict each other.
    """
    head = _head_of(report)
    while True:
        earlier = context.heads.newest(report.subject_id)
        if earlier is not None and earlier.request_id != head.request_id:
            try:
                yield from _check_extends(earlier, head)
            except VerificationFailed as error:
                raise context.heads.gap(error.message, earlier, report.envelope) from None
        if context.heads.keep(head, compared=earlier):
            return


def check_extends(one: Report, other: Report) -> Operation[None]:
    """Check that the later of two reports covers every event that the earlier one covered.

    Raises:
        VerificationFailed: The later chain does not extend the earlier one, or lacks the
            earlier inquiry.
    """
    yield from _check_extends(*map(_head_of, (one, other)))


def _check_extends(one: ReportHead, other: ReportHead) -> Operation[None]:
    earlier, later = sorted((one, other), key=lambda head: head.log_size)
    if earlier.subject_id != later.subject_id:
        raise _wrong("The reports are about two subjects")
    if not earlier.chain_hash:
        # The consent is an event, so the chain of a report's subject has one.
        raise _wrong("The earlier report has no chain of events")
    leaf_hashes: list[bytes] = []
    if earlier.chain_hash != later.chain_hash:
        leaf_hashes = yield from _between(earlier, later)
    reached = extend(ChainHead(0, earlier.chain_hash), leaf_hashes)
    if reached.hash != later.chain_hash:
        raise _wrong("The report's chain of events does not extend that of the earlier report")
    if earlier.inquiry_index < later.log_size and earlier.inquiry_hash not in leaf_hashes:
        raise _wrong("The report's chain of events lacks the inquiry of the earlier report")


def _head_of(report: Report) -> ReportHead:
    if report.receipt is None:
        raise _wrong("The report has no receipt: it is not a member's")
    with verifying("The inquiry of the report"):
        inquiry_hash = leaf_hash_of(report.receipt, report.inquiry)
    return ReportHead(
        report.subject_id,
        report.request_id,
        report.log_size,
        report.event_chain_hash,
        report.receipt.leaf_index,
        inquiry_hash,
    )


def _between(earlier: ReportHead, later: ReportHead) -> Operation[list[bytes]]:
    def page(token: str) -> Operation[tuple[Sequence[bytes], str]]:
        request = reporting_pb2.ProveEventsRequest(
            subject_id=earlier.subject_id,
            first_hash=earlier.chain_hash,
            second_hash=later.chain_hash,
            page_token=token,
        )
        reply = yield from call(methods.PROVE_EVENTS, request)
        return reply.leaf_hashes, reply.next_page_token

    try:
        return (yield from collect("The proof of events", page, bytes, None))
    except NotFound as error:
        raise _wrong(
            "The bureau has no chain of events that extends that of the earlier report"
        ) from error


@dataclass(slots=True)
class _Chain:
    """A chain of events as far as it was read.

    Attributes:
        head: The head after the events so far.
    """

    memory: EventMemory
    head: ChainHead
    passed: Passed
    read: list[Event] = field(default_factory=list)

    @classmethod
    def after(cls, memory: EventMemory, head: ChainHead) -> _Chain:
        """Return a chain of which no event after a head was read."""
        return cls(memory, head, Passed.up_to(head.events))

    def take(self, checked: CheckedEvent) -> None:
        """Extend the chain with the next event."""
        with verifying(LABEL):
            self.read.append(_read_event(checked))
        self.passed = checked.passed
        self.head = extend(self.head, [checked.event.leaf_hash])
        kept = self.memory.kept.head
        if self.head.events == kept.events and self.head != kept:
            raise self.memory.gap(f"The first {kept.events} events are not those of a signed file")


def _read(context: SigningContext, chain: _Chain, limit: int | None) -> Operation[list[Event]]:
    """Read the events that follow the head of a chain."""

    def page(token: str) -> Operation[tuple[Sequence[Event], str]]:
        request = subjects_pb2.ListEventsRequest(
            subject_request=subject_request(context, methods.LIST_EVENTS.path),
            page_token=token or str(chain.head.events or ""),
        )
        reply = yield from call(methods.LIST_EVENTS, request)
        before = len(chain.read)
        check_size(LABEL, reply.events)
        due = reply.events if limit is None else reply.events[: max(0, limit - before)]
        for checked in (yield from _checked(context, chain, due, reply.keys)):
            chain.take(checked)
        return chain.read[before:], reply.next_page_token

    # Each event names its position, which the checks hold it to.
    return (yield from collect(LABEL, page, as_it_is, None, limit))


def _checked(
    context: SigningContext,
    chain: _Chain,
    events: Sequence[subjects_pb2.Event],
    keys: Sequence[LoggedStatement],
) -> Operation[Sequence[CheckedEvent]]:
    """Return the next events of a chain, each verified.

    Raises:
        VerificationFailed: An event is not in the log, not signed, or about another subject.
    """
    with verifying(LABEL):
        needed = events_signed_by(events, keys)
    subject_id = subject_id_of(context.signer.name)

    def check(members: Mapping[str, Vouched]) -> Sequence[CheckedEvent]:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying(LABEL):
            return check_events(events, keys, keys_of, subject_id, context.trust, chain.passed)

    return (yield from check_with_members(context, needed, check))


def _read_event(checked: CheckedEvent) -> Event:
    logged = checked.event.statement
    receipt = read_receipt(logged.receipt)
    return Event(
        number=checked.event.number,
        kind=receipt.kind,
        signer=checked.signer,
        time=receipt.log_time,
        leaf_index=receipt.leaf_index,
        statement=logged.envelope.SerializeToString(deterministic=True),
        receipt=receipt,
        proved=checked.proved,
    )


def _wrong(problem: str) -> VerificationFailed:
    return VerificationFailed(problem, reason="WRONG_ANSWER", fix=TELL)
