"""Tell the whole story of a request: sent, checked, logged, proved."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from bureau_client.errors import NotFound
from bureau_client.models.checks import walk_checks
from bureau_client.models.operations import OK, LoggedDigest, Story
from bureau_client.models.texts import lookup
from bureau_keys.envelope import pae
from bureau_portal.site import BAD, FormError, Visit
from bureau_portal.staff.answers import shown, staff_of
from bureau_portal.staff.calls import row
from bureau_portal.staff.envelopes import write_envelope
from bureau_portal.staff.profiles import Staff
from creditbureau.v1.envelope_pb2 import Envelope

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def page(visit: Visit) -> Response:
    """Show the story of a request id; without one, the form that asks for it."""
    request_id = visit.request.query_params.get("id", "").strip().lower()
    if not request_id:
        return visit.render("staff/story.html", story=None, request_id="", **_proof_words(visit))
    if not _ID.fullmatch(request_id):
        raise FormError("staff.story.no_id")

    def read(staff: Staff) -> dict[str, Any]:
        try:
            return _values(staff.observer.story(request_id), visit)
        except NotFound:
            visit.say(BAD, visit.words.text("staff.story.unknown"))
            return {"story": None}

    return await shown(
        visit, "staff/story.html", read, request_id=request_id, **_proof_words(visit)
    )


def _proof_words(visit: Visit) -> dict[str, Any]:
    """Return what the script needs that verifies entries."""
    return {
        "log_key": staff_of(visit).profile.trust.log_key,
        "steps": json.dumps(visit.words.table("events")["steps"], ensure_ascii=False),
    }


def _values(story: Story, visit: Visit) -> dict[str, Any]:
    outcome = story.outcome
    why, fix = lookup("Reason", outcome, visit.words.language) if outcome != OK else ("", "")
    return {
        "story": story,
        "outcome": outcome,
        "why": why,
        "fix": fix,
        "checks": walk_checks(outcome, is_inquiry=story.is_inquiry),
        "calls": [row(call, visit) for call in story.calls],
        "written": {
            logged.digest: write_envelope(logged.statement)
            for logged in _statements(story)
            if logged.statement
        },
        "proofs": {logged.digest: entry_of(logged) for logged in _statements(story)},
    }


def _statements(story: Story) -> list[LoggedDigest]:
    """Return the statements of a story, and the consents that they cite."""
    statements: list[LoggedDigest] = []
    for entry in story.entries:
        statements += [entry.logged] if entry.logged else []
        if entry.consent is not None and entry.consent.logged is not None:
            statements.append(entry.consent.logged)
    return statements


def entry_of(logged: LoggedDigest) -> str:
    """Return what verifies a statement in the browser, as JSON: its bytes, or their digest."""
    receipt = logged.receipt
    message = ""
    if logged.statement:
        envelope = Envelope.FromString(logged.statement)
        message = _text(pae(envelope.payload_type, envelope.payload))
    return json.dumps(
        {
            "message": message,
            "digest": logged.digest.hex(),
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
