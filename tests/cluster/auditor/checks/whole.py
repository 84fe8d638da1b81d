"""Nothing is half there: no effect without its leaf, no leaf without its effect, and
nothing that nobody asked for."""

from __future__ import annotations

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import DENIAL, signer_of

# Kinds whose effect lies in the log alone, in a consent's state, or in what customers allow.
BARE = frozenset({"evaluation", "consent-change", "portfolio-inquiry"})


def effects_and_leaves(evidence: Evidence, findings: Findings) -> None:
    """Every leaf has its effect, every effect its leaf, every submission all its records."""
    for database in evidence.databases:
        for entry in database.entries:
            findings.look()
            if entry.kind in BARE:
                continue
            if entry.entry_key not in database.effects.get(entry.kind, set()):
                findings.blame(
                    f"{database.name}: the {entry.kind} at leaf {entry.leaf_index} has no effect",
                    request_id=entry.request_id,
                )
        for lost in database.lost:
            findings.blame(f"{database.name}: {lost}")
        for row in database.submissions:
            if row.records != row.record_count:
                findings.blame(
                    f"{database.name}: submission {row.submission_id} of {row.record_count} "
                    f"records has {row.records}"
                )


def asked_for(evidence: Evidence, findings: Findings) -> None:
    """Every leaf is of a statement that some worker, or the operator, has sent."""
    known = {(statement.signer, statement.request_id) for statement in evidence.statements}
    # An inquiry of a hostile member is in the log as denied.
    denied = {
        (signer_of(one.envelope), one.request_id)
        for one in evidence.operations
        if one.kind == "attack" and one.envelope
    }
    for database in evidence.databases:
        for entry in database.entries:
            findings.look()
            if entry.signer in evidence.operators:
                continue
            if entry.kind == "replay" and entry.signer in evidence.auditors:
                continue
            if entry.kind == DENIAL and (entry.signer, entry.request_id) in denied:
                continue
            if (entry.signer, entry.request_id) not in known:
                findings.blame(
                    f"{database.name}: nobody knows of the {entry.kind} at leaf {entry.leaf_index}",
                    signer=entry.signer,
                    request_id=entry.request_id,
                )


def subjects_see(evidence: Evidence, findings: Findings) -> None:
    """Every report that left is among those that its subject is shown, on every node."""
    for statement in evidence.statements:
        if statement.first.kind != "query" or statement.leaf_index is None:
            continue
        subject = statement.first.about["subject"]
        for node in evidence.nodes:
            if subject in node.disclosed:
                findings.look()
                if node.disclosed[subject].count(statement.request_id) != 1:
                    findings.blame(f"{node.name} does not show its subject, once, {statement}")
