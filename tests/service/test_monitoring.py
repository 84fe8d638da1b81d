"""Streams and those who open them; what the rest does on every database."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bureau.admin.operator import Operator
from bureau.texts import texts
from bureau_client import (
    AccountStatus,
    Alert,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    NoticeKind,
    Overloaded,
    PermissionDenied,
    Purpose,
)
from creditbureau.v1.standard_pb2 import StandardOfCredit
from tests.service.heard import heard
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import (
    MAY,
    monitored,
)

# Seconds after which what has not come is taken for lost.
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as scenario:
        yield scenario


def test_a_furnisher_sees_disputes_as_they_come(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    opened = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    news = next(
        news
        for news in scenario.lenders["acme"].watch_disputes()
        if news.dispute.subject_id == person.subject_id
    )
    assert news.dispute.dispute_id == opened.dispute_id
    scenario.lenders["acme"].answer_dispute(opened.dispute_id, DisputeOutcome.ACCURATE)
    (notice,) = heard(person)
    assert notice.kind.name == "DISPUTE"
    assert notice.texts == texts("notice", "DISPUTE")


def test_a_stream_ends_with_the_members_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bureau.rpc.servicer.REAUTH_INTERVAL_S", 0.2)
    with open_scenario("acme", "brook") as scenario:
        person = monitored(scenario, "brook")
        scenario.submit("acme", account(person, "card", MAY))
        caught: list[Exception] = []
        is_open = threading.Event()

        def watch() -> None:
            try:
                for _ in scenario.lenders["brook"].alerts():
                    is_open.set()
            except PermissionDenied as error:
                caught.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        assert is_open.wait(PATIENCE_S)
        scenario.suspend("brook")
        thread.join(PATIENCE_S)
        assert [error.reason for error in caught if isinstance(error, PermissionDenied)] == [
            "MEMBER_SUSPENDED"
        ]


def test_a_member_has_so_many_streams(scenario: Scenario) -> None:
    def opened(count: int) -> list[Iterator[Alert]]:
        person = monitored(scenario, "cedar")
        scenario.submit("acme", account(person, "card", MAY))
        streams = [scenario.lenders["cedar"].alerts() for _ in range(count)]
        for stream in streams:
            next(stream)
        return streams

    streams = opened(8)
    with pytest.raises(Overloaded):
        opened(1)
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]


def test_a_standard_notices_and_replays_on_every_database(scenario: Scenario) -> None:
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
    person = monitored(scenario, "acme")
    scenario.submit("acme", account(person, "card", MAY, **late))
    message = StandardOfCredit(
        version=1, jurisdiction="US", currency="USD", max_concurrent_lenders=1
    )
    message.effective_time.FromDatetime(scenario.now())
    with Operator(scenario.bureau.operator) as operator:
        operator.publish(message)
    report = scenario.report(person, "cedar")
    assert [standing.rule for standing in report.standings] == [
        "max_unsecured_exposure_minor",
        "max_concurrent_lenders",
    ]
    assert scenario.lenders["cedar"].standard().version == 1
    assert (
        scenario.lenders["cedar"].replay(report.request_id, report.subject_id).tradelines
        == report.tradelines
    )
    (mine,) = scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])
    assert mine.subject_id == person.subject_id
    ref = account(person, "card", MAY).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    scenario.submit("acme", account(person, "card", MAY, certified=True))
    assert len(heard(person, NoticeKind.REINSERTION)) == 1
    assert scenario.findings() == []
    assert scenario.erase(person.subject_id).account_count == 1
    assert scenario.findings() == []
