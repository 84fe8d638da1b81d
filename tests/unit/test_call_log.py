"""Every call that has ended stands in the log, in order, in the words of its end."""

from __future__ import annotations

import json
import sys
import time

import pytest
import structlog

from bureau import logs
from bureau.rpc import call_log
from bureau.rpc.call_log import CallLog, EndedCall


@pytest.fixture(autouse=True)
def _logger(monkeypatch: pytest.MonkeyPatch, log_as_before: None) -> None:
    # A logger keeps the file that it met first.
    monkeypatch.setattr(call_log, "logger", structlog.get_logger("test"))


def ended(number: int, trace_id: str = "") -> EndedCall:
    return EndedCall(
        1_790_000_000.25 + number,
        "Log/GetTile",
        "acme",
        "OK",
        0.0123,
        f"request-{number}",
        "ipv4:192.0.2.7:50000",
        trace_id,
    )


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_has_ended_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True)
    calls = CallLog()
    calls.start()
    for number in range(3):
        calls.add(ended(number))
    time.sleep(2 * call_log.PAUSE_S)
    calls.add(ended(3))
    calls.stop()
    written = lines(capsys.readouterr().err)
    assert [line["request_id"] for line in written] == [f"request-{n}" for n in range(4)]
    assert written[0] == {
        "event": "call",
        "level": "info",
        "timestamp": "2026-09-21T14:13:20.250000Z",
        "method": "Log/GetTile",
        "member": "acme",
        "reason": "OK",
        "ms": 12.3,
        "request_id": "request-0",
        "peer": "ipv4:192.0.2.7:50000",
    }


def test_too_many_are_written_by_whoever_ends_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_log, "MAX_WAITING", 5)
    logs.configure("info", as_json=True)
    calls = CallLog()  # nobody else writes
    for number in range(6):
        calls.add(ended(number))
    assert len(lines(capsys.readouterr().err)) == 6


def test_a_log_that_cannot_be_written_ends_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(call_log, "MAX_WAITING", 0)
    monkeypatch.setattr(sys, "stderr", Gone())
    logs.configure("info", as_json=True)
    CallLog().add(ended(0))


def test_a_trace_is_named_whole_and_a_subject_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are 32 hexadecimal digits."""
    logs.configure("info", as_json=True)
    calls = CallLog()
    calls.add(ended(0, "4bf92f3577b34da6a3ce929d0e0e4736"))
    calls.add(ended(1)._replace(method="4bf92f3577b34da6a3ce929d0e0e4736"))
    calls.stop()
    calls._write()
    first, second = lines(capsys.readouterr().err)
    assert first["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert second["method"] == "4bf9…"
