"""Inquiries as lists show them: each with the statement that its member signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bureau import paging
from bureau.calendar import timestamp_of
from bureau.credit_file.disclosed import disclosed
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.signed_statement import logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.envelope import payload_type_of
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.report_pb2 import InquiryLine
from creditbureau.v1.reporting_pb2 import Inquiry

INQUIRY = payload_type_of(Inquiry)


class InquiryPage(NamedTuple):
    """A page of a list of inquiries.

    Attributes:
        statements: The signed statements that the lines refer to, each once.
        next_page_token: Token of the next page; empty on the last page.
    """

    inquiries: list[InquiryLine]
    statements: list[LoggedStatement]
    next_page_token: str


def inquiry_line(row: q.InquiryAndLeaf) -> InquiryLine:
    """Return an inquiry with every field, as the subject sees it."""
    inquiry, leaf_index = StoredInquiry(*row[:-1]), row[-1]
    return InquiryLine(
        inquiry_id=inquiry.inquiry_id,
        member_id=inquiry.member_id,
        purpose=inquiry.purpose,  # type: ignore[arg-type]
        kind=inquiry.kind,  # type: ignore[arg-type]
        outcome=inquiry.outcome,  # type: ignore[arg-type]
        create_time=timestamp_of(inquiry.create_us),
        consent_id=inquiry.consent_id,
        denial_reason=inquiry.denial_reason,
        leaf_index=leaf_index,
    )


def signed_page(
    db: Connection, rows: Sequence[q.InquiryAndLeaf], limit: int, subject_id: str = ""
) -> InquiryPage:
    """Return a page of inquiries with their signed statements.

    Args:
        rows: Newest first, read with a limit of one more than the page's.
        limit: Most lines of the page.
        subject_id: The subject who reads; empty for the member, whose lines name subjects.
    """
    lines: list[InquiryLine] = []
    statements: list[LoggedStatement] = []
    positions: dict[int, int] = {}
    size = 0
    for row in rows[:limit]:
        inquiry, line = StoredInquiry(*row[:-1]), inquiry_line(row)
        key = inquiry.entry_key
        if key is not None and key not in positions:
            statement = _statement(db, key, subject_id)
            size += statement.ByteSize()
            if size > paging.MAX_BYTES and lines:
                break
            statements.append(statement)
            positions[key] = len(statements)
        if key is not None:
            line.statement = positions[key]
            line.arrangement_id = _arrangement(statements[positions[key] - 1], inquiry)
        if not subject_id:
            line.subject_id = inquiry.subject_id
        lines.append(line)
    more = len(rows) > len(lines)
    return InquiryPage(lines, statements, str(rows[len(lines) - 1][0]) if more else "")


def _arrangement(logged: LoggedStatement, inquiry: StoredInquiry) -> str:
    """Return the arrangement that an inquiry named in place of its consent; empty otherwise."""
    if logged.envelope.payload_type != INQUIRY:
        return ""
    named = Inquiry.FromString(logged.envelope.payload).consent_id
    return named if named != inquiry.consent_id else ""


def _statement(db: Connection, entry_key: int, subject_id: str) -> LoggedStatement:
    """Read a statement for a subject, or for the member that signed it."""
    if subject_id:
        return disclosed(db, entry_key, subject_id)
    return logged_statement(db, entry_key)
