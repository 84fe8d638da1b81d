"""A lender on the command line: how it opens, how it shows a report."""

from __future__ import annotations

from pathlib import Path

from bureau_client.cli import common
from bureau_client.cli.output import Output, emit_one, out
from bureau_client.cli.show import show_report
from bureau_client.models.records import RecordRef
from bureau_client.models.reports import Report
from bureau_client.models.statements import BeforeSend, ignore
from bureau_client.sync.lender import Lender


def opened(folder: Path, passphrase_file: Path | None, before_send: BeforeSend = ignore) -> Lender:
    """The lender of a profile folder."""
    passphrase = common.read_passphrase(passphrase_file)
    return Lender(common.load_profile(folder), passphrase=passphrase, before_send=before_send)


def emit_report(report: Report, output: Output) -> None:
    """Shows a report as a person wants to see it, or as data."""
    if output is Output.TABLE:
        show_report(report, out)
    else:
        emit_one(report, output)


def record_in(text: str, option: str) -> RecordRef:
    """The record that an option names."""
    submission_id, colon, index = text.partition(":")
    if not colon or not index.isdecimal():
        raise ValueError(f"{option} is SUBMISSION:INDEX, for example 0b1f…:0")
    return RecordRef(submission_id=submission_id, record_index=int(index))
