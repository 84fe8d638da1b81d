"""Querying a bureau in memory: a report is believed if its signatures and its log say so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    EvidenceLevel,
    InvalidRequest,
    Purpose,
    Report,
    ReportOutcome,
    SigningKey,
    VerificationFailed,
)
from bureau_client.sync.lender import Lender
from creditbureau.v1 import codes_pb2, report_pb2
from tests.unit.client.fakes import CONSENT, SUBJECT, Deceive, FakeBureau, lie, snapshot
from tests.unit.client.hostile import HOSTILE, walk


@pytest.fixture
def bureau() -> Any:
    return FakeBureau()


def ask(lender: Lender, evidence: EvidenceLevel = EvidenceLevel.NONE) -> Report:
    return lender.query(
        SUBJECT, purpose=Purpose.CREDIT_APPLICATION, consent_id=CONSENT, evidence=evidence
    )


def test_a_report_is_the_answer_to_this_inquiry(bureau: FakeBureau) -> None:
    report = ask(bureau.lender())
    assert report.outcome is ReportOutcome.NO_HIT
    assert (report.subject_id, report.consent_id, report.member_id) == (SUBJECT, CONSENT, "acme")
    assert report.receipt is not None
    assert report.receipt.kind == "inquiry"


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
    return spoil_page(lambda page: change(page.evidence[0]))


def spoil_page(change: Callable[[report_pb2.EvidencePage], object]) -> Deceive:
    """The page of evidence is not as the bureau has it."""

    def deceive(bureau: FakeBureau) -> None:
        def tamper(_: report_pb2.Report, page: report_pb2.EvidencePage) -> None:
            change(page)

        bureau.tamper_evidence = tamper

    return deceive


def withdraw_key(bureau: FakeBureau) -> None:
    bureau.admission.keys[0].valid_to_index = 1


def backdate_key(bureau: FakeBureau) -> None:
    del bureau.admission.statements[:]


def tell_history(change: Callable[[report_pb2.PaymentHistory], object]) -> Deceive:
    def deceive(bureau: FakeBureau) -> None:
        def tamper(report: report_pb2.Report, _: report_pb2.EvidencePage) -> None:
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
        tell("sold_month", 202601),
        tell_history(lambda history: history.__setattr__("profile", "31")),
        tell_history(lambda history: history.balance_minor.__setitem__(0, 1)),
        tell("member_id", "acme2"),
        tell("tradeline_id", "ee" * 16),
        spoil(lambda piece: piece.__setattr__("record", piece.record + b"x")),
        spoil(lambda piece: piece.__setattr__("record_index", 0)),
        spoil(lambda piece: piece.__setattr__("month", 202512)),
        spoil(lambda piece: piece.proof.append(bytes(32))),
        spoil(lambda piece: piece.__setattr__("manifest_index", 1)),
        spoil(lambda piece: piece.__setattr__("manifest_index", -1)),
        spoil_page(
            lambda page: page.manifests[0].envelope.signatures[0].__setattr__("sig", bytes(64))
        ),
        spoil_page(lambda page: page.ClearField("manifests")),
        spoil_page(lambda page: page.evidence.append(page.evidence[0])),
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
    bureau.mend = lambda method, reply: (
        reply.ClearField("evidence") if method == "QueryReport" else None
    )
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


@pytest.mark.parametrize("name", HOSTILE)
def test_a_signed_report_of_junk_is_refused_or_harmless(name: str) -> None:
    """The bureau's own signature covers the junk, so that nothing but the checks refuses it."""
    bureau = FakeBureau()
    lender = bureau.lender()
    lender.submit([snapshot()])

    def tamper(report: Any, piece: Any = None) -> None:
        kept = type(report).FromString(report.SerializeToString())
        walk(report, HOSTILE[name])
        # What ties the report to its request stays, or the first check would refuse it.
        report.header.CopyFrom(kept.header)
        for field in ("request_digest", "subject_id", "purpose", "member_id", "consent_id"):
            setattr(report, field, getattr(kept, field))

    bureau.tamper_evidence = tamper
    with suppress(VerificationFailed):
        ask(lender, EvidenceLevel.ALL)
    bureau.tamper_evidence = lambda _, piece: walk(piece, HOSTILE[name])
    with suppress(VerificationFailed):
        ask(lender, EvidenceLevel.ALL)
    bureau.tamper = tamper
    with suppress(VerificationFailed):
        bureau.wallet().file()


def test_a_tradeline_that_is_there_twice_is_refused() -> None:
    bureau = FakeBureau()
    bureau.lender().submit([snapshot()])
    bureau.tamper_evidence = lambda report, _: report.tradelines.append(report.tradelines[0])
    with pytest.raises(VerificationFailed, match="is there twice"):
        ask(bureau.lender(), EvidenceLevel.ALL)


def test_a_history_without_its_amounts_is_refused() -> None:
    bureau = FakeBureau()
    bureau.lender().submit([snapshot()])
    bureau.tamper_evidence = lambda report, _: report.tradelines[0].history.ClearField(
        "balance_minor"
    )
    with pytest.raises(VerificationFailed, match="2 months and 0 of balance_minor"):
        ask(bureau.lender(), EvidenceLevel.ALL)


def test_a_bureau_that_shows_no_chain_is_found_out_by_the_second_report(
    bureau: FakeBureau,
) -> None:
    """The consent is an event of the subject, so no chain is empty."""
    bureau.terms["event_chain_hash"] = b""
    lender = bureau.lender()
    asked: dict[str, Any] = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": CONSENT}
    lender.query(SUBJECT, **asked)
    with pytest.raises(VerificationFailed, match="earlier report has no chain of events"):
        lender.query(SUBJECT, **asked)
