"""The figures of a run: throughput, latency, faults, and who did what when. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from tests.cluster.history import Operation, Outcome
from tests.cluster.timeline import Event

SECOND = 1_000_000_000
# Written down, and no member waited for it: alerts as they come, how long they were awaited,
# reviews that they caused, floods, lies and the operator's own work.
UNTIMED = frozenset({"alert", "consent-change", "watch", "review", "flood", "lie", "erase"})
# Many reports in one stream: no single answer that one waits for.
STREAMED = frozenset({"portfolio"})
OK, REFUSED, SETTLED, UNANSWERED = "ok", "refused", "settled", "unanswered"
# Of the whole run, what a letter of a fault's name takes behind it.
LETTER = 0.006
UNSERVED = frozenset({"UNREACHABLE", "TLS_REFUSED", "CANCELLED", "DEADLINE", "UNAVAILABLE"})


class Span(NamedTuple):
    """Something that lasted; seconds of the run.

    Attributes:
        row: Spans that overlap, or whose names would, are in rows of their own.
        whom: Which process or member a fault befell, if it was one.
    """

    name: str
    begin_s: float
    end_s: float
    row: int
    about: str
    whom: str = ""


class Mark(NamedTuple):
    """An operation: when it ended, and how."""

    at_s: float
    how: str


class Second(NamedTuple):
    """One stretch of the run.

    Attributes:
        counts: Operations that ended in it, by how.
        p50_ms: Of those that were answered at once; None where there are none.
    """

    begin_s: float
    counts: Counter[str]
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Figures:
    """All of them.

    Attributes:
        length_s: Of the run.
        step_s: Of a stretch in `seconds`.
        phases: When each phase of the run began.
        faults: What was broken, from its beginning to its healing.
        processes: Of each process, when it ran.
        workers: What each worker did.
    """

    length_s: float
    step_s: float
    seconds: list[Second]
    phases: dict[str, float]
    faults: list[Span]
    processes: dict[str, list[Span]]
    workers: dict[str, list[Mark]]


def figures_of(operations: list[Operation], events: list[Event]) -> Figures:
    """The figures of a run."""
    begin = min([one.begin_ns for one in operations] + [event.at_ns for event in events])
    end = max([one.end_ns for one in operations] + [event.at_ns for event in events])

    def second_of(ns: int) -> float:
        return (ns - begin) / SECOND

    length_s = max(second_of(end), 1.0)
    step_s = max(1.0, round(length_s / 240))
    workers: dict[str, list[Mark]] = defaultdict(list)
    for one in operations:
        workers[one.worker].append(Mark(second_of(one.end_ns), how(one)))
    return Figures(
        length_s,
        step_s,
        _seconds(operations, length_s, step_s, begin),
        {event.name: second_of(event.at_ns) for event in events if event.kind == "phase"},
        _faults(events, begin, length_s),
        _processes(events, begin, length_s),
        {name: sorted(marks) for name, marks in sorted(workers.items())},
    )


def how(one: Operation) -> str:
    """Return the end of an operation as the report shows it."""
    if one.settled_ns is not None:
        return SETTLED
    if one.outcome is Outcome.OK:
        return OK
    if one.outcome is Outcome.UNKNOWN or one.reason in UNSERVED:
        return UNANSWERED
    return REFUSED


def percentile(sorted_values: list[float], share: float) -> float | None:
    """The value that a share of the others does not exceed."""
    if not sorted_values:
        return None
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def latencies(operations: list[Operation]) -> list[float]:
    """Milliseconds that answered operations took, sorted."""
    answered = (one for one in operations if how(one) == OK and one.kind not in UNTIMED | STREAMED)
    return sorted((one.end_ns - one.begin_ns) / 1e6 for one in answered)


def _seconds(
    operations: list[Operation], length_s: float, step_s: float, begin: int
) -> list[Second]:
    stretches: dict[int, list[Operation]] = defaultdict(list)
    for one in operations:
        if one.kind not in UNTIMED:
            stretches[int((one.end_ns - begin) / SECOND / step_s)].append(one)
    seconds = []
    for number in range(int(length_s / step_s) + 1):
        here = stretches.get(number, [])
        took = latencies(here)
        counts = Counter(how(one) for one in here)
        p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
        seconds.append(Second(number * step_s, counts, p50, p99))
    return seconds


def _faults(events: list[Event], begin: int, length_s: float) -> list[Span]:
    healed = {event.number: event.at_ns for event in events if event.kind == "healed"}
    spans: list[Span] = []
    for event in events:
        if event.kind != "fault":
            continue
        start = (event.at_ns - begin) / SECOND
        end = (healed[event.number] - begin) / SECOND if event.number in healed else length_s
        taken = {span.row for span in spans if _name_ends(span, length_s) > start}
        row = next(row for row in range(len(spans) + 1) if row not in taken)
        how = _particulars(event)
        about = ", ".join(f"{name} {value}" for name, value in how.items())
        whom = str(how.get("node", how.get("member", "")))
        spans.append(Span(f"{event.number} {event.name}", start, end, row, about, whom))
    return spans


def _name_ends(span: Span, length_s: float) -> float:
    return span.end_s + length_s * LETTER * (len(span.name) + 1)


def _particulars(event: Event) -> dict[str, object]:
    particulars = event.about.get("how", {})
    return dict(particulars) if isinstance(particulars, dict) else {"how": particulars}


def _processes(events: list[Event], begin: int, length_s: float) -> dict[str, list[Span]]:
    """Return the times at which each process ran and was stopped."""
    spans_of: dict[str, list[Span]] = {}
    begun: dict[str, float] = {}
    for event in events:
        second = (event.at_ns - begin) / SECOND
        if event.kind in {"started", "resumed"}:
            begun[event.name] = second
            spans_of.setdefault(event.name, [])
        elif event.kind in {"ended", "paused"} and event.name in begun:
            span = Span(event.name, begun.pop(event.name), second, 0, event.kind)
            spans_of[event.name].append(span)
    for name, since in begun.items():
        spans_of[name].append(Span(name, since, length_s, 0, "to the end"))
    return spans_of
