"""No report without a consent: at its place in the log, and in real time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from creditbureau.v1.consent_pb2 import (
    CONSENT_STATE_ACTIVE,
    CONSENT_STATE_PAUSED,
    CONSENT_STATE_REVOKED,
)
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import Told
from tests.cluster.auditor.subject_keys import keys_of, signing_key
from tests.cluster.history import Outcome

STOPS = {"revoke", "pause", "repudiate"}
STATES = {
    "repudiate": CONSENT_STATE_REVOKED,
    "resume": CONSENT_STATE_ACTIVE,
    "pause": CONSENT_STATE_PAUSED,
    "revoke": CONSENT_STATE_REVOKED,
}


class Change(NamedTuple):
    """A change of a consent: `pause`, `resume`, `revoke`, or `repudiate`, which revokes the
    consents of a key.

    Attributes:
        told: The statement; None of a repudiation that no worker knows of.
    """

    kind: str
    leaf_index: int
    told: Told | None

    @property
    def known_ns(self) -> int | None:
        """The time from which somebody knew that it was accepted; None if nobody does."""
        return self.told.known_ns if self.told else None


@dataclass
class Granted:
    """A consent as its subject knows it.

    Attributes:
        changes: What its subject did with it, in the order of the log.
    """

    told: Told
    changes: list[Change] = field(default_factory=list)

    def active_at(self, leaf: int) -> bool:
        """Return True if the consent allows an entry at an index of the log."""
        granted = self.told.leaf_index
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
    accepted = [told for told in evidence.statements if told.outcome is Outcome.OK]
    granted = {told.request_id: Granted(told) for told in accepted if told.first.kind == "grant"}
    for told in accepted:
        if told.first.kind in {"pause", "resume", "revoke"} and told.leaf_index is not None:
            change = Change(told.first.kind, told.leaf_index, told)
            granted[told.first.about["consent"]].changes.append(change)
    for consent_id, change in _repudiated(evidence):
        if consent_id in granted:
            granted[consent_id].changes.append(change)
    for consent in granted.values():
        consent.changes.sort(key=lambda change: change.leaf_index)
    return granted


def _repudiated(evidence: Evidence) -> Iterator[tuple[str, Change]]:
    """Yield the consents that repudiations of their keys revoked."""
    known = {(told.signer, told.request_id): told for told in evidence.statements}
    entries = evidence.databases[0].entries if evidence.databases else []
    for repudiation in keys_of(entries).repudiations:
        ended = repudiation.entry
        told = known.get((ended.signer, ended.request_id))
        for entry in entries[: ended.leaf_index]:
            if entry.kind == "consent" and signing_key(entry.envelope) in repudiation.keys:
                yield entry.request_id, Change("repudiate", ended.leaf_index, told)


def uses_of(evidence: Evidence) -> Iterator[Use]:
    """Every report that left: as lenders have it, and as the databases have it."""
    for told in evidence.statements:
        leaf, about = told.leaf_index, told.first.about
        if told.outcome is not Outcome.OK or leaf is None:
            continue
        member = told.signer.removeprefix("members/")
        if told.first.kind == "query":
            yield Use(about["consent"], member, leaf, about["purpose"], str(told))
        if told.first.kind == "portfolio":
            for consent_id in about.get("reports", {}):
                yield Use(consent_id, member, leaf, "ACCOUNT_REVIEW", str(told))
    for database in evidence.databases:
        for row in database.inquiries:
            if row.granted and row.entry_key in database.leaf_of:
                leaf = database.leaf_of[row.entry_key]
                where = f"inquiry {row.inquiry_id} in {database.name}"
                yield Use(row.consent_id, row.member_id, leaf, "", where)


def valid_at_its_index(evidence: Evidence, found: Findings) -> None:
    """Each report cites a consent that was valid at the report's place in the log."""
    granted = consents_of(evidence)
    for use in uses_of(evidence):
        found.look()
        consent = granted.get(use.consent_id)
        if consent is None:
            found.blame(f"no consent {use.consent_id} was ever granted: {use.where}", leaf=use.leaf)
            continue
        about = consent.told.first.about
        if about["grantee"] != use.member_id:
            found.blame(f"a consent for {about['grantee']} served {use.member_id}: {use.where}")
        if use.purpose and use.purpose not in about["purposes"]:
            found.blame(f"a consent without {use.purpose} served it: {use.where}")
        if not consent.active_at(use.leaf):
            found.blame(
                f"consent {use.consent_id} was not in force at leaf {use.leaf}: {use.where}",
                granted=consent.told.leaf_index,
                changes=[(one.kind, one.leaf_index) for one in consent.changes],
            )


def stopped_from_then_on(evidence: Evidence, found: Findings) -> None:
    """A revocation, pause or freeze that was acknowledged before a request was sent blocks it."""
    granted = consents_of(evidence)
    freezes = _freezes(evidence)
    for told in evidence.statements:
        if told.first.kind != "query":
            continue
        found.look()
        if told.outcome is not Outcome.OK:
            continue
        about = told.first.about
        changes = granted[about["consent"]].changes if about["consent"] in granted else []
        spans = [*_stops(changes), *freezes.get(about["subject"], [])]
        for since, until, what in spans:
            if since < told.begin_ns and (told.known_ns or told.begin_ns) < until:
                found.blame(
                    f"{what} was acknowledged {(told.begin_ns - since) / 1e6:.1f} ms before "
                    f"{told} was sent, which was answered",
                    leaf=told.leaf_index,
                )


def never_over_the_limit(evidence: Evidence, found: Findings) -> None:
    """A consent is used at most as often as it says, however many nodes race."""
    limits = {
        told.request_id: told.first.about["max_uses"] or told.first.about.get("monthly", 0)
        for told in evidence.statements
        if told.first.kind == "grant"
    }
    told_uses = Counter(
        told.first.about["consent"]
        for told in evidence.statements
        if told.first.kind == "query" and told.outcome is Outcome.OK
    )
    _count(told_uses, limits, "lenders' histories", found)
    for database in evidence.databases:
        uses = Counter(row.consent_id for row in database.inquiries if row.granted)
        _count(uses, limits, database.name, found)
        for consent in database.consents:
            if consent.use_count != uses[consent.consent_id]:
                found.blame(
                    f"{database.name} counts {consent.use_count} uses of {consent.consent_id} "
                    f"and has {uses[consent.consent_id]} reports under it"
                )


def state_follows(evidence: Evidence, found: Findings) -> None:
    """Every consent stands as its subject's last statement about it says."""
    granted = consents_of(evidence)
    for database in evidence.databases:
        for row in database.consents:
            consent = granted.get(row.consent_id)
            if consent is not None:
                found.look()
                last = consent.changes[-1].kind if consent.changes else "resume"
                if row.state != STATES[last]:
                    found.blame(
                        f"{database.name}: consent {row.consent_id} is in state {row.state}, "
                        f"its subject's last word was {last}"
                    )


def _count(uses: Counter[str], limits: dict[str, int], where: str, found: Findings) -> None:
    for consent_id, count in uses.items():
        found.look()
        limit = limits.get(consent_id, 0)
        if limit and count > limit:
            found.blame(f"consent {consent_id} of {limit} uses was used {count} times: {where}")


def _stops(changes: list[Change]) -> Iterator[tuple[int, float, str]]:
    """Return the times at which a consent was stopped for sure: from the acknowledgement
    until somebody began to resume it."""
    for place, change in enumerate(changes):
        if change.kind in STOPS and change.known_ns is not None:
            later = [
                one.told.begin_ns
                for one in changes[place + 1 :]
                if one.kind == "resume" and one.told
            ]
            yield change.known_ns, min(later, default=float("inf")), f"{change.told}"


def _freezes(evidence: Evidence) -> dict[str, list[tuple[int, float, str]]]:
    """Return the times at which a subject's file was frozen for sure."""
    found: dict[str, list[tuple[int, float, str]]] = {}
    lifts = {
        told.first.about["hold"]: told.begin_ns
        for told in evidence.statements
        if told.first.kind == "lift" and told.outcome is not Outcome.FAILED
    }
    for told in evidence.statements:
        if told.first.kind == "hold" and told.known_ns is not None:
            until = lifts.get(told.request_id, float("inf"))
            subject = told.first.about["subject"]
            found.setdefault(subject, []).append((told.known_ns, until, str(told)))
    return found
