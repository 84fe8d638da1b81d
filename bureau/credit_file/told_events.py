"""The events of a subject's chain as notices: the deeds of members about the subject, and what was
done with the subject's own key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bureau.credit_file.consent_state import HeldConsent
from bureau.ledger.event_chains import head_of
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import SignerName, member_id_of
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consent_request_pb2 import ConsentRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_CONSENT_CHANGED,
    NOTICE_KIND_CONSENT_GRANTED,
    NOTICE_KIND_CONSENT_REQUEST,
    NOTICE_KIND_CONSENT_REQUEST_WITHDRAWN,
    NOTICE_KIND_CONSENT_USED_UP,
    NOTICE_KIND_DELETION_CONFIRMED,
    NOTICE_KIND_HOLD_LIFTED,
    NOTICE_KIND_HOLD_PLACED,
    NOTICE_KIND_INQUIRY,
    NOTICE_KIND_INQUIRY_DENIED,
    NOTICE_KIND_REPLAY,
)
from creditbureau.v1.report_pb2 import (
    INQUIRY_OUTCOME_DENIED,
    INQUIRY_OUTCOME_REPLAYED,
)

# The kind of notice of each kind of entry, other than inquiries.
TOLD: dict[str, int] = {
    "consent": NOTICE_KIND_CONSENT_GRANTED,
    "consent-change": NOTICE_KIND_CONSENT_CHANGED,
    "consent-request": NOTICE_KIND_CONSENT_REQUEST,
    "consent-request-withdrawal": NOTICE_KIND_CONSENT_REQUEST_WITHDRAWN,
    "deletion": NOTICE_KIND_DELETION_CONFIRMED,
    "hold": NOTICE_KIND_HOLD_PLACED,
    "hold-lift": NOTICE_KIND_HOLD_LIFTED,
}
TOLD_INQUIRIES: dict[int, int] = {
    INQUIRY_OUTCOME_DENIED: NOTICE_KIND_INQUIRY_DENIED,
    INQUIRY_OUTCOME_REPLAYED: NOTICE_KIND_REPLAY,
}


class ToldEvent(NamedTuple):
    """A notice of an event.

    Attributes:
        ordinal: Its number among the notices of its entry to the subject.
        kind: A NoticeKind.
        about_id: The inquiry, the consent that was used up; otherwise empty.
        end_us: The end of the consent or of the request; 0 for none.
    """

    leaf_index: int
    ordinal: int
    time_us: int
    entry_key: int
    kind: int
    member_id: str
    about_id: str = ""
    end_us: int = 0


def told_after(
    db: Connection, subject_id: str, leaf_index: int, ordinal: int, limit: int
) -> list[ToldEvent]:
    """Read at least `limit` of the notices of a subject's events after a position, oldest first;
    fewer if there are no more.
    """
    number = head_of(db, subject_id, leaf_index).events
    # One more: the event of the position may have no notice after it.
    page = {"subject_id": subject_id, "number": number, "limit": limit + 1}
    notices = notices_of(db, subject_id, db.all(q.told_events_after, **page))
    return [each for each in notices if each[:2] > (leaf_index, ordinal)]


def told_before(
    db: Connection, subject_id: str, leaf_index: int, ordinal: int, limit: int
) -> list[ToldEvent]:
    """Read at least `limit` of the notices of a subject's events before a position, newest first;
    fewer if there are no more.
    """
    number = head_of(db, subject_id, leaf_index + 1).events
    page = {"subject_id": subject_id, "number": number, "limit": limit + 1}
    notices = [*notices_of(db, subject_id, db.all(q.told_events_before, **page))]
    return sorted((each for each in notices if each[:2] < (leaf_index, ordinal)), reverse=True)


def notices_of(
    db: Connection, subject_id: str, events: Iterable[q.ToldEvent]
) -> Iterator[ToldEvent]:
    """Yield the notices of a subject's events, at least one for each."""
    for event in events:
        if event.kind in TOLD:
            yield _of_statement(db, event)
        else:
            yield from _of_inquiry(db, subject_id, event)


def _of_inquiry(db: Connection, subject_id: str, event: q.ToldEvent) -> Iterator[ToldEvent]:
    """Yield the notice of an inquiry, and that of the consent whose last use it was."""
    entry = event.leaf_index, event.time_us, event.entry_key
    rows = db.all(q.told_inquiries, entry_key=event.entry_key, subject_id=subject_id)
    if not rows:  # an auditor's replay
        yield _told(entry, 0, NOTICE_KIND_REPLAY, _signer(event))
    for row in rows:
        kind = TOLD_INQUIRIES.get(row.outcome, NOTICE_KIND_INQUIRY)
        yield _told(entry, 0, kind, _signer(event), row.inquiry_id)
        if row.used_up:
            yield _told(entry, 1, NOTICE_KIND_CONSENT_USED_UP, _signer(event), row.consent_id)


def _of_statement(db: Connection, event: q.ToldEvent) -> ToldEvent:
    """Return the notice of a statement; without its consent if it was erased."""
    entry = event.leaf_index, event.time_us, event.entry_key
    notice = _told(entry, 0, TOLD[event.kind], _signer(event))
    row = db.one(q.envelope_of, entry_key=event.entry_key)
    payload = Envelope.FromString(row[0]).payload if row else b""
    if event.kind == "consent":
        consent = Consent.FromString(payload)
        end_us = consent.expire_time.ToMicroseconds()
        return notice._replace(member_id=consent.grantee, end_us=end_us)
    if event.kind == "consent-change":
        consent_id = ConsentChange.FromString(payload).consent_id
        row_of_consent = db.one(q.consent_by_id, consent_id=consent_id)
        return (
            notice._replace(member_id=HeldConsent(*row_of_consent).grantee)
            if row_of_consent
            else notice
        )
    if event.kind == "consent-request":
        request = ConsentRequest.FromString(payload)
        return notice._replace(end_us=request.expire_time.ToMicroseconds())
    return notice


def _told(
    entry: tuple[int, int, int], ordinal: int, kind: int, member_id: str, about_id: str = ""
) -> ToldEvent:
    leaf_index, time_us, entry_key = entry
    return ToldEvent(leaf_index, ordinal, time_us, entry_key, kind, member_id, about_id)


def _signer(event: q.ToldEvent) -> str:
    """Return the member that signed an event; empty for the subject."""
    return member_id_of(SignerName(event.signer))
