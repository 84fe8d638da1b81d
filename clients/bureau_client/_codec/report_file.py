"""A report as one file: all that is needed to verify it, for ever and offline.

The file is JSON. Every part is the bytes that were signed or handed out, in
base64; what the report says is read from them again, never from a copy.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from bureau_client._codec.members import read_member
from bureau_client._codec.receipts import read_receipt, write_receipt
from bureau_client._codec.reports import read_evidence, read_report, write_evidence
from bureau_client.errors import InvalidRequest
from bureau_client.models.members import Member
from bureau_client.models.reports import Report
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from creditbureau.v1 import log_pb2, members_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope

FORMAT = "creditbureau/report-bundle/v1"


def write_bundle(report: Report, path: str | Path) -> None:
    """Writes a report with everything that it can be verified by."""
    parts: dict[str, Any] = {
        "format": FORMAT,
        "report": _text(report.envelope),
        "request": _text(report.inquiry),
        "evidence": [
            _text(write_evidence(piece).SerializeToString(deterministic=True))
            for piece in report.evidence
        ],
        "furnishers": [_text(member.encoded) for member in report.furnishers],
        "vouchers": [_text(member.encoded) for member in report.vouchers],
    }
    if report.receipt is not None:
        parts["receipt"] = _text(write_receipt(report.receipt).SerializeToString())
    Path(path).write_text(json.dumps(parts, indent=1) + "\n", "utf-8")


def read_bundle(path: str | Path) -> Report:
    """Reads a bundle without verifying it.

    Raises:
        InvalidRequest: The file is no bundle.
        OSError: The file cannot be read.
    """
    text = Path(path).read_bytes()
    try:
        parts = json.loads(text)
        _check_format(parts["format"])
        envelope, inquiry = _bytes(parts["report"]), _bytes(parts["request"])
        message = peek(Envelope.FromString(envelope), report_pb2.Report)
        report = read_report(message, envelope=envelope, inquiry=inquiry)
        pieces = [report_pb2.Evidence.FromString(_bytes(p)) for p in parts["evidence"]]
        receipt = None
        if "receipt" in parts:
            receipt = read_receipt(log_pb2.Receipt.FromString(_bytes(parts["receipt"])))
        return replace(
            report,
            receipt=receipt,
            evidence=tuple(map(read_evidence, pieces)),
            furnishers=_members(parts["furnishers"]),
            vouchers=_members(parts["vouchers"]),
        )
    except KeyError as missing:
        raise _no_bundle(path, f"it lacks {missing}") from missing
    except (ValueError, TypeError, DecodeError, KeysError) as error:
        raise _no_bundle(path, str(error)) from error


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"its format is {found!r}, not {FORMAT!r}")


def _no_bundle(path: str | Path, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"{path} is not a saved report: {why}",
        reason="MALFORMED_MESSAGE",
        fix="Pass a file that Report.save wrote",
    )


def _members(parts: list[str]) -> tuple[Member, ...]:
    return tuple(read_member(members_pb2.Member.FromString(_bytes(part))) for part in parts)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a part is not base64") from error
