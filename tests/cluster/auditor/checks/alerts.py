"""Alerts reach their member at least once and in order, whichever node took the write."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from tests.cluster.auditor.checks.consents import STOPS, consents_of
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.history import Operation, Outcome

PLACE_BITS = 20


def all_delivered(evidence: Evidence, findings: Findings) -> None:
    """Every alert that a member's watcher could have had by its last one, it had."""
    untouched = _untouched(evidence)
    for member, heard in _heard(evidence).items():
        delivered = {one.about["alert"] for one in heard}
        last = max(one.about["cursor"] for one in heard)
        for database in evidence.databases:
            for alert in database.alerts:
                leaf = database.leaf_of.get(alert.entry_key)
                if alert.member_id != member or alert.consent_id not in untouched or leaf is None:
                    continue
                if (leaf << PLACE_BITS | alert.ordinal) > last:
                    continue
                findings.look()
                if f"{leaf}-{alert.ordinal}" not in delivered:
                    findings.blame(
                        f"{member} never got alert {leaf}-{alert.ordinal}, and got later ones",
                        consent=alert.consent_id,
                    )


def caused(evidence: Evidence, findings: Findings) -> None:
    """Each inquiry for new credit alerts every other member that monitors the person."""
    untouched = _untouched(evidence)
    monitors: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for statement in evidence.statements:
        about = statement.first.about
        if statement.request_id in untouched and "MONITOR" in about["actions"]:
            grant = statement.request_id, about["grantee"], statement.leaf_index or 0
            monitors[about["subject"]].append(grant)
    for node in evidence.nodes:
        given = {
            (member, alert.consent_id, alert.leaf_index)
            for member, alerts in node.alerts.items()
            for alert in alerts
            if alert.kind == "NEW_INQUIRY"
        }
        for statement in evidence.statements:
            leaf, about = statement.leaf_index, statement.first.about
            if statement.first.kind != "query" or leaf is None or about["purpose"] != HARD:
                continue
            for consent_id, member, since in monitors[about["subject"]]:
                if since < leaf and member != about["member"] and member in node.alerts:
                    findings.look()
                    if (member, consent_id, leaf) not in given:
                        findings.blame(
                            f"{node.name} does not alert {member} of {statement}", leaf=leaf
                        )


def in_order(evidence: Evidence, findings: Findings) -> None:
    """Within a stream, alerts come in the order of the log; and on every node the same."""
    for heard in _heard(evidence).values():
        streams: dict[int, list[int]] = defaultdict(list)
        for one in heard:
            streams[one.about["stream"]].append(one.about["cursor"])
        for number, cursors in streams.items():
            findings.look(len(cursors))
            for before, after in pairwise(cursors):
                if after <= before:
                    findings.blame(
                        f"{heard[0].worker} heard {after} behind {before}", stream=number
                    )
    for node, other in pairwise(evidence.nodes):
        for member in node.alerts.keys() & other.alerts.keys():
            findings.look()
            if node.alerts[member] != other.alerts[member]:
                findings.blame(f"{node.name} and {other.name} have other alerts for {member}")


# An inquiry that other members see.
HARD = "CREDIT_APPLICATION"


def _heard(evidence: Evidence) -> dict[str, list[Operation]]:
    """Collect the alerts that each member's watcher received, in their order."""
    alerts: dict[str, list[Operation]] = defaultdict(list)
    for one in evidence.operations:
        if one.kind == "alert":
            alerts[one.about["member"]].append(one)
    return alerts


def _untouched(evidence: Evidence) -> set[str]:
    """Consents that their subjects never changed, of people who never froze their file:
    what happens to the others depends on the moment."""
    frozen = {
        statement.first.about["subject"]
        for statement in evidence.statements
        if statement.first.kind == "hold" and statement.outcome is not Outcome.FAILED
    }
    return {
        consent_id
        for consent_id, consent in consents_of(evidence).items()
        if not any(change.kind in STOPS for change in consent.changes)
        and consent.statement.first.about["subject"] not in frozen
    }
