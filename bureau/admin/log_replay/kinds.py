"""The replay of every kind of statement: most are the journey that took it, called again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bureau.admin.log_replay.erasures import replay_erasure
from bureau.admin.log_replay.inquiries import (
    replay_denial,
    replay_inquiry,
    replay_portfolio,
    replay_report_replay,
)
from bureau.admin.log_replay.members_and_keys import (
    replay_admission,
    replay_approval,
    replay_repudiation,
    replay_rotation,
)
from bureau.admin.log_replay.state import ReplayState
from bureau.admin.log_replay.submissions import replay_submission
from bureau.context import Bureau, Caller
from bureau.journeys import (
    complaint,
    consent,
    consent_request,
    decision,
    deletion,
    directory,
    dispute,
    hold,
    member,
    notices,
    standard,
    subject,
)
from bureau_keys.entry_kinds import EntryKind
from creditbureau.v1.envelope_pb2 import Envelope

Replay: TypeAlias = Callable[[ReplayState, Bureau, Envelope], object]


def _by_member(journey: Callable[[Bureau, Caller, Envelope], object]) -> Replay:
    """Return the replay of a statement that a member signed."""
    return lambda state, bureau, envelope: journey(bureau, state.caller(), envelope)


def _by_subject(journey: Callable[[Bureau, Envelope], object]) -> Replay:
    """Return the replay of a statement that a subject signed."""
    return lambda _, bureau, envelope: journey(bureau, envelope)


REPLAYS: dict[EntryKind, Replay] = {
    "admission": replay_admission,
    "attestation": _by_member(subject.attest_key),
    "complaint": _by_subject(complaint.open_complaint),
    "complaint-answer": _by_member(complaint.answer_complaint),
    "complaint-decision": _by_member(complaint.decide_complaint),
    "complaint-escalation": _by_subject(complaint.escalate_complaint),
    "consent": _by_subject(consent.commit_grant),
    "consent-change": _by_subject(consent.commit_change),
    "consent-request": _by_member(consent_request.commit_request),
    "consent-request-decline": _by_subject(consent_request.commit_decline),
    "consent-request-withdrawal": _by_member(consent_request.commit_withdrawal),
    "credential": _by_member(member.change_credential),
    "decision": _by_member(decision.record_decision),
    "deletion": _by_member(deletion.confirm_deletion),
    "dispute": _by_subject(dispute.open_dispute),
    "dispute-addition": _by_subject(dispute.add_to_dispute),
    "dispute-answer": _by_member(dispute.answer_dispute),
    "erasure": replay_erasure,
    "evaluation": _by_member(directory.evaluate),
    "hold": _by_subject(hold.place_hold),
    "hold-lift": _by_subject(hold.lift_hold),
    "inquiry": replay_inquiry,
    "inquiry-denial": replay_denial,
    "key-approval": replay_approval,
    "key-repudiation": replay_repudiation,
    "key-rotation": replay_rotation,
    "member-change": _by_member(member.change_member),
    "member-state": _by_member(member.set_member_state),
    "notice-choice": _by_subject(notices.choose_notices),
    "portfolio-inquiry": replay_portfolio,
    "replay": replay_report_replay,
    "standard": _by_member(standard.publish),
    "submission": replay_submission,
    "subject-statement": _by_subject(dispute.set_statement),
}
