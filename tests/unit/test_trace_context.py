"""`traceparent` is read as W3C Trace Context says, and ignored when it is malformed."""

from __future__ import annotations

import pytest

from bureau.rpc.trace_context import trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("value", "trace_id"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f"00-{TRACE}-{PARENT}-00", TRACE),
        (f"cc-{TRACE}-{PARENT}-01-later-fields", TRACE),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE}-{PARENT}", ""),
        (f"00-{TRACE}-{PARENT}-01\n", ""),
        ("", ""),
    ],
)
def test_a_trace_id_is_taken_from_a_valid_traceparent(value: str, trace_id: str) -> None:
    assert trace_id_of([("user-agent", "grpc"), ("traceparent", value)]) == trace_id


def test_two_headers_are_none() -> None:
    header = ("traceparent", f"00-{TRACE}-{PARENT}-01")
    assert trace_id_of([header, header]) == ""
    assert trace_id_of([]) == ""
