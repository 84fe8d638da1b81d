"""The outcome of a statement: one effect or none, one answer, the same everywhere."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import DENIAL, OTHER_BYTES
from tests.cluster.history import Outcome

# What a reused request id may meet before the bureau sees that it was used.
NOT_HEARD = frozenset(
    {
        "BAD_SIGNATURE",  # of a key that its owner has rotated
        "CLOCK_SKEW",
        "EXPIRED_REQUEST",
        "MEMBER_SUSPENDED",
        "NODE_UNFIT",
        "OVERLOADED",
        "QUOTA_EXCEEDED",
        "STORAGE_FULL",
        "TLS_REFUSED",
        "UNKNOWN_CERTIFICATE",
    }
)

# A report that cannot be made again: another check says of which ones a node may say so.
GONE = "WRONG_STATE"
# How a statement could be refused because it was accepted before.
OWN_EFFECTS = frozenset({"ALREADY_EXISTS", "CONSENT_EXHAUSTED", "LIMIT_REACHED", "WRONG_STATE"})


def readable_once(evidence: Evidence, findings: Findings) -> None:
    """Every accepted statement is there once, a refused one is not, none stays unknown.

    A denied inquiry is there as what it is.
    """
    denied = {
        (entry.signer, entry.request_id)
        for database in evidence.databases
        for entry in database.entries
        if entry.kind == DENIAL
    }
    for statement in evidence.statements:
        findings.look()
        key = statement.signer, statement.request_id
        if statement.outcome is Outcome.UNKNOWN:
            findings.blame(f"never settled: {statement}", reason=statement.first.reason)
            continue
        wanted = 1 if statement.outcome is Outcome.OK else 0
        for database in evidence.databases:
            entries = database.by_statement.get(key, [])
            denials = [entry for entry in entries if entry.kind == DENIAL]
            if len(entries) - len(denials) != wanted or len(denials) > 1 - wanted:
                findings.blame(
                    f"{statement.outcome}, and {len(entries)} times in {database.name}: "
                    f"{statement}",
                    leaves=[entry.leaf_index for entry in entries],
                    reason=statement.first.reason,
                )
        for node in evidence.nodes:
            answer = node.receipts.get(key, "nothing was read")
            if wanted and not same_receipt(answer, statement.receipt):
                findings.blame(
                    f"{node.name} does not give the receipt of an accepted statement: {statement}",
                    given=answer,
                    first=statement.receipt,
                )
            if not wanted and answer != "NOT_FOUND" and key not in denied:
                findings.blame(f"{node.name} has a refused statement: {statement}", given=answer)


def listed_once(evidence: Evidence, findings: Findings) -> None:
    """Every accepted submission is in its member's list once, and nothing else is."""
    wanted: dict[str, set[str]] = {}
    for statement in evidence.statements:
        if statement.first.kind == "submit" and statement.outcome is Outcome.OK:
            member = statement.signer.removeprefix("members/")
            wanted.setdefault(member, set()).add(statement.request_id)
    for node in evidence.nodes:
        for member, listed in node.submissions.items():
            findings.look(len(listed))
            mine = wanted.get(member, set())
            for lost in sorted(mine - set(listed)):
                findings.blame(f"{node.name} does not list submission {lost} of {member}")
            for strange in sorted(set(listed) - mine):
                findings.blame(f"{node.name} lists {strange}, which {member} knows nothing of")
            if len(listed) != len(set(listed)):
                findings.blame(f"{node.name} lists a submission of {member} twice")


def other_bytes_refused(evidence: Evidence, findings: Findings) -> None:
    """A request id that was used is refused for any other bytes."""
    for one in evidence.operations:
        tried = one.about.get("how") == OTHER_BYTES or one.about.get("what") == OTHER_BYTES
        if not tried or one.outcome is Outcome.UNKNOWN:
            continue
        findings.look()
        if one.outcome is Outcome.OK or one.reason not in {"IDEMPOTENCY_CONFLICT", *NOT_HEARD}:
            findings.blame(
                f"other bytes under {one.request_id} were answered {one.reason or 'OK'}",
                worker=one.worker,
            )
    for statement in evidence.statements:
        accepted = {one.envelope for one in statement.operations if one.outcome is Outcome.OK}
        if len(accepted) > 1:
            findings.blame(f"other bytes were accepted too: {statement}")


def first_answer_again(evidence: Evidence, findings: Findings) -> None:
    """A caller that sends the same bytes again gets the first answer again."""
    digests: dict[str, str] = {}
    for statement in evidence.statements:
        first = statement.receipt
        for one in statement.operations:
            if one.kind == "again" and one.receipt:
                findings.look()
                if not same_receipt(one.receipt, first):
                    findings.blame(
                        f"another receipt for {statement}", first=first, again=one.receipt
                    )
        digest = next(
            (one.about["digest"] for one in statement.operations if "digest" in one.about), ""
        )
        if digest:
            digests[statement.request_id] = digest
    for one in evidence.operations:
        # A replay whose reply was lost took effect, and its report was not seen.
        if one.kind == "replay" and one.outcome is Outcome.OK and "digest" in one.about:
            findings.look()
            if one.about["digest"] != digests.get(one.about["inquiry"], one.about["digest"]):
                findings.blame(
                    f"another report for inquiry {one.about['inquiry']}", worker=one.worker
                )
    for node in evidence.nodes:
        for inquiry, digest in node.replays.items():
            findings.look()
            if digest not in {digests.get(inquiry, digest), GONE}:
                findings.blame(f"{node.name} has another report for {inquiry}", given=digest)


def not_for_its_own_effect(evidence: Evidence, findings: Findings) -> None:
    """An accepted statement is never refused for its own effect when it is sent again."""
    known = sorted(
        (statement.known_ns, statement.leaf_index)
        for statement in evidence.statements
        if statement.known_ns is not None and statement.leaf_index is not None
    )
    times = [known_ns for known_ns, _ in known]
    highest = list(accumulate((leaf for _, leaf in known), max))
    for statement in evidence.statements:
        if statement.leaf_index is None:
            continue
        for one in statement.operations:
            if one.settled_ns is None and one.outcome is not Outcome.FAILED:
                continue
            findings.look()
            # It stood in the log by then: somebody had a later leaf acknowledged already.
            before = bisect_right(times, one.end_ns)
            was_there = before and highest[before - 1] > statement.leaf_index
            if was_there and one.reason in OWN_EFFECTS:
                findings.blame(
                    f"sent again, it was refused {one.reason}: {statement}", worker=one.worker
                )


def same_receipt(one: str, other: str) -> bool:
    """Compare two receipts without the cosignatures, which may be added later."""
    return bool(one) and _unsigned(one) == _unsigned(other)


def _unsigned(receipt: str) -> str:
    # Proof and checkpoint; the signatures stand behind the last empty line.
    return receipt.rpartition("\n\n")[0]
