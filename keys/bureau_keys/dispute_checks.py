"""Checks that a dispute is what the subject and the furnisher signed.

Which furnisher a dispute is against until it answers, when it is due, and so that it has lapsed,
are the bureau's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import verify_envelope
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.key_history import keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_signer, subject_signer
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    bound_before,
    check_header,
    prove_subject_keys,
)
from creditbureau.v1 import dispute_pb2
from creditbureau.v1.dispute_pb2 import (
    Dispute,
    DisputeAddition,
    DisputeAnswer,
    DisputeFacts,
    DisputeOpening,
    DisputeProof,
)
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement

Statement = TypeVar("Statement", DisputeAddition, DisputeAnswer, DisputeOpening)
ANSWERED = dispute_pb2.DISPUTE_STATE_ANSWERED
UNANSWERED = (dispute_pb2.DISPUTE_STATE_OPEN, dispute_pb2.DISPUTE_STATE_LAPSED)
# Microseconds between the time of a statement that a dispute shows, which is a node's, and that
# of its leaf.
TOLERANCE_US = 120_000_000


def disputes_signed_by(
    disputes: Iterable[Dispute], proofs: Iterable[DisputeProof], keys: Iterable[LoggedStatement]
) -> set[str]:
    """Return the members whose keys check disputes: furnishers that answered, and attesters of
    the subjects' keys.

    Raises:
        KeysError: A statement is not of its kind.
    """
    answered = {
        dispute.member_id
        for dispute, proof in zip(disputes, proofs, strict=False)
        if proof.answer.HasField("envelope")
    }
    return attesters_of(keys) | answered


def check_disputes(
    disputes: Sequence[Dispute],
    proofs: Sequence[DisputeProof],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    trust: Trust,
) -> list[bool]:
    """Check that disputes are what their subjects and furnishers signed.

    Args:
        disputes: Disputes of one reply of the bureau.
        proofs: The proof of each.
        keys: The statements in the reply that bind keys to the subjects.
        members: Keys of `disputes_signed_by`, proved by the log, by member id.
        trust: The log's origin and key.

    Returns:
        True for each dispute all of whose statements are shown, False for one with a statement
        whose words were erased.

    Raises:
        KeysError: A statement is not in the log, or not signed by its signer.
        WrongAnswer: A dispute is shown otherwise than as signed.
    """
    if len(disputes) != len(proofs):
        raise WrongAnswer(f"{len(disputes)} disputes come with {len(proofs)} proofs")
    bound = prove_subject_keys(keys, members, trust)
    return [
        _Check(dispute, bound, members, trust).run(proof)
        for dispute, proof in zip(disputes, proofs, strict=True)
    ]


def check_opened(dispute: Dispute, opening: DisputeOpening) -> None:
    """Check that a dispute is shown as its opening was signed.

    Raises:
        WrongAnswer: It is shown otherwise.
    """
    pairs = {
        "id": (dispute.dispute_id, opening.header.request_id),
        "subject": (dispute.subject_id, opening.subject_id),
        "tradeline": (dispute.tradeline_id, opening.tradeline_id),
        "month": (dispute.month, opening.month),
        "field": (dispute.field, opening.field),
        "reason": (dispute.reason, opening.reason),
        "narrative": (dispute.narrative, opening.narrative),
        "attachments": (list(dispute.attachment_digests), list(opening.attachment_digests)),
    }
    _check_pairs(dispute.dispute_id, pairs)


def check_addition(dispute: Dispute, addition: DisputeAddition, subject_id: str) -> None:
    """Check that a dispute of a subject is shown with an addition, as it was signed.

    Raises:
        WrongAnswer: It is shown otherwise, or without the addition.
    """
    _check_pairs(dispute.dispute_id, {"subject": (dispute.subject_id, subject_id)})
    for facts in dispute.additions:
        if facts.narrative == addition.narrative:
            return _check_added(dispute, facts, addition)
    raise WrongAnswer(f"dispute {dispute.dispute_id} is shown without the addition")


def _check_added(dispute: Dispute, facts: DisputeFacts, addition: DisputeAddition) -> None:
    """Check that facts are shown as their addition was signed.

    Raises:
        WrongAnswer: They are shown otherwise.
    """
    pairs = {
        "id": (dispute.dispute_id, addition.dispute_id),
        "added narrative": (facts.narrative, addition.narrative),
        "added attachments": (list(facts.attachment_digests), list(addition.attachment_digests)),
    }
    _check_pairs(dispute.dispute_id, pairs)


def check_answered(dispute: Dispute, answer: DisputeAnswer) -> None:
    """Check that a dispute is shown as its answer was signed.

    Raises:
        WrongAnswer: It is shown otherwise.
    """
    pairs = {
        "id": (dispute.dispute_id, answer.dispute_id),
        "state": (dispute.state, ANSWERED),
        "outcome": (dispute.outcome, answer.outcome),
        "answer": (dispute.answer_narrative, answer.narrative),
        "correction": (_correction(dispute), _correction(answer)),
    }
    _check_pairs(dispute.dispute_id, pairs)


def _correction(statement: Dispute | DisputeAnswer) -> tuple[bool, str, int]:
    correction = statement.correction
    return (
        statement.HasField("correction"),
        correction.submission_id,
        correction.record_index,
    )


def _check_pairs(dispute_id: str, pairs: Mapping[str, tuple[object, object]]) -> None:
    for name, (shown, signed) in pairs.items():
        if shown != signed:
            raise WrongAnswer(
                f"the {name} of dispute {dispute_id} is shown as {shown!r}, not as signed: "
                f"{signed!r}"
            )


class _Check:
    """The check of one dispute, in order of its statements."""

    def __init__(
        self, dispute: Dispute, keys: SubjectKeys, members: MemberKeys, trust: Trust
    ) -> None:
        self._dispute = dispute
        self._keys = keys
        self._members = members
        self._trust = trust
        self._leaf_index = -1
        self._proved = True

    def run(self, proof: DisputeProof) -> bool:
        """Check all statements; return True if none was erased."""
        dispute = self._dispute
        opening = self._signed(proof.opening, "dispute", DisputeOpening)
        if opening is not None:
            check_opened(dispute, opening)
        elif dispute.narrative or dispute.attachment_digests:
            raise BadProof(f"the opening of dispute {dispute.dispute_id} is missing")
        self._check_time(dispute.create_time, proof.opening.receipt)
        if len(proof.additions) != len(dispute.additions):
            raise WrongAnswer(
                f"dispute {dispute.dispute_id} is shown with {len(dispute.additions)} additions, "
                f"{len(proof.additions)} are signed"
            )
        for facts, logged in zip(dispute.additions, proof.additions, strict=True):
            addition = self._signed(logged, "dispute-addition", DisputeAddition)
            if addition is not None:
                _check_added(dispute, facts, addition)
            elif facts.narrative or facts.attachment_digests:
                raise BadProof(f"an addition to dispute {dispute.dispute_id} is missing")
            self._check_time(facts.create_time, logged.receipt)
        if proof.HasField("answer"):
            self._check_answer(proof.answer)
        else:
            self._check_unanswered()
        return self._proved

    def _check_answer(self, logged: LoggedStatement) -> None:
        dispute = self._dispute
        answer = self._signed(logged, "dispute-answer", DisputeAnswer)
        if answer is not None:
            check_answered(dispute, answer)
        elif dispute.answer_narrative or dispute.state != ANSWERED:
            raise BadProof(f"the answer to dispute {dispute.dispute_id} is missing")
        self._check_time(dispute.close_time, logged.receipt)

    def _check_unanswered(self) -> None:
        dispute = self._dispute
        answer = dispute.outcome or dispute.answer_narrative or dispute.HasField("correction")
        if answer or dispute.state not in UNANSWERED:
            raise BadProof(f"the answer to dispute {dispute.dispute_id} is missing")

    def _signed(
        self, logged: LoggedStatement, kind: EntryKind, payload: type[Statement]
    ) -> Statement | None:
        """Return a statement of the dispute, verified; None if it was erased."""
        dispute, receipt = self._dispute, logged.receipt
        what = f"the {kind} of dispute {dispute.dispute_id}"
        if receipt.leaf_index <= self._leaf_index:
            raise BadProof(f"{what} comes before the statement that it follows, or twice")
        self._leaf_index = receipt.leaf_index
        if not logged.HasField("envelope"):
            self._proved = False
            return None
        check_receipt(receipt, logged.envelope, self._trust, kind)
        if payload is DisputeAnswer:
            signer = member_signer(dispute.member_id)
            signing = keys_at(self._members.get(dispute.member_id, ()), receipt.leaf_index)
        else:
            signer = subject_signer(dispute.subject_id)
            signing = bound_before(self._keys, dispute.subject_id, receipt.leaf_index)
        statement = verify_envelope(logged.envelope, payload, signing)[0]
        check_header(statement.header, signer, self._trust, what)
        return statement

    def _check_time(self, shown: Timestamp, receipt: Receipt) -> None:
        if abs(shown.ToMicroseconds() - receipt.log_time.ToMicroseconds()) > TOLERANCE_US:
            raise WrongAnswer(f"dispute {self._dispute.dispute_id} shows another time")
