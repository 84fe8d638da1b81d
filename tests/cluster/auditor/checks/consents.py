"""No report without a consent: at its place in the log, and in real time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from creditbureau.v1.consent_pb2 import (
    CONSENT_STATE_ACTIVE,
    CONSENT_STATE_PAUSED,
    CONSENT_STATE_REPLACED,
    CONSENT_STATE_REVOKED,
)
from tests.cluster.auditor.evidence import Database, Evidence, StoredInquiry
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import SentStatement
from tests.cluster.auditor.subject_keys import keys_of, signing_key
from tests.cluster.history import Outcome

STOPS = {"revoke", "pause", "repudiate", "replace"}
# Purposes for which a freeze exempts holders of accounts: of these `freezes` judges.
EXEMPT = {"ACCOUNT_REVIEW", "COLLECTION"}
STATES = {
    "repudiate": CONSENT_STATE_REVOKED,
    "replace": CONSENT_STATE_REPLACED,
    "resume": CONSENT_STATE_ACTIVE,
    "pause": CONSENT_STATE_PAUSED,
    "revoke": CONSENT_STATE_REVOKED,
}


class Change(NamedTuple):
    """A change of a consent: `pause`, `resume`, `revoke`; `replace`, by a newer consent; or
    `repudiate`, which revokes the consents of a key.

    Attributes:
        statement: The statement; None of a repudiation that no worker knows of.
    """

    kind: str
    leaf_index: int
    statement: SentStatement | None

    @property
    def known_ns(self) -> int | None:
        """The time from which somebody knew that it was accepted; None if nobody does."""
        return self.statement.known_ns if self.statement else None


@dataclass
class Granted:
    """A consent as its subject knows it.

    Attributes:
        changes: What its subject did with it, in the order of the log.
    """

    statement: SentStatement
    changes: list[Change] = field(default_factory=list)

    def active_at(self, leaf: int) -> bool:
        """Return True if the consent allows an entry at an index of the log."""
        granted = self.statement.leaf_index
        if granted is None or leaf <= granted:
            return False
        state = "resume"
        for change in self.changes:
            if change.leaf_index < leaf:
                state = change.kind
        return state == "resume"


class Use(NamedTuple):
    """A report that left, and the consent that it names."""

    consent_id: str
    member_id: str
    leaf: int
    purpose: str
    where: str


def consents_of(evidence: Evidence) -> dict[str, Granted]:
    """Every consent that was granted, by id."""
    accepted = [statement for statement in evidence.statements if statement.outcome is Outcome.OK]
    granted = {
        statement.request_id: Granted(statement)
        for statement in accepted
        if statement.first.kind == "grant"
    }
    for statement in accepted:
        if (
            statement.first.kind in {"pause", "resume", "revoke"}
            and statement.leaf_index is not None
        ):
            change = Change(statement.first.kind, statement.leaf_index, statement)
            granted[statement.first.about["consent"]].changes.append(change)
        replaced = statement.first.about.get("replaces", "")
        if replaced in granted and statement.leaf_index is not None:
            granted[replaced].changes.append(Change("replace", statement.leaf_index, statement))
    for consent_id, change in _repudiated(evidence):
        if consent_id in granted and not _ended_before(granted[consent_id], change.leaf_index):
            granted[consent_id].changes.append(change)
    for consent in granted.values():
        consent.changes.sort(key=lambda change: change.leaf_index)
    return granted


def _ended_before(consent: Granted, leaf: int) -> bool:
    """Return True if a consent was replaced before a leaf: then no repudiation revokes it."""
    return any(one.kind == "replace" and one.leaf_index < leaf for one in consent.changes)


def _repudiated(evidence: Evidence) -> Iterator[tuple[str, Change]]:
    """Yield the consents that repudiations of their keys revoked."""
    known = {
        (statement.signer, statement.request_id): statement for statement in evidence.statements
    }
    entries = evidence.databases[0].entries if evidence.databases else []
    for repudiation in keys_of(entries).repudiations:
        ended = repudiation.entry
        statement = known.get((ended.signer, ended.request_id))
        for entry in entries[: ended.leaf_index]:
            if entry.kind == "consent" and signing_key(entry.envelope) in repudiation.keys:
                yield entry.request_id, Change("repudiate", ended.leaf_index, statement)


def uses_of(evidence: Evidence) -> Iterator[Use]:
    """Every report that left: as lenders have it, and as the databases have it."""
    for statement in evidence.statements:
        leaf, about = statement.leaf_index, statement.first.about
        if statement.outcome is not Outcome.OK or leaf is None:
            continue
        member = statement.signer.removeprefix("members/")
        if statement.first.kind == "query":
            yield Use(about["consent"], member, leaf, about["purpose"], str(statement))
        if statement.first.kind == "portfolio":
            for consent_id in about.get("reports", {}):
                yield Use(consent_id, member, leaf, "ACCOUNT_REVIEW", str(statement))
    for database in evidence.databases:
        for row in used_in(database, with_stored=True):
            if row.entry_key in database.leaf_of:
                leaf = database.leaf_of[row.entry_key]
                where = f"inquiry {row.inquiry_id} in {database.name}"
                yield Use(row.consent_id, row.member_id, leaf, "", where)


def used_in(database: Database, *, with_stored: bool = False) -> Iterator[StoredInquiry]:
    """Find the reports and replays that count as uses of consents.

    An auditor replays without a consent.

    Args:
        with_stored: Also find the replays under consents to STORE, which are no uses.
    """
    replays = {entry.entry_key for entry in database.entries if entry.kind == "replay"}
    grantees = {
        consent.consent_id: consent.grantee
        for consent in database.consents
        if with_stored or not consent.data_life_us
    }
    for row in database.inquiries:
        if row.granted or (
            row.entry_key in replays and row.member_id == grantees.get(row.consent_id)
        ):
            yield row


def valid_at_its_index(evidence: Evidence, findings: Findings) -> None:
    """Each report cites a consent that was valid at the report's place in the log."""
    granted = consents_of(evidence)
    for use in uses_of(evidence):
        findings.look()
        consent = granted.get(use.consent_id)
        if consent is None:
            findings.blame(
                f"no consent {use.consent_id} was ever granted: {use.where}", leaf=use.leaf
            )
            continue
        about = consent.statement.first.about
        if about["grantee"] != use.member_id:
            findings.blame(f"a consent for {about['grantee']} served {use.member_id}: {use.where}")
        if use.purpose and use.purpose not in about["purposes"]:
            findings.blame(f"a consent without {use.purpose} served it: {use.where}")
        if not consent.active_at(use.leaf):
            findings.blame(
                f"consent {use.consent_id} was not in force at leaf {use.leaf}: {use.where}",
                granted=consent.statement.leaf_index,
                changes=[(one.kind, one.leaf_index) for one in consent.changes],
            )


def stopped_from_then_on(evidence: Evidence, findings: Findings) -> None:
    """A revocation, pause or freeze that was acknowledged before a request was sent blocks it;
    a freeze no holder's review or collection of an account."""
    granted = consents_of(evidence)
    freezes = _freezes(evidence)
    for statement in evidence.statements:
        if statement.first.kind != "query":
            continue
        findings.look()
        if statement.outcome is not Outcome.OK:
            continue
        about = statement.first.about
        changes = granted[about["consent"]].changes if about["consent"] in granted else []
        spans = list(stops_of(changes))
        if about["purpose"] not in EXEMPT:
            spans += freezes.get(about["subject"], [])
        for since, until, what in spans:
            if since < statement.begin_ns and (statement.known_ns or statement.begin_ns) < until:
                findings.blame(
                    f"{what} was acknowledged {(statement.begin_ns - since) / 1e6:.1f} ms before "
                    f"{statement} was sent, which was answered",
                    leaf=statement.leaf_index,
                )


def never_over_the_limit(evidence: Evidence, findings: Findings) -> None:
    """A consent is used at most as often as it says, however many nodes race."""
    limits = {
        statement.request_id: statement.first.about["max_uses"]
        or statement.first.about.get("monthly", 0)
        for statement in evidence.statements
        if statement.first.kind == "grant"
    }
    uses_sent = Counter(
        statement.first.about["consent"]
        for statement in evidence.statements
        if statement.first.kind == "query" and statement.outcome is Outcome.OK
    )
    _count(uses_sent, limits, "lenders' histories", findings)
    for database in evidence.databases:
        uses = Counter(row.consent_id for row in used_in(database))
        _count(uses, limits, database.name, findings)
        for consent in database.consents:
            if consent.use_count != uses[consent.consent_id]:
                findings.blame(
                    f"{database.name} counts {consent.use_count} uses of {consent.consent_id} "
                    f"and has {uses[consent.consent_id]} reports under it"
                )


def state_follows(evidence: Evidence, findings: Findings) -> None:
    """Every consent stands as its subject's last statement about it says."""
    granted = consents_of(evidence)
    for database in evidence.databases:
        for row in database.consents:
            consent = granted.get(row.consent_id)
            if consent is not None:
                findings.look()
                last = consent.changes[-1].kind if consent.changes else "resume"
                if row.state != STATES[last]:
                    findings.blame(
                        f"{database.name}: consent {row.consent_id} is in state {row.state}, "
                        f"its subject's last word was {last}"
                    )


def _count(uses: Counter[str], limits: dict[str, int], where: str, findings: Findings) -> None:
    for consent_id, count in uses.items():
        findings.look()
        limit = limits.get(consent_id, 0)
        if limit and count > limit:
            findings.blame(f"consent {consent_id} of {limit} uses was used {count} times: {where}")


def stops_of(changes: list[Change]) -> Iterator[tuple[int, float, str]]:
    """Return the times at which a consent was stopped for sure: from the acknowledgement
    until somebody began to resume it."""
    for index, change in enumerate(changes):
        if change.kind in STOPS and change.known_ns is not None:
            later = [
                one.statement.begin_ns
                for one in changes[index + 1 :]
                if one.kind == "resume" and one.statement
            ]
            yield change.known_ns, min(later, default=float("inf")), f"{change.statement}"


def _freezes(evidence: Evidence) -> dict[str, list[tuple[int, float, str]]]:
    """Return the times at which a subject's file was frozen for sure."""
    freezes: dict[str, list[tuple[int, float, str]]] = {}
    lifts = {
        statement.first.about["hold"]: statement.begin_ns
        for statement in evidence.statements
        if statement.first.kind == "lift" and statement.outcome is not Outcome.FAILED
    }
    for statement in evidence.statements:
        if statement.first.kind == "hold" and statement.known_ns is not None:
            until = lifts.get(statement.request_id, float("inf"))
            subject = statement.first.about["subject"]
            freezes.setdefault(subject, []).append((statement.known_ns, until, str(statement)))
    return freezes
