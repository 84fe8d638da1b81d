"""A report as one JSON file, with everything that verifies it offline.

Every part is the base64 of the bytes that were signed or handed out; the values of a
report are read from these bytes only.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf.message import Message

from bureau_keys.bounded_parsing import parse
from bureau_keys.errors import (
    Contradiction,
    KeysError,
    MalformedMessage,
    NotWitnessed,
    RecordMismatch,
    UnknownReportKey,
)
from bureau_keys.evidence import read_page
from bureau_keys.key_history import LoggedKey, SignedMember, logged_keys, signed_members
from bureau_keys.profile import Trust
from bureau_keys.provenance import EvidenceCheck, check_complete, unproved_parts
from bureau_keys.receipt_checks import check_witnessed, witness_times
from bureau_keys.report_checks import ReportProof, check_report, evidence_level
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import Member
from creditbureau.v1.report_pb2 import EvidencePage, Report
from creditbureau.v1.reporting_pb2 import ConsentProof, PortfolioProof

FORMAT = "creditbureau/report-bundle/v1"
NOT_PROVEN = (
    "Do not rely on the file: a part is missing, or was changed after it was signed. Get a new "
    "copy of what the member saved, or replay the report."
)
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class VerifiedReport:
    """The values that a saved report proves.

    Attributes:
        report: The report.
        receipt: The receipt of its inquiry; None for a subject's own file.
        portfolio: The place of a portfolio's report; None for any other report.
        keys: The furnishers' and operators' keys, proved by the log, by member id.
        members: The signed descriptions of the same members, by member id; a name in the file
            itself is signed by no party.
        proven: Ids of the tradelines whose furnisher's signature verified.
        witnesses: Times of the cosignatures of the receipt's checkpoint, by the name of the
            trusted witness, in seconds since 1970 UTC.
        unproved: Parts of the report that are the bureau's word alone.
    """

    report: Report
    receipt: Receipt | None
    portfolio: PortfolioProof | None
    keys: dict[str, list[LoggedKey]]
    members: dict[str, SignedMember]
    proven: tuple[str, ...]
    witnesses: dict[str, int]
    unproved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedReport:
    """A report and its proofs, unverified.

    Attributes:
        report: The signed report.
        request: The signed request that the report answers.
        receipt: The receipt of the inquiry; None for a subject's own file.
        consent: The consent that the report rests on; None for a subject's own file.
        portfolio: The place of a portfolio's report; None for any other report.
        evidence: The furnishers' signed records, as one page.
        furnishers: The members that signed these records, the one that asked, and the one
            that attested the subject's key, with their statements.
        vouchers: The operators that signed these statements.
    """

    report: Envelope
    request: Envelope
    receipt: Receipt | None = None
    consent: ConsentProof | None = None
    portfolio: PortfolioProof | None = None
    evidence: EvidencePage = field(default_factory=EvidencePage)
    furnishers: tuple[Member, ...] = ()
    vouchers: tuple[Member, ...] = ()

    @classmethod
    def from_json(cls, data: bytes) -> SavedReport:
        """Read a file's bytes without verifying a signature.

        Raises:
            MalformedMessage: The bytes are not a saved report.
        """
        try:
            parts = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedMessage("not a saved report: it is not JSON") from error
        if not isinstance(parts, dict) or parts.get("format") != FORMAT:
            file_format = parts.get("format") if isinstance(parts, dict) else None
            raise MalformedMessage(
                f"not a saved report: its format is {file_format!r}, expected {FORMAT!r}"
            )
        return cls(
            report=_read(parts, "report", Envelope),
            request=_read(parts, "request", Envelope),
            receipt=_read(parts, "receipt", Receipt) if "receipt" in parts else None,
            consent=_read(parts, "consent", ConsentProof) if "consent" in parts else None,
            portfolio=_read(parts, "portfolio", PortfolioProof) if "portfolio" in parts else None,
            evidence=_read(parts, "evidence", EvidencePage),
            furnishers=_read_all(parts, "furnishers", Member),
            vouchers=_read_all(parts, "vouchers", Member),
        )

    def to_json(self) -> str:
        """Return the file's text."""
        parts: dict[str, Any] = {
            "format": FORMAT,
            "report": _text(self.report),
            "request": _text(self.request),
            "evidence": _text(self.evidence),
            "furnishers": list(map(_text, self.furnishers)),
            "vouchers": list(map(_text, self.vouchers)),
        }
        if self.receipt is not None:
            parts["receipt"] = _text(self.receipt)
        if self.consent is not None:
            parts["consent"] = _text(self.consent)
        if self.portfolio is not None:
            parts["portfolio"] = _text(self.portfolio)
        return json.dumps(parts, indent=1) + "\n"

    def verify(self, trust: Trust) -> VerifiedReport:
        """Verify the report and every proof that comes with it.

        Args:
            trust: The bureau's pinned keys; never taken from the file.

        Raises:
            KeysError: A proof is missing or does not verify; `advice` returns the fix.
        """
        # 1. The log has the members' keys, and operators signed for them.
        members = [*self.furnishers, *self.vouchers]
        keys, described = logged_keys(members, trust), signed_members(members, trust)
        owners = {member.member_id for member in self.furnishers}
        signing = {
            member_id: member_keys for member_id, member_keys in keys.items() if member_id in owners
        }
        # 2. The bureau signed the report for this request, which the log has, and the subject
        #    consented.
        report = check_report(self.report, self.request, self._proof(signing), trust)
        logged = self.receipt if report.member_id else None
        witnesses: dict[str, int] = {}
        if logged is not None:
            check_witnessed(logged.checkpoint, trust, trust.quorum)
            witnesses = witness_times(logged.checkpoint, trust)
        # 3. The report says what its furnishers signed, and no record is missing.
        pieces = read_page(self.evidence)
        proven = tuple(dict.fromkeys(map(EvidenceCheck(report, signing, trust).check, pieces)))
        level = evidence_level(self.request)
        check_complete(report, pieces, level)
        unproved = unproved_parts(report, proven, level)
        return VerifiedReport(
            report,
            logged,
            self.portfolio if logged is not None else None,
            keys,
            described,
            proven,
            witnesses,
            unproved,
        )

    def _proof(self, keys: dict[str, list[LoggedKey]]) -> ReportProof | None:
        if self.receipt is None:
            return None
        return ReportProof(self.receipt, self.consent or ConsentProof(), keys, self.portfolio)


def advice(error: KeysError) -> str:
    """Return the fix for a saved report that does not verify.

    Only a `Contradiction` shows a fault of the bureau: anyone who held the file may have
    changed the parts that other errors are about.
    """
    if isinstance(error, Contradiction | NotWitnessed | RecordMismatch | UnknownReportKey):
        return error.fix
    return NOT_PROVEN


def _read_all(parts: dict[str, Any], name: str, kind: type[M]) -> tuple[M, ...]:
    texts = parts.get(name, [])
    if not isinstance(texts, list):
        raise MalformedMessage(f"not a saved report: {name} is not a list")
    return tuple(_parse(text, name, kind) for text in texts)


def _read(parts: dict[str, Any], name: str, kind: type[M]) -> M:
    if name not in parts:
        raise MalformedMessage(f"not a saved report: {name} is missing")
    return _parse(parts[name], name, kind)


def _parse(text: object, name: str, kind: type[M]) -> M:
    try:
        return parse(kind, base64.b64decode(str(text), validate=True))
    except (ValueError, MalformedMessage) as error:
        problem = f"{name} is not the base64 of {kind.DESCRIPTOR.name}"
        raise MalformedMessage(f"not a saved report: {problem}") from error


def _text(message: Message) -> str:
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode("ascii")
