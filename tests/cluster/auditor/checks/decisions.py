"""Decisions: each on a report that its lender got, and shown to the person whom it is about."""

from __future__ import annotations

from collections import defaultdict

from creditbureau.v1.decision_pb2 import DecisionReceipt
from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Outcome


def on_own_reports(evidence: Evidence, found: Findings) -> None:
    """Every decision in the log is on a report that its lender got before, by its digest."""
    for database in evidence.databases:
        reports = reports_of(database)
        for entry in database.entries:
            if entry.kind != "decision":
                continue
            found.look()
            decision = parsed(entry.envelope, DecisionReceipt)
            place = entry.signer, decision.subject_id, decision.inquiry_id, decision.report_digest
            if place not in reports or reports[place] > entry.leaf_index:
                found.blame(
                    f"{database.name}: the decision at leaf {entry.leaf_index} is on no report "
                    f"of {entry.signer}",
                    inquiry=decision.inquiry_id,
                )


def shown_to_subjects(evidence: Evidence, found: Findings) -> None:
    """Every accepted decision is shown to its subject, on every node, once; and no other is."""
    decided: dict[str, list[str]] = defaultdict(list)
    for told in evidence.statements:
        if told.first.kind == "decide" and told.outcome is Outcome.OK:
            decided[told.first.about["subject"]].append(told.request_id)
    for node in evidence.nodes:
        for subject, shown in node.decisions.items():
            found.look(len(decided[subject]))
            if sorted(shown) != sorted(decided[subject]):
                found.blame(
                    f"{node.name} shows {subject} other decisions than were recorded",
                    shown=sorted(shown),
                    recorded=sorted(decided[subject]),
                )


def reports_of(database: Database) -> dict[tuple[str, str, str, bytes], int]:
    """Return the leaf of the inquiry of each report: by signer, subject, request id and digest."""
    entries = {entry.entry_key: entry for entry in database.entries}
    reports = {}
    for row in database.inquiries:
        entry = entries.get(row.entry_key or 0)
        if row.granted and entry is not None and entry.kind == "inquiry":
            place = entry.signer, row.subject_id, entry.request_id, entry.answer_digest
            reports[place] = entry.leaf_index
    return reports
