"""Every deed that is an event of a person's chain has its notice once, to that person."""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings

Told = tuple[int, str]
# The kind of notice of each kind of entry. A portfolio says of each person whether they were
# denied: both count as looked at.
KINDS = {
    "consent": "CONSENT_GRANTED",
    "consent-change": "CONSENT_CHANGED",
    "consent-request": "CONSENT_REQUEST",
    "consent-request-withdrawal": "CONSENT_REQUEST_WITHDRAWN",
    "deletion": "DELETION_CONFIRMED",
    "hold": "HOLD_PLACED",
    "hold-lift": "HOLD_LIFTED",
    "inquiry": "INQUIRY",
    "inquiry-denial": "INQUIRY",
    "portfolio-inquiry": "INQUIRY",
    "replay": "REPLAY",
}


def listed_once(evidence: Evidence, findings: Findings) -> None:
    """On every node a person lists one notice of each deed in their chain up to the newest notice
    shown, and none of other deeds."""
    for database in evidence.databases:
        expected = due_in(database)
        for node in evidence.nodes:
            for subject, shown in node.noticed.items():
                # What was written while the node was read is later than what it shows.
                newest = max((leaf for leaf, _ in shown), default=-1)
                caused = Counter(one for one in expected[subject] if one[0] <= newest)
                listed = Counter(one for one in shown if one[0] < len(database.entries))
                findings.look(len(caused))
                for one in sorted((caused - listed) | (listed - caused)):
                    findings.blame(
                        f"{node.name} shows {subject} {listed[one]} notices {one[1]} of leaf "
                        f"{one[0]}; {database.name} gives {caused[one]}"
                    )


def heard_own(evidence: Evidence, findings: Findings) -> None:
    """Every notice that a stream brought to a person is of a deed in their own chain."""
    for database in evidence.databases:
        expected = due_in(database)
        for one in evidence.operations:
            if one.kind != "hear" or "leaf" not in one.about:
                continue
            notice = in_kinds(one.about["leaf"], one.about["kind"])
            findings.look()
            if notice is not None and notice not in expected[one.about["subject"]]:
                findings.blame(
                    f"{one.worker} heard {notice[1]} of leaf {notice[0]} for "
                    f"{one.about['subject']}, which {database.name} does not give"
                )


def due_in(database: Database) -> defaultdict[str, list[Told]]:
    """Compute the notices of each person from the leaves of their chain."""
    kind_of = {entry.leaf_index: entry.kind for entry in database.entries}
    notices: defaultdict[str, list[Told]] = defaultdict(list)
    for link in database.links:
        if kind := KINDS.get(kind_of.get(link.leaf_index, "")):
            notices[link.subject_id].append((link.leaf_index, kind))
    return notices


def in_kinds(leaf_index: int, kind: str) -> Told | None:
    """Return a notice as the checks name it; None for a kind that no event gives alone."""
    kind = "INQUIRY" if kind == "INQUIRY_DENIED" else kind
    return (leaf_index, kind) if kind in KINDS.values() else None
