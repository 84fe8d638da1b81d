"""Show everything that happened under a consent, and under those that it replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message
from starlette.responses import Response

from bureau_client.models.codes import ConsentTransition
from bureau_client.models.consents import Arrangement
from bureau_client.models.events import Event
from bureau_client.models.reports import InquiryLine
from bureau_client.models.texts import lookup
from bureau_keys.envelope import peek
from bureau_portal.site import NotAmongAnswers, Visit
from bureau_portal.words import Words
from creditbureau.v1 import consent_event_pb2, consent_pb2, consent_request_pb2
from creditbureau.v1.envelope_pb2 import Envelope

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened under an arrangement.

    Attributes:
        text: It in words.
        note: Words of the person or of the member with it; empty without any.
        leaf_index: Entry of the log that proves it.
    """

    time: datetime
    text: str
    note: str
    leaf_index: int


async def page(visit: Visit) -> Response:
    """Show the history of an arrangement, newest first."""
    wanted = visit.request.path_params["consent_id"]
    arrangements: list[Arrangement] = visit.views["arrangements"]
    for arrangement in arrangements:
        if wanted in {consent.consent_id for consent in arrangement.consents}:
            steps = [
                *_signed(arrangement, visit.views["events"], visit.words),
                *_inquiries(arrangement, visit.views["inquiries"], visit.words),
            ]
            steps.sort(key=lambda step: step.leaf_index, reverse=True)
            return visit.render("arrangement.html", arrangement=arrangement, steps=steps)
    raise NotAmongAnswers("/consents")


def _signed(arrangement: Arrangement, events: Iterable[Event], words: Words) -> Iterator[Step]:
    """Yield the statements of the person and the member about the consents of an arrangement."""
    ids = {consent.consent_id for consent in arrangement.consents}
    requests = {consent.consent_request_id for consent in arrangement.consents}
    member = arrangement.newest.grantee

    def step(event: Event, key: str, note: str = "") -> Step:
        text = words.text(f"arrangements.{key}", member=member)
        return Step(event.time, text, note, event.leaf_index)

    for event in events:
        if not event.statement:
            continue  # it was erased, or it names other persons: the list of events has it
        if event.kind == "consent":
            consent = _read(event, consent_pb2.Consent)
            if consent.header.request_id in ids:
                yield step(event, "replaced" if consent.replaces else "granted")
        elif event.kind == "consent-change":
            change = _read(event, consent_pb2.ConsentChange)
            if change.consent_id in ids:
                yield step(event, ConsentTransition(change.transition).name.lower(), change.note)
        elif event.kind == "consent-request":
            request = _read(event, consent_request_pb2.ConsentRequest)
            if request.header.request_id in requests:
                yield step(event, "asked", request.text)
        elif event.kind == "deletion":
            confirmation = _read(event, consent_event_pb2.DeletionConfirmation)
            if confirmation.consent_id in ids:
                yield step(event, "deleted")


def _inquiries(
    arrangement: Arrangement, inquiries: Iterable[InquiryLine], words: Words
) -> Iterator[Step]:
    """Yield what the member asked for under the consents of an arrangement."""
    ids = {consent.consent_id for consent in arrangement.consents}
    for line in inquiries:
        if line.consent_id in ids and line.create_time is not None:
            text = words.text(
                "arrangements.inquiry",
                member=line.member_id,
                purpose=words.code(line.purpose),
                outcome=words.code(line.outcome),
            )
            denial = line.denial_reason
            note = lookup("Reason", denial, words.language)[0] if denial else ""
            yield Step(line.create_time, text, note, line.leaf_index)


def _read(event: Event, message: type[M]) -> M:
    return peek(Envelope.FromString(event.statement), message)
