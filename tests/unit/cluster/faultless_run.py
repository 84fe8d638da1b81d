"""A run in which everything is looked at, and nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

from creditbureau.v1.reporting_pb2 import Inquiry
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import LENDERS, PERSON, SECOND, Scene


def true_run() -> Scene:
    """A run in which everything is looked at, and nothing is wrong."""
    scene = Scene()
    # 1. Records, consents, reports, refusals, an alert.
    for lender in LENDERS:
        scene.submit(lender)
        scene.grant(lender, uses=0, action="MONITOR")
    consent = scene.grant(uses=2)
    first = scene.query(consent)
    scene.query(consent)
    scene.refused(
        "lender-1",
        "query",
        Inquiry(),
        "members/lender-1",
        "CONSENT_EXHAUSTED",
        consent=consent.request_id,
        subject=PERSON,
        purpose="CREDIT_APPLICATION",
        member="lender-1",
    )
    paused = scene.grant("lender-2", uses=3)
    scene.change("pause", paused)
    scene.change("resume", paused)
    scene.query(paused, "lender-2")
    # A broken connection left an outcome unknown, and the same bytes settled it.
    late = scene.submit("lender-2")
    place = scene.operations.index(late)
    settled_ns = late.end_ns + SECOND // 2
    scene.operations[place] = replace(late, settled_ns=settled_ns, reason="DEADLINE")
    # 2. The same bytes again, and other bytes under the same id; a report replayed.
    again = replace(first, kind="again", about={"how": "later"}, worker="lender-1")
    begin = scene.now_ns
    scene.operations.append(replace(again, begin_ns=begin, end_ns=begin + 1))
    scene.note(
        "lender-1",
        "again",
        Outcome.FAILED,
        request_id=first.request_id,
        reason="IDEMPOTENCY_CONFLICT",
        about={"how": "other bytes"},
    )
    scene.note("lender-1", "replay", about={"inquiry": first.request_id, "digest": "aa"})
    # 3. A fault and its end, ten seconds, and peace; an attack, and a flood in peace.
    scene.event("fault", "kill-node", 1)
    scene.note("lender-1", "members", Outcome.FAILED, reason="UNREACHABLE")
    scene.event("healed", "kill-node", 1)
    for _ in range(8):
        for lender in LENDERS:
            scene.submit(lender)
        scene.grant("lender-2", uses=1)
    scene.note(
        "hostile",
        "attack",
        Outcome.FAILED,
        request_id="forged",
        reason="BAD_SIGNATURE",
        about={"what": "other key", "method": "Furnishing/SubmitRecords"},
    )
    begin = scene.now_ns
    for _ in range(4):
        scene.note("lender-1", "members")
    scene.note("hostile", "flood", begin_ns=begin, end_ns=scene.now_ns)
    return scene
