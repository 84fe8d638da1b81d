"""`traceparent` is read as W3C Trace Context says, and ignored when it is malformed."""

from __future__ import annotations

import pytest

from bureau.rpc.trace_context import parent_of
from bureau.tracing import RemoteParent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", True),
        (f"cc-{TRACE}-{PARENT}-01-later-fields", True),
        (f"00-{TRACE}-{PARENT}-01-more", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE}-{PARENT}", False),
        (f"00-{TRACE}-{PARENT}-01\n", False),
        (f"cc-{TRACE}-{PARENT}-01-{'x' * 300}", False),
        ("", False),
    ],
)
def test_the_parent_is_taken_from_a_valid_traceparent(value: str, is_valid: bool) -> None:
    parent = parent_of([("user-agent", "grpc"), ("traceparent", value)])
    is_recorded = not value.endswith("-00")
    assert parent == (RemoteParent(TRACE, PARENT, is_recorded) if is_valid else None)


def test_two_headers_are_none() -> None:
    header = ("traceparent", f"00-{TRACE}-{PARENT}-01")
    assert parent_of([header, header]) is None
    assert parent_of([]) is None
