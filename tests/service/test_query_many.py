"""Reports on many people: one refusal stops no other, and no crash uses a consent twice."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    AsyncLender,
    BureauError,
    Conflict,
    ConsentExhausted,
    ConsentMode,
    ConsentPaused,
    ConsentRequired,
    EvidenceLevel,
    Inquiry,
    InvalidRequest,
    Lender,
    Month,
    Outcome,
    PermissionDenied,
    Progress,
    Purpose,
    Report,
    RetryPolicy,
    SigningKey,
    Statement,
    Unavailable,
    Wallet,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY = Month(2024, 5)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def inquiry_of(scenario: Scenario, person: Wallet, **consent: Any) -> Inquiry:
    """An inquiry about a person, under a new consent for one use."""
    consent_id = scenario.inquiring(person, "acme", **({"max_uses": 1} | consent))
    return Inquiry(
        subject_id=person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )


def inquiries_of(scenario: Scenario, count: int, **consent: Any) -> list[Inquiry]:
    """Inquiries about different people."""
    return [inquiry_of(scenario, scenario.person(), **consent) for _ in range(count)]


def mixed(scenario: Scenario) -> tuple[list[Inquiry], dict[Inquiry, type[BureauError]]]:
    """Inquiries of which some are refused; the errors of those."""
    good = inquiries_of(scenario, 6)
    paused_person = scenario.person()
    paused = inquiry_of(scenario, paused_person)
    paused_person.pause(paused.consent_id)
    missing = Inquiry(
        subject_id=os.urandom(16).hex(),
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id="0b1fa0a0-5f0d-4d2c-8f8e-0a1b2c3d4e5f",
    )
    wrong = Inquiry(subject_id="not-an-id", purpose=Purpose.CREDIT_APPLICATION, consent_id="none")
    refused = {paused: ConsentPaused, missing: ConsentRequired, wrong: InvalidRequest}
    return [wrong, paused, *good, missing], refused


def check(
    outcomes: list[Outcome[Inquiry, Report]],
    asked: list[Inquiry],
    refused: dict[Inquiry, type[BureauError]],
) -> None:
    """Check that each inquiry has the one outcome that it should have."""
    assert {outcome.request for outcome in outcomes} == set(asked)
    assert len(outcomes) == len(asked)
    for outcome in outcomes:
        if outcome.request in refused:
            assert type(outcome.error) is refused[outcome.request]
            with pytest.raises(refused[outcome.request]):
                _ = outcome.answer
        else:
            assert outcome.error is None
            assert outcome.answer.subject_id == outcome.request.subject_id
            assert outcome.answer.consent_id == outcome.request.consent_id


def test_an_error_of_one_person_stops_no_other(scenario: Scenario, tmp_path: Path) -> None:
    asked, refused = mixed(scenario)
    progress: list[Progress] = []
    lender = scenario.lenders["acme"]
    outcomes = list(
        lender.query_many(
            asked, journal=tmp_path / "journal", concurrency=3, on_progress=progress.append
        )
    )
    check(outcomes, asked, refused)
    assert [step.done for step in progress] == list(range(1, len(asked) + 1))
    assert {step.total for step in progress} == {len(asked)}


def test_the_same_without_blocking(scenario: Scenario, tmp_path: Path) -> None:
    asked, refused = mixed(scenario)

    async def run(journal: Path | None) -> list[Outcome[Inquiry, Report]]:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            return [
                outcome
                async for outcome in lender.query_many(iter(asked), journal=journal, concurrency=4)
            ]

    first = asyncio.run(run(tmp_path / "journal"))
    check(first, asked, refused)
    again = asyncio.run(run(tmp_path / "journal"))
    check(again, asked, refused)
    assert reports(again) == reports(first)
    without = asyncio.run(run(None))
    used_up = dict.fromkeys(asked, ConsentExhausted)
    check(without, asked, used_up | refused)


def reports(outcomes: list[Outcome[Inquiry, Report]]) -> dict[Inquiry, bytes]:
    """The signed bytes of each report."""
    return {
        outcome.request: outcome.answer.envelope for outcome in outcomes if outcome.error is None
    }


def uses(scenario: Scenario, inquiry: Inquiry) -> int:
    """The uses of an inquiry's consent that the bureau has counted."""
    consents = scenario.lenders["acme"].consents(inquiry.subject_id)
    (use_count,) = [c.use_count for c in consents if c.consent_id == inquiry.consent_id]
    return use_count


def test_a_run_that_stops_continues_and_uses_no_consent_twice(
    scenario: Scenario, tmp_path: Path
) -> None:
    asked, journal = inquiries_of(scenario, 8), tmp_path / "journal"
    lender = scenario.lenders["acme"]
    run = lender.query_many(asked, journal=journal, concurrency=2)
    first = list(itertools.islice(run, 3))
    run.close()
    # Not all were sent, and one more was sent than was given out, maybe.
    sent = sum(uses(scenario, inquiry) for inquiry in asked)
    assert 3 <= sent < len(asked)
    # The later the evening, the older the inquiries.
    scenario.later(6 * MINUTE)
    again = list(lender.query_many([*asked, asked[0]], journal=journal))
    assert len(again) == len(asked) + 1
    assert reports(again).items() >= reports(first).items()
    assert [uses(scenario, inquiry) for inquiry in asked] == [1] * len(asked)
    # The file may change: what is new is asked, what is gone is not.
    added = inquiry_of(scenario, scenario.person())
    last = list(lender.query_many([added, *asked[2:4]], journal=journal))
    assert reports(last).items() >= {i: reports(again)[i] for i in asked[2:4]}.items()
    assert uses(scenario, added) == 1


def test_the_evidence_comes_again_too(scenario: Scenario, tmp_path: Path) -> None:
    person = scenario.person()
    scenario.submit("brook", account(person, "card", MAY))
    scenario.submit("acme", account(person, "card", MAY))
    base = inquiry_of(scenario, person)
    inquiry = Inquiry(
        subject_id=base.subject_id,
        purpose=base.purpose,
        consent_id=base.consent_id.upper(),
        evidence=EvidenceLevel.ALL,
        reference="A-17",
    )
    lender = scenario.lenders["acme"]
    (first,) = lender.query_many([inquiry], journal=tmp_path / "journal")
    assert first.answer.evidence
    scenario.submit("brook", account(person, "loan", MAY))
    (again,) = lender.query_many([inquiry], journal=str(tmp_path / "journal"))
    assert (again.answer.evidence, again.answer.envelope) == (
        first.answer.evidence,
        first.answer.envelope,
    )


def test_after_a_day_a_report_is_replayed_as_its_consent_allows(
    scenario: Scenario, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    once = inquiry_of(scenario, scenario.person())
    stored = inquiry_of(scenario, scenario.person(), mode=ConsentMode.STORE, data_life=30 * DAY)
    paused_person = scenario.person()
    paused = inquiry_of(scenario, paused_person)
    paused_person.pause(paused.consent_id)
    lender = scenario.lenders["acme"]
    first = list(lender.query_many([once, stored, paused], journal=journal))
    paused_person.resume(paused.consent_id)
    # What was denied stays denied, for a day.
    (denied,) = lender.query_many([paused], journal=journal)
    assert type(denied.error) is ConsentPaused
    scenario.later(2 * DAY)
    again = {o.request: o for o in lender.query_many([once, stored, paused], journal=journal)}
    assert type(again[once].error) is ConsentExhausted
    assert again[stored].answer.envelope == reports(first)[stored]
    assert again[paused].answer.subject_id == paused.subject_id
    assert [uses(scenario, inquiry) for inquiry in (once, stored, paused)] == [1, 1, 1]


def test_an_inquiry_that_never_arrived_is_signed_again_when_it_is_too_old(
    scenario: Scenario, tmp_path: Path
) -> None:
    inquiry, journal = inquiry_of(scenario, scenario.person()), tmp_path / "journal"
    statement = lost(scenario, "acme", inquiry, journal)
    assert uses(scenario, inquiry) == 0
    lender = scenario.lenders["acme"]
    scenario.later(6 * MINUTE)
    (first,) = lender.query_many([inquiry], journal=journal)
    assert first.answer.request_id != statement.request_id
    scenario.later(6 * MINUTE)
    (again,) = lender.query_many([inquiry], journal=journal)
    assert again.answer.envelope == first.answer.envelope
    assert uses(scenario, inquiry) == 1


def test_an_inquiry_that_never_arrived_is_signed_again_with_the_members_new_key(
    scenario: Scenario, tmp_path: Path
) -> None:
    """And one that arrived is answered as before, whichever key signed it."""
    person, other = scenario.person(), scenario.person()
    rotating = scenario.lenders["brook"]
    answered, kept = (
        replace(inquiry, consent_id=scenario.inquiring(subject, "brook", max_uses=1))
        for subject in (person, other)
        for inquiry in [inquiry_of(scenario, subject)]
    )
    journal = tmp_path / "journal"
    (first,) = rotating.query_many([answered], journal=journal)
    lost(scenario, "brook", kept, journal)
    rotating.rotate_key(SigningKey.generate())
    again, late = sorted(
        rotating.query_many([answered, kept], journal=journal),
        key=lambda outcome: outcome.request is kept,
    )
    assert again.answer.request_id == first.answer.request_id
    assert late.answer.subject_id == other.subject_id
    (repeated,) = rotating.query_many([kept], journal=journal)
    assert repeated.answer.request_id == late.answer.request_id


def lost(scenario: Scenario, member: str, inquiry: Inquiry, journal: Path) -> Statement:
    """Keep an inquiry in a journal, signed, without a bureau that it reaches."""
    nowhere = replace(scenario.profiles[member], addresses=("127.0.0.1:1",), directory_addresses=())
    kept: list[Statement] = []
    policy = RetryPolicy(attempts=1)
    with Lender(nowhere, clock=scenario.now, policy=policy, before_send=kept.append) as lender:
        run = lender.query_many([inquiry], journal=journal)
        assert type(next(run).error) is Unavailable
        with pytest.raises(Unavailable):
            next(run)
    (statement,) = kept
    return statement


def test_one_run_at_a_time_uses_a_journal(scenario: Scenario, tmp_path: Path) -> None:
    asked, journal = inquiries_of(scenario, 2), tmp_path / "journal"
    lender = scenario.lenders["acme"]
    run = lender.query_many(asked, journal=journal, concurrency=1)
    next(run)
    with pytest.raises(Conflict, match="in use by another run"):
        list(lender.query_many(asked, journal=journal))
    run.close()
    assert len(list(lender.query_many(asked, journal=journal))) == 2


def test_a_journal_that_is_not_this_members_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    journal, asked = tmp_path / "journal", inquiries_of(scenario, 1)
    list(scenario.lenders["acme"].query_many(asked, journal=journal))
    with pytest.raises(InvalidRequest, match=r"line 2.*members/acme signed it"):
        list(scenario.lenders["brook"].query_many(asked, journal=journal))


def test_an_error_of_all_people_ends_the_run(tmp_path: Path) -> None:
    with open_scenario("acme") as scenario:
        asked = inquiries_of(scenario, 4)
        lender = scenario.lenders["acme"]
        run = lender.query_many(asked, journal=tmp_path / "journal", concurrency=1)
        next(run)
        scenario.suspend("acme")
        failed = next(run)
        with pytest.raises(PermissionDenied, match="suspended") as refused:
            next(run)
        assert refused.value is failed.error
        assert refused.value.reason == "MEMBER_SUSPENDED"
        assert list(run) == []


@pytest.mark.parametrize("concurrency", [0, -1, 257])
def test_the_number_at_once_is_bounded(scenario: Scenario, concurrency: int) -> None:
    with pytest.raises(InvalidRequest, match="concurrency: "):
        list(scenario.lenders["acme"].query_many([], concurrency=concurrency))


def test_a_bureau_that_is_busy_is_asked_more_slowly(tmp_path: Path) -> None:
    with open_scenario("acme", calls=2) as scenario:
        asked = inquiries_of(scenario, 24)
        outcomes = list(
            scenario.lenders["acme"].query_many(asked, journal=tmp_path / "j", concurrency=24)
        )
        check(outcomes, asked, {})
        assert [uses(scenario, inquiry) for inquiry in asked] == [1] * len(asked)


def test_a_quota_of_the_minute_is_waited_for_and_one_of_the_day_is_not(tmp_path: Path) -> None:
    quota = {"statements_per_minute": 20, "statements_per_day": 1000}
    with open_scenario("acme", "brook", quotas={"member": quota}) as scenario:
        # Each signs its own statements: attestations are acme's, consents the people's.
        people = []
        for _ in range(30):
            scenario.later(MINUTE)
            people.append(scenario.person())
        asked = [inquiry_of(scenario, person) for person in people]
        lender = scenario.lenders["acme"]
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            scenario.later(timedelta(seconds=seconds))

        lender._driver._sleep = sleep
        outcomes = list(lender.query_many(asked, journal=tmp_path / "j", concurrency=4))
        check(outcomes, asked, {})
        assert waits


def test_subject_ids_of_many_come_in_batches(scenario: Scenario) -> None:
    identifiers = [("US", "ssn", f"{number:09}") for number in range(600)]
    identifiers[7] = ("US", "ssn", "")
    progress: list[Progress] = []
    lender = scenario.lenders["acme"]
    outcomes = list(lender.subject_ids_many(identifiers, on_progress=progress.append))
    subject_ids = {o.request: o.answer for o in outcomes if o.error is None}
    assert [o.request for o in outcomes if o.error is not None] == [identifiers[7]]
    assert len(outcomes) == len(identifiers) == progress[-1].done
    assert subject_ids[identifiers[599]] == lender.subject_id(*identifiers[599])

    async def run() -> set[str]:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as asynchronous:
            return {o.answer async for o in asynchronous.subject_ids_many(identifiers[:3])}

    assert asyncio.run(run()) == {subject_ids[identifier] for identifier in identifiers[:3]}


def test_consents_of_many_are_listed(scenario: Scenario) -> None:
    asked = inquiries_of(scenario, 5)
    lender = scenario.lenders["acme"]
    subjects = [inquiry.subject_id for inquiry in asked]
    outcomes = list(lender.consents_many([*subjects, "nobody"], concurrency=2))
    consents_of = {o.request: o.answer for o in outcomes if o.error is None}
    assert [o.request for o in outcomes if o.error] == ["nobody"]
    assert {i.subject_id: i.consent_id for i in asked} == {
        subject: consents[0].consent_id for subject, consents in consents_of.items()
    }

    async def run() -> set[str]:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as asynchronous:
            return {o.request async for o in asynchronous.consents_many(subjects)}

    assert asyncio.run(run()) == set(subjects)
