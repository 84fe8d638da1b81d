"""Lists of inquiries: each line verified against the statement that its member signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from bureau_client._codec.reports import read_inquiry_line
from bureau_client._operations.context import Context
from bureau_client._operations.members import check_with_member
from bureau_client._operations.operation import Operation
from bureau_client._operations.pages import Order, as_it_is, check_size, collect
from bureau_client.errors import VerificationFailed
from bureau_client.models.members import Member
from bureau_client.models.reports import InquiryLine
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.inquiry_checks import check_inquiry_line
from creditbureau.v1 import report_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of inquiries"
ORDER = Order[InquiryLine](
    name=lambda line: (line.leaf_index, line.subject_id),
    time=lambda line: line.receipt.log_time if line.receipt else None,
)


class SignedPage(Protocol):
    """A reply with a page of inquiries, and the statements that its lines refer to."""

    @property
    def inquiries(self) -> Sequence[report_pb2.InquiryLine]:
        """The lines, newest first."""

    @property
    def statements(self) -> Sequence[LoggedStatement]:
        """The signed statements."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last page."""


def list_inquiries(
    context: Context,
    page: Callable[[str], Operation[SignedPage]],
    limit: int | None,
    *,
    subject_id: str = "",
    member_id: str = "",
) -> Operation[list[InquiryLine]]:
    """List inquiries, newest first, each verified.

    Args:
        page: Returns the operation that reads the page of a token.
        limit: Largest number of lines; None for all.
        subject_id: The subject who reads; empty for a member.
        member_id: The member that reads its own; empty for a subject.

    Raises:
        VerificationFailed: A member did not sign what a line shows, two lines show one inquiry
            about one subject, or a line is out of order.
    """

    def verified(token: str) -> Operation[tuple[Sequence[InquiryLine], str]]:
        reply = yield from page(token)
        lines = []
        check_size(LABEL, reply.inquiries)
        for message in reply.inquiries:
            if member_id:
                check_equal("The member of the inquiry", message.member_id, member_id)
            line = yield from _verified_line(context, message, reply.statements, subject_id)
            lines.append(line)
        return lines, reply.next_page_token

    return (yield from collect(LABEL, verified, as_it_is, ORDER, limit))


def _verified_line(
    context: Context,
    message: report_pb2.InquiryLine,
    statements: Sequence[LoggedStatement],
    subject_id: str,
) -> Operation[InquiryLine]:
    """Return a line, verified against its statement."""
    if not 0 < message.statement <= len(statements):
        raise _wrong(f"has no statement of {message.member_id} for {message.inquiry_id}")
    logged = statements[message.statement - 1]
    with verifying(LABEL):
        line = read_inquiry_line(message, logged)
    if not subject_id and not logged.HasField("envelope"):
        raise _wrong(f"lacks the member's own statement for {message.inquiry_id}")
    about = subject_id or message.subject_id

    def check(member: Member) -> bool:
        with verifying(LABEL):
            return check_inquiry_line(message, logged, about, logged_keys_of(member), context.trust)

    proved, _ = yield from check_with_member(context, message.member_id, check)
    return replace(line, proved=proved)


def _wrong(problem: str) -> VerificationFailed:
    return VerificationFailed(f"{LABEL} {problem}", reason="WRONG_ANSWER", fix=TELL)
