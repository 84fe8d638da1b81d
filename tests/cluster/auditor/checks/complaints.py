"""Complaints: each statement of one once, and no inquiry under complaint in reports of others."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple, TypeAlias

from creditbureau.v1.complaint_pb2 import (
    COMPLAINT_OUTCOME_UPHELD,
    DEED_TYPE_INQUIRY,
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintOpening,
)
from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed

Following: TypeAlias = ComplaintAnswer | ComplaintDecision | ComplaintEscalation
FOLLOWING: dict[str, type[Following]] = {
    "complaint-answer": ComplaintAnswer,
    "complaint-escalation": ComplaintEscalation,
    "complaint-decision": ComplaintDecision,
}


class Step(NamedTuple):
    """A statement of a complaint in the log.

    Attributes:
        upheld: True for an answer or a decision that upholds it.
    """

    kind: str
    leaf_index: int
    upheld: bool


class LoggedComplaint(NamedTuple):
    """A complaint, and the statements that follow its opening, in the order of the log."""

    opening: ComplaintOpening
    leaf_index: int
    steps: list[Step]

    def hides(self, log_size: int) -> bool:
        """Return True if reports for others leave out its inquiry as of a log size."""
        if self.leaf_index >= log_size:
            return False
        steps = {step.kind: step for step in self.steps if step.leaf_index < log_size}
        for kind in ("complaint-decision", "complaint-escalation", "complaint-answer"):
            if kind in steps:
                return steps[kind].upheld or kind == "complaint-escalation"
        return True


def said_once(evidence: Evidence, findings: Findings) -> None:
    """Every complaint has at most one answer, one escalation and one decision, each after it in
    the log."""
    for database in evidence.databases:
        complaints, lost = complaints_of(database)
        findings.look(len(complaints))
        for leaf_index in lost:
            findings.blame(f"{database.name}: leaf {leaf_index} follows no complaint")
        for complaint_id, complaint in complaints.items():
            kinds = [step.kind for step in complaint.steps]
            for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
                findings.blame(f"{database.name}: complaint {complaint_id} has two of {kind}")


def hidden_from_others(evidence: Evidence, findings: Findings) -> None:
    """No report to another member shows an inquiry under complaint as of its log size, or one
    whose complaint was upheld."""
    if not evidence.databases:
        return
    database = evidence.databases[0]
    complaints, _ = complaints_of(database)
    times = _times_of_inquiries(database)
    about: dict[str, list[LoggedComplaint]] = defaultdict(list)
    for complaint in complaints.values():
        if complaint.opening.deed.type == DEED_TYPE_INQUIRY:
            about[complaint.opening.subject_id].append(complaint)
    for statement in evidence.statements:
        report = statement.first.about
        if statement.first.kind != "query" or "inquiries" not in report:
            continue
        shown = {(member_id, time_us) for member_id, time_us in report["inquiries"]}
        for complaint in about[report["subject"]]:
            opening = complaint.opening
            if opening.member_id == report["member"] or not complaint.hides(report["log_size"]):
                continue
            findings.look()
            inquiry = opening.subject_id, opening.member_id, opening.deed.id
            if (opening.member_id, times.get(inquiry)) in shown:
                findings.blame(
                    f"the report of {statement} shows an inquiry under complaint",
                    inquiry=opening.deed.id,
                )


def complaints_of(database: Database) -> tuple[dict[str, LoggedComplaint], list[int]]:
    """Return the complaints in the log by id, and the leaves of statements that follow none."""
    complaints: dict[str, LoggedComplaint] = {}
    lost: list[int] = []
    for entry in sorted(database.entries, key=lambda entry: entry.leaf_index):
        if entry.kind == "complaint":
            opening = parsed(entry.envelope, ComplaintOpening)
            complaints[entry.request_id] = LoggedComplaint(opening, entry.leaf_index, [])
        elif payload := FOLLOWING.get(entry.kind):
            statement: Following = parsed(entry.envelope, payload)
            upheld = getattr(statement, "outcome", 0) == COMPLAINT_OUTCOME_UPHELD
            complaint = complaints.get(statement.complaint_id)
            if complaint is None:
                lost.append(entry.leaf_index)
            else:
                complaint.steps.append(Step(entry.kind, entry.leaf_index, upheld))
    return complaints, lost


def _times_of_inquiries(database: Database) -> dict[tuple[str, str, str], int]:
    """Return the time of each inquiry that got a report, by subject, member and id."""
    return {
        (row.subject_id, row.member_id, row.inquiry_id): row.create_us
        for row in database.inquiries
        if row.granted
    }
