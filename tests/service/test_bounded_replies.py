"""Replies stay small, whatever one member stores: a furnisher does its worst within its limits,
and an honest lender's query is answered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau import paging
from bureau.credit_file import build_report
from bureau.credit_file.reader import MAX_INQUIRIES
from bureau.credit_file.report import (
    MAX_ACTIONS,
    MAX_ALL_ACTIONS,
    MAX_DISPUTE_BYTES,
    MAX_REPORT_BYTES,
)
from bureau.party_limits import FEWEST_OF_SUBMISSION, PartyLimits
from bureau_client import (
    ActionReason,
    AsyncLender,
    Auditor,
    BureauError,
    Deletion,
    DeletionReason,
    EvidenceLevel,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    Lender,
    Month,
    Purpose,
    RawCode,
    RecordRef,
    Report,
    SigningKey,
    Snapshot,
    VerificationFailed,
    Wallet,
    WrongState,
)
from bureau_client._operations import methods, pages
from bureau_client._operations.batches import MAX_BATCH_BYTES, batches
from bureau_client._transport.channels import MAX_MESSAGE_BYTES
from bureau_client.models.statements import Statement
from bureau_client.verify import verify_bundle
from bureau_keys.envelope import MAX_PAYLOAD_BYTES
from creditbureau.v1 import report_pb2, reporting_pb2
from tests.service.client_calls import carry_out, client_of
from tests.service.liar import deceive
from tests.service.raw import Raw
from tests.service.scenario import PATIENCE, Scenario, account, open_scenario
from tests.service.watching import MAY, monitor

# One batch of 10,000 records: long accounts, and as many as fit of one month.
LONG, MONTHS, SHORT = 60, 100, 4_000
# Of all credentials that the limit allows, a member begins with a key and a certificate.
KEYS, CREDENTIALS = 300, 2
# The largest reply, far from what the SDK takes.
MOST = MAX_MESSAGE_BYTES * 3 // 4
LIMITS = {
    "bytes_on_person": 2_600_000,
    "credentials_a_day": 2 * KEYS,
    "credentials": KEYS,
    "actions_of_account": MAX_ACTIONS + 8,
}
PAGE_BYTES = 4096
LONGEST = "\U0001f4ee" * 256
RAW_CODES = tuple(RawCode(f"s{number:x}", "!" * 32) for number in range(9))
PAGE_BYTES = 4096


def snapshot(person: Wallet, ref: str, month: Month) -> Snapshot:
    """A month of an account, with the largest values."""
    return account(
        person,
        ref + "x" * 40,
        month,
        open_date=date(2010, 1, 1),
        original_creditor="\U0001f3e6" * 64,
        application_ref="!" * 64,
        balance_minor=10**15,
        credit_limit_minor=10**15,
        amount_due_minor=10**15,
        amount_paid_minor=10**15,
        amount_past_due_minor=10**15,
        raw_codes=RAW_CODES,
    )


def snapshots(person: Wallet) -> Iterator[Snapshot]:
    newest = Month(2026, 10)
    for number in range(LONG):
        for age in range(MONTHS):
            yield snapshot(person, f"{number:04}", newest - age)
    for number in range(SHORT):
        yield snapshot(person, f"s{number:04}", newest)


def actions(person: Wallet, now: datetime, count: int) -> Iterator[FacilityAction]:
    refs = tuple(RecordRef(str(uuid.uuid4()), 9_999) for _ in range(16))
    for number in range(LONG):
        for _ in range(count):
            yield FacilityAction(
                account_ref=snapshot(person, f"{number:04}", Month(2026, 10)).account_ref,
                kind=FacilityActionKind.LIMIT_CHANGE,
                initiator=Initiator.LENDER,
                reasons=tuple(ActionReason)[1:5],
                record_refs=refs,
                effective_time=now,
                appeal_route=LONGEST,
                credit_limit_minor=10**15,
            )


def heard(client: Any) -> list[tuple[str, int]]:
    """The size of each reply to a client from now on."""
    sizes: list[tuple[str, int]] = []
    deceive(client, lambda path, reply: sizes.append((path, reply.ByteSize())))
    return sizes


def query(lender: Any, person: Wallet, consent_id: str) -> Any:
    """Query a report with all its evidence."""
    return lender.query(
        person.subject_id,
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id=consent_id,
        evidence=EvidenceLevel.ALL,
    )


def do_worst(scenario: Scenario, person: Wallet) -> None:
    """Furnish, label and change keys as far as the limits allow."""
    worst, now = scenario.lenders["worst"], scenario.now()
    worst.submit(snapshots(person), label="!" * 128)
    worst.submit(actions(person, now, MAX_ACTIONS + 8), label="!" * 128)
    one_more = actions(person, now, 1)
    assert reason_of(worst.submit, one_more) == "LIMIT_REACHED"
    more = [snapshot(person, f"m{number:04}", Month(2026, 10)) for number in range(400)]
    assert reason_of(worst.submit, more) == "LIMIT_REACHED"
    for _ in range(KEYS - CREDENTIALS):
        worst.rotate_key(SigningKey.generate())
    assert reason_of(worst.rotate_key, SigningKey.generate()) == "LIMIT_REACHED"


def test_no_member_pushes_a_reply_over_the_limit() -> None:
    with open_scenario("worst", "honest", limits=LIMITS) as scenario:
        person, honest = scenario.person(), scenario.lenders["honest"]
        do_worst(scenario, person)
        sizes = heard(honest)
        consent_id = scenario.inquiring(person, "honest", history_months=120)
        report = query(honest, person, consent_id)
        members = {member.member_id: member for member in honest.members()}
        assert len(members["worst"].keys) == KEYS - CREDENTIALS + 1
        own = heard(person)
        assert len(person.file().tradelines) == LONG + SHORT
    assert len(report.tradelines) == LONG + SHORT
    shown = [len(line.actions) for line in report.tradelines]
    assert (max(shown), sum(shown)) == (MAX_ACTIONS, MAX_ALL_ACTIONS)
    assert len(report.evidence) == LONG * MONTHS + SHORT + MAX_ALL_ACTIONS
    assert "tradelines" not in report.unproved
    assert max(size for _, size in sizes + own) < MOST
    paths = [path for path, _ in sizes]
    assert paths.count(methods.QUERY_REPORT.path) > 3
    assert paths.count(methods.GET_MEMBER.path) > 3


def test_the_bounds_of_a_reply_are_together_below_what_the_sdk_takes() -> None:
    limits = PartyLimits()
    action, inquiry, piece, statement, flag = 2_000, 120, 12_000, 4_000, 1_000_000
    # Each further member has a smaller share, which the earlier ones cannot use up.
    accounts = sum(
        limits.share_on_person(members) for members in range(1, limits.members_on_person + 1)
    )
    report = (
        accounts + MAX_ALL_ACTIONS * action + MAX_DISPUTE_BYTES + MAX_INQUIRIES * inquiry + flag
    )
    assert report < MAX_REPORT_BYTES
    beside = limits.rotations * statement + piece
    beside += limits.decisions_of_report * (MAX_PAYLOAD_BYTES + statement)
    assert MAX_REPORT_BYTES + beside < MAX_MESSAGE_BYTES


def test_several_furnishers_together_push_no_reply_over_the_limit() -> None:
    """Let three members fill a person's file, under the limits of a new bureau."""
    with open_scenario("one", "two", "three", "honest") as scenario:
        person, other, honest = scenario.person(), scenario.person(), scenario.lenders["honest"]
        counts = [fill(scenario, name, person) for name in ("one", "two", "three")]
        assert min(counts) > 0
        filled = sum(counts)
        # The share of the next member is whole.
        scenario.submit("honest", account(person, "card", MAY), account(other, "card", MAY))
        for customer in (person, other):
            monitor(customer, "honest")
        sizes, own = heard(honest), heard(person)
        consent_id = scenario.inquiring(person, "honest", history_months=120)
        assert len(query(honest, person, consent_id).tradelines) == filled + 1
        reports = list(honest.portfolio(Purpose.ACCOUNT_REVIEW))
        assert {report.subject_id for report in reports} == {person.subject_id, other.subject_id}
        assert len(person.file().tradelines) == filled + 1
    assert max(size for _, size in sizes + own) < MOST


def fill(scenario: Scenario, name: str, person: Wallet) -> int:
    """Furnish accounts on a person until the member's share is full; return their number."""
    step = 200
    for first in range(0, 10_000, step):
        more = [
            snapshot(person, f"{name}{number}", Month(2026, 10))
            for number in range(first, first + step)
        ]
        try:
            scenario.submit(name, *more)
        except WrongState:
            return first
    raise AssertionError("the accounts of one member have no limit")


def test_a_report_that_is_too_large_is_refused_and_withheld_in_a_portfolio(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_scenario("acme") as scenario:
        acme, people = scenario.lenders["acme"], [scenario.person() for _ in range(3)]
        large = people[1]
        for person in people:
            scenario.submit("acme", account(person, "card", MAY))
            monitor(person, "acme")
        scenario.submit("acme", *(account(large, f"{number}", MAY) for number in range(99)))
        monkeypatch.setattr(build_report, "MAX_REPORT_BYTES", 12_000)
        withheld: list[int] = []
        reports = list(acme.portfolio(Purpose.ACCOUNT_REVIEW, on_withheld=withheld.append))
        assert {report.subject_id for report in reports} == {
            person.subject_id for person in people if person is not large
        }
        assert len(withheld) == 1
        consent_id = scenario.inquiring(large, "acme")
        with pytest.raises(WrongState, match="more than 12000") as refused:
            query(acme, large, consent_id)
        assert refused.value.reason == "LIMIT_REACHED"
        with pytest.raises(WrongState, match="more than 12000"):
            large.file()
        (consent,) = (item for item in large.consents() if item.consent_id == consent_id)
        assert consent.use_count == 0
        assert scenario.findings() == []


# Pages: small ones, so that a small file has many.


@dataclass
class Paged:
    """A report whose evidence came in several pages, and how it was asked for."""

    scenario: Scenario
    person: Wallet
    consent_id: str
    report: Report
    sizes: list[tuple[str, int]]
    sent: list[Statement]

    def again(self) -> str:
        """A further consent to inquire."""
        return self.scenario.inquiring(self.person, "acme")


@pytest.fixture(scope="module")
def paged() -> Iterator[Paged]:
    with pytest.MonkeyPatch.context() as patch, open_scenario("acme", "far") as scenario:
        patch.setattr(paging, "MAX_BYTES", PAGE_BYTES)
        person = scenario.person()
        for ref in ("card", "loan", "line"):
            for age in range(8):
                scenario.submit("far", account(person, ref, Month(2026, 8) - age))
        for _ in range(4):
            scenario.lenders["far"].rotate_key(SigningKey.generate())
        sent: list[Statement] = []
        honest = scenario.closing.enter_context(
            Lender(
                scenario.profiles["acme"],
                clock=scenario.now,
                policy=PATIENCE,
                before_send=sent.append,
            )
        )
        sizes = heard(honest)
        consent_id = scenario.inquiring(person, "acme", max_uses=1)
        report = query(honest, person, consent_id)
        yield Paged(scenario, person, consent_id, report, sizes, sent)


def test_all_pages_are_one_inquiry_and_one_use(paged: Paged) -> None:
    paths = [path for path, _ in paged.sizes]
    assert paths.count(methods.QUERY_REPORT.path) > 3
    assert paths.count(methods.GET_MEMBER.path) > 3
    assert len(paged.report.evidence) == 24
    (consent,) = (
        consent for consent in paged.person.consents() if consent.consent_id == paged.consent_id
    )
    assert consent.use_count == 1
    asked = [
        inquiry for inquiry in paged.person.inquiries() if inquiry.consent_id == paged.consent_id
    ]
    assert [inquiry.inquiry_id for inquiry in asked] == [paged.report.request_id]
    assert [sent.request_id for sent in paged.sent] == [paged.report.request_id]


def test_a_saved_report_keeps_the_evidence_of_all_pages(paged: Paged, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    paged.report.save(path)
    trust = paged.scenario.profiles["acme"].trust
    assert verify_bundle(Report.load(path), trust).evidence == paged.report.evidence


def test_an_auditor_replays_all_pages(paged: Paged) -> None:
    profile = paged.scenario.bureau.add_member("auditor", ["auditor"])
    with Auditor(profile, clock=paged.scenario.now, policy=PATIENCE) as auditor:
        sizes = heard(auditor)
        replay = auditor.replay(paged.report.request_id, paged.report.subject_id)
    assert [path for path, _ in sizes].count(methods.REPLAY_REPORT.path) > 3
    assert replay.evidence == paged.report.evidence
    shown = [inquiry for inquiry in paged.person.inquiries() if inquiry.member_id == "auditor"]
    assert len(shown) == 1


def test_an_asynchronous_lender_reads_all_pages(paged: Paged) -> None:
    scenario = paged.scenario

    async def ask() -> Report:
        async with AsyncLender(
            scenario.profiles["acme"], clock=scenario.now, policy=PATIENCE
        ) as lender:
            report: Report = await query(lender, paged.person, paged.again())
            return report

    assert asyncio.run(ask()).evidence == paged.report.evidence


def test_a_page_holds_each_manifest_once_and_is_no_larger_than_it_may_be(paged: Paged) -> None:
    scenario, pages = paged.scenario, list[report_pb2.EvidencePage]()
    with Lender(scenario.profiles["acme"], clock=scenario.now, policy=PATIENCE) as lender:

        def keep(_: str, reply: Any) -> None:
            if hasattr(reply, "evidence"):
                pages.append(report_pb2.EvidencePage())
                pages[-1].CopyFrom(reply.evidence)

        deceive(lender, keep)
        query(lender, paged.person, paged.again())
    assert len(pages) > 3
    for page in pages:
        submissions = [logged.envelope.payload for logged in page.manifests]
        assert len(submissions) == len(set(submissions))
        assert {piece.manifest_index for piece in page.evidence} == set(range(len(submissions)))
        # Beside the pieces and manifests: a tag and a length for each, and the token.
        beside = 8 * (len(page.evidence) + len(submissions)) + 64
        assert page.ByteSize() <= PAGE_BYTES + beside


def test_a_page_comes_only_after_the_report(paged: Paged) -> None:
    consent_id = paged.again()
    raw = Raw(paged.scenario.profiles["acme"])
    everything = reporting_pb2.EVIDENCE_LEVEL_ALL
    sealed = raw.inquiry(paged.person.subject_id, consent_id, evidence=everything)
    request = reporting_pb2.QueryReportRequest(inquiry=sealed)
    for token in ("1", "0x1", "999999", "9" * 30):
        request.page_token = token
        answer = raw.send("Reporting/QueryReport", request)
        assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "BAD_PAGE_TOKEN")
    (consent,) = (
        consent for consent in paged.person.consents() if consent.consent_id == consent_id
    )
    assert consent.use_count == 0
    request.page_token = ""
    first = raw.send("Reporting/QueryReport", request)
    request.page_token = first.reply.evidence.next_page_token
    second = raw.send("Reporting/QueryReport", request)
    assert not second.reply.HasField("report")
    assert second.reply.evidence.evidence
    paged.person.revoke(consent_id)
    assert raw.send("Reporting/QueryReport", request).reason == "CONSENT_REVOKED"


def is_further(reply: Any) -> bool:
    """Return True if a reply has a further page of evidence."""
    return hasattr(reply, "evidence") and not reply.HasField("report")


def repeat(_: str, reply: Any) -> None:
    if is_further(reply):
        reply.evidence.next_page_token = "4"


def go_on(_: str, reply: Any) -> None:
    if is_further(reply):
        reply.evidence.Clear()
        reply.evidence.next_page_token = "5"


def send_too_much(_: str, reply: Any) -> None:
    if is_further(reply):
        reply.evidence.evidence.extend(list(reply.evidence.evidence) * 10)


def end_early(_: str, reply: Any) -> None:
    if is_further(reply):
        reply.evidence.next_page_token = ""


def hold_back(_: str, reply: Any) -> None:
    if hasattr(reply, "evidence"):
        del reply.evidence.evidence[-1]


def show_a_key_too_often(path: str, reply: Any) -> None:
    if path == methods.GET_MEMBER.path and reply.next_page_token:
        reply.next_page_token = "1"


def never_end(path: str, reply: Any) -> None:
    if path == methods.GET_MEMBER.path and not reply.next_page_token:
        reply.next_page_token = "1"


LIES = (repeat, go_on, send_too_much, end_early, hold_back, show_a_key_too_often, never_end)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("lie", LIES)
def test_pages_that_repeat_lack_something_or_never_end_are_refused(
    paged: Paged, lie: Any, is_async: bool
) -> None:
    lender = client_of("lender", paged.scenario, paged.person, 0, is_async=is_async)
    deceive(lender, lie)
    consent_id = paged.again()
    with pytest.raises(VerificationFailed, match=r"does not come to an end|is missing"):
        carry_out(lender, lambda client: query(client, paged.person, consent_id))


def test_no_more_bytes_are_read_than_genuine_pages_have(
    paged: Paged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_BYTES", 3 * PAGE_BYTES)
    scenario = paged.scenario
    lender = client_of("lender", scenario, paged.person, 0, is_async=False)
    with lender, pytest.raises(VerificationFailed, match=r"more than \d+ bytes"):
        query(lender, paged.person, paged.again())


# Limits.


def test_a_member_adds_so_many_keys_a_day_and_withdraws_always() -> None:
    limits = {"credentials_a_day": 4, "credentials": 8}
    with open_scenario("acme", limits=limits) as scenario:
        acme, keys = scenario.lenders["acme"], [SigningKey.generate() for _ in range(9)]
        for key in keys[:4]:
            acme.add_key(key)
        assert reason_of(acme.add_key, keys[4]) == "QUOTA_EXCEEDED"
        acme.withdraw_key(keys[0].verify_key.key_id)
        scenario.later(timedelta(days=1, minutes=1))
        acme.add_key(keys[4])
        acme.add_key(keys[5])
        assert reason_of(acme.add_key, keys[6]) == "LIMIT_REACHED"
        acme.withdraw_key(keys[1].verify_key.key_id)
        assert reason_of(acme.add_key, keys[6]) == "LIMIT_REACHED"


def test_a_person_rotates_a_key_so_often_between_attestations() -> None:
    with open_scenario("acme", limits={"rotations": 3}) as scenario:
        person = scenario.person()
        for _ in range(3):
            person.rotate_key(SigningKey.generate())
        assert reason_of(person.rotate_key, SigningKey.generate()) == "LIMIT_REACHED"
        assert scenario.report(person, "acme").outcome


def test_an_account_takes_so_many_records_and_can_be_deleted_from_then_on() -> None:
    limits = {"records_of_account": 3, "bytes_on_person": 1_200}
    with open_scenario("acme", "brook", limits=limits) as scenario:
        person, acme = scenario.person(), scenario.lenders["acme"]
        for age in range(3):
            scenario.submit("acme", account(person, "card", Month(2026, 8) - age))
        more = account(person, "card", Month(2026, 1))
        with pytest.raises(WrongState) as refused:
            acme.submit([more])
        assert refused.value.reason == "LIMIT_REACHED"
        assert [violation.field for violation in refused.value.violations] == [
            "records[0].account_ref"
        ]
        scenario.submit("acme", Deletion(account_ref=more.account_ref, reason=DeletionReason.FRAUD))
        # Opened on another day, so none of them is the deleted account under another number.
        opened = date(2021, 1, 31)
        scenario.submit("acme", account(person, "second", Month(2026, 8), open_date=opened))
        third = account(person, "third", Month(2026, 8), open_date=opened)
        with pytest.raises(WrongState) as refused:
            acme.submit([third])
        (violation,) = refused.value.violations
        assert violation.field == "records[0].snapshot.parties[0].subject_id"
        # What the first member has takes nothing from the share of the second.
        scenario.submit("brook", account(person, "a", Month(2026, 8)))
        grown = account(person, "second", Month(2026, 9), open_date=opened)
        assert reason_of(acme.submit, [grown]) == "LIMIT_REACHED"
        lower = account(person, "second", Month(2026, 8), open_date=opened, balance_minor=90_00)
        scenario.submit("acme", lower)
        # Nothing of a refused batch is stored, and the database is what the log says.
        assert len(scenario.report(person, "brook").tradelines) == 2
        assert not scenario.findings()


def test_the_operator_allows_smaller_batches_and_the_sdk_sends_the_smallest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, more = FEWEST_OF_SUBMISSION, FEWEST_OF_SUBMISSION + 1
    limits = {"records_of_submission": few, "bytes_on_person": 64 << 20}
    with open_scenario("acme", limits=limits) as scenario:
        person, acme = scenario.person(), scenario.lenders["acme"]
        records = [account(person, f"card-{number}", Month(2026, 8)) for number in range(more)]
        assert [one.record_count for one in acme.submit(records).submissions] == [few, 1]
        monkeypatch.setattr(batches, "__defaults__", (more, MAX_BATCH_BYTES))
        with pytest.raises(InvalidRequest, match=f"more than {few} records") as refused:
            acme.submit(records)
        assert refused.value.reason == "TOO_MANY_ITEMS"


def reason_of(call: Callable[[Any], object], argument: object) -> str:
    with pytest.raises(BureauError) as refused:
        call(argument)
    return refused.value.reason
