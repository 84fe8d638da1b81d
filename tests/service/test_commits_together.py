"""What waits for the writer is committed together, with the effects of one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bureau.admin.operator import Operator
from bureau.credit_file.consent_state import check_inquiry
from bureau.errors import Refusal
from bureau.journeys import commit_inquiries
from bureau.journeys.commit_inquiries import InquiryWork
from bureau.quotas import MemberQuota, Quotas
from bureau.store.postgres import libpq
from bureau_client import BureauError, ConsentState, HoldKind, Lender, Purpose, Report, Wallet
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NEWEST, Inquiry, QueryReportRequest
from tests.service.raw import Raw
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_quotas import PLENTY, StillClock
from tests.service.test_statement_counts import written
from tests.service.watching import MAY

LONG_S = 300.0
LENDERS = ("acme", "brook", "cedar")


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(*LENDERS, database_url=database_url) as opened:
        yield opened
        assert opened.findings() == []


@dataclass
class HeldWriter:
    """Calls that wait for the writer, in the order of their units.

    Attributes:
        together: The people of the inquiries that were committed together.
    """

    pool: ThreadPoolExecutor
    queued: threading.Semaphore
    asked: list[Future[Any]] = field(default_factory=list)
    together: list[list[str]] = field(default_factory=list)

    def ask(self, call: Callable[[], object]) -> None:
        """Make a call; return once its unit is queued."""
        self.asked.append(self.pool.submit(call))
        assert self.queued.acquire(timeout=LONG_S)

    def answers(self) -> list[Any]:
        """What the calls returned, or the reasons of their refusals."""
        return [_answer(future) for future in self.asked]


@contextmanager
def held_writer(scenario: Scenario) -> Iterator[HeldWriter]:
    """Hold up the writer inside the block; what was asked there is then one batch."""
    ledger = scenario.bureau.server.ledger
    begun, go_on = threading.Event(), threading.Event()
    enqueue, before, do_together = ledger.enqueue, ledger._before_batch, InquiryWork.do_together
    ahead = scenario.person()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(32) as pool:
        writer = HeldWriter(pool, threading.Semaphore(0))

        def enqueued(unit: Any) -> None:
            enqueue(unit)
            writer.queued.release()

        def held() -> None:
            begun.set()
            assert go_on.wait(LONG_S)
            before()

        def noted(works: Sequence[InquiryWork], txs: Sequence[Any]) -> list[Any]:
            writer.together.append([work.about for work in works])
            return do_together(works, txs)

        patch.setattr(ledger, "enqueue", enqueued)
        patch.setattr(ledger, "_before_batch", held)
        patch.setattr(InquiryWork, "do_together", staticmethod(noted))
        try:
            opened = pool.submit(scenario.inquiring, ahead, "cedar")
            assert writer.queued.acquire(timeout=LONG_S)
            assert begun.wait(LONG_S)
            yield writer
        finally:
            go_on.set()
        opened.result(LONG_S)
        writer.answers()


def _answer(future: Future[Any]) -> Any:
    try:
        return future.result(LONG_S)
    except BureauError as error:
        return error.reason


def _inquiring(
    scenario: Scenario, person: Wallet, consent_id: str, name: str = "brook"
) -> Callable[[], Report]:
    """An inquiry of a lender, once its report can be built."""
    lender = scenario.lenders[name]
    purpose = Purpose.CREDIT_APPLICATION
    return lambda: lender.query(person.subject_id, purpose=purpose, consent_id=consent_id)


def _person(scenario: Scenario, name: str = "brook", **changes: Any) -> tuple[Wallet, str]:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    return person, scenario.inquiring(person, name, **changes)


def _reasons(answers: Sequence[Any]) -> list[str]:
    """The reasons of the refusals; empty for a report."""
    return ["" if isinstance(answer, Report) else answer for answer in answers]


def _logged(person: Wallet) -> list[str]:
    """What the person reads of the inquiries, in their order: why each was denied."""
    return [inquiry.denial_reason for inquiry in person.inquiries()][::-1]


def test_inquiries_about_different_people_are_committed_together(scenario: Scenario) -> None:
    people = [_person(scenario) for _ in range(5)]
    people += [_person(scenario, "cedar")]
    names = ["brook"] * 5 + ["cedar"]
    with held_writer(scenario) as writer:
        for (person, consent_id), name in zip(people, names, strict=True):
            writer.ask(_inquiring(scenario, person, consent_id, name))
    reports = writer.answers()
    subjects = [person.subject_id for person, _ in people]
    assert writer.together == [subjects]
    assert [report.subject_id for report in reports] == subjects
    assert len({report.receipt.checkpoint for report in reports}) == 1
    indices = [report.receipt.leaf_index for report in reports]
    assert indices == list(range(indices[0], indices[0] + 6))
    for person, _ in people:
        assert _logged(person) == [""]
        assert len(person.events()) > 0


def test_a_consent_is_revoked_between_two_inquiries(scenario: Scenario) -> None:
    person, consent_id = _person(scenario)
    other = _person(scenario)
    with held_writer(scenario) as writer:
        writer.ask(_inquiring(scenario, person, consent_id))
        writer.ask(lambda: person.revoke(consent_id))
        writer.ask(_inquiring(scenario, person, consent_id))
        writer.ask(_inquiring(scenario, *other))
    first, _, *last = writer.answers()
    assert _reasons([first, *last]) == ["", "CONSENT_REVOKED", ""]
    assert _logged(person) == ["", "CONSENT_REVOKED"]
    assert writer.together == [[person.subject_id], [person.subject_id, other[0].subject_id]]


def test_a_consent_that_is_revoked_with_its_pause_is_shown_as_it_is_now(
    scenario: Scenario,
) -> None:
    person, consent_id = _person(scenario)
    with held_writer(scenario) as writer:
        writer.ask(partial(person.pause, consent_id))
        writer.ask(partial(person.revoke, consent_id))
    paused, revoked = writer.answers()
    assert [paused.state, revoked.state] == [ConsentState.REVOKED] * 2
    assert paused.receipt.leaf_index < revoked.receipt.leaf_index


def test_the_last_use_of_a_consent_is_counted_once(scenario: Scenario) -> None:
    (person, consent_id), other = _person(scenario, max_uses=1), _person(scenario)
    with held_writer(scenario) as writer:
        writer.ask(_inquiring(scenario, person, consent_id))
        writer.ask(_inquiring(scenario, *other))
        writer.ask(_inquiring(scenario, person, consent_id))
    assert _reasons(writer.answers()) == ["", "", "CONSENT_EXHAUSTED"]
    assert _logged(person) == ["", "CONSENT_EXHAUSTED"]
    (consent,) = (one for one in person.consents() if one.consent_id == consent_id)
    assert consent.use_count == 1


def test_a_consent_is_replaced_before_an_inquiry_under_it(scenario: Scenario) -> None:
    """The inquiry is answered under the consent that holds in the end, as if it came after."""
    person, consent_id = _person(scenario)
    with held_writer(scenario) as writer:
        writer.ask(lambda: scenario.inquiring(person, "brook", replaces=consent_id))
        writer.ask(_inquiring(scenario, person, consent_id))
    replacement, report = writer.answers()
    assert report.consent_id == replacement
    assert _logged(person) == [""]


def test_a_file_is_frozen_between_two_inquiries(scenario: Scenario) -> None:
    person, consent_id = _person(scenario)
    other = _person(scenario)
    with held_writer(scenario) as writer:
        writer.ask(_inquiring(scenario, person, consent_id))
        writer.ask(lambda: person.place_hold(HoldKind.SECURITY_FREEZE))
        writer.ask(_inquiring(scenario, *other))
        writer.ask(_inquiring(scenario, person, consent_id))
    first, _, *last = writer.answers()
    assert _reasons([first, *last]) == ["", "", "HOLD"]
    assert _logged(person) == ["", "HOLD"]


def test_a_key_is_withdrawn_between_two_inquiries(scenario: Scenario) -> None:
    scenario.lender("doomed")
    people = [_person(scenario, "doomed") for _ in range(3)]
    key_id = SigningKey.from_pem(scenario.profiles["doomed"].signing_key_pem).verify_key.key_id
    with Operator(scenario.bureau.operator) as operator, held_writer(scenario) as writer:
        for person, consent_id in people[:2]:
            writer.ask(_inquiring(scenario, person, consent_id, "doomed"))
        writer.ask(lambda: operator.withdraw_key("doomed", key_id))
        writer.ask(_inquiring(scenario, *people[2], "doomed"))
    *first, _, last = writer.answers()
    assert _reasons([*first, last]) == ["", "", "BAD_SIGNATURE"]
    assert [_logged(person) for person, _ in people] == [[""], [""], []]


def test_the_same_bytes_twice_get_one_answer(scenario: Scenario) -> None:
    (person, consent_id), another = _person(scenario), _person(scenario)
    raw = Raw(scenario.profiles["brook"])
    inquiry = Inquiry(
        header=raw.header(),
        subject_id=person.subject_id,
        purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
        consent_id=consent_id,
    )
    request = QueryReportRequest(inquiry=seal(inquiry, raw.key))
    inquiry.evidence = EVIDENCE_LEVEL_NEWEST
    other = QueryReportRequest(inquiry=seal(inquiry, raw.key))
    with held_writer(scenario) as writer:
        for one in (request, other, request):
            writer.ask(partial(raw.send, "Reporting/QueryReport", one))
        writer.ask(_inquiring(scenario, *another))
    first, conflicting, again, _ = writer.answers()
    raw.channel.close()
    assert first.reply.SerializeToString() == again.reply.SerializeToString()
    assert conflicting.reason == "IDEMPOTENCY_CONFLICT"
    assert _logged(person) == [""]


def test_a_fault_in_one_inquiry_fails_it_alone(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [_person(scenario) for _ in range(4)]
    broken, check = people[1][0].subject_id, check_inquiry

    def checked(consent: Any, member_id: str, subject_id: str, *rest: Any) -> Any:
        if subject_id == broken:
            raise ZeroDivisionError("a fault of ours")
        return check(consent, member_id, subject_id, *rest)

    monkeypatch.setattr(commit_inquiries, "check_inquiry", checked)
    with held_writer(scenario) as writer:
        for person, consent_id in people:
            writer.ask(_inquiring(scenario, person, consent_id))
    assert _reasons(writer.answers()) == ["", "INTERNAL", "", ""]
    assert [_logged(person) for person, _ in people] == [[""], [], [""], [""]]
    assert [len(group) for group in writer.together] == [4, 1, 1, 1, 1]


def test_a_consent_that_another_session_locks_keeps_its_own_inquiry_waiting_only(
    scenario: Scenario, database_url: str
) -> None:
    if not database_url:
        pytest.skip("SQLite has one writer")
    people = [_person(scenario) for _ in range(3)]
    done: list[int] = []
    with psycopg.connect(libpq(database_url)) as session, held_writer(scenario) as writer:
        locked = "SELECT 1 FROM consent WHERE consent_id = %s FOR UPDATE"
        session.execute(locked, [people[1][1]])

        def ask(number: int) -> object:
            try:
                return _inquiring(scenario, *people[number])()
            finally:
                done.append(number)

        def unlock() -> list[int]:
            """Give the lock back once two inquiries are answered; return which they are."""
            end = time.monotonic() + LONG_S
            while len(done) < 2:
                assert time.monotonic() < end
                time.sleep(0.01)
            answered = sorted(done)
            session.rollback()
            return answered

        for number in range(3):
            writer.ask(partial(ask, number))
        answered = writer.pool.submit(unlock)
    assert answered.result(LONG_S) == [0, 2], "they do not wait until the lock is given back"
    assert _reasons(writer.answers()) == ["", "", ""]
    assert [_logged(person) for person, _ in people] == [[""]] * 3


def test_a_quota_is_used_up_by_those_that_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = Quotas(member=MemberQuota(**PLENTY))
    with open_scenario(*LENDERS, clock=StillClock(), quotas=quotas) as scenario:
        people = [_person(scenario) for _ in range(4)]
        with Operator(scenario.bureau.operator, scenario.clock) as operator:
            member = operator.member("brook")
            member.quota.statements_per_minute = 2
            operator.change(member)
        check, refused = commit_inquiries._LockedInquiry.check_report, people[1][0].subject_id

        def checked(inquiry: Any) -> None:
            if inquiry.work.about == refused:
                raise Refusal("WRONG_STATE", "a test refuses it")
            check(inquiry)

        monkeypatch.setattr(commit_inquiries._LockedInquiry, "check_report", checked)
        others = [_person(scenario, "cedar") for _ in range(4)]
        age = datetime.now(UTC) - scenario.now()

        def inquire(name: str, person: Wallet, consent_id: str) -> str:
            raw = Raw(scenario.profiles[name])  # it does not wait until there is a quota again
            return raw.query(person.subject_id, consent_id, header=raw.header(age=age)).reason

        with held_writer(scenario) as writer:
            for each in people:
                writer.ask(partial(inquire, "brook", *each))
        assert writer.answers() == ["", "WRONG_STATE", "", "QUOTA_EXCEEDED"]
        assert [len(group) for group in writer.together] == [2, 1, 1, 1]

        # Those whose quota is used up divide nobody's group.
        with held_writer(scenario) as writer:
            for own, other in zip(people, others, strict=True):
                writer.ask(partial(inquire, "brook", *own))
                writer.ask(partial(inquire, "cedar", *other))
        assert writer.answers() == ["QUOTA_EXCEEDED", ""] * 4
        assert writer.together[-1] == [person.subject_id for person, _ in others]


def test_what_units_in_a_row_share_is_read_once(scenario: Scenario) -> None:
    people = [scenario.person() for _ in range(3)]
    with written() as rows, held_writer(scenario) as writer:
        for person in people:
            writer.ask(partial(scenario.submit, "acme", account(person, "card", MAY)))
    last = rows.names[::-1]
    batch = last[: last.index("times")]
    assert batch.count("entries_of_requests") == 1
    assert batch.count("keep_key_in_force") == 1
    assert batch.count("lock_tradelines") == 3


def test_a_key_that_is_withdrawn_signs_nothing_more_in_the_same_commit(scenario: Scenario) -> None:
    acme, key = scenario.lenders["acme"], SigningKey.generate()
    acme.add_key(key)
    other = Lender(scenario.profiles["acme"], signing_key=key, clock=scenario.now)
    people = [scenario.person() for _ in range(3)]

    def submitting(person: Wallet) -> Callable[[], object]:
        return lambda: other.submit([account(person, "card", MAY)]).submissions

    with other, held_writer(scenario) as writer:
        writer.ask(submitting(people[0]))
        writer.ask(lambda: acme.withdraw_key(key.verify_key.key_id))
        writer.ask(submitting(people[1]))
    first, _, last = writer.answers()
    assert len(first) == 1
    assert last == "BAD_SIGNATURE"
