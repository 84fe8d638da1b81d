"""The state of a consent, from the signed statements that granted and changed it.

PAUSED, REVOKED and REPLACED follow from the statements, PENDING and EXPIRED from the time.
EXHAUSTED follows from the count of uses, which is the bureau's word. A consent that has ended
keeps the state that it ended in, whether it was paused before or is revoked or replaced later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.consent_checks import verify_consent
from bureau_keys.deletion_checks import check_deletion, end_of_consent
from bureau_keys.envelope import payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, MalformedMessage, WrongAnswer
from bureau_keys.key_history import keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_id_of, member_signer, subject_signer
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    check_header,
    prove_subject_keys,
    signing_key,
)
from creditbureau.v1 import consent_pb2
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consents_pb2 import ConsentView, ErasedChange
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.subjects_pb2 import KeyRepudiation

ACTIVE = consent_pb2.CONSENT_STATE_ACTIVE
PAUSED = consent_pb2.CONSENT_STATE_PAUSED
REVOKED = consent_pb2.CONSENT_STATE_REVOKED
REPLACED = consent_pb2.CONSENT_STATE_REPLACED
# States that the subject gives a consent for good.
FINAL = frozenset({REVOKED, REPLACED})
# States of a consent that ended by itself.
ENDED = frozenset({consent_pb2.CONSENT_STATE_EXPIRED, consent_pb2.CONSENT_STATE_EXHAUSTED})
# From which states a change leads to which.
TRANSITIONS: dict[int, tuple[set[int], int]] = {
    consent_pb2.CONSENT_TRANSITION_PAUSE: ({ACTIVE}, PAUSED),
    consent_pb2.CONSENT_TRANSITION_RESUME: ({PAUSED}, ACTIVE),
    consent_pb2.CONSENT_TRANSITION_REVOKE: ({ACTIVE, PAUSED}, REVOKED),
    consent_pb2.CONSENT_TRANSITION_REPLACE: ({ACTIVE, PAUSED}, REPLACED),
}
# States that the bureau may show of a consent that the statements leave in a state.
SHOWN_AS: dict[int, set[int]] = {
    ACTIVE: {ACTIVE, consent_pb2.CONSENT_STATE_PENDING, *ENDED},
    PAUSED: {PAUSED, *ENDED},
    REVOKED: {REVOKED, *ENDED},
    REPLACED: {REPLACED, *ENDED},
}
REPUDIATION, CONSENT = payload_type_of(KeyRepudiation), payload_type_of(Consent)


class CheckedChange(NamedTuple):
    """A change of a consent, verified unless it was erased.

    Attributes:
        repudiated: True if the key that granted the consent was repudiated.
    """

    leaf_index: int
    time_us: int
    transition: int
    note: str
    repudiated: bool = False


class ConsentHistory(NamedTuple):
    """A consent, and what the statements about it lead to.

    Attributes:
        state: ACTIVE, PAUSED, REVOKED or REPLACED.
        grant_us: Time of the grant in the log, microseconds since 1970 UTC.
        change_us: Time of the last change in the log; that of the grant without one.
        note: The subject's note with the last change.
        proved: False if a change was erased: then the state rests on the bureau's word.
        changes: The changes, in order of the log.
        delete_by_us: Time by which the grantee must have deleted what it received; None before
            the consent has ended, and if there is nothing to delete.
        deletion: The grantee's confirmation of the deletion; None without one.
    """

    consent: Consent
    state: int
    grant_us: int
    change_us: int
    note: str
    proved: bool
    changes: tuple[CheckedChange, ...] = ()
    delete_by_us: int | None = None
    deletion: DeletionConfirmation | None = None

    def state_at(self, now_us: int, use_count: int) -> int:
        """Return the ConsentState at a time, after a number of uses."""
        consent = self.consent
        return state_at(
            self.state,
            change_us=self.change_us,
            start_us=consent.start_time.ToMicroseconds(),
            expire_us=consent.expire_time.ToMicroseconds(),
            uses_left=not consent.max_uses or use_count < consent.max_uses,
            now_us=now_us,
        )


def arrangement_of(consent: Consent) -> str:
    """Return the id of a consent's arrangement: that of its first consent."""
    return consent.arrangement_id or consent.header.request_id


def state_at(
    state: int,
    *,
    change_us: int,
    start_us: int,
    expire_us: int,
    uses_left: bool,
    now_us: int,
) -> int:
    """Return the ConsentState at a time.

    Args:
        state: ACTIVE, PAUSED, REVOKED or REPLACED, from the statements.
        change_us: Time of the last change.
        uses_left: False if the consent's uses are used up; a change uses none.
    """
    if state in FINAL and change_us < expire_us and uses_left:
        return state
    if max(now_us, change_us) >= expire_us:
        return consent_pb2.CONSENT_STATE_EXPIRED
    if not uses_left:
        return consent_pb2.CONSENT_STATE_EXHAUSTED
    if state == PAUSED:
        return state
    return consent_pb2.CONSENT_STATE_PENDING if now_us < start_us else ACTIVE


def members_needed(views: Sequence[ConsentView], keys: Iterable[LoggedStatement]) -> set[str]:
    """Return the members whose keys check consents: attesters of the subjects' keys, and
    grantees that confirmed a deletion.

    Raises:
        KeysError: A statement is not of its kind.
    """
    repudiations = (
        peek(logged.envelope, KeyRepudiation).header.signer
        for view in views
        for logged in view.changes
        if logged.envelope.payload_type == REPUDIATION
    )
    confirmed = {peek(view.consent, Consent).grantee for view in views if view.HasField("deletion")}
    return (
        attesters_of(keys)
        | confirmed
        | {member_id for signer in repudiations if (member_id := member_id_of(signer))}
    )


def check_consents(
    views: Iterable[ConsentView],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    trust: Trust,
) -> Iterator[ConsentHistory]:
    """Yield consents, each signed by its subject, with the state that its changes lead to.

    Args:
        views: Consents of one reply of the bureau.
        keys: The statements in the reply that bind the keys to the subjects.
        members: Keys of `members_needed`, proved by the log, by member id.
        trust: The log's origin and key.

    Raises:
        KeysError: A statement is not in the log, in another order, of another consent, or
            signed with another key; or the shown state contradicts the statements.
    """
    bound = prove_subject_keys(keys, members, trust)
    histories = [_history(view, bound, members, trust) for view in views]
    states = {history.consent.header.request_id: history.state for history in histories}
    for history in histories:
        replaced = history.consent.replaces
        if states.get(replaced, REPLACED) != REPLACED:
            raise BadProof(f"consent {replaced} is shown without the consent that replaced it")
    yield from histories


def _history(
    view: ConsentView, keys: SubjectKeys, members: MemberKeys, trust: Trust
) -> ConsentHistory:
    granted = LoggedStatement(envelope=view.consent, receipt=view.receipt)
    consent = verify_consent(granted, keys, trust)
    if consent.header.request_id != view.consent_id:
        raise WrongAnswer(f"consent {consent.header.request_id} is shown as {view.consent_id}")
    if view.use_count < 0:
        raise WrongAnswer(f"consent {view.consent_id} is shown with {view.use_count} uses")
    grant_us = view.receipt.log_time.ToMicroseconds()
    is_whole = not view.erased_changes
    history = ConsentHistory(consent, ACTIVE, grant_us, grant_us, "", is_whole)
    changes = [_change(view, consent, logged, keys, members, trust) for logged in view.changes]
    changes += map(_erased, view.erased_changes)
    last = view.receipt.leaf_index
    for change in sorted(changes):
        if change.leaf_index <= last or change.time_us < history.change_us:
            raise BadProof(f"a change of consent {view.consent_id} comes before it, or twice")
        last = change.leaf_index
        allowed, after = TRANSITIONS.get(change.transition, (set(), REVOKED))
        if history.state not in allowed:
            raise BadProof(f"a change of consent {view.consent_id} is missing, or is no change")
        history = history._replace(
            state=after,
            change_us=change.time_us,
            note=change.note,
            changes=(*history.changes, change),
        )
    if view.state not in _states_shown(history, view.use_count):
        shown, proved = (_name(state) for state in (view.state, history.state))
        raise WrongAnswer(
            f"consent {view.consent_id} is shown as {shown}, the statements make it {proved}"
        )
    return _with_deletion(view, history, members, trust)


def _with_deletion(
    view: ConsentView, history: ConsentHistory, members: MemberKeys, trust: Trust
) -> ConsentHistory:
    """Return a history with the time by which the grantee must delete what it received, and
    with its confirmation, both checked.
    """
    consent = history.consent
    is_final = history.state in FINAL
    expire_us = consent.expire_time.ToMicroseconds()
    end_us = end_of_consent(expire_us, history.change_us if is_final else None)
    has_ended = is_final or view.state == consent_pb2.CONSENT_STATE_EXPIRED
    life_us = consent.data_life.ToMicroseconds()
    due_us = end_us + life_us if has_ended and life_us and view.use_count else None
    expected = Timestamp()
    expected.FromMicroseconds(due_us or 0)
    is_shown = view.HasField("delete_by_time")
    if is_shown != (due_us is not None) or (is_shown and view.delete_by_time != expected):
        raise WrongAnswer(
            f"consent {view.consent_id} is shown with another time of deletion than its end and "
            "its data life give"
        )
    deletion = None
    if view.HasField("deletion"):
        keys = members.get(consent.grantee, ())
        deletion = check_deletion(view.deletion, consent, end_us, keys, trust)
    return history._replace(delete_by_us=due_us, deletion=deletion)


def _states_shown(history: ConsentHistory, use_count: int) -> set[int]:
    """Return the states that the bureau may show of a consent.

    A revocation makes the consent REVOKED, and a newer consent makes it REPLACED, unless it had
    ended before.
    """
    state = history.state
    if state in FINAL and state == history.state_at(history.change_us, use_count):
        return {state}
    return SHOWN_AS[history.state]


def _change(
    view: ConsentView,
    consent: Consent,
    logged: LoggedStatement,
    keys: SubjectKeys,
    members: MemberKeys,
    trust: Trust,
) -> CheckedChange:
    envelope, receipt = logged.envelope, logged.receipt
    if envelope.payload_type == REPUDIATION:
        _check_repudiation(view, consent, logged, keys, members, trust)
        transition, note = int(consent_pb2.CONSENT_TRANSITION_REVOKE), ""
        repudiated = True
    elif envelope.payload_type == CONSENT:
        _check_replacement(view, consent, logged, keys, trust)
        transition, note = int(consent_pb2.CONSENT_TRANSITION_REPLACE), ""
        repudiated = False
    else:
        repudiated = False
        what, subject_id = "the change of the consent", consent.subject_id
        change = peek(envelope, ConsentChange)
        key = signing_key(keys, subject_id, envelope, receipt.leaf_index, what)
        check_receipt(receipt, envelope, trust, "consent-change")
        verify_envelope(envelope, ConsentChange, {key.key.key_id: key.key})
        check_header(change.header, subject_signer(subject_id), trust, what)
        if change.consent_id != view.consent_id:
            raise BadProof(f"a change of {change.consent_id} is shown with {view.consent_id}")
        if change.transition == consent_pb2.CONSENT_TRANSITION_REPLACE:
            raise BadProof("a consent is replaced by a consent alone")
        transition, note = int(change.transition), change.note
    time_us = receipt.log_time.ToMicroseconds()
    return CheckedChange(receipt.leaf_index, time_us, transition, note, repudiated)


def _check_replacement(
    view: ConsentView, consent: Consent, logged: LoggedStatement, keys: SubjectKeys, trust: Trust
) -> None:
    """Check that a consent replaces another one of its subject and grantee."""
    newer = verify_consent(logged, keys, trust)
    if newer.replaces != view.consent_id:
        raise BadProof(
            f"a consent that replaces {newer.replaces!r} is shown with {view.consent_id}"
        )
    if (newer.subject_id, newer.grantee) != (consent.subject_id, consent.grantee):
        raise BadProof(f"the consent that replaces {view.consent_id} is of others")
    if newer.arrangement_id != arrangement_of(consent):
        raise BadProof(f"the consent that replaces {view.consent_id} is of another arrangement")


def _check_repudiation(
    view: ConsentView,
    consent: Consent,
    logged: LoggedStatement,
    keys: SubjectKeys,
    members: MemberKeys,
    trust: Trust,
) -> None:
    """Check that a repudiation names the key of a consent, or one that the key came from."""
    envelope, receipt = logged.envelope, logged.receipt
    index, what = receipt.leaf_index, "the repudiation of the key"
    repudiation = peek(envelope, KeyRepudiation)
    own = keys[consent.subject_id]
    named = own.get(repudiation.key_id)
    if named is None or named.start > own[view.consent.signatures[0].keyid].start:
        raise BadProof(f"{what} does not name the key of consent {view.consent_id}")
    check_receipt(receipt, envelope, trust, "key-repudiation")
    member_id = member_id_of(repudiation.header.signer)
    if member_id:
        signers = keys_at(members.get(member_id, ()), index)
    else:
        signing = signing_key(keys, consent.subject_id, envelope, index, what)
        if signing.start >= named.start:
            raise BadProof(f"{what} is signed with a later key")
        signers = {signing.key.key_id: signing.key}
    verify_envelope(envelope, KeyRepudiation, signers)
    signer = member_signer(member_id) if member_id else subject_signer(consent.subject_id)
    check_header(repudiation.header, signer, trust, what)
    if repudiation.subject_id != consent.subject_id:
        raise BadProof(f"{what} is about another subject")


def _erased(change: ErasedChange) -> CheckedChange:
    try:
        time_us = change.log_time.ToMicroseconds()
    except ValueError as error:
        raise MalformedMessage("the time of a change is not in the years 1 to 9999") from error
    return CheckedChange(change.leaf_index, time_us, change.transition, "")


def _name(state: int) -> str:
    values = consent_pb2.ConsentState.DESCRIPTOR.values_by_number
    return values[state].name.removeprefix("CONSENT_STATE_") if state in values else str(state)
