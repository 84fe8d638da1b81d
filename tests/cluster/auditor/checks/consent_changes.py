"""Every change of a consent reaches its grantee once and in order; a deletion is confirmed after
the end of its consent, by its grantee.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import Consent, ConsentChange, ConsentTransition
from tests.cluster.auditor.checks.consents import consents_of, used_in
from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Operation

KINDS = {"PAUSE": "PAUSED", "RESUME": "RESUMED", "REVOKE": "REVOKED"}


class Change(NamedTuple):
    """A change of a consent by an entry of the log."""

    leaf_index: int
    consent_id: str
    kind: str


def all_heard(evidence: Evidence, findings: Findings) -> None:
    """Every change of a consent that its grantee's watcher could have heard by its last one, it
    heard, and no other."""
    for database in evidence.databases:
        expected = made_in(evidence, database)
        for member, heard in _heard(evidence).items():
            delivered = {_change(one) for one in heard if one.leaf_index is not None}
            last = max(delivered, default=Change(-1, "", ""))
            for change in sorted(expected[member]):
                if change <= last:
                    findings.look()
                    if change not in delivered:
                        findings.blame(
                            f"{member} never heard that {change.consent_id} was {change.kind} at "
                            f"leaf {change.leaf_index}, and heard of later changes"
                        )
            for change in sorted(delivered - expected[member]):
                findings.blame(
                    f"{member} heard that {change.consent_id} was {change.kind} at leaf "
                    f"{change.leaf_index}, which {database.name} does not have"
                )


def once_in_order(evidence: Evidence, findings: Findings) -> None:
    """Within a stream, each change of a consent comes once, in the order of the log; and each
    expiry once, in the order of time."""
    for heard in _heard(evidence).values():
        streams: dict[int, list[Operation]] = defaultdict(list)
        for one in heard:
            streams[one.about["stream"]].append(one)
        for number, stream in streams.items():
            findings.look(len(stream))
            logged = [_change(one)[:2] for one in stream if one.leaf_index is not None]
            expired = [
                (one.about["time_us"], one.about["consent"])
                for one in stream
                if one.leaf_index is None
            ]
            for before, after in (*pairwise(logged), *pairwise(expired)):
                if after <= before:
                    findings.blame(f"{heard[0].worker} heard {after} after {before}", stream=number)


def deleted_after_the_end(evidence: Evidence, findings: Findings) -> None:
    """Each deletion in the log is confirmed once, by the grantee, after its consent ended."""
    granted = consents_of(evidence)
    for database in evidence.databases:
        grants = {entry.request_id: entry for entry in database.entries if entry.kind == "consent"}
        confirmed: Counter[str] = Counter()
        for entry in database.entries:
            if entry.kind != "deletion":
                continue
            findings.look()
            consent_id = parsed(entry.envelope, DeletionConfirmation).consent_id
            where = f"{database.name}: the deletion at leaf {entry.leaf_index}"
            confirmed[consent_id] += 1
            if consent_id not in grants:
                findings.blame(f"{where} is under no consent")
                continue
            consent = parsed(grants[consent_id].envelope, Consent)
            if entry.signer != f"members/{consent.grantee}":
                findings.blame(f"{where} is confirmed by {entry.signer}, not by the grantee")
            changes = granted[consent_id].changes if consent_id in granted else []
            ended = any(
                change.kind in {"revoke", "repudiate", "replace"}
                and change.leaf_index < entry.leaf_index
                for change in changes
            )
            if not ended and entry.time_us < consent.expire_time.ToMicroseconds():
                findings.blame(f"{where} is confirmed before its consent ended")
            if confirmed[consent_id] > 1:
                findings.blame(f"{where} is confirmed already")


def made_in(evidence: Evidence, database: Database) -> dict[str, set[Change]]:
    """Compute the changes of each member's consents from the statements in the log."""
    grantees = {consent.consent_id: consent.grantee for consent in database.consents}
    changes: dict[str, set[Change]] = defaultdict(set)

    def add(leaf_index: int, consent_id: str, kind: str) -> None:
        if consent_id in grantees:
            changes[grantees[consent_id]].add(Change(leaf_index, consent_id, kind))

    revoked: set[str] = set()
    for entry in database.entries:
        if entry.kind == "consent":
            add(entry.leaf_index, entry.request_id, "GRANTED")
            if replaced := parsed(entry.envelope, Consent).replaces:
                add(entry.leaf_index, replaced, "REPLACED")
        elif entry.kind == "consent-change":
            change = parsed(entry.envelope, ConsentChange)
            word = ConsentTransition.Name(change.transition).removeprefix("CONSENT_TRANSITION_")
            add(entry.leaf_index, change.consent_id, KINDS.get(word, ""))
            revoked |= {change.consent_id} if word == "REVOKE" else set()
    # A repudiation revokes the consents that are not revoked, and no revocation follows one.
    for consent_id, consent in consents_of(evidence).items():
        repudiations = [one.leaf_index for one in consent.changes if one.kind == "repudiate"]
        if repudiations and consent_id not in revoked:
            add(repudiations[0], consent_id, "REVOKED")
    for consent_id, leaf_index in _used_up(database).items():
        add(leaf_index, consent_id, "EXHAUSTED")
    return changes


def _used_up(database: Database) -> dict[str, int]:
    """Return the leaf of the last use of each consent whose uses are used up."""
    limits = {consent.consent_id: consent.max_uses for consent in database.consents}
    uses: dict[str, list[int]] = defaultdict(list)
    for row in used_in(database):
        if row.entry_key in database.leaf_of:
            uses[row.consent_id].append(database.leaf_of[row.entry_key])
    return {
        consent_id: sorted(leaves)[limits[consent_id] - 1]
        for consent_id, leaves in uses.items()
        if 0 < limits.get(consent_id, 0) <= len(leaves)
    }


def _change(one: Operation) -> Change:
    return Change(one.leaf_index or 0, one.about["consent"], one.about["kind"])


def _heard(evidence: Evidence) -> dict[str, list[Operation]]:
    """Collect the changes that each member's watcher heard, in their order."""
    changes: dict[str, list[Operation]] = defaultdict(list)
    for one in evidence.operations:
        if one.kind == "consent-change":
            changes[one.about["member"]].append(one)
    return changes
