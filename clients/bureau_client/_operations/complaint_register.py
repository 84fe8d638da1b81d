"""Counts complaints from the register, each line of which a leaf of the log covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
            complaint has two answers or two decisions, or one of the caller's is missing.
    """
    lines = yield from _read(context)
    for complaint in own:
        _check_has(lines, complaint)
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


def _check_has(lines: Sequence[RegisteredLine], complaint: Complaint) -> None:
    """Check that the register has a complaint of the caller at its number."""
    number = complaint.number
    if number > len(lines) or lines[number - 1].receipt.leaf_index != complaint.leaf_index:
        raise VerificationFailed(
            f"{LABEL} does not have complaint {complaint.complaint_id} as line {number}",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
