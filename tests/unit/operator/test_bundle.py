"""A saved report holds, or the verification says what does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from bureau.admin.bundle import verify_bundle
from bureau.admin.bureau_folder import trust_of
from bureau.config import Settings
from bureau_keys.errors import KeysError
from bureau_keys.profile import Trust
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import Member
from creditbureau.v1.report_pb2 import Evidence, Report
from tests.unit.operator.lived_in import LivedIn

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def trust(lived_in: LivedIn) -> Trust:
    return trust_of(Settings.load(lived_in.folder))


def edited(text: str, kind: type[Message], change: Callable[[Any], object]) -> str:
    message = kind.FromString(base64.b64decode(text))
    change(message)
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def test_a_saved_report_holds(lived_in: LivedIn, trust: Trust) -> None:
    verified = verify_bundle(lived_in.saved_report, trust)
    assert verified.report.subject_id == lived_in.subject_id
    assert verified.leaf_index == lived_in.entries - 1
    assert verified.proven == (verified.report.tradelines[0].tradeline_id,)


def richer(envelope: Envelope) -> None:
    report = Report.FromString(envelope.payload)
    report.tradelines[0].balance_minor = 1
    envelope.payload = report.SerializeToString(deterministic=True)


def later(envelope: Envelope) -> None:
    envelope.payload += b"\x08\x01"


def other_record(piece: Evidence) -> None:
    piece.record += b"\x00"


def unlogged(member: Member) -> None:
    del member.statements[:]


def before_its_time(member: Member) -> None:
    for key in member.keys:
        key.valid_from_index = 0


def withdrawn(member: Member) -> None:
    for key in member.keys:
        key.valid_to_index = key.valid_from_index + 1


@pytest.mark.parametrize(
    "change",
    [
        lambda at: at.update(report=edited(at["report"], Envelope, richer)),
        lambda at: at.update(request=edited(at["request"], Envelope, later)),
        lambda at: at.pop("receipt"),
        lambda at: at.pop("request"),
        lambda at: at.update(format="another"),
        lambda at: at.update(evidence=[edited(at["evidence"][0], Evidence, other_record)]),
        lambda at: at.update(furnishers=[]),
        lambda at: at.update(furnishers=[edited(at["furnishers"][0], Member, unlogged)]),
        lambda at: at.update(furnishers=[edited(at["furnishers"][0], Member, before_its_time)]),
        lambda at: at.update(furnishers=[edited(at["furnishers"][0], Member, withdrawn)]),
        lambda at: at.update(report="no base64"),
    ],
)
def test_a_change_is_found(lived_in: LivedIn, trust: Trust, tmp_path: Path, change: Change) -> None:
    parts = json.loads(lived_in.saved_report.read_text())
    change(parts)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(parts))
    with pytest.raises(KeysError):
        verify_bundle(path, trust)


def test_only_pinned_keys_count(lived_in: LivedIn, trust: Trust) -> None:
    other = SigningKey.generate().verify_key.raw
    for wrong in (
        replace(trust, report_keys=(other,)),
        replace(trust, origin="another/log"),
    ):
        with pytest.raises(KeysError):
            verify_bundle(lived_in.saved_report, wrong)


def test_another_file_is_no_report(trust: Trust, tmp_path: Path) -> None:
    for content in ("", "[]", "{}", "null", '{"format": "creditbureau/report-bundle/v1"}'):
        (tmp_path / "x").write_text(content)
        with pytest.raises(KeysError):
            verify_bundle(tmp_path / "x", trust)
