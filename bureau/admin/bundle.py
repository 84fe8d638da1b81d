"""Verifies a saved report offline: whose it is, and who stands behind each line.

The file is what the SDK's `Report.save` writes (JSON, format
`creditbureau/report-bundle/v1`); every part in it is the signed or handed-out
bytes in base64, and only they are believed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from bureau_keys.envelope import digest, payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, KeysError, MalformedMessage
from bureau_keys.key_history import LoggedKey, logged_keys
from bureau_keys.profile import Trust
from bureau_keys.provenance import differences, evidence_due, signed_snapshot
from bureau_keys.receipt_checks import check_receipt, check_witnessed
from bureau_keys.signing import VerifyKey
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import Member
from creditbureau.v1.report_pb2 import Evidence, Report, Tradeline
from creditbureau.v1.reporting_pb2 import Inquiry

FORMAT = "creditbureau/report-bundle/v1"
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class VerifiedReport:
    """What a bundle proves.

    Attributes:
        report: The report.
        leaf_index: Of the inquiry; None for a subject's own file.
        proven: Ids of tradelines whose furnisher's signature verified.
        witnesses: Who has cosigned what the receipt leads to, of those trusted.
    """

    report: Report
    leaf_index: int | None
    proven: tuple[str, ...]
    witnesses: tuple[str, ...]


def verify_bundle(path: Path, trust: Trust) -> VerifiedReport:
    """Verifies a saved report.

    Args:
        trust: The bureau's keys, pinned; never taken from the file.

    Raises:
        KeysError: Something in it does not hold; the message says what.
        OSError: The file cannot be read.
    """
    parts = _read(path)
    # 1. The bureau signed the report, for this request.
    request = parse(Envelope, parts["request"])
    keys = {key.key_id: key for key in map(VerifyKey.from_raw, trust.report_keys)}
    report, _ = verify_envelope(parse(Envelope, parts["report"]), Report, keys)
    require(report.header.audience == trust.origin, "the report is of another bureau")
    require(report.header.signer == "bureau", "the report is not the bureau's own statement")
    require(report.request_digest == digest(request), "the report answers another request")
    # 2. The inquiry is in the log, with this very report as its answer.
    leaf_index, witnesses = None, []
    if request.payload_type != payload_type_of(SubjectRequest):
        receipt = _check_inquiry(report, request, parts, trust)
        leaf_index = receipt.leaf_index
        witnesses = check_witnessed(receipt.checkpoint, trust, trust.quorum)
    # 3. Furnishers' keys stand in the log, vouched for by the operator; each line says
    #    what its furnisher signed, and none comes without.
    keys_of = logged_keys(
        [parse(Member, part) for part in (*parts["furnishers"], *parts["vouchers"])], trust
    )
    lines = {line.tradeline_id: line for line in report.tradelines}
    due = set() if leaf_index is None else evidence_due(report, peek(request, Inquiry).evidence)
    proven = []
    for part in parts["evidence"]:
        piece = parse(Evidence, part)
        line = lines.get(piece.tradeline_id)
        if line is None:
            raise BadProof("evidence is for a tradeline that is not in the report")
        _check_evidence(report, line, piece, keys_of.get(line.member_id, []), trust)
        due.discard((piece.tradeline_id, piece.month))
        proven.append(line.tradeline_id)
    for tradeline_id, month in sorted(due):
        raise BadProof(f"tradeline {tradeline_id}, {month}: the evidence is missing")
    return VerifiedReport(report, leaf_index, tuple(dict.fromkeys(proven)), tuple(witnesses))


def parse(kind: type[M], data: bytes) -> M:
    """A message from its bytes.

    Raises:
        MalformedMessage: They are no such message.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"no {kind.DESCRIPTOR.name} in the bundle") from error


def require(holds: bool, otherwise: str) -> None:
    """Raises BadProof unless something holds."""
    if not holds:
        raise BadProof(otherwise)


def _read(path: Path) -> Mapping[str, Any]:
    """The bundle's parts as bytes."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["format"] != FORMAT:
            raise MalformedMessage(f"{path} is of another format than {FORMAT}")
        single = {name: _bytes(stored[name]) for name in ("report", "request")}
        several = {
            name: [_bytes(part) for part in stored.get(name, [])]
            for name in ("evidence", "furnishers", "vouchers")
        }
        receipt = {"receipt": _bytes(stored["receipt"])} if "receipt" in stored else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMessage(f"{path} is no saved report") from error
    return {**single, **several, **receipt}


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _check_inquiry(
    report: Report, request: Envelope, parts: Mapping[str, Any], trust: Trust
) -> Receipt:
    inquiry = peek(request, Inquiry)
    require(
        (report.subject_id, report.purpose, report.consent_id, f"members/{report.member_id}")
        == (inquiry.subject_id, inquiry.purpose, inquiry.consent_id, inquiry.header.signer),
        "the report is about something else than the inquiry",
    )
    require("receipt" in parts, "the receipt of the inquiry is missing")
    receipt = parse(Receipt, parts["receipt"])
    require(receipt.kind == "inquiry", f"the receipt is of a {receipt.kind}")
    check_receipt(receipt, request, trust)
    answer = hashlib.sha256(parse(Envelope, parts["report"]).payload).digest()
    require(receipt.answer_digest == answer, "the receipt is of another answer")
    return receipt


def _check_evidence(
    report: Report, line: Tradeline, piece: Evidence, keys: list[LoggedKey], trust: Trust
) -> None:
    what = f"tradeline {line.tradeline_id}, {piece.month}"
    try:
        signed = signed_snapshot(piece, line.member_id, keys, trust)
    except KeysError as error:
        raise BadProof(f"{what}: {error}") from error
    for name, told, wanted in differences(report, line, signed):
        raise BadProof(f"{what}: {name} is {told}, its furnisher signed {wanted}")
