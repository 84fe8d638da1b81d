"""One line frozen while another lends: across lenders, and within a group of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bureau.admin.operator import Operator
from bureau.credit_file.report_versions import current_version
from bureau.texts import flag_texts
from bureau_client import (
    AlertKind,
    FacilityActionKind,
    FlagKind,
    PortfolioType,
)
from tests.service.scenario import AUTUMN_2026, Scenario, account, clock_of, open_scenario
from tests.service.watching import (
    MAY,
    freeze,
    kinds,
    monitor,
    monitored,
    waiting,
)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(
        "acme", "brook", "cedar", database_url=database_url, clock=clock_of(AUTUMN_2026)
    ) as scenario:
        yield scenario


def test_divergence_is_told_and_flagged(scenario: Scenario) -> None:
    person = monitored(scenario, "acme", "brook", "cedar")
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("brook", account(person, "line", MAY))
    freeze(scenario, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)
    for name in ("acme", "brook", "cedar"):
        (alert,) = [
            alert for alert in waiting(scenario, name, person) if alert.kind is AlertKind.DIVERGENCE
        ]
        assert len(alert.tradeline_ids) == 2
    report = scenario.report(person, "cedar")
    (flag,) = report.flags
    assert flag.kind.name == "DIVERGENCE"
    assert len(flag.tradeline_ids) == 2
    assert flag.texts == flag_texts(current_version().flag_texts, "DIVERGENCE")


def test_divergence_is_among_what_a_consent_opens(scenario: Scenario) -> None:
    person = scenario.person()
    monitor(person, "cedar", portfolio_types=[PortfolioType.REVOLVING])
    line = {"portfolio_type": PortfolioType.LINE_OF_CREDIT, "account_type": "15"}
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("brook", account(person, "card", MAY), account(person, "line", MAY, **line))
    freeze(scenario, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)
    (alert,) = [
        alert for alert in waiting(scenario, "cedar", person) if alert.kind is AlertKind.DIVERGENCE
    ]
    cards = [
        tradeline
        for tradeline in person.file().tradelines
        if tradeline.portfolio_type is PortfolioType.REVOLVING
    ]
    assert set(alert.tradeline_ids) == {card.tradeline_id for card in cards}


def test_within_a_group_and_across_lenders_are_told_apart(scenario: Scenario) -> None:
    for name in ("dune", "elm"):
        scenario.lender(name, group="bank")
    person = monitored(scenario, "cedar")
    for name in ("dune", "elm"):
        scenario.submit(name, account(person, "card", MAY))
    freeze(scenario, "dune", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)

    def divergences() -> list[AlertKind]:
        return [
            kind for kind in kinds(waiting(scenario, "cedar", person)) if "DIVERGENCE" in kind.name
        ]

    assert divergences() == [AlertKind.GROUP_DIVERGENCE]
    report = scenario.report(person, "cedar")
    assert [flag.kind for flag in report.flags] == [FlagKind.GROUP_DIVERGENCE]
    # A lender of no group lends too.
    scenario.submit("cedar", account(person, "card", MAY))
    both = scenario.report(person, "cedar")
    assert [flag.kind for flag in both.flags] == [
        FlagKind.GROUP_DIVERGENCE,
        FlagKind.DIVERGENCE,
    ]
    assert [len(flag.tradeline_ids) for flag in both.flags] == [2, 3]
    # The group breaks up; the reports of before stay what they were.
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        elm = operator.member("elm")
        elm.group = ""
        operator.change(elm)
    assert [flag.kind for flag in scenario.report(person, "cedar").flags] == [FlagKind.DIVERGENCE]
    assert scenario.lenders["cedar"].replay(both.request_id, both.subject_id).flags == both.flags


def test_one_lender_freezes_a_line_and_lends_on_another(scenario: Scenario) -> None:
    person = monitored(scenario, "acme", "cedar")
    scenario.submit("acme", account(person, "card", MAY), account(person, "cash", MAY))
    freeze(scenario, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)
    assert AlertKind.GROUP_DIVERGENCE in kinds(waiting(scenario, "cedar", person))
    # Of its own accounts alone a member is not told what it did itself.
    assert waiting(scenario, "acme", person) == []
