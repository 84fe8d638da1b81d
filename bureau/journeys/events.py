"""Use cases of the chain of events: a subject lists it, a member proves two heads of it."""

from __future__ import annotations

from bureau import paging, signed_statement
from bureau.context import Bureau
from bureau.credit_file.consent_proof import KeyProofs, in_log_order
from bureau.credit_file.disclosed import disclosed
from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.queries.event_links import EventLink
from bureau_keys.merkle import leaf_hash
from bureau_keys.signer_name import subject_id_of
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import ProveEventsRequest, ProveEventsResponse
from creditbureau.v1.subjects_pb2 import Event, ListEventsResponse

# Leaf hashes on one page of a proof: 320 kB.
PROOF_PAGE = 10_000


def list_events(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> ListEventsResponse:
    """List the events of a subject's chain, oldest first.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    limit = page_size or paging.DEFAULT_SIZE
    after = paging.number_in(page_token, otherwise=0)
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Subjects/ListEvents", bureau.clock.now_us()
        ).subject_id
        links = db.all(q.event_links_after, subject_id=subject_id, after=after, limit=limit + 1)
        page, token = paging.cut(links, limit, _number_of)
        keys = KeyProofs(db)
        pairs = ((link, _with_keys(db, link, subject_id, keys)) for link in page)
        parts, token = paging.fit(pairs, token, _number_of)
    return ListEventsResponse(
        events=[event for part in parts for event in part.events],
        next_page_token=token,
        keys=in_log_order(key for part in parts for key in part.keys),
    )


def prove_events(bureau: Bureau, request: ProveEventsRequest) -> ProveEventsResponse:
    """Return the leaf hashes between two heads of a subject's chain.

    A caller that has both heads has them from reports. The hashes show how many events lie
    between, and which leaves of the log they are, though not what these say. What was before
    the first report stays with the subject: an empty first head is no field value.

    Raises:
        Refusal: NOT_FOUND unless the second head follows the first in the subject's chain;
            BAD_PAGE_TOKEN.
    """
    with bureau.database.snapshot() as db:
        first, last = (
            _events_up_to(db, request.subject_id, each)
            for each in (request.first_hash, request.second_hash)
        )
        if first is None or last is None or first > last:
            raise Refusal("NOT_FOUND", "the subject has no chain of events with these two heads")
        after = max(first, paging.number_in(request.page_token, otherwise=0))
        count = max(0, min(PROOF_PAGE, last - after))
        links = db.all(q.event_links_after, subject_id=request.subject_id, after=after, limit=count)
    more = after + len(links) < last
    return ProveEventsResponse(
        leaf_hashes=[leaf_hash(link.commitment) for link in links],
        next_page_token=str(after + len(links)) if more else "",
    )


def _events_up_to(db: Connection, subject_id: str, head: bytes) -> int | None:
    """Return the number of events up to a head; None for a head of no chain of the subject."""
    row = db.one(q.event_link_of, subject_id=subject_id, hash=head)
    return row[0] if row else None


def _number_of(link: EventLink) -> int:
    return link.number


def _with_keys(
    db: Connection, link: EventLink, subject_id: str, keys: KeyProofs
) -> ListEventsResponse:
    """Read an event, and how the subject's key that signed it became theirs."""
    event = Event(
        number=link.number,
        statement=disclosed(db, link.entry_key, subject_id),
        leaf_hash=leaf_hash(link.commitment),
    )
    signatures = event.statement.envelope.signatures
    own = [signatures[0].keyid] if signatures and subject_id_of(link.signer) else []
    return ListEventsResponse(events=[event], keys=keys.of(subject_id, own))
