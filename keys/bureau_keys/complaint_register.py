"""The register of complaints: each line is covered by a leaf of the log, and complaints are counted
from the lines.

The bureau publishes no figure: each reader of the register counts. A line that is left out breaks
the numbers that the leaves of later lines commit to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from bureau_keys.entry_kinds import EntryKind
from bureau_keys.errors import WrongAnswer
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import ComplaintLine
from creditbureau.v1.complaints_pb2 import RegisteredLine
from creditbureau.v1.log_pb2 import Receipt

KINDS: tuple[EntryKind, ...] = (
    *("complaint", "complaint-answer", "complaint-decision", "complaint-escalation"),
)
UPHELD = complaint_pb2.COMPLAINT_OUTCOME_UPHELD
REJECTED = complaint_pb2.COMPLAINT_OUTCOME_REJECTED


class LineCount(NamedTuple):
    """Complaints of one kind about one member, counted from the lines of the register.

    Attributes:
        opened: Complaints.
        unanswered: Those of them without an answer and without a decision.
        upheld: Answers of the member that uphold a complaint.
        rejected: Answers of the member that reject one.
        escalated: Complaints that were taken to the operator.
        operator_upheld: Decisions of the operator that uphold a complaint.
        operator_rejected: Decisions of the operator that reject one.
        unproved: Lines among all of these whose statement was erased, so that no leaf of the log
            proves them any more.
    """

    member_id: str
    kind: int
    opened: int
    unanswered: int
    upheld: int
    rejected: int
    escalated: int
    operator_upheld: int
    operator_rejected: int
    unproved: int


def line_digest(line: ComplaintLine) -> bytes:
    """Return the answer digest of a statement of a complaint.

    Returns:
        SHA-256 of the lines `creditbureau/complaint/v1`, number, number of the complaint, member
        id, kind and outcome, each with its newline.
    """
    parts = (line.number, line.complaint_number, line.member_id, line.kind, line.outcome)
    text = "\n".join(["creditbureau/complaint/v1", *map(str, parts), ""])
    return sha256(text.encode()).digest()


def check_covered(line: ComplaintLine, receipt: Receipt) -> None:
    """Check that a line is the one that its statement's leaf commits to.

    Args:
        receipt: The statement's receipt, which verified.

    Raises:
        WrongAnswer: The leaf covers another line.
    """
    opens = line.number == line.complaint_number
    if opens != (receipt.kind == "complaint") or line.complaint_number > line.number:
        raise WrongAnswer(
            f"line {line.number} of the register, of kind {receipt.kind}, names complaint "
            f"{line.complaint_number}"
        )
    if line_digest(line) != receipt.answer_digest:
        raise WrongAnswer(f"the leaf of line {line.number} of the register covers another line")


def check_register(lines: Sequence[RegisteredLine], before: int, trust: Trust) -> None:
    """Check that lines of the register follow one another without a gap, each covered by its
    leaf.

    Args:
        lines: Lines of one reply of the bureau.
        before: Number of the line before them.
        trust: The log's origin and key.

    Raises:
        KeysError: A leaf is not in the log, or does not cover its line.
    """
    for number, registered in enumerate(lines, before + 1):
        line, receipt = registered.line, registered.receipt
        if line.number != number:
            raise WrongAnswer(f"line {line.number} of the register follows line {number - 1}")
        kind = next((kind for kind in KINDS if kind == receipt.kind), None)
        if kind is None:
            raise WrongAnswer(f"line {number} of the register comes with {receipt.kind[:40]!r}")
        if registered.digest:
            check_logged(receipt, registered.digest, trust, kind)
            check_covered(line, receipt)


def count_lines(lines: Iterable[RegisteredLine]) -> list[LineCount]:
    """Count the complaints of the whole register by member and kind.

    Args:
        lines: All lines, which `check_register` has checked.

    Raises:
        WrongAnswer: The leaves of two lines are out of order; a complaint has two answers or two
            decisions, or is about two members.
    """
    complaints: defaultdict[int, list[RegisteredLine]] = defaultdict(list)
    leaf_index = -1
    for registered in lines:
        if registered.receipt.leaf_index <= leaf_index:
            raise WrongAnswer(f"line {registered.line.number} of the register is out of order")
        leaf_index = registered.receipt.leaf_index
        complaints[registered.line.complaint_number].append(registered)
    groups: defaultdict[tuple[str, int], list[list[RegisteredLine]]] = defaultdict(list)
    for number, statements in complaints.items():
        kinds = [each.receipt.kind for each in statements]
        about = {(each.line.member_id, each.line.kind) for each in statements}
        if kinds[0] != "complaint" or len(set(kinds)) < len(kinds) or len(about) > 1:
            raise WrongAnswer(f"the register has {', '.join(kinds)} of complaint {number}")
        groups[about.pop()].append(statements)
    return [_count(*about, group) for about, group in sorted(groups.items())]


def _count(member_id: str, kind: int, complaints: Sequence[Sequence[RegisteredLine]]) -> LineCount:
    """Count the complaints of one kind about one member."""
    lines = [line for statements in complaints for line in statements]

    def count(statement: str, outcome: int = 0) -> int:
        wanted = (statement, outcome)
        return sum((each.receipt.kind, each.line.outcome) == wanted for each in lines)

    ends = {"complaint-answer", "complaint-decision"}
    return LineCount(
        member_id,
        kind,
        opened=len(complaints),
        unanswered=sum(
            ends.isdisjoint(each.receipt.kind for each in statements) for statements in complaints
        ),
        upheld=count("complaint-answer", UPHELD),
        rejected=count("complaint-answer", REJECTED),
        escalated=count("complaint-escalation"),
        operator_upheld=count("complaint-decision", UPHELD),
        operator_rejected=count("complaint-decision", REJECTED),
        unproved=sum(not each.digest for each in lines),
    )
