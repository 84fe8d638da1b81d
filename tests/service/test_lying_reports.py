"""A bureau that lies in its reports, with its own keys: signed, logged and false.

Each lie goes to the SDK, synchronous and asynchronous, and into a saved report, which every
verifier must refuse.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    ActionReason,
    AsyncLender,
    EvidenceLevel,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Lender,
    Purpose,
    RecordRef,
    Report,
    Section,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.envelope import digest, seal
from bureau_keys.keyring import Keyring
from bureau_keys.merkle import inclusion_proof, leaf_hash, root_of
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.saved_report import SavedReport
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.record_pb2 import ACTION_REASON_FRAUD_SUSPECTED
from creditbureau.v1.report_pb2 import Report as ReportMessage
from tests.service.liar import deceive, forget_the_log
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_saved_reports import Saved, is_verified, verifiers
from tests.service.watching import JUNE, MAY

FORGED_MINOR = 99_999_999


@dataclass(frozen=True)
class Liar:
    """The keys of a node, and what it does with them."""

    origin: str
    reports: SigningKey
    log: SigningKey

    @classmethod
    def of(cls, scenario: Scenario) -> Liar:
        settings = scenario.bureau.settings
        ring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
        return cls(settings.origin, ring.get("report"), ring.get("log"))

    def log_again(self, receipt: Receipt, statement: Envelope, answer_digest: bytes = b"") -> None:
        """Make a receipt that proves a statement to be at the same leaf of a log of its own."""
        receipt.answer_digest = answer_digest
        leaf = LeafStatement(
            receipt.kind,
            digest(statement),
            receipt.answer_digest,
            receipt.log_time.ToMicroseconds(),
        )
        hashes = [leaf_hash(b"")] * receipt.leaf_index
        hashes.append(leaf_hash(commitment(leaf, receipt.salt)))
        checkpoint = Checkpoint(self.origin, len(hashes), root_of(hashes))
        receipt.checkpoint = sign_checkpoint(checkpoint, self.log)
        receipt.proof[:] = inclusion_proof(hashes, receipt.leaf_index)

    def sign(self, answer: Any, inquiry: Envelope, report: ReportMessage) -> None:
        """Put another report into an answer, as if it had been given from the first."""
        answer.report.CopyFrom(seal(report, self.reports))
        self.log_again(answer.receipt, inquiry, hashlib.sha256(answer.report.payload).digest())


# Changes a reply and its report in place; the liar signs both again.
Lie = Callable[[Liar, Any, ReportMessage], object]


def hidden_evidence(_: Liar, reply: Any, report: ReportMessage) -> None:
    report.sections.remove(codes_pb2.SECTION_EVIDENCE)
    report.tradelines[0].balance_minor = FORGED_MINOR
    reply.ClearField("evidence")


def narrower_consent(liar: Liar, reply: Any, report: ReportMessage) -> None:
    """A consent without evidence, which the subject never signed, is in the liar's log."""
    hidden_evidence(liar, reply, report)
    consent = Consent.FromString(reply.consent.consent.envelope.payload)
    consent.sections.remove(codes_pb2.SECTION_EVIDENCE)
    reply.consent.consent.envelope.CopyFrom(seal(consent, SigningKey.generate()))
    liar.log_again(reply.consent.consent.receipt, reply.consent.consent.envelope)


def no_consent(_: Liar, reply: Any, __: ReportMessage) -> None:
    reply.ClearField("consent")


def one_debt_twice(_: Liar, reply: Any, report: ReportMessage) -> None:
    line = report.tradelines.add()
    line.CopyFrom(report.tradelines[0])
    line.tradeline_id = "0" * 32
    pieces = reply.evidence.evidence
    for piece in list(pieces):
        if piece.tradeline_id == report.tradelines[0].tradeline_id:
            pieces.add().CopyFrom(piece)
            pieces[-1].tradeline_id = line.tradeline_id


def one_id_twice(_: Liar, __: Any, report: ReportMessage) -> None:
    report.tradelines.add().CopyFrom(report.tradelines[0])


def other_action(_: Liar, __: Any, report: ReportMessage) -> None:
    report.tradelines[0].actions[0].reasons[:] = [ACTION_REASON_FRAUD_SUSPECTED]


def unsigned_action(_: Liar, __: Any, report: ReportMessage) -> None:
    report.tradelines[0].actions.add().CopyFrom(report.tradelines[0].actions[0])
    report.tradelines[0].actions[-1].record.record_index = 7


def later_than_its_inquiry(_: Liar, reply: Any, report: ReportMessage) -> None:
    report.log_size = reply.receipt.leaf_index + 1


def older_than_its_records(_: Liar, __: Any, report: ReportMessage) -> None:
    report.log_size = 1


def more_history(_: Liar, __: Any, report: ReportMessage) -> None:
    history = report.tradelines[0].history
    months = 37 - len(history.profile)
    history.profile += "D" * months
    for name in ("balance", "amount_due", "amount_paid", "amount_past_due"):
        getattr(history, f"{name}_minor").extend([0] * months)


def unopened_section(_: Liar, __: Any, report: ReportMessage) -> None:
    report.attributes.add(name="inquiries_1m", value=9.0)


LIES: dict[str, Lie] = {
    "evidence is hidden, and a balance forged": hidden_evidence,
    "evidence is hidden behind a consent that nobody signed": narrower_consent,
    "the consent is left out": no_consent,
    "one debt is shown as two": one_debt_twice,
    "one tradeline is there twice": one_id_twice,
    "an action has another reason": other_action,
    "an action comes without its record": unsigned_action,
    "the report is later than its inquiry": later_than_its_inquiry,
    "the report is older than its records": older_than_its_records,
    "the history is longer than the consent": more_history,
    "a section that the consent does not open": unopened_section,
}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """Somebody with two months of a card that was frozen."""
    person = scenario.person()
    card = account(person, "card", MAY)
    scenario.submit("brook", card, account(person, "card", JUNE, balance_minor=300_00))
    submission = scenario.lenders["brook"].submissions(limit=1)[0]
    freeze = FacilityAction(
        account_ref=card.account_ref,
        kind=FacilityActionKind.FREEZE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.INQUIRIES,),
        effective_time=scenario.now(),
        record_refs=(RecordRef(submission.submission_id, 0),),
    )
    scenario.submit("brook", freeze)
    return person


SECTIONS = [Section.TRADELINES, Section.PAYMENT_HISTORY, Section.EVIDENCE]


def asking(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    """Return the query of a lender under a new consent."""
    consent_id = scenario.inquiring(person, "acme", sections=SECTIONS)
    return lambda lender: lender.query(
        person.subject_id,
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id=consent_id,
        evidence=EvidenceLevel.ALL,
    )


def lying(scenario: Scenario, lie: Lie, inquiries: list[Envelope]) -> Callable[[str, Any], None]:
    """Return the lie of a transport about queries; the liar knows the inquiry."""
    liar = Liar.of(scenario)

    def change(path: str, reply: Any) -> None:
        if path != methods.QUERY_REPORT.path:
            return
        report = ReportMessage.FromString(reply.report.payload)
        lie(liar, reply, report)
        liar.sign(reply, inquiries[-1], report)

    return change


def true(_: Liar, __: Any, ___: ReportMessage) -> None:
    """Change nothing: the same path without a lie must work."""


@pytest.mark.parametrize("lie", [true, *LIES.values()], ids=["the truth", *LIES])
def test_the_sdk_believes_no_report_that_lies(scenario: Scenario, person: Wallet, lie: Lie) -> None:
    query = asking(scenario, person)
    inquiries: list[Envelope] = []

    def keep(statement: Any) -> None:
        inquiries.append(Envelope.FromString(statement.envelope))

    with Lender(scenario.profiles["acme"], clock=scenario.now, before_send=keep) as lender:
        forget_the_log(lender)
        deceive(lender, lying(scenario, lie, inquiries))
        refused = [_refused(lambda: query(lender))]

    async def ask() -> None:
        async with AsyncLender(
            scenario.profiles["acme"], clock=scenario.now, before_send=keep
        ) as lender:
            forget_the_log(lender)
            deceive(lender, lying(scenario, lie, inquiries))
            await query(lender)

    refused.append(_refused(lambda: asyncio.run(ask())))
    assert refused == [lie is not true] * 2


def _refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except VerificationFailed:
        return True
    return False


@pytest.mark.parametrize("lie", [true, *LIES.values()], ids=["the truth", *LIES])
def test_no_verifier_believes_a_saved_report_that_lies(
    scenario: Scenario, person: Wallet, lie: Lie, tmp_path: Path
) -> None:
    honest = asking(scenario, person)(scenario.lenders["acme"])
    assert honest.unproved == ("omissions",)
    path = tmp_path / "report.json"
    honest.save(path)
    saved = SavedReport.from_json(path.read_bytes())
    reply = methods.QUERY_REPORT.reply(
        report=saved.report, receipt=saved.receipt, evidence=saved.evidence, consent=saved.consent
    )
    report = ReportMessage.FromString(saved.report.payload)
    liar = Liar.of(scenario)
    lie(liar, reply, report)
    liar.sign(reply, saved.request, report)
    forged = SavedReport(
        reply.report,
        saved.request,
        reply.receipt,
        reply.consent if reply.HasField("consent") else None,
        evidence=reply.evidence,
        furnishers=saved.furnishers,
        vouchers=saved.vouchers,
    )
    path.write_text(forged.to_json())
    profile = scenario.profiles["acme"]
    profile.save(tmp_path / "profile")
    results = verifiers(Saved({}, profile, tmp_path / "profile"), path)
    verdicts = {name: is_verified(verify) for name, verify in results.items()}
    assert verdicts == dict.fromkeys(results, lie is true)


def test_a_report_is_no_older_than_what_the_client_has_seen(
    scenario: Scenario, person: Wallet
) -> None:
    """Without evidence nothing but the log's own size tells how old a report is."""
    consent_id = scenario.inquiring(person, "acme", sections=SECTIONS)
    inquiries: list[Envelope] = []

    def ask(lender: Lender) -> Report:
        return lender.query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )

    def keep(statement: Any) -> None:
        inquiries.append(Envelope.FromString(statement.envelope))

    with Lender(scenario.profiles["acme"], clock=scenario.now, before_send=keep) as lender:
        report = ask(lender)
        assert report.unproved == ("tradelines", "history", "actions", "omissions")
        deceive(lender, lying(scenario, older_than_its_records, inquiries))
        with pytest.raises(VerificationFailed, match="was read at log size 1"):
            ask(lender)


def test_a_consent_under_a_rotated_key_is_proved(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("brook", account(person, "card", MAY))
    for _ in range(2):
        person.rotate_key(SigningKey.generate())
    report = asking(scenario, person)(scenario.lenders["acme"])
    assert "tradelines" not in report.unproved
