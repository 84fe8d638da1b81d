"""Decisions: each on a report that its lender got, and shown to the person whom it is about."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from creditbureau.v1.decision_pb2 import DecisionReceipt
from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Outcome


class Report(NamedTuple):
    """A report that a lender got.

    Attributes:
        signer: The lender, as the log names signers.
    """

    signer: str
    subject_id: str
    inquiry_id: str
    digest: bytes


def on_own_reports(evidence: Evidence, findings: Findings) -> None:
    """Every decision in the log is on a report that its lender got before, by its digest."""
    for database in evidence.databases:
        reports = reports_of(database)
        for entry in database.entries:
            if entry.kind != "decision":
                continue
            findings.look()
            decision = parsed(entry.envelope, DecisionReceipt)
            report = Report(
                entry.signer, decision.subject_id, decision.inquiry_id, decision.report_digest
            )
            if report not in reports or reports[report] > entry.leaf_index:
                findings.blame(
                    f"{database.name}: the decision at leaf {entry.leaf_index} is on no report "
                    f"of {entry.signer}",
                    inquiry=decision.inquiry_id,
                )


def shown_to_subjects(evidence: Evidence, findings: Findings) -> None:
    """Every accepted decision is shown to its subject, on every node, once; and no other is."""
    decided: dict[str, list[str]] = defaultdict(list)
    for statement in evidence.statements:
        if statement.first.kind == "decide" and statement.outcome is Outcome.OK:
            decided[statement.first.about["subject"]].append(statement.request_id)
    for node in evidence.nodes:
        for subject, shown in node.decisions.items():
            findings.look(len(decided[subject]))
            if sorted(shown) != sorted(decided[subject]):
                findings.blame(
                    f"{node.name} shows {subject} other decisions than were recorded",
                    shown=sorted(shown),
                    recorded=sorted(decided[subject]),
                )


def reports_of(database: Database) -> dict[Report, int]:
    """Return the leaf of the inquiry of each report."""
    entries = {entry.entry_key: entry for entry in database.entries}
    reports: dict[Report, int] = {}
    for row in database.inquiries:
        entry = entries.get(row.entry_key or 0)
        if row.granted and entry is not None and entry.kind == "inquiry":
            report = Report(entry.signer, row.subject_id, entry.request_id, entry.answer_digest)
            reports[report] = entry.leaf_index
    return reports
