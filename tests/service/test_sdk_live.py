"""The SDK against a real bureau, over mutual TLS."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import pytest

from bureau.admin.bureau_folder import load_authority
from bureau.calendar import utc
from bureau.clock import Clock
from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    AccountStatus,
    Action,
    AsyncAuditor,
    AsyncLender,
    AsyncWallet,
    Auditor,
    ConsentMode,
    ConsentPaused,
    ConsentRevoked,
    EvidenceLevel,
    IdentificationMethod,
    InvalidRequest,
    Lender,
    Month,
    NotAuthenticated,
    NotFound,
    Party,
    PortfolioType,
    Profile,
    Purpose,
    Report,
    ReportOutcome,
    RetryPolicy,
    Section,
    SigningKey,
    Snapshot,
    Statement,
    SubmissionKind,
    Unavailable,
    Wallet,
    verify,
)
from bureau_keys.authority import Authority, new_key_and_csr
from tests.cluster.workers.lender import relabelled
from tests.service.scenario import fresh_number

LENDER = ("furnisher", "subscriber", "attester")
SECTIONS = [
    Section.SUMMARY,
    Section.TRADELINES,
    Section.PAYMENT_HISTORY,
    Section.INQUIRIES,
    Section.EVIDENCE,
]


@dataclasses.dataclass(frozen=True)
class BureauWithMembers:
    """A bureau with two lenders, an agent and an auditor."""

    bureau: RunningBureau
    acme: Profile
    brook: Profile
    agent: Profile
    auditor: Profile


@pytest.fixture(scope="module")
def scenario() -> Iterator[BureauWithMembers]:
    with running_bureau() as bureau:
        yield BureauWithMembers(
            bureau,
            bureau.add_member("acme", LENDER, ["credit-application"]),
            bureau.add_member("brook", LENDER, ["credit-application"]),
            bureau.add_member("agent", ["agent"]),
            bureau.add_member("watch", ["auditor"]),
        )


def new_person(scenario: BureauWithMembers) -> Wallet:
    """A person whose key acme has attested, and who lets acme furnish."""
    with Lender(scenario.acme) as acme:
        subject_id = acme.subject_id("US", "ssn", fresh_number())
        wallet = Wallet(scenario.agent, subject_id, SigningKey.generate())
        acme.attest(
            wallet.binding(),
            method=IdentificationMethod.IN_PERSON,
            identify_time=datetime.now(UTC),
        )
    wallet.grant("acme", [Action.FURNISH], expire=timedelta(days=300))
    return wallet


def months(subject_id: str, count: int, account_ref: str = "") -> list[Snapshot]:
    """The newest months of one account; of each person another one."""
    return [
        Snapshot(
            account_ref=account_ref or f"CARD-{subject_id}",
            month=Month(2024, 1) + back,
            parties=(Party(subject_id),),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency="CNY",
            open_date=date(2020, 1, 2),
            status=AccountStatus.CURRENT,
            balance_minor=100_00 + back,
            credit_limit_minor=5_000_00,
        )
        for back in range(count)
    ]


def may_inquire(wallet: Wallet, **changes: Any) -> str:
    arguments: dict[str, Any] = {"max_uses": 5, "expire": timedelta(days=20)} | changes
    consent = wallet.grant(
        "brook", [Action.INQUIRE], [Purpose.CREDIT_APPLICATION], SECTIONS, **arguments
    )
    return consent.consent_id


def ask(lender: Lender, wallet: Wallet, consent_id: str, **changes: Any) -> Report:
    return lender.query(
        wallet.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id, **changes
    )


def test_from_a_record_to_a_report_and_back_to_its_signature(
    scenario: BureauWithMembers, tmp_path: Any
) -> None:
    wallet = new_person(scenario)
    with Lender(scenario.acme) as acme, Lender(scenario.brook) as brook, wallet:
        result = acme.submit(months(wallet.subject_id, 24))
        assert (result.accepted_count, result.new_tradeline_count) == (24, 1)
        consent_id = may_inquire(wallet)
        report = ask(brook, wallet, consent_id, evidence=EvidenceLevel.ALL)
        assert report.outcome is ReportOutcome.HIT
        assert report.tradelines[0].balance_minor == 100_23
        assert len(report.evidence) == 24

        report.save(tmp_path / "report")
        saved = Report.load(tmp_path / "report")
        # Of the members a saved report shows what operators signed, and nothing else.
        members: dict[str, Any] = {"furnishers": (), "vouchers": ()}
        verified = verify.verify_bundle(saved, scenario.brook.trust)
        assert replace(verified, **members) == replace(report, **members)
        assert replace(saved, **members) == replace(report, **members)
        for stored, live in zip(verified.furnishers, report.furnishers, strict=True):
            for name in ("member_id", "display_name", "roles", "purposes", "group", "keys"):
                assert getattr(stored, name) == getattr(live, name)

        assert [line.member_id for line in wallet.inquiries()] == ["brook"]
        assert len(wallet.file().tradelines) == 1
        wallet.pause(consent_id, "wait")
        with pytest.raises(ConsentPaused, match="wait"):
            ask(brook, wallet, consent_id)
        wallet.revoke(consent_id)
        with pytest.raises(ConsentRevoked):
            ask(brook, wallet, consent_id)


def test_the_asynchronous_clients_do_the_same(scenario: BureauWithMembers) -> None:
    async def journey() -> None:
        async with AsyncLender(scenario.acme) as acme, AsyncLender(scenario.brook) as brook:
            subject_id = await acme.subject_id("US", "ssn", fresh_number())
            wallet = AsyncWallet(scenario.agent, subject_id, SigningKey.generate())
            await acme.attest(
                wallet.binding(),
                method=IdentificationMethod.REMOTE_DOCUMENT,
                identify_time=datetime.now(UTC),
            )
            await wallet.grant("acme", [Action.FURNISH], expire=timedelta(days=300))
            consent = await wallet.grant(
                "brook",
                [Action.INQUIRE],
                [Purpose.CREDIT_APPLICATION],
                SECTIONS,
                expire=timedelta(days=20),
                max_uses=8,
                mode=ConsentMode.VIEW,
            )
            await acme.submit(months(subject_id, 3))
            queries = [
                brook.query(
                    subject_id,
                    purpose=Purpose.CREDIT_APPLICATION,
                    consent_id=consent.consent_id,
                    evidence=EvidenceLevel.NEWEST,
                )
                for _ in range(8)
            ]
            reports = await asyncio.gather(*queries)
            assert {report.tradelines[0].balance_minor for report in reports} == {100_02}
            assert len(await wallet.inquiries()) == 8
            receipt = await wallet.receipt(consent.consent_id, consent.envelope)
            assert receipt == consent.receipt
            await wallet.close()
        async with AsyncAuditor(scenario.auditor) as auditor:
            assert (await auditor.audit()).ok

    # Twice: a second event loop gets connections of its own.
    asyncio.run(journey())
    asyncio.run(journey())


def test_wrong_records_are_named_skipped_and_told(scenario: BureauWithMembers) -> None:
    wallet = new_person(scenario)
    records = months(wallet.subject_id, 6)
    stranger = (Party("0" * 32),)
    records[2] = dataclasses.replace(records[2], parties=stranger)
    records[4] = dataclasses.replace(records[4], close_date=date(1999, 1, 1))
    with Lender(scenario.acme) as acme:
        with pytest.raises(InvalidRequest) as caught:
            acme.submit(records)
        assert [violation.field for violation in caught.value.violations] == [
            "records[4].snapshot.close_date"
        ]
        result = acme.submit(records, on_invalid="skip")
        assert result.accepted_count == 4
        assert [rejection.index for rejection in result.rejected] == [2, 4]


def test_a_delivery_that_broke_off_goes_on(
    scenario: BureauWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that ended in the middle says the same again: nothing is stored twice."""
    monkeypatch.setattr("bureau_client._operations.batches.batches.__defaults__", (4, 6 << 20))
    wallet = new_person(scenario)
    records = months(wallet.subject_id, 10)

    def breaking() -> Iterator[Snapshot]:
        yield from records[:9]
        raise KeyboardInterrupt

    with wallet, Lender(scenario.acme) as acme:
        with pytest.raises(KeyboardInterrupt):
            acme.submit(breaking(), idempotency_key="may.csv")
        first = acme.submissions(limit=2)
        result = acme.submit(records, idempotency_key="may.csv")
        assert result.accepted_count == 10
        ids = [submission.submission_id for submission in result.submissions]
        assert ids[:2] == [submission.submission_id for submission in first][::-1]
        assert all(submission.receipt for submission in result.submissions)
        # All of it is there: nothing more is stored.
        again = acme.submit(records, idempotency_key="may.csv")
        assert [submission.leaf_index for submission in again.submissions] == [
            submission.leaf_index for submission in result.submissions
        ]
        other = acme.submit(records, idempotency_key="june.csv")
        assert {submission.submission_id for submission in other.submissions}.isdisjoint(ids)


def test_a_key_begun_with_larger_batches_takes_no_refused_record_for_sent(
    scenario: BureauWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch of four begins with the record that was refused in the first of five."""
    wallet = new_person(scenario)
    records = months(wallet.subject_id, 9)
    records[4] = dataclasses.replace(records[4], parties=(Party("0" * 32),))
    with wallet, Lender(scenario.acme) as acme:
        for size in (5, 4):
            limits = (size, 6 << 20)
            monkeypatch.setattr("bureau_client._operations.batches.batches.__defaults__", limits)
            result = acme.submit(records, idempotency_key="sizes.csv", on_invalid="skip")
            assert (result.accepted_count, [r.index for r in result.rejected]) == (8, [4])


def test_other_records_under_a_key_are_not_taken_for_sent(scenario: BureauWithMembers) -> None:
    wallet = new_person(scenario)
    records = months(wallet.subject_id, 3)
    others = [dataclasses.replace(record, balance_minor=1) for record in records]
    with wallet, Lender(scenario.acme) as acme:
        ids: set[str] = set()
        for sent, kind in (
            (records, SubmissionKind.ORIGINAL),
            (others, SubmissionKind.ORIGINAL),
            (records[:2], SubmissionKind.ORIGINAL),
            (records, SubmissionKind.CORRECTION),
        ):
            results = [acme.submit(sent, kind=kind, idempotency_key="o.csv") for _ in range(2)]
            first, again = (result.submissions[0].submission_id for result in results)
            assert first == again
            assert first not in ids
            ids.add(first)


def test_as_many_other_refusals_under_a_key_lose_no_record(scenario: BureauWithMembers) -> None:
    """Store the records of who consented since, and leave out those of who withdrew."""
    early, late = new_person(scenario), new_person(scenario)
    with early, late, Lender(scenario.acme) as acme:

        def submit() -> tuple[int, list[int]]:
            records = [months(person.subject_id, 1)[0] for person in (late, early)]
            result = acme.submit(records, idempotency_key="refused.csv", on_invalid="skip")
            return result.accepted_count, [rejection.index for rejection in result.rejected]

        late.revoke(consent_to_furnish(late))
        assert submit() == (1, [0])
        late.grant("acme", [Action.FURNISH], expire=timedelta(days=365))
        early.revoke(consent_to_furnish(early))
        assert submit() == (1, [1])
        assert len(late.file().tradelines) == 1


def consent_to_furnish(wallet: Wallet) -> str:
    (consent,) = (c for c in wallet.consents() if Action.FURNISH in c.actions)
    return consent.consent_id


def test_the_log_holds_under_audit(scenario: BureauWithMembers) -> None:
    with Auditor(scenario.auditor) as auditor:
        before = auditor.checkpoint()
        new_person(scenario)
        after = auditor.checkpoint()
        assert after.size > before.size
        auditor.consistency(before.note, after.note)
        report = auditor.audit(before.note)
        assert report.fault is None
        assert report.newest == after
        assert auditor.member("acme").keys


def test_a_key_is_rotated_and_what_it_signed_stays_good(scenario: BureauWithMembers) -> None:
    profile = scenario.bureau.add_member("rotor", LENDER, ["credit-application"])
    new = SigningKey.generate()
    with Lender(profile) as lender:
        lender.rotate_key(new)
        lender.subject_id("CN", "resident-id", "11010519491231002X")
    with Lender(profile) as old, pytest.raises(NotAuthenticated):
        old.subject_id("CN", "resident-id", "11010519491231002X")
    with Auditor(scenario.auditor) as auditor:
        keys = auditor.member("rotor").keys
    assert sorted(key.valid_to_index is None for key in keys) == [False, True]


def test_a_lost_reply_is_settled_by_its_receipt(scenario: BureauWithMembers) -> None:
    wallet = new_person(scenario)
    with Lender(scenario.acme) as acme:
        submission = acme.submit(months(wallet.subject_id, 1)).submissions[0]
        again = acme.receipt(submission.submission_id, submission.manifest)
        assert again == submission.receipt
        assert acme.submission(submission.submission_id).manifest == submission.manifest


def test_what_was_signed_can_be_sent_again(scenario: BureauWithMembers) -> None:
    wallet = new_person(scenario)
    consent_id = may_inquire(wallet)
    sent: list[Statement] = []

    # 1. Accepted: the first receipt again, whatever the subject decided since.
    with Lender(scenario.brook, before_send=sent.append) as brook:
        report = ask(brook, wallet, consent_id)
        accepted = sent.pop()
        assert accepted.request_id == report.request_id
        wallet.revoke(consent_id)
        assert brook.resend(accepted) == report.receipt

        # 2. Refused, and refused again: it has no effect.
        with pytest.raises(ConsentRevoked) as refused:
            ask(brook, wallet, consent_id)
        assert refused.value.attempts == 1
        with pytest.raises(ConsentRevoked):
            brook.resend(sent.pop())

    # 3. Cut off before it was sent: it takes effect now, by another client, once.
    def cut_off(statement: Statement) -> None:
        sent.append(statement)
        raise InterruptedError

    carried = Wallet(
        scenario.agent, wallet.subject_id, wallet._signing.signer.key, before_send=cut_off
    )
    with carried, pytest.raises(InterruptedError):
        may_inquire(carried)
    assert sent[0].request_id not in {one.consent_id for one in wallet.consents()}
    first, again = wallet.resend(sent[0]), wallet.resend(sent[0])
    assert first == again
    assert sent[0].request_id in {one.consent_id for one in wallet.consents()}


def test_a_rotated_key_settles_what_it_signed_and_nothing_else(
    scenario: BureauWithMembers,
) -> None:
    wallet, sent = new_person(scenario), list[Statement]()
    profile = scenario.bureau.add_member("settler", LENDER, ["credit-application"])
    wallet.grant("settler", [Action.FURNISH], expire=timedelta(days=3))
    with Lender(profile, before_send=sent.append) as lender:
        (submission,) = lender.submit(months(wallet.subject_id, 1)).submissions
        accepted, old = sent.pop(), lender._signing.signer.key
        lender.rotate_key(SigningKey.generate())
        # The bureau refuses the signature now, but shows that the statement is in the log.
        assert lender.resend(accepted) == submission.receipt
        # It shows that receipt for other bytes under the request id, too: they stay refused.
        with pytest.raises(NotAuthenticated) as refused:
            lender.resend(relabelled(accepted, old))
        assert refused.value.reason == "BAD_SIGNATURE"


def test_a_person_settles_a_lost_reply_too(scenario: BureauWithMembers) -> None:
    wallet, stranger = new_person(scenario), new_person(scenario)
    consent = wallet.grant("acme", [Action.FURNISH], expire=timedelta(days=3))
    assert wallet.receipt(consent.consent_id, consent.envelope) == consent.receipt
    with pytest.raises(NotFound):
        stranger.receipt(consent.consent_id)
    with pytest.raises(NotFound):
        wallet.receipt(str(uuid.uuid4()))


def test_a_bureau_that_comes_back_is_found_again(scenario: BureauWithMembers) -> None:
    wallet = new_person(scenario)
    with Lender(scenario.acme) as acme:
        acme.members()
        restart = threading.Thread(target=scenario.bureau.restart)
        restart.start()
        deadline = time.monotonic() + 120
        done = 0
        while restart.is_alive() or done < 3:
            done += acme.submit(months(wallet.subject_id, 1, f"R-{done}")).accepted_count
            assert time.monotonic() < deadline
        restart.join()


def test_the_next_address_answers_where_the_first_does_not(scenario: BureauWithMembers) -> None:
    nobody = "127.0.0.1:1"
    profile = dataclasses.replace(scenario.acme, addresses=(nobody, scenario.bureau.address))
    with Lender(profile) as lender:
        for _ in range(5):
            assert lender.members()


def _members_in_child(profile: Profile) -> int:
    with Lender(profile) as lender:
        return len(lender.members())


def test_a_spawned_worker_has_connections_of_its_own(scenario: BureauWithMembers) -> None:
    with Lender(scenario.acme) as lender:
        count = len(lender.members())
        with get_context("spawn").Pool(1) as pool:
            assert pool.apply(_members_in_child, (scenario.acme,)) == count


NO_RETRY = RetryPolicy(attempts=1)


def refusal(profile: Profile) -> str:
    """What a person reads when the connection is refused."""
    with (
        Lender(profile, policy=NO_RETRY) as lender,
        pytest.raises((NotAuthenticated, Unavailable)) as caught,
    ):
        lender.members()
    text = str(caught.value)
    for jargon in ("Socket closed", "handshake", "SSL", "ipv4"):
        assert jargon not in text
    return text


def test_refused_connections_say_what_to_check(scenario: BureauWithMembers) -> None:
    acme, settings = scenario.acme, scenario.bureau.settings
    authority = load_authority(settings)
    now = utc(Clock().now_us())
    key, csr = new_key_and_csr("acme")

    nobody = dataclasses.replace(acme, addresses=("127.0.0.1:1",))
    assert "Nothing listens at 127.0.0.1:1" in refusal(nobody)
    stranger = Authority.create("another", now)
    assert "ca.pem" in refusal(dataclasses.replace(acme, ca_pem=stranger.pem))

    def with_certificate(pem: bytes) -> Profile:
        return dataclasses.replace(acme, tls_key_pem=key, tls_certificate_pem=pem)

    expired = authority.issue_member(csr, "acme", now - timedelta(days=500))
    assert "tls.pem) expired" in refusal(with_certificate(expired))
    unregistered = authority.issue_member(csr, "acme", now)
    assert "not registered" in refusal(with_certificate(unregistered))
    foreign = stranger.issue_member(csr, "acme", now)
    assert "tls.pem" in refusal(with_certificate(foreign))
    assert "tls.key" in refusal(dataclasses.replace(acme, tls_key_pem=key))
