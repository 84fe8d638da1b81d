"""Alerts on people who let members monitor them, on both databases."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest

from bureau.clock import Clock
from bureau.texts import texts
from bureau_client import (
    AccountStatus,
    Alert,
    AlertKind,
    AsyncLender,
    DisputeReason,
    FacilityActionKind,
    HoldKind,
    NotFound,
    Purpose,
    Section,
    Wallet,
)
from tests.service.scenario import Village, account, village
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


@pytest.fixture(scope="module")
def town(database_url: str) -> Iterator[Village]:
    with village("acme", "brook", "cedar", database_url=database_url) as town:
        yield town


def test_what_happens_to_an_account_is_told_in_order(town: Village) -> None:
    person = monitored(town, "brook")
    late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
    later = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
    town.submit("acme", account(person, "card", MAY))
    town.submit("acme", account(person, "card", JUNE, balance_minor=900_00, **late))
    town.submit("acme", account(person, "card", JULY, balance_minor=900_00, **later))
    ref = account(person, "card", MAY).account_ref
    freeze(town, "acme", ref, FacilityActionKind.FREEZE)
    freeze(town, "acme", ref, FacilityActionKind.RESTORE)
    alerts = waiting(town, "brook", person)
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
    assert waiting(town, "cedar", person) == []


def test_inquiries_are_told_to_others_and_a_burst_once(town: Village) -> None:
    person = monitored(town, "acme")
    town.submit("acme", account(person, "card", MAY))
    town.report(person, "acme")  # its own: it knows
    for name in itertools.islice(itertools.cycle(["brook", "cedar"]), 5):
        town.report(person, name)
    found = kinds(waiting(town, "acme", person))
    assert found.count(AlertKind.NEW_INQUIRY) == 5
    assert found.count(AlertKind.INQUIRY_BURST) == 1


def test_a_burst_is_told_once_though_inquiries_come_at_once(town: Village) -> None:
    """Whichever of them is the one too many: they may share a commit."""
    person = monitored(town, "acme")
    town.submit("acme", account(person, "card", MAY))
    consents = [town.inquiring(person, name) for name in ("brook", "cedar") for _ in range(3)]

    def ask(place: int) -> None:
        town.lenders["brook" if place < 3 else "cedar"].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consents[place]
        )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))
    found = kinds(waiting(town, "acme", person))
    assert found.count(AlertKind.NEW_INQUIRY) == 6
    assert found.count(AlertKind.INQUIRY_BURST) == 1


def test_the_inquiries_of_a_collectors_portfolio_are_told(town: Village) -> None:
    person = monitored(town, "acme")
    monitor(person, "brook", purposes=[Purpose.COLLECTION])
    town.submit("brook", account(person, "card", MAY))
    assert len(list(town.lenders["brook"].portfolio(Purpose.COLLECTION, [person.subject_id]))) == 1
    assert kinds(waiting(town, "acme", person)) == [
        AlertKind.NEW_TRADELINE,
        AlertKind.NEW_INQUIRY,
    ]


def test_alerts_tell_what_a_member_has_earned_to_see() -> None:
    """No more than its reports show: of others, what it gives of its own kind."""
    clock = Clock()
    with village("acme", "brook", clock=clock) as town:
        clock.offset_us += 181 * 86_400 * 1_000_000
        person = monitored(town, "brook")
        late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
        town.submit("acme", account(person, "card", MAY))
        town.report(person, "acme")
        # It gives nothing: of the account it learns nothing, of the inquiry it does.
        assert seen_by_brook(town, person) == [AlertKind.NEW_INQUIRY]
        town.submit("brook", account(person, "own", MAY, **late))
        town.submit("acme", account(person, "other", MAY), account(person, "bad", MAY, **late))
        # It gives accounts in default, and learns of such.
        assert seen_by_brook(town, person)[1:] == [
            AlertKind.NEW_TRADELINE,
            AlertKind.FIRST_DELINQUENCY,
        ]


def seen_by_brook(town: Village, person: Wallet) -> list[AlertKind]:
    """All there is by now; an inquiry about somebody else, which all may see, ends it."""
    last = monitored(town, "brook")
    town.submit("acme", account(last, "marker", MAY))
    town.report(last, "acme")
    found: list[AlertKind] = []
    for alert in town.lenders["brook"].alerts():
        if alert.subject_id == last.subject_id:
            return found
        if alert.subject_id == person.subject_id:
            found.append(alert.kind)
    raise AssertionError("a stream of alerts has no end")


def test_a_dispute_is_told(town: Village) -> None:
    person = monitored(town, "brook")
    town.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    person.dispute(line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT)
    assert kinds(waiting(town, "brook", person))[-1] is AlertKind.DISPUTE


def test_a_consent_opens_what_it_names(town: Village) -> None:
    person = monitored(town, "brook", sections=[Section.INQUIRIES])
    town.submit("acme", account(person, "card", MAY))
    town.report(person, "cedar")
    assert kinds(waiting(town, "brook", person)) == [AlertKind.NEW_INQUIRY]


def test_alerts_end_with_the_consent(town: Village) -> None:
    person = town.person()
    consent_id = monitor(person, "brook")
    town.submit("acme", account(person, "card", MAY))
    person.revoke(consent_id)
    town.submit("acme", account(person, "other", MAY))
    # Not even what happened before and was not told yet.
    assert waiting(town, "brook", person) == []


def test_what_is_acknowledged_does_not_come_again(town: Village) -> None:
    first, second = monitored(town, "cedar"), monitored(town, "cedar")
    town.submit("acme", account(first, "card", MAY))
    (alert,) = waiting(town, "cedar", first)
    town.lenders["cedar"].acknowledge(alert.cursor)
    town.submit("acme", account(second, "card", MAY))
    assert waiting(town, "cedar", first) == []
    (alert,) = waiting(town, "cedar", second)
    # From a cursor of one's own, what was acknowledged is there too.
    stream = town.lenders["cedar"].alerts(after=alert.cursor - 1)
    assert next(stream) == alert
    with pytest.raises(NotFound):
        town.lenders["cedar"].acknowledge(1 << 60)


def test_an_alert_follows_its_cause_at_once(town: Village) -> None:
    person = monitored(town, "brook")
    stream = town.lenders["brook"].alerts()
    found: Queue[Alert] = Queue()

    def watch() -> None:
        for alert in stream:
            if alert.subject_id == person.subject_id:
                found.put(alert)

    threading.Thread(target=watch, daemon=True).start()
    town.submit("acme", account(person, "card", MAY))
    found.get(timeout=PATIENCE_S)
    # The stream is open by now: the next alert comes by it as well.
    town.submit("acme", account(person, "loan", MAY))
    found.get(timeout=PATIENCE_S)


def test_the_async_twin_watches_too(town: Village) -> None:
    person = monitored(town, "brook")
    town.submit("acme", account(person, "card", MAY))
    profile = town.profiles["brook"]

    async def watch() -> Alert:
        async with AsyncLender(profile, clock=town.now) as lender:
            async for alert in lender.alerts():
                if alert.subject_id == person.subject_id:
                    return alert
        raise AssertionError("a stream of alerts has no end")

    assert asyncio.run(watch()).kind is AlertKind.NEW_TRADELINE


def test_a_security_freeze_does_not_stop_the_review_of_existing_accounts(town: Village) -> None:
    """15 U.S.C. 1681c-1(i)(4)."""
    person = monitored(town, "brook")
    person.place_hold(HoldKind.SECURITY_FREEZE)
    town.submit("acme", account(person, "card", MAY))
    assert kinds(waiting(town, "brook", person)) == [AlertKind.NEW_TRADELINE]
