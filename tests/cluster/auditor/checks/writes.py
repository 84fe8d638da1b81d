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


def readable_once(evidence: Evidence, found: Findings) -> None:
    """Every accepted statement is there once, a refused one is not, none stays unknown.

    A denied inquiry is there as what it is.
    """
    denied = {
        (entry.signer, entry.request_id)
        for database in evidence.databases
        for entry in database.entries
        if entry.kind == DENIAL
    }
    for told in evidence.statements:
        found.look()
        key = told.signer, told.request_id
        if told.outcome is Outcome.UNKNOWN:
            found.blame(f"never settled: {told}", reason=told.first.reason)
            continue
        wanted = 1 if told.outcome is Outcome.OK else 0
        for database in evidence.databases:
            entries = database.by_statement.get(key, [])
            denials = [entry for entry in entries if entry.kind == DENIAL]
            if len(entries) - len(denials) != wanted or len(denials) > 1 - wanted:
                found.blame(
                    f"{told.outcome}, and {len(entries)} times in {database.name}: {told}",
                    leaves=[entry.leaf_index for entry in entries],
                    reason=told.first.reason,
                )
        for node in evidence.nodes:
            answer = node.receipts.get(key, "nothing was read")
            if wanted and not same_receipt(answer, told.receipt):
                found.blame(
                    f"{node.name} does not give the receipt of an accepted statement: {told}",
                    given=answer,
                    first=told.receipt,
                )
            if not wanted and answer != "NOT_FOUND" and key not in denied:
                found.blame(f"{node.name} has a refused statement: {told}", given=answer)


def listed_once(evidence: Evidence, found: Findings) -> None:
    """Every accepted submission is in its member's list once, and nothing else is."""
    wanted: dict[str, set[str]] = {}
    for told in evidence.statements:
        if told.first.kind == "submit" and told.outcome is Outcome.OK:
            member = told.signer.removeprefix("members/")
            wanted.setdefault(member, set()).add(told.request_id)
    for node in evidence.nodes:
        for member, listed in node.submissions.items():
            found.look(len(listed))
            mine = wanted.get(member, set())
            for lost in sorted(mine - set(listed)):
                found.blame(f"{node.name} does not list submission {lost} of {member}")
            for strange in sorted(set(listed) - mine):
                found.blame(f"{node.name} lists {strange}, which {member} knows nothing of")
            if len(listed) != len(set(listed)):
                found.blame(f"{node.name} lists a submission of {member} twice")


def other_bytes_refused(evidence: Evidence, found: Findings) -> None:
    """A request id that was used is refused for any other bytes."""
    for one in evidence.operations:
        tried = one.about.get("how") == OTHER_BYTES or one.about.get("what") == OTHER_BYTES
        if not tried or one.outcome is Outcome.UNKNOWN:
            continue
        found.look()
        if one.outcome is Outcome.OK or one.reason not in {"IDEMPOTENCY_CONFLICT", *NOT_HEARD}:
            found.blame(
                f"other bytes under {one.request_id} were answered {one.reason or 'OK'}",
                worker=one.worker,
            )


def first_answer_again(evidence: Evidence, found: Findings) -> None:
    """A caller that sends the same bytes again gets the first answer again."""
    digests: dict[str, str] = {}
    for told in evidence.statements:
        first = told.receipt
        for one in told.operations:
            if one.kind == "again" and one.receipt:
                found.look()
                if not same_receipt(one.receipt, first):
                    found.blame(f"another receipt for {told}", first=first, again=one.receipt)
        digest = next((one.about["digest"] for one in told.operations if "digest" in one.about), "")
        if digest:
            digests[told.request_id] = digest
    for one in evidence.operations:
        # A replay whose reply was lost took effect, and its report was not seen.
        if one.kind == "replay" and one.outcome is Outcome.OK and "digest" in one.about:
            found.look()
            if one.about["digest"] != digests.get(one.about["inquiry"], one.about["digest"]):
                found.blame(f"another report for inquiry {one.about['inquiry']}", worker=one.worker)
    for node in evidence.nodes:
        for inquiry, digest in node.replays.items():
            found.look()
            if digest not in {digests.get(inquiry, digest), GONE}:
                found.blame(f"{node.name} has another report for {inquiry}", given=digest)


def not_for_its_own_effect(evidence: Evidence, found: Findings) -> None:
    """An accepted statement is never refused for its own effect when it is sent again."""
    known = sorted(
        (told.known_ns, told.leaf_index)
        for told in evidence.statements
        if told.known_ns is not None and told.leaf_index is not None
    )
    times = [at for at, _ in known]
    highest = list(accumulate((leaf for _, leaf in known), max))
    for told in evidence.statements:
        if told.leaf_index is None:
            continue
        for one in told.operations:
            if one.settled_ns is None and one.outcome is not Outcome.FAILED:
                continue
            found.look()
            # It stood in the log by then: somebody had a later leaf acknowledged already.
            before = bisect_right(times, one.end_ns)
            was_there = before and highest[before - 1] > told.leaf_index
            if was_there and one.reason in OWN_EFFECTS:
                found.blame(f"sent again, it was refused {one.reason}: {told}", worker=one.worker)


def same_receipt(one: str, other: str) -> bool:
    """Compare two receipts without the cosignatures, which may be added later."""
    return bool(one) and _unsigned(one) == _unsigned(other)


def _unsigned(receipt: str) -> str:
    # Proof and checkpoint; the signatures stand behind the last empty line.
    return receipt.rpartition("\n\n")[0]
