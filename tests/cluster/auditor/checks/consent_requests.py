"""Consent requests: one answer each, by its own subject, and no wider than the request."""

from __future__ import annotations

from collections.abc import Iterator

from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestWithdrawal,
)
from tests.cluster.auditor.evidence import Database, Entry, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed

ANSWERS: dict[str, type[Consent | ConsentRequestDecline | ConsentRequestWithdrawal]] = {
    "consent": Consent,
    "consent-request-decline": ConsentRequestDecline,
    "consent-request-withdrawal": ConsentRequestWithdrawal,
}


def no_wider(evidence: Evidence, findings: Findings) -> None:
    """A consent that answers a request is for the member that made it, of the subject whom it
    names, after it in the log, and allows nothing that was not asked for."""
    for database in evidence.databases:
        requests = requests_of(database)
        for entry, request_id in answers_of(database):
            if entry.kind != "consent":
                continue
            findings.look()
            consent = parsed(entry.envelope, Consent)
            signer = f"members/{consent.grantee}"
            asked = requests.get((signer, request_id))
            where = f"{database.name}: the consent at leaf {entry.leaf_index}"
            if asked is None or asked.leaf_index > entry.leaf_index:
                findings.blame(f"{where} answers no request of {signer}", request=request_id)
                continue
            request = parsed(asked.envelope, ConsentRequest)
            if consent.subject_id != request.subject_id:
                findings.blame(f"{where} answers a request to another subject", request=request_id)
            if wider := sorted(wider_fields(consent, request)):
                findings.blame(f"{where} is wider than its request: {wider}", request=request_id)


def answered_once(evidence: Evidence, findings: Findings) -> None:
    """Each consent request has at most one answer in the log, however many wallets and nodes
    race: a consent, a decline or a withdrawal."""
    for database in evidence.databases:
        answers: dict[str, list[int]] = {}
        for entry, request_id in answers_of(database):
            findings.look()
            answers.setdefault(request_id, []).append(entry.leaf_index)
        for request_id, leaves in answers.items():
            if len(leaves) > 1:
                findings.blame(
                    f"{database.name}: consent request {request_id} has {len(leaves)} answers",
                    leaves=leaves,
                )


def requests_of(database: Database) -> dict[tuple[str, str], Entry]:
    """Return the entries of consent requests, by signer and request id."""
    return {
        (entry.signer, entry.request_id): entry
        for entry in database.entries
        if entry.kind == "consent-request"
    }


def answers_of(database: Database) -> Iterator[tuple[Entry, str]]:
    """Yield the entries that answer consent requests, each with the id of its request."""
    for entry in database.entries:
        if entry.kind in ANSWERS:
            request_id = parsed(entry.envelope, ANSWERS[entry.kind]).consent_request_id
            if request_id:
                yield entry, request_id


def wider_fields(consent: Consent, request: ConsentRequest) -> Iterator[str]:
    """Yield the fields in which a consent allows more than its request asks for.

    Workers ask for no frequency, for no kinds of facility, and to view.
    """
    for field in ("actions", "purposes", "sections"):
        if set(getattr(consent, field)) - set(getattr(request, field)):
            yield field
    if consent.expire_time.seconds - consent.start_time.seconds > request.period.seconds:
        yield "period"
    if request.max_uses and not 0 < consent.max_uses <= request.max_uses:
        yield "max_uses"
    if consent.history_months > request.history_months:
        yield "history_months"
    if consent.mode != request.mode:
        yield "mode"
