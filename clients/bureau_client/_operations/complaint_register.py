"""Counts complaints from the register, each line of which a leaf of the log covers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from bureau_client._operations import methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import as_it_is, check_size, collect
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import ComplaintKind
from bureau_client.models.complaints import Complaint, ComplaintCount
from bureau_client.verify.checks import TELL, verifying
from bureau_keys.complaint_register import check_register, count_lines
from creditbureau.v1 import complaints_pb2
from creditbureau.v1.complaints_pb2 import RegisteredLine

LABEL = "The register of complaints"


def count_complaints(
    context: Context, own: Iterable[Complaint] = ()
) -> Operation[list[ComplaintCount]]:
    """Count the complaints of the register by member and kind.

    Args:
        own: Complaints of the caller, which the register must have at their numbers.

    Raises:
        VerificationFailed: A line is not covered by a leaf of the log, a number is left out, a
            complaint has two answers or two decisions, or one of the caller's is missing, or what
            was said of it.
    """
    lines = yield from _read(context)
    stated = {(each.line.complaint_number, each.receipt.kind, each.line.outcome) for each in lines}
    for complaint in own:
        _check_has(lines, stated, complaint)
    with verifying(LABEL):
        return [
            ComplaintCount(**count._replace(kind=ComplaintKind(count.kind))._asdict())
            for count in count_lines(lines)
        ]


def _read(context: Context) -> Operation[list[RegisteredLine]]:
    """Read the whole register, each line verified."""
    count = 0

    def page(token: str) -> Operation[tuple[Sequence[RegisteredLine], str]]:
        nonlocal count
        request = complaints_pb2.ListComplaintRegisterRequest(page_token=token)
        reply = yield from call(methods.LIST_COMPLAINT_REGISTER, request)
        check_size(LABEL, reply.lines)
        with verifying(LABEL):
            check_register(reply.lines, count, context.trust)
        count += len(reply.lines)
        return reply.lines, reply.next_page_token

    # Each line has its number, which the checks hold it to.
    return (yield from collect(LABEL, page, as_it_is, None))


def _check_has(
    lines: Sequence[RegisteredLine], stated: Collection[tuple[int, str, int]], complaint: Complaint
) -> None:
    """Check that the register has a complaint of the caller at its number, and all that the
    caller knows was said of it.

    The caller read the complaint before the register, which may have more.

    Args:
        stated: Number of the complaint, kind and outcome of each line.
    """
    number = complaint.number
    opening = lines[number - 1] if 0 < number <= len(lines) else None
    if (
        opening is None
        or opening.receipt.leaf_index != complaint.leaf_index
        or (opening.line.member_id, int(opening.line.kind))
        != (complaint.member_id, int(complaint.kind))
    ):
        raise _lacks(f"complaint {complaint.complaint_id} as line {number}")
    for kind, outcome in _later(complaint):
        if (number, kind, outcome) not in stated:
            raise _lacks(f"the {kind} of complaint {complaint.complaint_id}")


def _later(complaint: Complaint) -> Iterator[tuple[str, int]]:
    """Yield kind and outcome of each statement after the opening that a complaint shows."""
    if complaint.answer is not None:
        yield "complaint-answer", complaint.answer.outcome
    if complaint.escalate_time is not None:
        yield "complaint-escalation", 0
    if complaint.decision is not None:
        yield "complaint-decision", complaint.decision.outcome


def _lacks(what: str) -> VerificationFailed:
    return VerificationFailed(f"{LABEL} does not have {what}", reason="WRONG_ANSWER", fix=TELL)
