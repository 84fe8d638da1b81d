"""Queries the reports on a file of applicants, and saves them in a folder.

inquiries.jsonl    the journal: a later run with the folder continues this one
<id>.json          a saved report; `bureau-lender verify` verifies it
applicants.csv     the table: one row for each line of the file
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from bureau_client._codec.reports import named_consent
from bureau_client._operations.many import CONCURRENCY
from bureau_client.errors import BureauError, InvalidRequest
from bureau_client.files.applicants import Applicant, read_applicants
from bureau_client.files.report_rows import Row, error_row, report_row, write_table
from bureau_client.models.many import Identifier, Inquiry
from bureau_client.models.progress import OnProgress
from bureau_client.models.reports import Report
from bureau_client.sync.lender import Lender
from bureau_client.verify import verify_bundle
from bureau_keys.profile import Trust

JOURNAL, TABLE = "inquiries.jsonl", "reports.csv"


@dataclass(slots=True)
class QueriedFile:
    """Result of querying a file.

    Attributes:
        table: Path of the table.
        report_count: Number of lines with a report.
        error_count: Number of lines without a report: refused, failed or wrong.
        resumed_count: Number of reports that an earlier run had saved.
    """

    table: Path
    report_count: int = 0
    error_count: int = 0
    resumed_count: int = 0


def query_file(
    lender: Lender,
    path: Path,
    folder: Path,
    trust: Trust,
    *,
    concurrency: int = CONCURRENCY,
    on_progress: OnProgress | None = None,
) -> QueriedFile:
    """Query the reports of a file of applicants; after a crash, the same call continues.

    A report that an earlier run saved, and that verifies, is not asked for again. An inquiry
    that was sent without an answer is sent again as it was signed: its consent counts one use.
    The error of one line stops no other.

    Args:
        lender: The client that inquires.
        path: The file, with the columns of `applicants.COLUMNS`.
        folder: Folder for journal, reports and table; created if it is missing.
        trust: The bureau's keys, to verify the saved reports.
        concurrency: Largest number of inquiries at once.
        on_progress: Called for each inquiry that is sent.

    Raises:
        InvalidRequest: The header is wrong, the journal is spoiled, or the file is the table.
        Conflict: Another run uses the folder.
        BureauError: As `query_many`: later inquiries would fail, too. The reports so far are
            saved.
    """
    if path.resolve() == (folder / TABLE).resolve():
        raise InvalidRequest(
            f"{path} would be replaced by the table",
            reason="INVALID_FIELD",
            fix="Choose another folder for the reports",
        )
    applicants = list(read_applicants(path))
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(folder, trust)
    run.take_wrong_lines(applicants)
    run.take_identifiers(lender, concurrency)
    run.take_saved_reports()
    inquiries = list(run.waiting)
    outcomes = lender.query_many(
        inquiries, journal=folder / JOURNAL, concurrency=concurrency, on_progress=on_progress
    )
    for outcome in outcomes:
        if outcome.error is None:
            run.save(outcome.request, outcome.answer)
        else:
            run.refuse(outcome.request, outcome.error)
    write_table([run.rows[applicant.line] for applicant in applicants], folder / TABLE)
    return run.result


def report_name(inquiry: Inquiry) -> str:
    """Return the name of the file with the report of an inquiry."""
    parts = (
        *(inquiry.subject_id, inquiry.consent_id, inquiry.purpose.name, inquiry.evidence.name),
        inquiry.reference,
    )
    digest = sha256("\n".join(parts).encode()).hexdigest()
    return f"{inquiry.subject_id}-{digest[:16]}.json"


@dataclass(slots=True)
class _Run:
    """The lines of a file on their way to rows of the table.

    Attributes:
        sound: Lines without violations.
        waiting: Lines by the inquiry whose report they wait for; equal lines share one.
        rows: Finished rows by line number.
    """

    folder: Path
    trust: Trust
    sound: list[Applicant] = field(default_factory=list)
    waiting: dict[Inquiry, list[Applicant]] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    result: QueriedFile = field(init=False)

    def __post_init__(self) -> None:
        self.result = QueriedFile(self.folder / TABLE)

    def take_wrong_lines(self, applicants: Iterable[Applicant]) -> None:
        """Make an error of each line with violations."""
        for applicant in applicants:
            if applicant.violations:
                wrong = InvalidRequest(
                    "The line was not sent", reason="INVALID_FIELD", violations=applicant.violations
                )
                self._add_error(applicant, applicant.subject_id, wrong)
            else:
                self.sound.append(applicant)

    def take_identifiers(self, lender: Lender, concurrency: int) -> None:
        """Turn the identifiers into subject ids, and each line into an inquiry."""
        wanted = dict.fromkeys(a.identifier for a in self.sound if a.identifier is not None)
        subject_ids: dict[Identifier, str] = {}
        faults: dict[Identifier, BureauError] = {}
        for outcome in lender.subject_ids_many(list(wanted), concurrency=concurrency):
            if outcome.error is None:
                subject_ids[outcome.request] = outcome.answer
            else:
                faults[outcome.request] = outcome.error
        for applicant in self.sound:
            if applicant.identifier in faults:
                self._add_error(applicant, "", faults[applicant.identifier])
                continue
            subject_id = applicant.subject_id
            if applicant.identifier is not None:
                subject_id = subject_ids[applicant.identifier]
            inquiry = Inquiry(
                subject_id=subject_id,
                purpose=applicant.purpose,
                consent_id=applicant.consent_id,
                evidence=applicant.evidence,
                reference=applicant.application,
            )
            self.waiting.setdefault(inquiry, []).append(applicant)

    def take_saved_reports(self) -> None:
        """Take the reports that an earlier run has saved."""
        for inquiry in list(self.waiting):
            report = _saved_report(self.folder / report_name(inquiry), inquiry, self.trust)
            if report is not None:
                self.result.resumed_count += len(self.waiting[inquiry])
                self._add_report(inquiry, report)

    def save(self, inquiry: Inquiry, report: Report) -> None:
        """Save a report, whole or not at all."""
        report.save(self.folder / report_name(inquiry))
        self._add_report(inquiry, report)

    def refuse(self, inquiry: Inquiry, error: BureauError) -> None:
        """Make an error of the lines that wait for a report."""
        for applicant in self.waiting.pop(inquiry):
            self._add_error(applicant, inquiry.subject_id, error)

    def _add_report(self, inquiry: Inquiry, report: Report) -> None:
        for applicant in self.waiting.pop(inquiry):
            self.rows[applicant.line] = report_row(applicant, report, report_name(inquiry))
            self.result.report_count += 1

    def _add_error(self, applicant: Applicant, subject_id: str, error: BureauError) -> None:
        self.rows[applicant.line] = error_row(applicant, subject_id, error)
        self.result.error_count += 1


def _saved_report(path: Path, inquiry: Inquiry, trust: Trust) -> Report | None:
    """Return the saved report of an inquiry; None if it is missing or does not verify."""
    try:
        report = verify_bundle(Report.load(path), trust)
    except (FileNotFoundError, BureauError):
        return None
    # The inquiry may name an arrangement, of which the report has the consent.
    answered = (report.subject_id, named_consent(report), report.purpose)
    asked = (inquiry.subject_id, inquiry.consent_id, inquiry.purpose)
    return report if answered == asked else None
