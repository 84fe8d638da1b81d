"""Whole operations against a bureau in memory: what is asked, and what is believed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    Action,
    BureauError,
    ConsentMode,
    ConsentState,
    EvidenceLevel,
    Frequency,
    FrequencyUnit,
    IdentificationMethod,
    InvalidRequest,
    NotAuthenticated,
    Progress,
    Purpose,
    Report,
    ReportOutcome,
    Section,
    SigningKey,
    SubmissionKind,
    Unavailable,
    VerificationFailed,
    Violation,
    Wallet,
)
from bureau_client.driver.conduct import Attempt
from bureau_client.lender import Lender
from bureau_keys.envelope import peek
from bureau_keys.pseudonym import Evaluator
from creditbureau.v1 import codes_pb2, consents_pb2, record_pb2, report_pb2
from tests.unit.client.fakes import NOW, SUBJECT, FakeBureau, clock, in_days, snapshot

CONSENT = str(uuid4())


@pytest.fixture
def bureau() -> Any:
    return FakeBureau()


def ask(lender: Lender, evidence: EvidenceLevel = EvidenceLevel.NONE) -> Report:
    return lender.query(
        SUBJECT, purpose=Purpose.CREDIT_APPLICATION, consent_id=CONSENT, evidence=evidence
    )


def request_of(attempt: Attempt) -> Any:
    """What was sent; each test knows which message it is."""
    return attempt.call.request


# Submitting


def test_records_arrive_as_they_were_given_and_are_receipted(bureau: FakeBureau) -> None:
    told: list[Progress] = []
    records = [snapshot(f"A-{n}") for n in range(5)]
    result = bureau.lender().submit(iter(records), label="may.csv", on_progress=told.append)
    (submission,) = result.submissions
    assert (submission.record_count, submission.label) == (5, "may.csv")
    assert submission.receipt is not None
    assert submission.receipt.leaf_index == submission.leaf_index
    parsed = [record_pb2.Record.FromString(data) for data in bureau.batches[0]]
    assert [record.account_ref for record in parsed] == [r.account_ref for r in records]
    assert len({record.salt for record in parsed}) == 5
    assert [(progress.done, progress.total) for progress in told] == [(5, None)]


def test_large_inputs_are_cut_into_batches(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client.plans.batches.batches.__defaults__", (4, 6 << 20))
    told: list[Progress] = []
    records = [snapshot(f"A-{n}") for n in range(10)]
    result = bureau.lender().submit(records, on_progress=told.append)
    assert [len(batch) for batch in bureau.batches] == [4, 4, 2]
    assert result.accepted_count == 10
    assert [(progress.done, progress.total) for progress in told] == [(4, 10), (8, 10), (10, 10)]


def test_batches_stay_within_their_bytes(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client.plans.batches.batches.__defaults__", (10_000, 1000))
    bureau.lender().submit([snapshot(f"A-{n}") for n in range(30)])
    assert len(bureau.batches) > 3
    for batch in bureau.batches:
        assert len(record_pb2.RecordBatch(records=batch).SerializeToString()) <= 1000


def test_nothing_is_sent_of_a_batch_with_a_wrong_record(bureau: FakeBureau) -> None:
    records = [snapshot(), snapshot(balance_minor=1.5), snapshot(currency="?")]
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit(records)
    assert bureau.calls == []
    assert [violation.field for violation in caught.value.violations] == [
        "records[1].snapshot.balance_minor",
        "records[2].snapshot.currency",
    ]


def refuse_accounts(*refs: Any) -> Any:
    """The bureau refuses records of these accounts, as it would: by their place."""

    def fail(attempt: Any) -> Any:
        batch = record_pb2.RecordBatch.FromString(request_of(attempt).batch)
        found = [
            Violation(f"records[{place}].snapshot.month", "DATE_ORDER", "lies ahead")
            for place, data in enumerate(batch.records)
            if record_pb2.Record.FromString(data).account_ref in refs
        ]
        return InvalidRequest("No", reason="DATE_ORDER", violations=found) if found else None

    return fail


def test_wrong_records_are_skipped_and_told(bureau: FakeBureau) -> None:
    bureau.fail = refuse_accounts("A-2", "A-5")
    records = [snapshot(f"A-{n}") for n in range(7)]
    records[3] = snapshot("A-3", balance_minor=0.5)
    result = bureau.lender().submit(records, on_invalid="skip")
    assert result.accepted_count == 4
    assert [rejection.index for rejection in result.rejected] == [2, 3, 5]
    assert [rejection.record for rejection in result.rejected] == [records[i] for i in (2, 3, 5)]
    assert result.rejected[2].violations[0].field == "records[5].snapshot.month"


def test_a_batch_that_is_wrong_throughout_leaves_nothing_to_send(bureau: FakeBureau) -> None:
    bureau.fail = refuse_accounts("A-1", "A-2")
    result = bureau.lender().submit([snapshot("A-1"), snapshot("A-2")], on_invalid="skip")
    assert (result.accepted_count, len(result.rejected)) == (0, 2)


def test_what_is_no_records_fault_is_not_skipped(bureau: FakeBureau) -> None:
    bureau.fail = lambda _: NotAuthenticated("who?", reason="BAD_SIGNATURE")
    with pytest.raises(NotAuthenticated):
        bureau.lender().submit([snapshot()], on_invalid="skip")


def test_a_failure_tells_what_was_accepted_before_it(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client.plans.batches.batches.__defaults__", (2, 6 << 20))
    bureau.fail = refuse_accounts("A-3")
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit([snapshot(f"A-{n}") for n in range(6)])
    assert caught.value.partial is not None
    assert caught.value.partial.accepted_count == 2
    assert "2 records before it were accepted" in str(caught.value)
    # Places count through everything that was passed.
    assert caught.value.violations[0].field == "records[3].snapshot.month"


def test_a_retry_sends_the_same_bytes(bureau: FakeBureau) -> None:
    outcomes = [Unavailable("lost"), None]
    bureau.fail = lambda _: outcomes.pop(0)
    bureau.lender().submit([snapshot()])
    first, second = (attempt.call.request for attempt in bureau.calls)
    assert first.SerializeToString() == second.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.submission.__setattr__("submission_id", str(uuid4())),
        lambda r: r.submission.__setattr__("record_count", 2),
        lambda r: r.receipt.__setattr__("salt", bytes(32)),
        lambda r: r.receipt.__setattr__("kind", "inquiry"),
        lambda r: r.receipt.__setattr__("leaf_index", 0),
        lambda r: r.receipt.proof.append(bytes(32)),
        lambda r: r.receipt.log_time.__setattr__("nanos", 1000),
        lambda r: r.receipt.__setattr__(
            "checkpoint", r.receipt.checkpoint.replace("\n3\n", "\n4\n")
        ),
        lambda r: r.receipt.__setattr__("checkpoint", ""),
        lambda r: r.ClearField("receipt"),
    ],
)
def test_no_acknowledgement_without_proof(bureau: FakeBureau, change: Any) -> None:
    bureau.mend = lambda _method, reply: change(reply)
    with pytest.raises(VerificationFailed):
        bureau.lender().submit([snapshot()])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"label": "ein Ü"}, "label"), ({"kind": SubmissionKind.UNSPECIFIED}, "kind")],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    bureau: FakeBureau, arguments: Any, field: Any
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit([snapshot()], **arguments)
    assert caught.value.violations[0].field == field
    assert bureau.calls == []


# Querying


def test_a_report_is_the_answer_to_this_inquiry(bureau: FakeBureau) -> None:
    report = ask(bureau.lender())
    assert report.outcome is ReportOutcome.NO_HIT
    assert (report.subject_id, report.consent_id, report.member_id) == (SUBJECT, CONSENT, "acme")
    assert report.receipt is not None
    assert report.receipt.kind == "inquiry"


Deceive = Callable[[FakeBureau], None]


def lie(field: str, value: Any) -> Deceive:
    """The bureau signs a report that says something else."""

    def deceive(bureau: FakeBureau) -> None:
        bureau.tamper = lambda report: setattr(report, field, value)

    return deceive


def header_lie(field: str, value: Any) -> Deceive:
    def deceive(bureau: FakeBureau) -> None:
        bureau.tamper = lambda report: setattr(report.header, field, value)

    return deceive


def mend(change: Any) -> Any:
    def apply(bureau: FakeBureau) -> None:
        bureau.mend = lambda method, reply: change(reply) if method == "QueryReport" else None

    return apply


@pytest.mark.parametrize(
    "deceive",
    [
        lie("subject_id", "00" * 16),
        lie("request_digest", bytes(32)),
        header_lie("request_id", str(uuid4())),
        header_lie("signer", "members/acme"),
        header_lie("audience", "elsewhere/log"),
        mend(lambda r: r.report.__setattr__("payload", r.report.payload + b"\x00")),
        mend(lambda r: r.report.signatures[0].__setattr__("sig", bytes(64))),
        mend(lambda r: r.report.ClearField("signatures")),
        mend(lambda r: r.receipt.__setattr__("answer_digest", bytes(32))),
        mend(lambda r: r.receipt.__setattr__("answer_digest", b"")),
    ],
)
def test_a_report_that_does_not_verify_is_not_returned(bureau: FakeBureau, deceive: Any) -> None:
    lender = bureau.lender()
    deceive(bureau)
    with pytest.raises(VerificationFailed):
        ask(lender)


def test_a_report_under_another_key_is_not_believed(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    bureau.report_key = SigningKey.generate()
    with pytest.raises(VerificationFailed):
        ask(lender)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("purpose", 4, "purpose"),
        ("consent_id", "00000000-0000-4000-8000-000000000000", "consent"),
        ("member_id", "b", "member"),
    ],
)
def test_a_report_on_other_terms_is_not_believed(
    bureau: FakeBureau, field: Any, value: Any, says: Any
) -> None:
    lender = bureau.lender()
    bureau.terms = {field: value}
    with pytest.raises(VerificationFailed, match=says):
        ask(lender)


def test_evidence_is_traced_to_its_furnisher(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    lender.submit([snapshot("A-1"), snapshot("A-2", balance_minor=777)])
    report = ask(lender, evidence=EvidenceLevel.NEWEST)
    assert len(report.evidence) == 1
    assert [member.member_id for member in report.furnishers] == ["acme"]
    assert report.tradelines[0].balance_minor == 777
    assert report.tradelines[0].history is not None
    assert report.tradelines[0].history.months()[1].balance_minor == 7
    ask(lender, evidence=EvidenceLevel.NEWEST)
    methods = [attempt.call.method.path for attempt in bureau.calls]
    # The furnisher and who vouched for it are asked for once.
    assert methods.count("creditbureau.v1.Members/GetMember") == 2


def tell(field: str, value: Any) -> Deceive:
    """The report says of the tradeline something else than its furnisher."""

    def deceive(bureau: FakeBureau) -> None:
        bureau.tamper_evidence = lambda report, _: setattr(report.tradelines[0], field, value)

    return deceive


def spoil(change: Callable[[report_pb2.Evidence], object]) -> Deceive:
    """The evidence is something else than what the furnisher signed."""

    def deceive(bureau: FakeBureau) -> None:
        def tamper(_: report_pb2.Report, piece: report_pb2.Evidence) -> None:
            change(piece)

        bureau.tamper_evidence = tamper

    return deceive


def withdraw_key(bureau: FakeBureau) -> None:
    bureau.admission.keys[0].valid_to_index = 1


def backdate_key(bureau: FakeBureau) -> None:
    del bureau.admission.statements[:]


def tell_history(change: Callable[[report_pb2.PaymentHistory], object]) -> Deceive:
    def deceive(bureau: FakeBureau) -> None:
        def tamper(report: report_pb2.Report, _: report_pb2.Evidence) -> None:
            change(report.tradelines[0].history)

        bureau.tamper_evidence = tamper

    return deceive


def swap_key(bureau: FakeBureau) -> None:
    bureau.admission.keys[0].public_key = SigningKey.generate().verify_key.raw


@pytest.mark.parametrize(
    "deceive",
    [
        tell("balance_minor", 1),
        tell("status", 2),
        tell("days_past_due", 30),
        tell("currency", "USD"),
        tell("account_type", "01"),
        tell("secured", True),
        tell("classification", 5),
        tell("credit_limit_minor", 5),
        tell("role", 2),
        tell("party_count", 3),
        tell_history(lambda at: at.__setattr__("profile", "31")),
        tell_history(lambda at: at.balance_minor.__setitem__(0, 1)),
        tell("member_id", "acme2"),
        tell("tradeline_id", "ee" * 16),
        spoil(lambda piece: piece.__setattr__("record", piece.record + b"x")),
        spoil(lambda piece: piece.__setattr__("record_index", 0)),
        spoil(lambda piece: piece.__setattr__("month", 202512)),
        spoil(lambda piece: piece.proof.append(bytes(32))),
        spoil(lambda piece: piece.manifest.signatures[0].__setattr__("sig", bytes(64))),
        withdraw_key,
        backdate_key,
        swap_key,
    ],
)
def test_a_tradeline_that_its_furnisher_did_not_sign_is_not_believed(
    bureau: FakeBureau, deceive: Any
) -> None:
    lender = bureau.lender()
    lender.submit([snapshot("A-1"), snapshot("A-2")])
    deceive(bureau)
    with pytest.raises(VerificationFailed):
        ask(lender, evidence=EvidenceLevel.NEWEST)


def test_a_furnisher_that_nobody_entitled_admitted_is_not_believed(bureau: FakeBureau) -> None:
    """Whoever holds the log's key, and not the operator's, can still admit nobody."""
    lender = bureau.lender()
    bureau.operator_key = SigningKey.generate()
    bureau.admission = bureau._admit("acme", bureau.member_key, codes_pb2.ROLE_FURNISHER)
    lender.submit([snapshot("A-1")])
    with pytest.raises(VerificationFailed):
        ask(lender, evidence=EvidenceLevel.NEWEST)


def test_evidence_that_was_asked_for_is_all_there(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    lender.submit([snapshot("A-1")])
    with pytest.raises(VerificationFailed, match="missing"):
        # The fake bureau gives the newest month alone.
        ask(lender, evidence=EvidenceLevel.ALL)
    bureau.mend = lambda _, reply: reply.ClearField("evidence")
    with pytest.raises(VerificationFailed, match="missing"):
        ask(lender, evidence=EvidenceLevel.NEWEST)


@pytest.mark.parametrize(
    ("subject", "changes", "field"),
    [
        ("110101199003071234", {}, "subject_id"),
        (SUBJECT, {"purpose": Purpose.UNSPECIFIED}, "purpose"),
        (SUBJECT, {"consent_id": "x"}, "consent_id"),
    ],
)
def test_a_query_with_a_wrong_argument_is_not_sent(
    bureau: FakeBureau, subject: Any, changes: Any, field: Any
) -> None:
    arguments = {"purpose": Purpose.COLLECTION, "consent_id": CONSENT} | changes
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().query(subject, **arguments)
    assert caught.value.violations[0].field == field
    assert bureau.calls == []
    # A national identifier, given by mistake, stays out of the text.
    assert "110101199003071234" not in str(caught.value)


# Subject ids


def test_subject_ids_come_in_order_and_each_identifier_counts_once(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    same = ("CN", "resident-id", "110101199003071234")
    first, second, third = lender.subject_ids([same, ("CN", "resident-id", "other"), same])
    assert first == third != second
    assert lender.subject_id("cn", "Resident-ID", "1101 0119 9003 0712 34") == first
    assert b"110101199003071234" not in bureau.calls[0].call.request.SerializeToString()


def test_many_identifiers_go_in_batches(bureau: FakeBureau) -> None:
    told: list[Progress] = []
    ids = bureau.lender().subject_ids(
        [("CN", "resident-id", f"n{n}") for n in range(300)], on_progress=told.append
    )
    assert len(set(ids)) == 300
    assert [(progress.done, progress.total) for progress in told] == [(256, 300), (300, 300)]


def test_an_answer_under_another_directory_key_is_not_believed(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    bureau.evaluator = Evaluator.from_seed(bytes([1]) * 32)
    with pytest.raises(VerificationFailed):
        lender.subject_id("CN", "resident-id", "1")


def test_an_identifier_that_is_none_is_named_by_its_place_only(bureau: FakeBureau) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().subject_ids([("CN", "resident-id", "1"), ("CN", "resident-id", "|secret|")])
    assert caught.value.violations[0].field == "identifiers[1]"
    assert "secret" not in str(caught.value)


# Wallets


def test_a_consent_says_what_was_granted(bureau: FakeBureau) -> None:
    wallet = bureau.wallet()
    consent = wallet.grant(
        "acme",
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.SUMMARY],
        expire=timedelta(days=30),
        max_uses=3,
        frequency=Frequency(FrequencyUnit.MONTH, 5),
        mode=ConsentMode.STORE,
        data_life=timedelta(days=10),
    )
    assert consent.state is ConsentState.ACTIVE
    assert (consent.start_time, consent.expire_time) == (NOW, in_days(30))
    assert consent.frequency == Frequency(FrequencyUnit.MONTH, 5)
    assert consent.data_life == timedelta(days=10)
    assert consent.receipt is not None
    assert consent.receipt.kind == "consent"
    assert wallet.pause(consent.consent_id, "later").note == "later"
    assert wallet.resume(consent.consent_id).state is ConsentState.ACTIVE
    assert wallet.revoke(consent.consent_id).state is ConsentState.REVOKED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"actions": []}, "actions"),
        ({"expire": in_days(-1)}, "expire"),
        ({"expire": NOW.replace(tzinfo=None)}, "expire"),
        ({"mode": ConsentMode.STORE}, "data_life"),
        ({"data_life": timedelta(days=1)}, "data_life"),
        ({"grantee": "Acme Bank"}, "grantee"),
        ({"mode": ConsentMode.UNSPECIFIED}, "mode"),
    ],
)
def test_a_consent_that_makes_no_sense_is_not_signed(
    bureau: FakeBureau, changes: Any, field: Any
) -> None:
    arguments = {"grantee": "acme", "actions": [Action.FURNISH], "expire": in_days(1)} | changes
    with pytest.raises(InvalidRequest) as caught:
        bureau.wallet().grant(**arguments)
    assert caught.value.violations[0].field == field
    assert bureau.calls == []


def test_a_consent_that_comes_back_changed_is_not_believed(bureau: FakeBureau) -> None:
    bureau.mend = lambda _m, reply: reply.consent.__setattr__("consent_id", str(uuid4()))
    with pytest.raises(VerificationFailed):
        bureau.wallet().grant("acme", [Action.FURNISH], expire=in_days(1))


def test_each_page_is_asked_for_by_a_signed_request_of_its_own(bureau: FakeBureau) -> None:
    wallet = bureau.wallet()
    for _ in range(3):
        wallet.grant("acme", [Action.FURNISH], expire=in_days(1))
    bureau.calls.clear()
    assert len(wallet.consents()) == 3
    signed = [
        peek(request_of(attempt).subject_request, consents_pb2.SubjectRequest)
        for attempt in bureau.calls
    ]
    assert {request.method for request in signed} == {"creditbureau.v1.Consents/ListConsents"}
    assert {request.header.signer for request in signed} == {f"subjects/{SUBJECT}"}
    assert len({request.header.request_id for request in signed}) == 3
    assert len(wallet.consents(limit=2)) == 2


def test_the_own_file_is_the_answer_to_this_request(bureau: FakeBureau) -> None:
    wallet = bureau.wallet()
    assert wallet.file().purpose is Purpose.SUBJECT_DISCLOSURE
    lie("subject_id", "00" * 16)(bureau)
    with pytest.raises(VerificationFailed):
        wallet.file()


def test_who_looked(bureau: FakeBureau) -> None:
    (line,) = bureau.wallet().inquiries()
    assert (line.member_id, line.purpose) == ("brook", Purpose.CREDIT_APPLICATION)


def test_a_binding_is_attested_and_a_key_rotated(bureau: FakeBureau) -> None:
    wallet = bureau.wallet()
    receipt = bureau.lender().attest(
        wallet.binding(), method=IdentificationMethod.IN_PERSON, identify_time=NOW
    )
    assert receipt.kind == "attestation"
    new = SigningKey.generate()
    assert wallet.rotate_key(new).kind == "key-rotation"
    wallet.consents()
    signature = request_of(bureau.calls[-1]).subject_request.signatures[0]
    assert signature.keyid == new.verify_key.key_id


def test_what_is_no_binding_is_not_attested(bureau: FakeBureau) -> None:
    with pytest.raises(InvalidRequest, match="binding"):
        bureau.lender().attest(b"x", method=IdentificationMethod.IN_PERSON, identify_time=NOW)


def test_a_wallet_needs_a_subject_id(bureau: FakeBureau) -> None:
    with pytest.raises(InvalidRequest):
        Wallet(bureau.profile(), "me", SigningKey.generate())


# Keys


def test_after_a_rotation_the_new_key_signs(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    new = SigningKey.generate()
    added, withdrawn = lender.rotate_key(new)
    assert (added.kind, withdrawn.kind) == ("credential", "credential")
    first, second = (request_of(attempt).change.signatures[0].keyid for attempt in bureau.calls)
    assert first == bureau.member_key.verify_key.key_id
    assert second == new.verify_key.key_id


def test_a_locked_key_says_so(bureau: FakeBureau) -> None:
    locked = dataclasses.replace(
        bureau.profile(), signing_key_pem=bureau.member_key.to_pem(b"right")
    )
    for passphrase in (None, "wrong"):
        with pytest.raises(NotAuthenticated, match="passphrase"):
            Lender(locked, passphrase=passphrase)
    assert Lender(locked, passphrase="right", clock=clock).member_id == "acme"


def test_all_errors_are_of_one_family(bureau: FakeBureau) -> None:
    bureau.mend = lambda _method, reply: reply.Clear()
    with pytest.raises(BureauError):
        bureau.lender().submit([snapshot()])
