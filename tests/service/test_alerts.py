"""Alerts on people who let members monitor them, on both databases."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest

from bureau.clock import Clock
from bureau.texts import texts
from bureau_client import (
    AccountStatus,
    Alert,
    AlertKind,
    AsyncLender,
    ComplaintKind,
    ComplaintOutcome,
    Deletion,
    DeletionReason,
    DisputeReason,
    FacilityActionKind,
    HoldKind,
    Lender,
    NotFound,
    Purpose,
    Section,
    SubmissionKind,
    Unavailable,
    Wallet,
)
from tests.service.scenario import (
    AUTUMN_2026,
    DAY,
    Scenario,
    account,
    clock_of,
    open_scenario,
)
from tests.service.watching import (
    JULY,
    JUNE,
    MAY,
    freeze,
    kinds,
    monitor,
    monitored,
    waiting,
)

# Seconds after which an alert that has not come is taken for lost.
PATIENCE_S = 120.0
# Terms within the ceilings of the purposes that are not reviews of accounts.
BRIEF: dict[str, Any] = {"expire": 20 * DAY, "max_uses": 5, "frequency": None}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(
        "acme", "brook", "cedar", database_url=database_url, clock=clock_of(AUTUMN_2026)
    ) as scenario:
        yield scenario


def test_what_happens_to_an_account_is_told_in_order(scenario: Scenario) -> None:
    person = monitored(scenario, "brook")
    late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
    later = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("acme", account(person, "card", JUNE, balance_minor=900_00, **late))
    scenario.submit("acme", account(person, "card", JULY, balance_minor=900_00, **later))
    ref = account(person, "card", MAY).account_ref
    freeze(scenario, "acme", ref, FacilityActionKind.FREEZE)
    freeze(scenario, "acme", ref, FacilityActionKind.RESTORE)
    alerts = waiting(scenario, "brook", person)
    assert kinds(alerts) == [
        AlertKind.NEW_TRADELINE,
        AlertKind.FIRST_DELINQUENCY,
        AlertKind.UTILISATION_JUMP,
        AlertKind.STATUS_WORSE,
        AlertKind.LINE_FROZEN,
        AlertKind.LINE_RESTORED,
    ]
    assert [alert.cursor for alert in alerts] == sorted({alert.cursor for alert in alerts})
    assert len({alert.tradeline_ids for alert in alerts}) == 1
    assert all(alert.texts == texts("alert", alert.kind.name) for alert in alerts)
    assert waiting(scenario, "cedar", person) == []


def test_what_got_better_is_told(scenario: Scenario) -> None:
    """Cured, corrected, an earlier month corrected, and deleted: each once."""
    person = monitored(scenario, "brook")
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61, "balance_minor": 100_00}
    better = AlertKind.STATUS_BETTER

    def shown() -> list[AlertKind]:
        return kinds(waiting(scenario, "brook", person))

    scenario.submit("acme", account(person, "card", MAY, **late))
    first = [AlertKind.NEW_TRADELINE, AlertKind.FIRST_DELINQUENCY]
    # As late as before: nothing got better, nor worse.
    scenario.submit("acme", account(person, "card", JUNE, **late))
    assert shown() == first
    scenario.submit("acme", account(person, "card", JULY))
    assert shown() == [*first, better]
    scenario.submit("acme", account(person, "card", MAY), kind=SubmissionKind.CORRECTION)
    assert shown() == [*first, better, better]
    ref = account(person, "card", MAY).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    alerts = waiting(scenario, "brook", person)
    assert kinds(alerts) == [*first, better, better, better]
    assert len({alert.tradeline_ids for alert in alerts}) == 1
    assert alerts[-1].texts == texts("alert", "STATUS_BETTER")


def test_inquiries_are_told_to_others_and_a_burst_once(scenario: Scenario) -> None:
    person = monitored(scenario, "acme")
    scenario.submit("acme", account(person, "card", MAY))
    scenario.report(person, "acme")  # its own: it knows
    for name in itertools.islice(itertools.cycle(["brook", "cedar"]), 5):
        scenario.report(person, name)
    alerts = kinds(waiting(scenario, "acme", person))
    assert alerts.count(AlertKind.NEW_INQUIRY) == 5
    assert alerts.count(AlertKind.INQUIRY_BURST) == 1


def test_a_burst_counts_no_inquiry_under_complaint(scenario: Scenario) -> None:
    person = monitored(scenario, "acme")
    scenario.submit("acme", account(person, "card", MAY))
    names = itertools.cycle(["brook", "cedar"])
    for name in itertools.islice(names, 3):
        scenario.report(person, name)
    first = next(one for one in person.inquiries() if one.member_id == "brook")
    kind = ComplaintKind.INQUIRY_NOT_ASKED_FOR
    complaint = person.complain("brook", kind, first.inquiry_id)
    scenario.report(person, next(names))
    assert AlertKind.INQUIRY_BURST not in kinds(waiting(scenario, "acme", person))
    # An answer that rejects the complaint brings the inquiry back into the count.
    scenario.lenders["brook"].answer_complaint(complaint, ComplaintOutcome.REJECTED, "You did ask.")
    scenario.report(person, next(names))
    assert kinds(waiting(scenario, "acme", person)).count(AlertKind.INQUIRY_BURST) == 1
    assert scenario.findings() == []


def test_a_burst_is_told_once_though_inquiries_come_at_once(scenario: Scenario) -> None:
    """Whichever of them is the one too many: they may share a commit."""
    person = monitored(scenario, "acme")
    scenario.submit("acme", account(person, "card", MAY))
    consents = [scenario.inquiring(person, name) for name in ("brook", "cedar") for _ in range(3)]

    def ask(index: int) -> None:
        scenario.lenders["brook" if index < 3 else "cedar"].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consents[index]
        )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))
    alerts = kinds(waiting(scenario, "acme", person))
    assert alerts.count(AlertKind.NEW_INQUIRY) == 6
    assert alerts.count(AlertKind.INQUIRY_BURST) == 1


def test_the_inquiries_of_a_collectors_portfolio_are_told(scenario: Scenario) -> None:
    person = monitored(scenario, "acme")
    monitor(person, "brook", purposes=[Purpose.COLLECTION])
    scenario.submit("brook", account(person, "card", MAY))
    assert (
        len(list(scenario.lenders["brook"].portfolio(Purpose.COLLECTION, [person.subject_id]))) == 1
    )
    assert kinds(waiting(scenario, "acme", person)) == [
        AlertKind.NEW_TRADELINE,
        AlertKind.NEW_INQUIRY,
    ]


def test_alerts_tell_what_a_member_has_earned_to_see() -> None:
    """No more than its reports show: of others, what it gives of its own kind."""
    clock = Clock()
    with open_scenario("acme", "brook", clock=clock) as scenario:
        clock.offset_us += 181 * 86_400 * 1_000_000
        person = monitored(scenario, "brook")
        late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
        scenario.submit("acme", account(person, "card", MAY))
        scenario.report(person, "acme")
        # It gives nothing: of the account it learns nothing, of the inquiry it does.
        assert seen_by_brook(scenario, person) == [AlertKind.NEW_INQUIRY]
        scenario.submit("brook", account(person, "own", MAY, **late))
        scenario.submit("acme", account(person, "other", MAY), account(person, "bad", MAY, **late))
        # It gives accounts in default, and learns of such.
        assert seen_by_brook(scenario, person)[1:] == [
            AlertKind.NEW_TRADELINE,
            AlertKind.FIRST_DELINQUENCY,
        ]


def seen_by_brook(scenario: Scenario, person: Wallet) -> list[AlertKind]:
    """All there is by now; an inquiry about somebody else, which all may see, ends it."""
    last = monitored(scenario, "brook")
    scenario.submit("acme", account(last, "marker", MAY))
    scenario.report(last, "acme")
    alerts: list[AlertKind] = []
    for alert in scenario.lenders["brook"].alerts():
        if alert.subject_id == last.subject_id:
            return alerts
        if alert.subject_id == person.subject_id:
            alerts.append(alert.kind)
    raise AssertionError("a stream of alerts has no end")


def test_a_dispute_is_told(scenario: Scenario) -> None:
    person = monitored(scenario, "brook")
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    person.dispute(line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT)
    assert kinds(waiting(scenario, "brook", person))[-1] is AlertKind.DISPUTE


def test_a_consent_opens_what_it_names(scenario: Scenario) -> None:
    person = monitored(scenario, "brook", sections=[Section.INQUIRIES])
    scenario.submit("acme", account(person, "card", MAY))
    scenario.report(person, "cedar")
    assert kinds(waiting(scenario, "brook", person)) == [AlertKind.NEW_INQUIRY]


def test_alerts_end_with_the_consent(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = monitor(person, "brook")
    scenario.submit("acme", account(person, "card", MAY))
    person.revoke(consent_id)
    scenario.submit("acme", account(person, "other", MAY))
    # Not even what happened before and was not told yet.
    assert waiting(scenario, "brook", person) == []


def test_what_is_acknowledged_does_not_come_again(scenario: Scenario) -> None:
    first, second = monitored(scenario, "cedar"), monitored(scenario, "cedar")
    scenario.submit("acme", account(first, "card", MAY))
    (alert,) = waiting(scenario, "cedar", first)
    scenario.lenders["cedar"].acknowledge(alert.cursor)
    scenario.submit("acme", account(second, "card", MAY))
    assert waiting(scenario, "cedar", first) == []
    (alert,) = waiting(scenario, "cedar", second)
    # From a cursor of one's own, what was acknowledged is there too.
    stream = scenario.lenders["cedar"].alerts(after=alert.cursor - 1)
    assert next(stream) == alert
    with pytest.raises(NotFound):
        scenario.lenders["cedar"].acknowledge(1 << 60)


def test_an_alert_follows_its_cause_at_once(scenario: Scenario) -> None:
    person = monitored(scenario, "brook")
    alerts: Queue[Alert] = Queue()

    def watch() -> None:
        for alert in lender.alerts():
            if alert.subject_id == person.subject_id:
                alerts.put(alert)

    watcher = threading.Thread(target=watch)
    with Lender(scenario.profiles["brook"], clock=scenario.now) as lender:
        watcher.start()
        scenario.submit("acme", account(person, "card", MAY))
        alerts.get(timeout=PATIENCE_S)
        # The stream is open by now: the next alert comes by it as well.
        scenario.submit("acme", account(person, "loan", MAY))
        alerts.get(timeout=PATIENCE_S)
    # The client is closed: its stream has ended, though the bureau serves on.
    watcher.join(PATIENCE_S)
    assert not watcher.is_alive()


def test_the_asynchronous_client_ends_its_stream_too(scenario: Scenario) -> None:
    """And a call in progress ends with the reason: it is not cancelled as if its task were."""
    person = monitored(scenario, "brook")
    scenario.submit("acme", account(person, "card", MAY))

    async def close() -> tuple[list[Alert], BaseException | None]:
        lender = AsyncLender(scenario.profiles["brook"], clock=scenario.now)
        alerts: list[Alert] = []
        has_alert = asyncio.Event()

        async def watch() -> None:
            async for alert in lender.alerts():
                alerts.append(alert)
                if alert.subject_id == person.subject_id:
                    has_alert.set()

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            group.create_task(watch())
            await has_alert.wait()
            listed = asyncio.create_task(lender.submissions())
            await asyncio.sleep(0)
            await lender.close()
            await asyncio.wait([listed])
        await lender.close()
        return alerts, listed.exception()

    alerts, ended = asyncio.run(close())
    assert alerts[-1].subject_id == person.subject_id
    assert isinstance(ended, Unavailable)
    assert ended.reason == "CLOSED"


def test_the_asynchronous_client_watches_too(scenario: Scenario) -> None:
    person = monitored(scenario, "brook")
    scenario.submit("acme", account(person, "card", MAY))
    profile = scenario.profiles["brook"]

    async def watch() -> Alert:
        async with AsyncLender(profile, clock=scenario.now) as lender:
            async for alert in lender.alerts():
                if alert.subject_id == person.subject_id:
                    return alert
        raise AssertionError("a stream of alerts has no end")

    assert asyncio.run(watch()).kind is AlertKind.NEW_TRADELINE


def test_a_security_freeze_does_not_stop_the_review_of_existing_accounts(
    scenario: Scenario,
) -> None:
    """15 U.S.C. 1681c-1(i)(4)."""
    person = monitored(scenario, "brook", "cedar")
    scenario.submit("brook", account(person, "own", MAY))
    assert kinds(waiting(scenario, "cedar", person)) == [AlertKind.NEW_TRADELINE]
    person.place_hold(HoldKind.SECURITY_FREEZE)
    scenario.submit("acme", account(person, "card", MAY))
    assert kinds(waiting(scenario, "brook", person)) == [AlertKind.NEW_TRADELINE]
    # A member without an account has nothing to review; not even the alert of before comes.
    assert waiting(scenario, "cedar", person) == []


def test_an_alert_says_no_more_than_the_member_may_ask(scenario: Scenario) -> None:
    """As for an inquiry: the consent's purpose, the member's admission, the person's holds."""
    person = scenario.person()
    monitor(person, "acme", purposes=[Purpose.CREDIT_APPLICATION], **BRIEF)
    monitor(person, "brook", purposes=[Purpose.ACCOUNT_REVIEW])
    monitor(person, "cedar", purposes=[Purpose.INSURANCE], **BRIEF)  # not among its admission's
    scenario.submit("brook", account(person, "own", MAY))
    assert kinds(waiting(scenario, "acme", person)) == [AlertKind.NEW_TRADELINE]
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    scenario.submit("cedar", account(person, "frozen", MAY))
    person.lift_hold(freeze.hold_id)
    assert kinds(waiting(scenario, "acme", person)) == [AlertKind.NEW_TRADELINE]
    # A freeze does not stop the review of an account.
    assert kinds(waiting(scenario, "brook", person)) == [AlertKind.NEW_TRADELINE]
    scenario.submit("acme", account(person, "open", MAY))
    assert waiting(scenario, "cedar", person) == []


def test_an_alert_that_waits_is_dropped_by_a_freeze(scenario: Scenario) -> None:
    person = scenario.person()
    monitor(person, "acme", purposes=[Purpose.CREDIT_APPLICATION], **BRIEF)
    scenario.submit("brook", account(person, "card", MAY))
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    assert waiting(scenario, "acme", person) == []
    person.lift_hold(freeze.hold_id)
    assert kinds(waiting(scenario, "acme", person)) == [AlertKind.NEW_TRADELINE]
