"""The figures behind the report's page, and the drawing of them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.cluster.history import Operation, Outcome
from tests.cluster.report.drawing import Drawing
from tests.cluster.report.figures import (
    OK,
    REFUSED,
    SETTLED,
    UNANSWERED,
    figures_of,
    how,
    latencies,
)
from tests.cluster.timeline import Event

SECOND = 1_000_000_000


def operation(
    at_s: float, took_ms: float, outcome: Outcome = Outcome.OK, reason: str = ""
) -> Operation:
    end = int(at_s * SECOND)
    return Operation("lender-1", "query", "id", outcome, end - int(took_ms * 1e6), end, reason)


OPERATIONS = [
    operation(1, 10),
    operation(1.5, 30),
    operation(2.2, 5, Outcome.FAILED, "CONSENT_REVOKED"),
    operation(3.3, 3000, Outcome.FAILED, "UNREACHABLE"),
    operation(20, 20),
]
EVENTS = [
    Event(0, "started", "node-1"),
    Event(4 * SECOND, "fault", "kill-node", 1, {"how": {"node": "node-1"}}),
    Event(4 * SECOND, "ended", "node-1"),
    Event(5 * SECOND, "fault", "slow <disk>", 2, {"how": {}}),
    Event(6 * SECOND, "started", "node-1"),
    Event(7 * SECOND, "healed", "kill-node", 1),
    Event(9 * SECOND, "healed", "slow <disk>", 2),
    Event(19 * SECOND, "phase", "audit"),
]


def test_how_an_operation_ended() -> None:
    assert [how(one) for one in OPERATIONS[:4]] == [OK, OK, REFUSED, UNANSWERED]
    settled = Operation("w", "k", "id", Outcome.OK, 0, 1, settled_ns=9)
    assert how(settled) == SETTLED
    assert latencies([*OPERATIONS, settled]) == [10.0, 20.0, 30.0]


def test_figures_of_a_run() -> None:
    figures = figures_of(OPERATIONS, EVENTS)
    assert figures.length_s == 20
    assert figures.phases == {"audit": 19.0}
    # 1. Faults that overlap lie in rows of their own.
    first, second = figures.faults
    assert (first.begin_s, first.end_s, first.whom) == (4, 7, "node-1")
    assert first.row != second.row
    # 2. A process that was killed has two spans.
    assert [(span.begin_s, span.end_s) for span in figures.processes["node-1"]] == [(0, 4), (6, 20)]
    # 3. Each second has its own counts and times.
    assert figures.seconds[1].counts == {OK: 2}
    assert (figures.seconds[1].p50_ms, figures.seconds[1].p99_ms) == (30.0, 30.0)
    assert figures.seconds[3].p99_ms is None


def test_the_drawing_is_well_formed() -> None:
    drawn = ET.fromstring(Drawing(figures_of(OPERATIONS, EVENTS)).draw())
    texts = [box.get("data-caption", "") for box in drawn.iter("rect")]
    assert any("slow <disk>" in one for one in texts)
    assert {text.text for text in drawn.iter("text")} >= {"node-1", "lender-1", "audit"}
