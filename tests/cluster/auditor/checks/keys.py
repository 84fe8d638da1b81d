"""The keys of subjects: those that the log gives, and nothing else; and what a repudiation
undoes."""

from __future__ import annotations

from collections import defaultdict

from creditbureau.v1.consent_pb2 import CONSENT_STATE_REPLACED, CONSENT_STATE_REVOKED
from creditbureau.v1.hold_pb2 import HoldLift
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.auditor.subject_keys import keys_of, signing_key

IN_FORCE = "in force"


OVER = {CONSENT_STATE_REVOKED, CONSENT_STATE_REPLACED}


def those_of_the_log(evidence: Evidence, findings: Findings) -> None:
    """No key of a subject is in force, in a database or on a node, that the statements in the
    log do not give; and it signed every statement of the subject."""
    for database in evidence.databases:
        history = keys_of(database.entries)
        wanted = history.states
        now_us = max((entry.time_us for entry in database.entries), default=0)
        stored = {row.key_id: (row.subject_id, row.state(now_us)) for row in database.keys}
        findings.look(len(wanted))
        for key_id in sorted(wanted.keys() | stored.keys()):
            if wanted.get(key_id) != stored.get(key_id):
                findings.blame(
                    f"{database.name}: key {key_id} is {_words(stored.get(key_id))}, "
                    f"by the log it is {_words(wanted.get(key_id))}"
                )
        for entry in history.strays:
            findings.blame(
                f"{database.name}: the {entry.kind} at leaf {entry.leaf_index} was not signed "
                f"with the key in force of {entry.signer}"
            )
    wanted = keys_of(evidence.databases[0].entries).states if evidence.databases else {}
    for node in evidence.nodes:
        for key_id, serves in node.keys.items():
            findings.look()
            counts = wanted.get(key_id, ("", ""))[1] == IN_FORCE
            if serves != counts:
                verb = "serves" if serves else "does not serve"
                findings.blame(
                    f"{node.name} {verb} key {key_id}, which is {_words(wanted.get(key_id))}"
                )


def undone(evidence: Evidence, findings: Findings) -> None:
    """Everything that was signed with a repudiated key is undone: its consents are revoked or
    were replaced before, and holds that it lifted are in force."""
    for database in evidence.databases:
        repudiations = keys_of(database.entries).repudiations
        doomed = frozenset[str]().union(*(one.keys for one in repudiations))
        findings.look(len(repudiations))
        states = {row.consent_id: row.state for row in database.consents}
        lifts: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for entry in database.entries:
            by_doomed = bool(entry.envelope) and signing_key(entry.envelope) in doomed
            if entry.kind == "hold-lift":
                hold_id = parsed(entry.envelope, HoldLift).hold_id
                lifts[entry.signer.removeprefix("subjects/"), hold_id].append(by_doomed)
            elif entry.kind == "consent" and by_doomed:
                findings.look()
                if states.get(entry.request_id) not in OVER:
                    findings.blame(
                        f"{database.name}: consent {entry.request_id} was signed with a "
                        "repudiated key and is not revoked"
                    )
        for (subject, hold_id), by in lifts.items():
            if all(by):
                findings.look()
                for node in evidence.nodes:
                    if subject in node.files and hold_id not in node.files[subject].holds:
                        findings.blame(
                            f"{node.name}: hold {hold_id} was lifted with a repudiated key, and "
                            "is not in force"
                        )


def _words(key: tuple[str, str] | None) -> str:
    return f"{key[1]} for {key[0]}" if key else "unknown"
