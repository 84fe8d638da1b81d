"""Checks that a change of a consent is what the signed statements, or the clock, make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bureau_keys.consent_history import FINAL, ConsentHistory
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import payload_type_of, verify_envelope
from bureau_keys.errors import WrongAnswer
from bureau_keys.key_history import LoggedKey, keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_signer
from bureau_keys.subject_keys import check_header
from creditbureau.v1 import consent_event_pb2, consent_pb2
from creditbureau.v1.consent_event_pb2 import ConsentEvent
from creditbureau.v1.consents_pb2 import ConsentView
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay

Use: TypeAlias = Inquiry | PortfolioInquiry | Replay
# The statements by which a member uses a consent.
USES: dict[EntryKind, type[Use]] = {
    "inquiry": Inquiry,
    "portfolio-inquiry": PortfolioInquiry,
    "replay": Replay,
}
KIND_OF = {payload: kind for kind, payload in USES.items()}
# The change of a consent that each kind of event names.
TRANSITIONS: dict[int, int] = {
    consent_event_pb2.CONSENT_EVENT_KIND_PAUSED: consent_pb2.CONSENT_TRANSITION_PAUSE,
    consent_event_pb2.CONSENT_EVENT_KIND_RESUMED: consent_pb2.CONSENT_TRANSITION_RESUME,
    consent_event_pb2.CONSENT_EVENT_KIND_REVOKED: consent_pb2.CONSENT_TRANSITION_REVOKE,
    consent_event_pb2.CONSENT_EVENT_KIND_REPLACED: consent_pb2.CONSENT_TRANSITION_REPLACE,
}
# Microseconds by which the clock of the reader may be behind: as much as a statement may be old.
TOLERANCE_US = 300_000_000


def check_consent_event(
    event: ConsentEvent,
    view: ConsentView,
    history: ConsentHistory,
    use: LoggedStatement | None,
    keys: Iterable[LoggedKey],
    trust: Trust,
    now_us: int,
) -> None:
    """Check that a change of a consent follows from what was signed, or from the clock.

    Of EXHAUSTED the last use and its position in the log are proved; the number of uses is the
    bureau's word, which no party signs.

    Args:
        view: The consent as the bureau shows it.
        history: The consent, verified.
        use: The last use with its receipt; None but for EXHAUSTED.
        keys: The grantee's keys, proved by the log.
        trust: The log's origin and key.
        now_us: The reader's time.

    Raises:
        WrongAnswer: The change is not the consent's, or another one.
        KeysError: The use is not in the log, or the grantee did not sign it.
    """
    for problem in _problems(event, view, history, now_us):
        raise WrongAnswer(f"the change of consent {view.consent_id}: {problem}")
    if (event.kind == consent_event_pb2.CONSENT_EVENT_KIND_EXHAUSTED) != (use is not None):
        raise WrongAnswer(f"the change of consent {view.consent_id}: its last use is missing")
    if use is not None:
        _check_use(event, history, use, keys, trust)


def _problems(
    event: ConsentEvent, view: ConsentView, history: ConsentHistory, now_us: int
) -> Iterator[str]:
    consent, time_us = history.consent, event.event_time.ToMicroseconds()
    if event.consent_id != view.consent_id:
        yield f"it is one of consent {event.consent_id}"
    if event.kind == consent_event_pb2.CONSENT_EVENT_KIND_EXPIRED:
        expire_us = consent.expire_time.ToMicroseconds()
        if event.HasField("leaf_index"):
            yield "an expiry has no leaf"
        if time_us != expire_us:
            yield "it did not expire at this time"
        if history.state in FINAL and history.change_us < expire_us:
            yield "it ended before it expired"
        if expire_us > now_us + TOLERANCE_US:
            yield "it has not expired"
        return
    if not event.HasField("leaf_index"):
        yield "it has no leaf"
    if event.kind == consent_event_pb2.CONSENT_EVENT_KIND_GRANTED:
        if (event.leaf_index, time_us) != (view.receipt.leaf_index, history.grant_us):
            yield "it was not granted there"
    elif event.kind == consent_event_pb2.CONSENT_EVENT_KIND_EXHAUSTED:
        if not 0 < consent.max_uses <= view.use_count:
            yield "it has uses left"
    else:
        named = (event.leaf_index, time_us, TRANSITIONS.get(event.kind))
        if named not in {each[:3] for each in history.changes}:
            yield "the subject signed no such change"


def _check_use(
    event: ConsentEvent,
    history: ConsentHistory,
    use: LoggedStatement,
    keys: Iterable[LoggedKey],
    trust: Trust,
) -> None:
    """Check that the grantee signed the use, about the subject, where the event is."""
    receipt, envelope, consent = use.receipt, use.envelope, history.consent
    what = "the last use of the consent"
    payload = next(
        (use for use in USES.values() if payload_type_of(use) == envelope.payload_type), None
    )
    if payload is None:
        raise WrongAnswer(f"{what} is {envelope.payload_type[:80]!r}")
    check_receipt(receipt, envelope, trust, KIND_OF[payload])
    used, _ = verify_envelope(envelope, payload, keys_at(keys, receipt.leaf_index))
    check_header(used.header, member_signer(consent.grantee), trust, what)
    position = (receipt.leaf_index, receipt.log_time.ToMicroseconds())
    if position != (event.leaf_index, event.event_time.ToMicroseconds()):
        raise WrongAnswer(f"{what} is leaf {position[0]}, the change is leaf {event.leaf_index}")
    if isinstance(used, PortfolioInquiry):
        is_about = not used.subject_ids or consent.subject_id in used.subject_ids
    else:
        is_about = used.subject_id == consent.subject_id
    # An inquiry may name the arrangement, by its first consent.
    named = {consent.header.request_id, consent.arrangement_id or consent.header.request_id}
    if isinstance(used, Inquiry) and used.consent_id not in named:
        is_about = False
    if not is_about:
        raise WrongAnswer(f"{what} is about another consent or subject")
