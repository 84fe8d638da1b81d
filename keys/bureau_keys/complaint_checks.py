"""Checks that a complaint is what the subject, the member and the operator signed.

When a complaint is due, and so that it is overdue, is the bureau's word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.complaint_register import check_covered
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import peek, verify_envelope
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.key_history import keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_id_of, member_signer, subject_signer
from bureau_keys.signing import VerifyKey
from bureau_keys.subject_keys import (
    MemberKeys,
    SubjectKeys,
    attesters_of,
    bound_before,
    check_header,
    prove_subject_keys,
)
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import (
    Complaint,
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintEscalation,
    ComplaintLine,
    ComplaintOpening,
    ComplaintProof,
)
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement

Statement: TypeAlias = ComplaintAnswer | ComplaintDecision | ComplaintEscalation | ComplaintOpening
Reply: TypeAlias = ComplaintAnswer | ComplaintDecision
STATEMENTS: dict[EntryKind, type[Statement]] = {
    "complaint": ComplaintOpening,
    "complaint-answer": ComplaintAnswer,
    "complaint-decision": ComplaintDecision,
    "complaint-escalation": ComplaintEscalation,
}
UNANSWERED = (complaint_pb2.COMPLAINT_STATE_OPEN, complaint_pb2.COMPLAINT_STATE_OVERDUE)
# Microseconds between the time of a statement that a complaint shows, which is a node's, and that
# of its leaf.
TOLERANCE_US = 120_000_000


def complaints_signed_by(
    proofs: Iterable[ComplaintProof], keys: Iterable[LoggedStatement]
) -> set[str]:
    """Return the members whose keys check complaints: those that answered, the operators that
    decided, and the attesters of the subjects' keys.

    Raises:
        KeysError: A statement is not of its kind.
    """
    signers = {
        peek(logged.envelope, STATEMENTS[kind]).header.signer
        for proof in proofs
        for logged in proof.statements
        if logged.HasField("envelope")
        for kind in STATEMENTS
        if kind == logged.receipt.kind
    }
    return attesters_of(keys) | {name for signer in signers if (name := member_id_of(signer))}


def check_complaints(
    complaints: Sequence[Complaint],
    proofs: Sequence[ComplaintProof],
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    operators: Collection[str],
    trust: Trust,
) -> list[bool]:
    """Check that complaints are what their parties signed.

    Args:
        complaints: Complaints of one reply of the bureau.
        proofs: The proof of each.
        keys: The statements in the reply that bind keys to the subjects.
        members: Keys of `complaints_signed_by`, proved by the log, by member id.
        operators: Those of the members that are operators.
        trust: The log's origin and key.

    Returns:
        True for each complaint all of whose statements are shown, False for one with a statement
        whose words were erased.

    Raises:
        KeysError: A statement is not in the log, or not signed by its signer.
        WrongAnswer: A complaint is shown otherwise than as signed.
    """
    if len(complaints) != len(proofs):
        raise WrongAnswer(f"{len(complaints)} complaints come with {len(proofs)} proofs")
    bound = prove_subject_keys(keys, members, trust)
    return [
        _Check(complaint, bound, members, operators, trust).run(proof)
        for complaint, proof in zip(complaints, proofs, strict=True)
    ]


def check_opened(complaint: Complaint, opening: ComplaintOpening) -> None:
    """Check that a complaint is shown as its opening was signed.

    Raises:
        WrongAnswer: It is shown otherwise.
    """
    pairs = {
        "id": (complaint.complaint_id, opening.header.request_id),
        "subject": (complaint.subject_id, opening.subject_id),
        "member": (complaint.member_id, opening.member_id),
        "kind": (complaint.kind, opening.kind),
        "deed": (complaint.deed, opening.deed),
        "narrative": (complaint.narrative, opening.narrative),
    }
    _check_pairs(complaint, pairs)


def check_escalated(complaint: Complaint, escalation: ComplaintEscalation) -> None:
    """Check that a complaint is shown as it was taken to the operator.

    Raises:
        WrongAnswer: It is shown otherwise.
    """
    pairs = {
        "id": (complaint.complaint_id, escalation.complaint_id),
        "escalation": (complaint.HasField("escalate_time"), True),
        "words to the operator": (complaint.escalation_narrative, escalation.narrative),
    }
    _check_pairs(complaint, pairs)


def check_replied(complaint: Complaint, statement: Reply) -> None:
    """Check that a complaint is shown as it was answered, or decided.

    Raises:
        WrongAnswer: It is shown otherwise.
    """
    answered = isinstance(statement, ComplaintAnswer)
    name = "answer" if answered else "decision"
    reply = complaint.answer if answered else complaint.decision
    pairs = {
        "id": (complaint.complaint_id, statement.complaint_id),
        "subject": (complaint.subject_id, statement.subject_id),
        name: (complaint.HasField("answer" if answered else "decision"), True),
        f"outcome of the {name}": (reply.outcome, statement.outcome),
        f"narrative of the {name}": (reply.narrative, statement.narrative),
        f"remedy of the {name}": (
            reply.remedy,
            statement.remedy if isinstance(statement, ComplaintAnswer) else "",
        ),
    }
    _check_pairs(complaint, pairs)


def check_line(line: ComplaintLine, complaint: Complaint, receipt: Receipt) -> None:
    """Check that a line of the register is about a complaint, and covered by a leaf.

    Args:
        receipt: The statement's receipt, which verified.

    Raises:
        WrongAnswer: It is about another complaint, or the leaf covers another line.
    """
    outcome = 0
    if receipt.kind == "complaint-answer":
        outcome = complaint.answer.outcome
    elif receipt.kind == "complaint-decision":
        outcome = complaint.decision.outcome
    pairs = {
        "member in the register": (line.member_id, complaint.member_id),
        "kind in the register": (line.kind, complaint.kind),
        "outcome in the register": (line.outcome, outcome),
    }
    _check_pairs(complaint, pairs)
    check_covered(line, receipt)


def _check_pairs(complaint: Complaint, pairs: Mapping[str, tuple[object, object]]) -> None:
    for name, (shown, signed) in pairs.items():
        if shown != signed:
            raise WrongAnswer(
                f"the {name} of complaint {complaint.complaint_id} is shown as {shown!r}, not as "
                f"signed: {signed!r}"
            )


class _Check:
    """The check of one complaint, in order of its statements."""

    def __init__(
        self,
        complaint: Complaint,
        keys: SubjectKeys,
        members: MemberKeys,
        operators: Collection[str],
        trust: Trust,
    ) -> None:
        self._complaint = complaint
        self._keys = keys
        self._members = members
        self._operators = operators
        self._trust = trust
        self._leaf_index = -1

    def run(self, proof: ComplaintProof) -> bool:
        """Check all statements; return True if none was erased."""
        complaint, proved = self._complaint, True
        if len(proof.lines) != len(proof.statements):
            raise WrongAnswer(
                f"complaint {complaint.complaint_id} comes with {len(proof.statements)} statements "
                f"and {len(proof.lines)} lines"
            )
        kinds = [logged.receipt.kind for logged in proof.statements]
        if kinds[:1] != ["complaint"] or len(set(kinds)) < len(kinds):
            raise BadProof(f"complaint {complaint.complaint_id} does not begin with its opening")
        for logged, line in zip(proof.statements, proof.lines, strict=True):
            if line.complaint_number != proof.lines[0].number:
                raise WrongAnswer(f"line {line.number} is about complaint {line.complaint_number}")
            proved &= self._check_statement(logged, line)
        self._check_state(kinds)
        return proved

    def _check_statement(self, logged: LoggedStatement, line: ComplaintLine) -> bool:
        """Check a statement; return False if it was erased."""
        complaint, receipt = self._complaint, logged.receipt
        what = f"the {receipt.kind[:40]} of complaint {complaint.complaint_id}"
        if receipt.leaf_index <= self._leaf_index:
            raise BadProof(f"{what} comes before the statement that it follows")
        self._leaf_index = receipt.leaf_index
        kind = next((kind for kind in STATEMENTS if kind == receipt.kind), None)
        if kind is None:
            raise WrongAnswer(f"{what} is no statement of a complaint")
        self._check_time(kind, receipt)
        if not logged.HasField("envelope"):
            self._check_wordless(kind, what)
            return False
        check_receipt(receipt, logged.envelope, self._trust, kind)
        signer, signing = self._signer_of(kind, logged)
        statement, _ = verify_envelope(logged.envelope, STATEMENTS[kind], signing)
        check_header(statement.header, signer, self._trust, what)
        if isinstance(statement, ComplaintOpening):
            check_opened(complaint, statement)
        elif isinstance(statement, ComplaintEscalation):
            check_escalated(complaint, statement)
        else:
            check_replied(complaint, statement)
        check_line(line, complaint, receipt)
        return True

    def _signer_of(
        self, kind: EntryKind, logged: LoggedStatement
    ) -> tuple[str, dict[str, VerifyKey]]:
        complaint, index = self._complaint, logged.receipt.leaf_index
        if kind in {"complaint", "complaint-escalation"}:
            keys = bound_before(self._keys, complaint.subject_id, index)
            return subject_signer(complaint.subject_id), keys
        member_id = complaint.member_id
        if kind == "complaint-decision":
            member_id = member_id_of(peek(logged.envelope, ComplaintDecision).header.signer)
            if member_id not in self._operators:
                raise WrongAnswer(f"{member_id[:64] or 'no member'} decided, who is no operator")
        return member_signer(member_id), keys_at(self._members.get(member_id, ()), index)

    def _check_wordless(self, kind: EntryKind, what: str) -> None:
        """Check that a complaint shows no words of a statement that was erased."""
        complaint = self._complaint
        reply = complaint.answer if kind == "complaint-answer" else complaint.decision
        words = {
            "complaint": complaint.narrative,
            "complaint-escalation": complaint.escalation_narrative,
        }.get(kind, reply.narrative + reply.remedy)
        if words:
            raise BadProof(f"{what} is missing")

    def _check_time(self, kind: EntryKind, receipt: Receipt) -> None:
        complaint = self._complaint
        shown: dict[str, Timestamp] = {
            "complaint": complaint.create_time,
            "complaint-answer": complaint.answer.create_time,
            "complaint-decision": complaint.decision.create_time,
            "complaint-escalation": complaint.escalate_time,
        }
        times = shown[kind].ToMicroseconds(), receipt.log_time.ToMicroseconds()
        if abs(times[0] - times[1]) > TOLERANCE_US:
            raise WrongAnswer(f"complaint {complaint.complaint_id} shows another time")

    def _check_state(self, kinds: Collection[str]) -> None:
        """Check that a complaint shows the statements that are signed, and no others."""
        complaint = self._complaint
        shown = {
            "complaint-answer": complaint.HasField("answer"),
            "complaint-escalation": complaint.HasField("escalate_time"),
            "complaint-decision": complaint.HasField("decision"),
        }
        for kind, is_shown in shown.items():
            if is_shown != (kind in kinds):
                raise BadProof(f"the {kind} of complaint {complaint.complaint_id} is missing")
        if shown["complaint-decision"]:
            states: tuple[int, ...] = (complaint_pb2.COMPLAINT_STATE_DECIDED,)
        elif shown["complaint-escalation"]:
            states = (complaint_pb2.COMPLAINT_STATE_ESCALATED,)
        elif shown["complaint-answer"]:
            states = (complaint_pb2.COMPLAINT_STATE_ANSWERED,)
        else:
            states = UNANSWERED
        if complaint.state not in states:
            raise WrongAnswer(f"complaint {complaint.complaint_id} is shown in another state")
