"""A release adds a version of reports: earlier reports are still replayed as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bureau.credit_file.attributes import Definition
from bureau.credit_file.report_versions import VERSIONS, current_version
from bureau_client import Month, Purpose, Report, WrongState
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import monitored

MAY = Month(2024, 5)
NEXT = "2099-01"


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


def release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a version of reports with one more attribute and one attribute less."""
    before = current_version()
    gone, *kept = before.attributes.values()
    added = Definition("always_one", "One", "ones", "now", "never missing", lambda _: 1.0)
    attributes = {definition.name: definition for definition in (*kept, added)}
    assert gone.name not in attributes
    monkeypatch.setitem(VERSIONS, NEXT, replace(before, name=NEXT, attributes=attributes))


def payload(report: Report) -> bytes:
    """The bytes that the bureau signed."""
    return Envelope.FromString(report.envelope).payload


def test_reports_of_both_versions_are_replayed_byte_for_byte(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, brook = scenario.person(), scenario.lenders["brook"]
    scenario.submit("acme", account(person, "card", MAY))
    before = scenario.report(person, "brook")
    release(monkeypatch)
    scenario.submit("acme", account(person, "card", MAY + 1))
    after = scenario.report(person, "brook")
    assert before.rules_version.split("/")[0] != NEXT
    assert after.rules_version.split("/")[0] == NEXT
    names = [{attribute.name for attribute in report.attributes} for report in (before, after)]
    assert names[1] - names[0] == {"always_one"}
    assert len(names[0] - names[1]) == 1
    for report in (before, after):
        assert payload(brook.replay(report.request_id, report.subject_id)) == payload(report)


def test_a_portfolio_from_before_a_release_is_replayed_by_its_own_version(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = scenario.lenders["acme"]
    for _ in range(3):
        person = monitored(scenario, "acme")
        scenario.submit("acme", account(person, "card", MAY))
    given = list(acme.portfolio(Purpose.ACCOUNT_REVIEW))
    assert len(given) == 3
    release(monkeypatch)
    for report in given:
        again = acme.replay(report.request_id, report.subject_id)
        assert payload(again) == payload(report)


def test_a_node_of_the_release_before_names_the_version_that_it_lacks(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    with monkeypatch.context() as patch:
        release(patch)
        report = scenario.report(person, "brook")
    with pytest.raises(WrongState, match=NEXT):
        scenario.lenders["brook"].replay(report.request_id, report.subject_id)
