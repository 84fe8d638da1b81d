"""Events keep what is personal or secret to themselves."""

from __future__ import annotations

import json

import pytest
import structlog

from bureau import logs

SUBJECT = "3fa9" + "0" * 24 + "beef"


pytestmark = pytest.mark.usefixtures("log_as_before")


def test_a_line_of_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True)
    log = structlog.get_logger("test")
    log.debug("unseen")
    log.info("call", subject_id=SUBJECT, passphrase="open", ms=3, data=b"12345")
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "call",
        "level": "info",
        "subject_id": "3fa9…",
        "passphrase": "***",
        "ms": 3,
        "data": "<5 bytes>",
    }


def test_a_person_reads_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=False)
    structlog.get_logger("test").warning("slow", subject=SUBJECT)
    assert "slow" in (lines := capsys.readouterr().err)
    assert SUBJECT not in lines


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"no consent of {SUBJECT} here", "no consent of 3fa9… here"),
        ("a" * 64, "a" * 64),
        ("0190a1b2-0000-7000-8000-000000000000", "0190a1b2-0000-7000-8000-000000000000"),
        ("postgresql://bureau:hunter2@db/bureau", "postgresql://bureau:***@db/bureau"),
        ("cannot open postgresql://b:hunter@2@db/x", "cannot open postgresql://b:***@db/x"),
        ("postgresql://db/x?user=b&password=hunter2", "postgresql://db/x?user=b&password=***"),
        ({"seed": "x", "who": [SUBJECT]}, {"seed": "***", "who": ["3fa9…"]}),
        (7, 7),
    ],
)
def test_masks(value: object, shown: object) -> None:
    assert logs.masked(None, "info", {"told": value}) == {"told": shown}


def test_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", as_json=True)
    try:
        int(f"no number: {SUBJECT}")
    except ValueError:
        structlog.get_logger("test").exception("broken")
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert SUBJECT not in text
