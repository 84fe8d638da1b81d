"""Replay of statements about members and keys that needs more than the journey: the operator's
first key is pinned, and another member carried a subject's statement about a key.
"""

from __future__ import annotations

from bureau.admin.log_replay.state import ReplayState
from bureau.context import Bureau, Caller
from bureau.journeys import member, repudiation, subject
from bureau.store.rows import rows_of
from bureau_keys.signer_name import member_id_of, subject_id_of
from creditbureau.v1.envelope_pb2 import Envelope

MEMBER_KEYS, NOTICES = rows_of("member_key"), rows_of("notice")


def replay_admission(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay an admission; the first one is the operator's, by the key that members pin."""
    if state.entry.leaf_index:
        member.admit_member(bureau, state.caller(), envelope)
        return
    member.bootstrap_operator(bureau, envelope)
    ((_, _, key, *_),) = MEMBER_KEYS.all(state.db)
    if key != state.operator_key:
        state.found("the operator's first key is not the one that members pin")


def replay_rotation(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay a rotation."""
    subject.rotate_key(bureau, _carrier(state), envelope)


def replay_approval(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay the approval of a key."""
    subject.approve_key(bureau, _carrier(state), envelope)


def replay_repudiation(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay the repudiation of a key, by a subject or by an attester."""
    by_member = member_id_of(state.entry.signer)
    caller = state.caller() if by_member else _carrier(state)
    repudiation.repudiate_key(bureau, caller, envelope)


def _carrier(state: ReplayState) -> Caller:
    """Return the agent that carried a subject's statement about a key, and signed nothing:
    the statement's notice names it.
    """
    subject_id = subject_id_of(state.entry.signer)
    notice = NOTICES.one(state.stored, (subject_id, state.entry.entry_key, 0))
    return state.member(str(NOTICES.value(notice, "member_id")) if notice else "")
