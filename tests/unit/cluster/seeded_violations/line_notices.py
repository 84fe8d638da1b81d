"""Notices of lines that do not come, come twice, or of what no lender did; deadlines of later."""

from __future__ import annotations

from tests.cluster.auditor import Evidence
from tests.cluster.auditor.evidence import LineNotice
from tests.unit.cluster.scenario import PERSON, Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_node


def _listing(scenario: Scenario, *lines: LineNotice, without: int = 0) -> Evidence:
    """Evidence in which the first node lists further notices, and leaves out the oldest."""
    evidence = scenario.evidence()
    listed = sorted(evidence.nodes[0].lines[PERSON])
    return with_node(evidence, lines={PERSON: [*listed[without:], *lines]})


@planted("line notices", "0 notices LINE_")
def a_frozen_line_that_is_not_told(scenario: Scenario) -> Evidence:
    return _listing(scenario, without=1)


@planted("line notices", "2 notices LINE_")
def a_frozen_line_that_is_told_twice(scenario: Scenario) -> Evidence:
    first = min(scenario.evidence().nodes[0].lines[PERSON])
    return _listing(scenario, first)


@planted("line notices", "gives 0")
def a_notice_of_a_line_that_nobody_closed(scenario: Scenario) -> Evidence:
    first = min(scenario.evidence().nodes[0].lines[PERSON])
    return _listing(scenario, first._replace(kind="LINE_CLOSED"))


@planted("deadlines", "is overdue")
def a_deadline_that_has_not_come(scenario: Scenario) -> Evidence:
    end_us = max(entry.time_us for entry in scenario.entries) + 30 * 86_400_000_000
    return with_node(scenario.evidence(), deadlines={PERSON: [("a-dispute", end_us)]})
