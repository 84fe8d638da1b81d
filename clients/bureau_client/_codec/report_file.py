"""Writes and reads saved reports, in the format of `bureau_keys.saved_report`."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError

from bureau_client._codec.members import read_member
from bureau_client._codec.receipts import read_receipt, write_receipt
from bureau_client._codec.reports import (
    read_evidence,
    read_place,
    read_report,
    write_evidence,
    write_place,
)
from bureau_client.errors import InvalidRequest
from bureau_client.models.reports import Report
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.evidence import read_page, write_page
from bureau_keys.saved_report import SavedReport
from bureau_keys.whole_files import write_whole
from creditbureau.v1 import members_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import ConsentProof


def write_bundle(report: Report, path: str | Path) -> None:
    """Write a report with every proof that verifies it, whole or not at all."""
    write_whole(path, bundle_of(report))


def bundle_of(report: Report) -> str:
    """Return the text of a saved report's file."""
    return saved_report(report).to_json()


def read_bundle(path: str | Path) -> Report:
    """Read a saved report without verifying it.

    Raises:
        InvalidRequest: The file is not a saved report.
        OSError: The file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        saved = SavedReport.from_json(data)
        return read_report(
            peek(saved.report, report_pb2.Report),
            envelope=saved.report.SerializeToString(deterministic=True),
            inquiry=saved.request.SerializeToString(deterministic=True),
            receipt=None if saved.receipt is None else read_receipt(saved.receipt),
            consent_proof=(saved.consent or ConsentProof()).SerializeToString(deterministic=True),
            portfolio=None if saved.portfolio is None else read_place(saved.portfolio),
            evidence=tuple(map(read_evidence, read_page(saved.evidence))),
            furnishers=tuple(map(read_member, saved.furnishers)),
            vouchers=tuple(map(read_member, saved.vouchers)),
        )
    except (ValueError, DecodeError, KeysError) as error:
        problem = str(error).removeprefix("not a saved report: ")
        raise InvalidRequest(
            f"{path} is not a saved report: {problem}",
            reason="MALFORMED_MESSAGE",
            fix="Pass a file that Report.save wrote",
        ) from error


def saved_report(report: Report) -> SavedReport:
    """Return the signed bytes of a report and its proofs, as they are saved.

    Raises:
        DecodeError: The report's envelope, request or members are not messages.
    """
    return SavedReport(
        report=Envelope.FromString(report.envelope),
        request=Envelope.FromString(report.inquiry),
        receipt=None if report.receipt is None else write_receipt(report.receipt),
        consent=ConsentProof.FromString(report.consent_proof) if report.consent_proof else None,
        portfolio=None if report.portfolio is None else write_place(report.portfolio),
        evidence=write_page(map(write_evidence, report.evidence)),
        furnishers=tuple(members_pb2.Member.FromString(m.encoded) for m in report.furnishers),
        vouchers=tuple(members_pb2.Member.FromString(m.encoded) for m in report.vouchers),
    )
