"""Complaints that are answered twice, and an inquiry under complaint that others see."""

from __future__ import annotations

from dataclasses import replace

from tests.cluster.auditor import Evidence
from tests.unit.cluster.scenario import Scenario
from tests.unit.cluster.seeded_violations.seeding import planted, with_database


@planted("complaints once", "has two of complaint-answer")
def a_complaint_that_is_answered_twice(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = list(evidence.databases[0].entries)
    answer = next(entry for entry in entries if entry.kind == "complaint-answer")
    return with_database(evidence, entries=[*entries, answer])


@planted("complaints once", "follows no complaint")
def an_answer_before_its_complaint(scenario: Scenario) -> Evidence:
    evidence = scenario.evidence()
    entries = [
        entry._replace(leaf_index=0) if entry.kind == "complaint-answer" else entry
        for entry in evidence.databases[0].entries
    ]
    return with_database(evidence, entries=entries)


@planted("complaints hidden", "shows an inquiry under complaint")
def an_inquiry_under_complaint_that_others_see(scenario: Scenario) -> Evidence:
    complained = next(one for one in scenario.operations if one.kind == "complain")
    inquiry = complained.about["inquiry"]
    row = next(one for one in scenario.inquiries if one.inquiry_id == inquiry)
    for index, operation in enumerate(scenario.operations):
        about = operation.about
        if operation.kind == "query" and about["member"] != row.member_id:
            shown = about | {"inquiries": [[row.member_id, row.create_us]]}
            scenario.operations[index] = replace(operation, about=shown)
    return scenario.evidence()
