"""List the log's entries about the person, which their browser verifies too."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from bureau_client.models.events import Event
from bureau_keys.envelope import pae
from bureau_keys.signer_name import subject_signer
from bureau_portal.site import Visit
from creditbureau.v1.envelope_pb2 import Envelope

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def page(visit: Visit) -> Response:
    """List the events, newest first, each with what verifies it."""
    events: list[Event] = visit.views["events"]
    kinds = visit.words.table("kinds")
    shown = [
        (event, kinds.get(event.kind, event.kind), signer_of(event, visit), entry_of(event))
        for event in reversed(events)
    ]
    return visit.render(
        "events.html",
        events=shown,
        log_key=visit.portal.profile.trust.log_key,
        steps=json.dumps(visit.words.table("events")["steps"], ensure_ascii=False),
    )


def signer_of(event: Event, visit: Visit) -> str:
    """Return the signer of an event: the person, a member, or that it is not known."""
    if not event.signer:
        return visit.words.text("events.unknown")
    if event.signer == subject_signer(visit.wallet.subject_id):
        return visit.words.text("events.you")
    return event.signer.partition("/")[2] or event.signer


def entry_of(event: Event) -> str:
    """Return what verifies an event, as JSON; empty for one without its statement."""
    if not event.statement:
        return ""
    envelope, receipt = Envelope.FromString(event.statement), event.receipt
    return json.dumps(
        {
            "message": _text(pae(envelope.payload_type, envelope.payload)),
            "kind": receipt.kind,
            "time": str((receipt.log_time - EPOCH) // timedelta(microseconds=1)),
            "answer": receipt.answer_digest.hex(),
            "salt": _text(receipt.salt),
            "index": receipt.leaf_index,
            "proof": [*map(_text, receipt.proof)],
            "checkpoint": receipt.checkpoint,
        }
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()
