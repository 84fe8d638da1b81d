"""Nothing that a hostile member tries has an effect."""

from __future__ import annotations

from tests.cluster.auditor.checks.service import UNSERVED
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import DENIAL
from tests.cluster.history import Outcome

# Refusals of an envelope for what it is; the last one is of gRPC itself.
ENVELOPE = frozenset(
    {"MALFORMED_MESSAGE", "NON_CANONICAL", "TOO_LARGE", "BAD_SIGNATURE", "WRONG_PAYLOAD_TYPE"}
    | {"INVALID_FIELD", "TOO_MANY_ITEMS", "RESOURCE_EXHAUSTED"}
)


def no_effect(evidence: Evidence, findings: Findings) -> None:
    """Every forged, stolen or guessed statement is refused, and none is in the log."""
    asked = {statement.request_id for statement in evidence.statements}
    forged: dict[str, str] = {}
    for one in evidence.operations:
        if one.kind != "attack":
            continue
        findings.look()
        what = str(one.about["what"])
        if one.outcome is Outcome.OK:
            findings.blame(f"an attack was answered: {what}", method=one.about["method"])
        if one.request_id and one.request_id not in asked:
            forged[one.request_id] = what
    for database in evidence.databases:
        for entry in database.entries:
            if entry.request_id in forged and entry.kind != DENIAL:
                findings.blame(
                    f"{database.name}: an attack is at leaf {entry.leaf_index}: "
                    f"{forged[entry.request_id]}",
                    signer=entry.signer,
                )
        for row in database.inquiries:
            if row.granted and row.inquiry_id in forged:
                findings.blame(f"{database.name}: an attack got a report: {row.inquiry_id}")


def junk_refused(evidence: Evidence, findings: Findings) -> None:
    """Every junk envelope is refused for what it is, and no statement in one is in the log."""
    junk: dict[str, str] = {}
    for one in evidence.operations:
        if one.kind != "junk":
            continue
        findings.look()
        what = junk[one.request_id] = str(one.about["what"])
        if one.outcome is Outcome.OK:
            findings.blame(f"junk was accepted: {what}")
        elif one.reason not in ENVELOPE | UNSERVED:
            findings.blame(f"junk was not refused for what it is: {what}: {one.reason}")
    for database in evidence.databases:
        for entry in database.entries:
            if entry.request_id in junk:
                findings.blame(
                    f"{database.name}: junk is at leaf {entry.leaf_index}: {junk[entry.request_id]}"
                )
