"""Honest members are served: soon after every fault, in peace always, and with refusals
that say why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creditbureau.v1.error_pb2 import Reason
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.history import Operation, Outcome
from tests.cluster.timeline import Event

SECOND = 1_000_000_000
BACK_WITHIN_NS = 10 * SECOND
HONEST = ("lender", "wallet")
# The phase of a run in which nobody begins anything new.
FAULTS, SETTLING = "faults", "settling"
# The SDK's own, for what never reached the bureau.
OWN_REASONS = frozenset(
    {"UNREACHABLE", "TLS_REFUSED", "CANCELLED", "DEADLINE", "TOO_LARGE"}
    # What gRPC says by itself to who goes past the SDK.
    | {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
)
UNSERVED = frozenset(
    {"UNREACHABLE", "TLS_REFUSED", "CANCELLED", "DEADLINE", "DATABASE_UNAVAILABLE", "OVERLOADED"}
    | {"NODE_UNFIT", "SHUTTING_DOWN", "STORAGE_FULL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
)
# A lie that a client was told on purpose: another check says how it must end.
LIE = "lie"
BELIEVED_NOT = frozenset({"BAD_PROOF", "WRONG_ANSWER", "VerificationFailed"})


class Peace(NamedTuple):
    """A stretch of time in which nothing is broken.

    Attributes:
        after: What was healed last, or the beginning.
    """

    begin_ns: int
    end_ns: int
    after: Event


def served_again(evidence: Evidence, findings: Findings) -> None:
    """Within ten seconds of the end of each fault, every honest member's writes are accepted
    again."""
    workers = _honest(evidence)
    for peace in peaces(evidence):
        end = peace.begin_ns + BACK_WITHIN_NS
        for worker, operations in workers.items():
            writes = [one for one in operations if one.request_id and one.begin_ns < end]
            if any(
                _accepted_at_once(one) and peace.begin_ns <= one.end_ns <= end for one in writes
            ):
                findings.look()
                continue
            # A judgement takes all of the ten seconds, and somebody who began to write in
            # them: not one who waits as long as the bureau had asked.
            writes = [one for one in writes if one.begin_ns >= peace.begin_ns]
            if peace.end_ns < end or not writes:
                continue
            findings.look()
            findings.blame(
                f"{worker} was not served in the 10 s behind {peace.after.name} "
                f"(fault {peace.after.number})",
                last=[(one.kind, str(one.outcome), one.reason) for one in writes[-5:]],
            )


def served_in_peace(evidence: Evidence, findings: Findings) -> None:
    """No request goes unanswered where nothing was broken for ten seconds."""
    calm = [(peace.begin_ns + BACK_WITHIN_NS, peace.end_ns) for peace in peaces(evidence)]
    for worker, operations in _honest(evidence).items():
        for one in operations:
            if any(begin <= one.begin_ns and one.end_ns <= end for begin, end in calm):
                findings.look()
                if one.reason in UNSERVED:
                    findings.blame(f"{worker} got no answer in peace: {one.kind}: {one.reason}")


def served_in_floods(evidence: Evidence, findings: Findings) -> None:
    """While a member floods the bureau, honest ones are served."""
    floods = [one for one in evidence.operations if one.kind == "flood"]
    broken = list(_broken(evidence))
    for worker, operations in _honest(evidence).items():
        for begin, end in _spans(floods):
            if end - begin < 3 * SECOND or any(b < end and e > begin for b, e, _ in broken):
                continue
            tried = [one for one in operations if begin <= one.begin_ns and one.end_ns <= end]
            findings.look(len(tried))
            if tried and all(one.reason in UNSERVED for one in tried):
                findings.blame(f"{worker} was not served while a member flooded", tries=len(tried))


def refusals_say_why(evidence: Evidence, findings: Findings) -> None:
    """Every refusal has a reason of the contract, never a fault of the bureau's own; and
    whatever the bureau answers verifies."""
    known = {
        name.removeprefix("REASON_") for name in Reason.DESCRIPTOR.values_by_name
    } | OWN_REASONS
    for one in evidence.operations:
        if not one.reason or one.reason == "OK" or one.kind == LIE:
            continue
        findings.look()
        if one.reason in BELIEVED_NOT:
            findings.blame(
                f"{one.worker}: an answer did not verify: {one.kind} {one.request_id}: "
                f"{one.message}"
            )
        elif one.reason == "INTERNAL" or one.reason not in known:
            findings.blame(
                f"{one.worker}: {one.kind} was answered {one.reason}", request_id=one.request_id
            )


def all_could_be_read(evidence: Evidence, findings: Findings) -> None:
    """At the end every node answers every question of the auditor's."""
    for node in evidence.nodes:
        findings.look()
        for failure in node.failures:
            findings.blame(f"{node.name} did not answer: {failure}")


def peaces(evidence: Evidence) -> Iterator[Peace]:
    """From the beginning, or the end of faults, to the next one, or until work ends."""
    settling = [event.at_ns for event in evidence.events if event.name == SETTLING]
    begun = [one.begin_ns for one in evidence.operations]
    end = min(settling) if settling else max(begun, default=0)
    running: set[int] = set()
    since: Event | None = None
    for event in evidence.events:
        if event.kind == "fault":
            if since and not running:
                yield Peace(since.at_ns, event.at_ns, since)
            running.add(event.number)
            since = None
        elif event.kind == "phase" and event.name == FAULTS:
            since = event  # everything is up, and nothing is broken yet
        elif event.kind == "healed":
            running.discard(event.number)
            since = event if not running else None
    if since:
        yield Peace(since.at_ns, max(end, since.at_ns), since)


def _accepted_at_once(one: Operation) -> bool:
    return one.outcome is Outcome.OK and one.settled_ns is None


def _broken(evidence: Evidence) -> Iterator[tuple[int, int, str]]:
    """Faults that break something: from, until, name."""
    begun: dict[int, Event] = {}
    for event in evidence.events:
        if event.kind == "fault":
            begun[event.number] = event
        elif event.kind == "healed" and event.number in begun:
            start = begun.pop(event.number)
            if start.name != "flood":
                yield start.at_ns, event.at_ns, event.name


def _spans(floods: list[Operation]) -> Iterator[tuple[int, int]]:
    """Bursts with little between them, as one."""
    begin = end = 0
    for one in sorted(floods, key=lambda one: one.begin_ns):
        if one.begin_ns - end > 5 * SECOND:
            if end:
                yield begin, end
            begin = one.begin_ns
        end = max(end, one.end_ns)
    if end:
        yield begin, end


def _honest(evidence: Evidence) -> dict[str, list[Operation]]:
    """Return the operations of honest workers, in the order of their ends."""
    by_worker: dict[str, list[Operation]] = {}
    for one in sorted(evidence.operations, key=lambda one: one.end_ns):
        if one.worker.startswith(HONEST) and one.kind != "again":
            by_worker.setdefault(one.worker, []).append(one)
    return by_worker
