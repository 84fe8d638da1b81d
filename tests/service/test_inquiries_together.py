"""Inquiries that wait at the same time are read together: each gets its own answer."""

from __future__ import annotations

import gc
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from bureau.journeys import query, read_inquiries
from bureau.journeys.commit_inquiries import ConsentChanged, InquiryWork
from bureau_client import BureauError, EvidenceLevel, Observer, Purpose, Report, Wallet
from bureau_keys.envelope import seal
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import Record
from creditbureau.v1.reporting_pb2 import (
    Inquiry,
    QueryReportRequest,
    QueryReportResponse,
)
from tests.service.raw import Raw
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import MAY

LONG_S = 30.0


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as opened:
        yield opened


@contextmanager
def waiting_for(scenario: Scenario, count: int) -> Iterator[list[list[Any]]]:
    """Keep inquiries waiting until there are so many; collect those that are read together."""
    batches: list[list[Any]] = []
    waiting = scenario.bureau.server.bureau.inquiries
    read, gate = read_inquiries.read_inquiries, threading.Lock()

    def reading(bureau: Any, inquiries: Sequence[Any], now_us: int, *, alone: bool) -> None:
        with gate:
            end, is_first = time.monotonic() + LONG_S, not batches
            batches.append(list(inquiries))
        while is_first and len(waiting._waiting) < count - len(inquiries):
            assert time.monotonic() < end, len(waiting._waiting)
            time.sleep(0.001)
        read(bureau, inquiries, now_us, alone=alone)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "read_inquiries", reading)
        yield batches


def _at_once(asked: Sequence[Callable[[], object]]) -> list[Any]:
    """Ask at once; the answers, or the reasons of the refusals, in order."""

    def answer(ask: Callable[[], object]) -> object:
        try:
            return ask()
        except BureauError as error:
            return error.reason

    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(answer, asked))


def _person(scenario: Scenario, *refs: str) -> tuple[Wallet, str]:
    person = scenario.person()
    for ref in refs:
        scenario.submit("acme", account(person, ref, MAY))
    return person, scenario.inquiring(person, "brook")


def _uses(scenario: Scenario, person: Wallet, consent_id: str) -> int:
    consents = scenario.lenders["brook"].consents(person.subject_id)
    return next(one.use_count for one in consents if one.consent_id == consent_id)


def _asking(
    scenario: Scenario, person: Wallet, consent_id: str, **changes: Any
) -> Callable[[], Report]:
    fields: dict[str, Any] = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": consent_id}
    brook = scenario.lenders["brook"]
    return lambda: brook.query(person.subject_id, **(fields | changes))


def test_each_inquiry_gets_the_report_that_it_asked_for(scenario: Scenario) -> None:
    people = [_person(scenario, *[f"card-{n}" for n in range(count)]) for count in range(6)]
    asked = [_asking(scenario, *person) for person in people]
    with waiting_for(scenario, len(asked)) as batches:
        reports = _at_once(asked)
    assert sorted(map(len, batches)) == [1, 5]
    for (person, _), report in zip(people, reports, strict=True):
        assert report.subject_id == person.subject_id
    assert [len(report.tradelines) for report in reports] == list(range(6))


def test_one_person_is_asked_about_twice_at_once(scenario: Scenario) -> None:
    person, consent_id = _person(scenario, "card")
    with waiting_for(scenario, 3) as batches:
        reports = _at_once([_asking(scenario, person, consent_id)] * 3)
    assert sorted(map(len, batches)) == [1, 2]
    assert len({report.request_id for report in reports}) == 3
    assert {len(report.tradelines) for report in reports} == {1}
    assert _uses(scenario, person, consent_id) == 3


def test_what_is_refused_keeps_no_other_from_its_answer(scenario: Scenario) -> None:
    people = [_person(scenario, "card") for _ in range(5)]
    (good, _), (bare, _), (revoking, revoked), *others = people
    revoking.revoke(revoked)
    asked = [
        _asking(scenario, *people[0]),
        _asking(scenario, bare, people[3][1]),  # the consent of somebody else
        _asking(scenario, revoking, revoked),
        _asking(scenario, *others[0], purpose=Purpose.EMPLOYMENT),
        _asking(scenario, *others[1]),
    ]
    with waiting_for(scenario, len(asked)) as batches:
        first, *refused, last = _at_once(asked)
    assert sorted(map(len, batches)) == [1, 4]
    assert (first.subject_id, last.subject_id) == (good.subject_id, others[1][0].subject_id)
    assert refused == ["CONSENT_REQUIRED", "CONSENT_REVOKED", "PURPOSE_NOT_PERMITTED"]


def test_a_large_file_and_all_evidence_are_read_by_their_own_calls(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_inquiries, "LARGE_FILE_BYTES", 500)
    small, large = _person(scenario, "card"), _person(scenario, *[f"c{n}" for n in range(30)])
    asked = [
        _asking(scenario, *small),
        _asking(scenario, *large),
        _asking(scenario, *small, evidence=EvidenceLevel.ALL),
    ]
    with waiting_for(scenario, len(asked)) as batches:
        reports = _at_once(asked)
    assert [len(report.tradelines) for report in reports] == [1, 30, 1]
    assert len(reports[2].evidence) == 1
    assert sorted(map(len, batches)) == [1, 1, 1, 2]  # two of them once more, by themselves


def test_a_record_that_cannot_be_read_harms_its_person_only(scenario: Scenario) -> None:
    people = [_person(scenario, f"card-{number}") for number in range(4)]
    broken = people[2][0]
    with scenario.database() as database, closing(sqlite3.connect(database.file)) as db, db:
        for (body,) in db.execute("SELECT block FROM record").fetchall():
            parties = Record.FromString(body).snapshot.parties
            if broken.subject_id in {party.subject_id for party in parties}:
                db.execute("UPDATE record SET block = ? WHERE block = ?", (b"\xff" + body, body))
    asked = [_asking(scenario, *person) for person in people]
    with waiting_for(scenario, len(asked)):
        answers = _at_once(asked)
    assert answers.pop(2) == "INTERNAL"
    assert [len(report.tradelines) for report in answers] == [1, 1, 1]


def test_a_retry_that_waits_beside_its_inquiry_gets_the_same_answer(scenario: Scenario) -> None:
    person, consent_id = _person(scenario, "card")
    profile = scenario.profiles["brook"]
    raw = Raw(profile)
    inquiry = Inquiry(
        header=raw.header(),
        subject_id=person.subject_id,
        purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
        consent_id=consent_id,
    )
    request = QueryReportRequest(inquiry=seal(inquiry, raw.key))

    def ask() -> QueryReportResponse:
        answer = raw.send("Reporting/QueryReport", request)
        assert isinstance(answer.reply, QueryReportResponse), answer
        return answer.reply

    with waiting_for(scenario, 4) as batches:
        answers = _at_once([ask] * 4)
    raw.channel.close()
    assert sorted(map(len, batches)) == [1, 3]
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert _uses(scenario, person, consent_id) == 1


def test_an_inquiry_that_is_answered_on_a_second_try_is_freed_without_the_collector(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 100 calls that a cycle of references keeps open the next is turned away."""
    person, _ = _person(scenario, "card")
    consent_ids = [scenario.inquiring(person, "brook", max_uses=10) for _ in range(12)]
    tried: set[str] = set()
    work_of = InquiryWork

    def changed_once(bureau: Any, opened: Any, *arguments: Any) -> Any:
        work = work_of(bureau, opened, *arguments)

        def changing(tx: Any) -> Any:
            if opened.header.request_id not in tried:
                tried.add(opened.header.request_id)
                raise ConsentChanged("was granted meanwhile")
            return work(tx)

        return changing

    monkeypatch.setattr(query, "InquiryWork", changed_once)
    asked = [_asking(scenario, person, consent_id) for consent_id in consent_ids for _ in range(10)]
    gc.collect()
    gc.disable()
    try:
        assert {len(ask().tradelines) for ask in asked} == {1}
    finally:
        gc.enable()
    assert len(tried) == 120


def test_each_call_is_listed_with_its_own_statement(scenario: Scenario) -> None:
    people = [_person(scenario, "card") for _ in range(4)]
    with waiting_for(scenario, len(people)) as batches:
        reports = _at_once([_asking(scenario, *person) for person in people])
    assert sorted(map(len, batches)) == [1, 3]
    with Observer(scenario.bureau.operator) as observer:
        calls = observer.calls(limit=1000)
    listed = [call.statement_id for call in calls if call.method == "Reporting/QueryReport"]
    assert {report.request_id for report in reports} <= set(listed)
    assert "" not in listed[-4:]
