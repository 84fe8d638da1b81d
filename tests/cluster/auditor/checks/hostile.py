"""Nothing that a hostile member tries has an effect."""

from __future__ import annotations

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import DENIAL
from tests.cluster.history import Outcome


def no_effect(evidence: Evidence, found: Findings) -> None:
    """Every forged, stolen or guessed statement is refused, and none is in the log."""
    asked = {told.request_id for told in evidence.statements}
    forged: dict[str, str] = {}
    for one in evidence.operations:
        if one.kind != "attack":
            continue
        found.look()
        what = str(one.about["what"])
        if one.outcome is Outcome.OK:
            found.blame(f"an attack was answered: {what}", method=one.about["method"])
        if one.request_id and one.request_id not in asked:
            forged[one.request_id] = what
    for database in evidence.databases:
        for entry in database.entries:
            if entry.request_id in forged and entry.kind != DENIAL:
                found.blame(
                    f"{database.name}: an attack is at leaf {entry.leaf_index}: "
                    f"{forged[entry.request_id]}",
                    signer=entry.signer,
                )
        for row in database.inquiries:
            if row.granted and row.inquiry_id in forged:
                found.blame(f"{database.name}: an attack got a report: {row.inquiry_id}")
