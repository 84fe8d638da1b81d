"""Messages whose size in memory would be out of proportion."""

from __future__ import annotations

import pytest

from bureau_keys.bounded_parsing import FREE_ELEMENTS, parse
from bureau_keys.errors import MalformedMessage
from creditbureau.v1.log_pb2 import ListLeavesResponse
from creditbureau.v1.members_pb2 import ListMembersResponse, LoggedStatement, Member
from creditbureau.v1.report_pb2 import Report, Tradeline

MEBIBYTE = 1 << 20


def test_a_long_reply_is_parsed() -> None:
    leaves = ListLeavesResponse(commitments=[bytes(32)] * 10_000)
    assert parse(ListLeavesResponse, leaves.SerializeToString()) == leaves
    lines = Report(tradelines=[Tradeline(tradeline_id="ab" * 16, currency="USD")] * 11_000)
    assert parse(Report, lines.SerializeToString()) == lines


@pytest.mark.parametrize(
    "data",
    [
        Report(tradelines=[Tradeline()] * MEBIBYTE).SerializeToString(),
        b"\x80" * MEBIBYTE,
        b"\x0a" + b"\xff" * 9 + b"\x01" + bytes(MEBIBYTE),
        b"\x0a\xff\xff\xff\x7f" * (MEBIBYTE // 5),
    ],
    ids=["empty messages", "an endless number", "a length beyond the end", "nested lengths"],
)
def test_junk_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(Report, data)


def test_empty_messages_within_another_are_counted_too() -> None:
    member = Member(statements=[LoggedStatement()] * (2 * FREE_ELEMENTS))
    with pytest.raises(MalformedMessage, match="hold more than"):
        parse(ListMembersResponse, ListMembersResponse(members=[member]).SerializeToString())
