"""Subject ids, wallets and keys against a bureau in memory."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import Message

from bureau_client import (
    Action,
    BureauError,
    ConsentMode,
    ConsentState,
    Frequency,
    FrequencyUnit,
    IdentificationMethod,
    InvalidRequest,
    NotAuthenticated,
    Progress,
    Purpose,
    Section,
    SigningKey,
    VerificationFailed,
    Wallet,
)
from bureau_client._transport.engine import Attempt
from bureau_client.sync.lender import Lender
from bureau_keys.envelope import peek, seal
from bureau_keys.pseudonym import Evaluator
from creditbureau.v1 import consents_pb2, dispute_pb2, subjects_pb2
from tests.unit.client.fakes import NOW, SUBJECT, FakeBureau, clock, in_days, lie, snapshot


@pytest.fixture
def bureau() -> Any:
    return FakeBureau()


def request_of(attempt: Attempt) -> Any:
    """What was sent; each test knows which message it is."""
    return attempt.call.request


def test_subject_ids_come_in_order_and_each_identifier_counts_once(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    same = ("CN", "resident-id", "110101199003071233")
    first, second, third = lender.subject_ids(
        [same, ("CN", "resident-id", "11010519491231002X"), same]
    )
    assert first == third != second
    assert lender.subject_id("cn", "Resident-ID", "1101 0119 9003 0712 33") == first
    assert b"110101199003071233" not in bureau.calls[0].call.request.SerializeToString()


def test_many_identifiers_go_in_batches(bureau: FakeBureau) -> None:
    steps: list[Progress] = []
    ids = bureau.lender().subject_ids(
        [("US", "ssn", f"000-00-{n:04}") for n in range(300)], on_progress=steps.append
    )
    assert len(set(ids)) == 300
    assert [(progress.done, progress.total) for progress in steps] == [(256, 300), (300, 300)]


def test_an_answer_under_another_directory_key_is_not_believed(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    bureau.evaluator = Evaluator.from_seed(bytes([1]) * 32)
    with pytest.raises(VerificationFailed):
        lender.subject_id("US", "ssn", "000-12-3456")


def test_an_identifier_that_is_none_is_named_by_its_place_only(bureau: FakeBureau) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().subject_ids([("US", "ssn", "000-12-3456"), ("US", "ssn", "|secret|")])
    assert caught.value.violations[0].field == "identifiers[1]"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("parts", [("US", "ssn"), ("US", "ssn", 123456789), ("US", "ssn", None)])
def test_three_texts_make_an_identifier(bureau: FakeBureau, parts: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"pass a (tuple of 3, each a )?text") as caught:
        bureau.lender().subject_ids([parts])
    assert caught.value.violations[0].field == "identifiers[0]"
    assert "123456789" not in str(caught.value)


def test_a_production_profile_takes_issued_numbers_only(bureau: FakeBureau) -> None:
    assert bureau.lender().subject_id("US", "ssn", "666-12-3456")
    bureau.issued_identifiers_only = True
    lender = bureau.lender()
    before = len(bureau.calls)
    with pytest.raises(InvalidRequest, match=r"never issued.*issued_identifiers_only"):
        lender.subject_id("US", "ssn", "666-12-3456")
    assert len(bureau.calls) == before
    assert lender.subject_id("US", "ssn", "123-45-6789")
    outcomes = list(
        lender.subject_ids_many([("US", "ssn", "123-45-6789"), ("US", "itin", "1" * 9)])
    )
    assert [outcome.error is None for outcome in outcomes] == [True, False]


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
    assert (line.member_id, line.purpose) == ("acme", Purpose.CREDIT_APPLICATION)
    assert line.receipt is not None


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


def test_an_addition_to_a_dispute_is_not_believed_without_its_receipt(bureau: FakeBureau) -> None:
    dispute_id = str(uuid4())
    another = seal(dispute_pb2.DisputeAddition(narrative="another"), bureau.operator_key)

    def answer(request: subjects_pb2.AddToDisputeRequest, *, proven: bool) -> Message:
        statement = request.addition if proven else another
        return subjects_pb2.AddToDisputeResponse(
            dispute=dispute_pb2.Dispute(
                dispute_id=dispute_id,
                subject_id=wallet.subject_id,
                additions=[dispute_pb2.DisputeFacts(narrative="a letter")],
            ),
            receipt=bureau.log.append("dispute-addition", statement),
        )

    wallet = bureau.wallet()
    bureau.answers["AddToDispute"] = partial(answer, proven=True)
    assert wallet.add_to_dispute(dispute_id, "a letter").dispute_id == dispute_id
    bureau.answers["AddToDispute"] = partial(answer, proven=False)
    with pytest.raises(VerificationFailed):
        wallet.add_to_dispute(dispute_id, "a letter")
