"""Calls of the SDK as people make them: consents that can be used, holds, a quiet bureau."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bureau_client import (
    Action,
    ConsentRequired,
    Frequency,
    FrequencyUnit,
    HoldInForce,
    HoldKind,
    InvalidRequest,
    Purpose,
    Section,
)
from tests.service.scenario import Scenario, open_scenario


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def test_the_usable_consent_is_the_longest_that_covers_the_purpose(scenario: Scenario) -> None:
    person, lender = scenario.person(), scenario.lenders["brook"]
    with pytest.raises(ConsentRequired, match=r"holds no consent .* of \d in all"):
        lender.usable_consent(person.subject_id, Purpose.CREDIT_APPLICATION)
    granted = [
        person.grant(
            "brook",
            [action],
            [purpose],
            [Section.SUMMARY],
            expire=timedelta(days=days),
            start=scenario.now() + timedelta(days=starts),
            max_uses=1 if action is Action.INQUIRE else 0,
            frequency=Frequency(FrequencyUnit.MONTH, 5),
        ).consent_id
        for action, purpose, days, starts in (
            (Action.INQUIRE, Purpose.CREDIT_APPLICATION, 5, 0),
            (Action.INQUIRE, Purpose.CREDIT_APPLICATION, 9, 0),
            (Action.INQUIRE, Purpose.CREDIT_APPLICATION, 20, 0),
            (Action.INQUIRE, Purpose.CREDIT_APPLICATION, 20, 3),
            (Action.INQUIRE, Purpose.ACCOUNT_REVIEW, 25, 0),
            (Action.MONITOR, Purpose.ACCOUNT_REVIEW, 25, 0),
        )
    ]
    person.revoke(granted[2])
    usable = lender.usable_consent(person.subject_id, Purpose.CREDIT_APPLICATION)
    assert usable.consent_id == granted[1]
    monitored = lender.usable_consent(
        person.subject_id, Purpose.ACCOUNT_REVIEW, action=Action.MONITOR
    )
    assert monitored.consent_id == granted[5]
    lender.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=granted[1])
    usable = lender.usable_consent(person.subject_id, Purpose.CREDIT_APPLICATION)
    assert usable.consent_id == granted[0]
    with pytest.raises(ConsentRequired):
        lender.usable_consent(person.subject_id, Purpose.COLLECTION)


def test_words_and_consents_are_taken_where_codes_and_ids_are_meant(scenario: Scenario) -> None:
    person, lender = scenario.person(), scenario.lenders["brook"]
    consent = person.grant(
        "brook",
        ["inquire"],  # type: ignore[list-item]
        ["credit-application"],  # type: ignore[list-item]
        ["summary"],  # type: ignore[list-item]
        expire=timedelta(days=5),
        max_uses=9,
        mode="view",  # type: ignore[arg-type]
    )
    for purpose in ("credit-application", "Credit Application", "CREDIT_APPLICATION"):
        report = lender.query(
            person.subject_id,
            purpose=purpose,  # type: ignore[arg-type]
            consent_id=consent,
            evidence="none",  # type: ignore[arg-type]
        )
        assert report.consent_id == consent.consent_id
    assert person.revoke(person.pause(consent)).consent_id == consent.consent_id
    with pytest.raises(InvalidRequest, match=r"purpose.*'credit'.*credit-application"):
        lender.query(person.subject_id, purpose="credit", consent_id=consent)  # type: ignore[arg-type]


def test_a_hold_has_an_exception_class_of_its_own(scenario: Scenario) -> None:
    person, lender = scenario.person(), scenario.lenders["brook"]
    consent_id = scenario.inquiring(person, "brook")
    person.place_hold(HoldKind.SECURITY_FREEZE)
    with pytest.raises(HoldInForce) as refused:
        lender.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    assert refused.value.reason == "HOLD"


QUIET = """
from bureau.testing import running_bureau
from bureau_client import Lender
with running_bureau({log}) as bureau:
    with Lender(bureau.add_member("acme", ["furnisher"])) as acme:
        print("MEMBERS", len(acme.members()))
"""


@pytest.mark.parametrize("log", ["", 'log="info"'])
def test_a_bureau_for_tests_prints_nothing_unless_it_is_asked(log: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUIET.format(log=log)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "MEMBERS 2\n"
    assert ("serving" in done.stderr) == bool(log)
