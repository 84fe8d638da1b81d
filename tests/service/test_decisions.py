"""A decision: recorded by its lender, read by the person, decided again by an auditor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bureau.admin.integrity import rebuild_caches
from bureau.config import Settings
from bureau.ledger.entry_keys import EntryKeys
from bureau_client import (
    Action,
    Auditor,
    BureauError,
    Conflict,
    ConsentRevoked,
    Decision,
    DecisionBasis,
    DecisionOutcome,
    DecisionReason,
    InquiryOutcome,
    InvalidRequest,
    Month,
    NotFound,
    NoticeKind,
    Purpose,
    Report,
    SigningKey,
    Statement,
    VerificationFailed,
    Wallet,
)
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.envelope import seal
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.envelope_pb2 import Envelope
from tests.programs import output_of
from tests.service import calls
from tests.service.client_calls import decision_on
from tests.service.raw import Raw
from tests.service.scenario import DAY, Scenario, account, fresh_number, open_scenario
from tests.service.watching import MAY, monitor

INPUTS = json.dumps({"income_minor": 300_000}).encode()


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def auditor(scenario: Scenario) -> Iterator[Auditor]:
    with ExitStack() as closing:
        profile = scenario.bureau.add_member("auditor", ["auditor"])
        yield closing.enter_context(Auditor(profile, clock=scenario.now))


class MaximalBalance:
    """A policy that declines above a balance, with the accounts that it rests on."""

    def __init__(self, most_minor: int) -> None:
        self.document = json.dumps({"most_minor": most_minor}).encode()
        self._most_minor = most_minor

    def decide(self, report: Report, inputs: bytes) -> Decision:
        lines = [line for line in report.tradelines if line.history]
        total = sum(line.history.balance_minor[0] for line in lines if line.history)
        declined = total > self._most_minor
        basis = tuple(
            DecisionBasis(line.tradeline_id, line.history.newest_month)
            for line in lines
            if line.history
        )
        reason = DecisionReason("regb.excessive_obligations", ("total_balance.USD",), basis)
        return replace(
            decision_on(report, DecisionOutcome.DECLINE if declined else DecisionOutcome.APPROVE),
            policy_name="maximal-balance",
            policy_digest=sha256(self.document).digest(),
            inputs_digest=sha256(inputs).digest(),
            limit=None if declined else 500_00,
            currency="" if declined else "USD",
            reasons=(reason,) if declined else (),
        )


def customer(scenario: Scenario) -> Wallet:
    person = scenario.person()
    scenario.submit("brook", account(person, "card", MAY, balance_minor=900_00))
    return person


def test_the_person_reads_what_the_lender_signed(scenario: Scenario) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    report = scenario.report(person, "acme")
    decision = MaximalBalance(100_00).decide(report, INPUTS)
    receipt = acme.record_decision(decision)

    (shown,) = person.decisions()
    assert (shown.decision, shown.member_id) == (decision, "acme")
    assert shown.receipt.leaf_index == receipt.leaf_index
    assert shown.time == receipt.log_time
    assert acme.decisions(person.subject_id) == [shown]
    assert shown in acme.decisions()
    assert scenario.lenders["brook"].decisions() == []

    (notice,) = [each for each in person.notices() if each.kind is NoticeKind.DECISION]
    assert (notice.member_id, notice.proved) == ("acme", True)
    assert "decision" in notice.texts["en"]
    (event,) = [each for each in person.events() if each.kind == "decision"]
    assert (event.signer, event.statement) == ("members/acme", shown.statement)
    assert scenario.findings() == []


def test_decisions_come_newest_first_and_each_person_sees_their_own(scenario: Scenario) -> None:
    person, other = customer(scenario), customer(scenario)
    reports = [scenario.report(each, "acme") for each in (person, other, person)]
    for report in reports:
        scenario.lenders["acme"].record_decision(decision_on(report))
    shown = [each.decision.inquiry_id for each in person.decisions()]
    assert shown == [reports[2].request_id, reports[0].request_id]
    assert [each.decision.inquiry_id for each in person.decisions(limit=1)] == shown[:1]
    assert [each.decision.inquiry_id for each in other.decisions()] == [reports[1].request_id]


def test_decisions_of_several_nodes_are_in_order(
    scenario: Scenario, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node gives an entry its key before it waits for the person, and its leaf afterwards."""
    person, acme = customer(scenario), scenario.lenders["acme"]
    report = scenario.report(person, "acme")
    acme.record_decision(decision_on(report))

    key_at = EntryKeys.next
    with monkeypatch.context() as patch:
        patch.setattr(EntryKeys, "next", lambda _, now_us: key_at(EntryKeys(), now_us - 60_000_000))
        acme.record_decision(decision_on(report, DecisionOutcome.DECLINE))
    assert len(acme.decisions(person.subject_id)) == len(person.decisions()) == 2
    on_report = auditor.decisions(report.request_id, person.subject_id).decisions
    leaves = [each.receipt.leaf_index for each in on_report]
    assert len(leaves) == 2
    assert leaves == sorted(leaves)


def test_a_report_of_a_portfolio_is_decided_on(scenario: Scenario, auditor: Auditor) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "line", MAY))
    monitor(person, "acme")
    (report,) = acme.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])
    (line,) = [line for line in report.tradelines if line.member_id == "acme"]
    decision = replace(decision_on(report, DecisionOutcome.FREEZE), tradeline_id=line.tradeline_id)
    acme.record_decision(decision)

    (shown,) = person.decisions()
    assert shown.decision == decision
    (notice,) = [each for each in person.notices() if each.kind is NoticeKind.DECISION]
    assert notice.tradeline_id == line.tradeline_id
    decided = auditor.decisions(report.request_id, person.subject_id, member_id="acme")
    assert decided.decisions == (shown,)
    assert scenario.findings() == []


def test_an_auditor_who_holds_the_policy_decides_again(
    scenario: Scenario, auditor: Auditor
) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    policy, report = MaximalBalance(100_00), scenario.report(person, "acme")
    acme.record_decision(policy.decide(report, INPUTS))
    scenario.submit("brook", account(person, "card", MAY + 1, balance_minor=0))

    decided = auditor.decisions(report.request_id, report.subject_id)
    (recorded,) = decided.decisions
    assert decided.report.envelope == report.envelope
    auditor.check_decision(recorded, decided.report, policy, INPUTS)
    # The person, too, can hand over what they read.
    (shown,) = person.decisions()
    auditor.check_decision(shown, decided.report, policy, INPUTS)


def test_an_auditor_finds_a_decision_that_does_not_follow(
    scenario: Scenario, auditor: Auditor
) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    policy, report = MaximalBalance(100_00), scenario.report(person, "acme")
    right = policy.decide(report, INPUTS)
    (reason,) = right.reasons
    (entry,) = reason.basis
    wrong = {
        "another digest of the policy": replace(right, policy_digest=bytes(32)),
        "another digest of the inputs": replace(right, inputs_digest=bytes(32)),
        "outcome is": replace(right, outcome=DecisionOutcome.APPROVE),
        "reasons is": replace(right, reasons=(DecisionReason("regb.other"),)),
        "the report lacks tradeline 00": replace(
            right, reasons=(replace(reason, basis=(DecisionBasis("00" * 16),)),)
        ),
        "lacks 1999-01": replace(
            right, reasons=(replace(reason, basis=(replace(entry, month=Month(1999, 1)),)),)
        ),
        "the report lacks tradeline ff": replace(right, tradeline_id="ff" * 16),
    }
    for decision in wrong.values():
        acme.record_decision(decision)
    decided = auditor.decisions(report.request_id, report.subject_id)
    for recorded, (problem, decision) in zip(decided.decisions, wrong.items(), strict=True):
        assert recorded.decision == decision
        with pytest.raises(VerificationFailed, match=problem) as caught:
            auditor.check_decision(recorded, decided.report, policy, INPUTS)
        assert "member that decided" in caught.value.fix

    other = scenario.report(person, "acme")
    with pytest.raises(VerificationFailed, match="inquiry"):
        auditor.check_decision(decided.decisions[0], other, policy, INPUTS)
    altered = replace(decided.decisions[0], statement=decided.decisions[1].statement)
    with pytest.raises(VerificationFailed, match="does not verify"):
        auditor.check_decision(altered, decided.report, policy, INPUTS)


def test_only_a_report_that_the_lender_got_is_decided_on(scenario: Scenario) -> None:
    person, other = customer(scenario), customer(scenario)
    acme, brook = scenario.lenders["acme"], scenario.lenders["brook"]
    mine, theirs = scenario.report(person, "acme"), scenario.report(person, "brook")
    with pytest.raises(NotFound) as foreign:
        acme.record_decision(decision_on(theirs))
    unknown = replace(decision_on(mine), inquiry_id="01234567-89ab-4def-8123-456789abcdef")
    with pytest.raises(NotFound) as nothing:
        acme.record_decision(unknown)
    assert foreign.value.message == nothing.value.message
    with pytest.raises(NotFound):
        acme.record_decision(replace(decision_on(mine), subject_id=other.subject_id))
    digest = decision_on(theirs).report_digest
    with pytest.raises(InvalidRequest) as caught:
        acme.record_decision(replace(decision_on(mine), report_digest=digest))
    assert [each.field for each in caught.value.violations] == ["report_digest"]
    assert person.decisions() == []
    brook.record_decision(decision_on(theirs))


def test_a_denied_inquiry_and_a_replay_are_no_reports(scenario: Scenario) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    report = scenario.report(person, "acme")
    acme.replay(report.request_id, person.subject_id)
    consent_id = scenario.inquiring(person, "acme")
    person.revoke(consent_id)
    with pytest.raises(ConsentRevoked):
        acme.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    (denied,) = [
        line for line in acme.inquiries(person.subject_id) if line.outcome is InquiryOutcome.DENIED
    ]
    with pytest.raises(NotFound):
        acme.record_decision(replace(decision_on(report), inquiry_id=denied.inquiry_id))


def test_a_decision_that_is_sent_again_counts_once(scenario: Scenario) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    sent: list[Statement] = []
    with ExitStack() as closing:
        keeping = closing.enter_context(
            type(acme)(scenario.profiles["acme"], clock=scenario.now, before_send=sent.append)
        )
        report = scenario.report(person, "acme")
        receipt = keeping.record_decision(decision_on(report))
        (statement,) = sent
        assert keeping.resend(statement).leaf_index == receipt.leaf_index
    assert len(person.decisions()) == 1


def test_a_decision_is_recorded_once_under_its_key(scenario: Scenario) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    report = scenario.report(person, "acme")
    first = acme.record_decision(decision_on(report), idempotency_key="A-17")
    again = acme.record_decision(decision_on(report), idempotency_key="A-17")
    assert again.leaf_index == first.leaf_index
    other = replace(decision_on(report), outcome=DecisionOutcome.REFER)
    with pytest.raises(Conflict, match="Another decision"):
        acme.record_decision(other, idempotency_key="A-17")
    acme.record_decision(other, idempotency_key="A-18")
    assert len(person.decisions()) == 2


SHAPES: list[tuple[Callable[[DecisionReceipt], object], str, str]] = [
    (lambda message: message.ClearField("reasons"), "INVALID_FIELD", "reasons"),
    (lambda message: setattr(message, "currency", "USD"), "INVALID_FIELD", "currency"),
    (lambda message: setattr(message, "limit_minor", 1), "INVALID_FIELD", "currency"),
    (
        lambda message: message.MergeFrom(DecisionReceipt(limit_minor=1, currency="XXQ")),
        "UNKNOWN_CURRENCY",
        "currency",
    ),
    (
        lambda message: message.reasons[0].basis.add(tradeline_id="0" * 32, month=202413),
        "INVALID_FIELD",
        "reasons[0].basis[0].month",
    ),
    (
        lambda message: message.reasons[0].basis.add(tradeline_id="0" * 32, month=12),
        "INVALID_FIELD",
        "reasons[0].basis[0].month",
    ),
    (lambda message: message.ClearField("outcome"), "UNKNOWN_ENUM", "outcome"),
    (
        lambda message: setattr(message.reasons[0], "code", "<b>"),
        "INVALID_FIELD",
        "reasons[0].code",
    ),
]


@pytest.mark.parametrize(("change", "reason", "field"), SHAPES)
def test_a_decision_keeps_the_rules_of_the_contract(
    scenario: Scenario, change: Callable[[DecisionReceipt], Any], reason: str, field: str
) -> None:
    person, raw = customer(scenario), Raw(scenario.profiles["acme"])
    consent_id = scenario.inquiring(person, "acme")
    report: Envelope = raw.query(person.subject_id, consent_id).reply.report
    message = decision_message(report, raw)
    change(message)
    request = reporting_pb2.RecordDecisionRequest(decision=seal(message, raw.key))
    answer = raw.send("Reporting/RecordDecision", request)
    assert (answer.reason, answer.fields[0]) == (reason, field)
    assert person.decisions() == []


def decision_message(report: Envelope, raw: Raw) -> DecisionReceipt:
    """A decision on a report, as the contract has it."""
    return calls.decision_on(report, raw.header())


def test_a_report_takes_so_many_decisions() -> None:
    with open_scenario("acme", limits={"decisions_of_report": 2}) as scenario:
        person, acme = customer_of(scenario), scenario.lenders["acme"]
        report = scenario.report(person, "acme")
        for _ in range(2):
            acme.record_decision(decision_on(report))
        with pytest.raises(BureauError) as caught:
            acme.record_decision(decision_on(report))
        assert caught.value.reason == "LIMIT_REACHED"
        acme.record_decision(decision_on(scenario.report(person, "acme")))
        assert len(person.decisions()) == 3


def customer_of(scenario: Scenario) -> Wallet:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    return person


def test_an_erasure_leaves_decisions_and_their_proofs(scenario: Scenario) -> None:
    person, acme = customer(scenario), scenario.lenders["acme"]
    report = scenario.report(person, "acme")
    (line,) = report.tradelines
    decision = replace(
        decision_on(report),
        reasons=(DecisionReason("regb.other", basis=(DecisionBasis(line.tradeline_id),)),),
    )
    acme.record_decision(decision)
    scenario.erase(person.subject_id)
    assert [each.decision for each in person.decisions()] == [decision]
    acme.record_decision(replace(decision, outcome=DecisionOutcome.REDUCE))
    assert len(acme.decisions(person.subject_id)) == 2
    assert scenario.findings() == []


def test_the_command_lines_show_decisions_in_words(tmp_path: Path) -> None:
    def run(command: str, *arguments: str | Path) -> str:
        return output_of(command, "decisions", *arguments)

    with open_scenario("acme") as scenario:
        folder, person = wallet_folder(scenario, tmp_path / "wallet")
        scenario.submit("acme", account(person, "card", MAY, balance_minor=900_00))
        acme = scenario.lenders["acme"]
        report = scenario.report(person, "acme")
        (line,) = report.tradelines
        acme.record_decision(MaximalBalance(100_00).decide(report, INPUTS))
        acme.record_decision(MaximalBalance(1_000_00).decide(report, INPUTS))
        for name, profile in (("agent", scenario.agent), ("acme", scenario.profiles["acme"])):
            profile.save(tmp_path / name)
        own = ("--wallet", folder, "--profile", tmp_path / "agent")
        shown = run("bureau-wallet", *own)
        assert shown.count("granted as asked for") == shown.count("declined") == 1
        assert "limit 500.00 USD" in shown
        assert "policy maximal-balance 2026.1" in shown
        assert f"rests on tradeline {line.tradeline_id}, {MAY}" in shown
        assert DecisionOutcome.DECLINE.text_in("zh") in run(
            "bureau-wallet", *own, "--language", "zh"
        )
        lender = ("--profile", tmp_path / "acme", "--output", "json", "--subject")
        rows = json.loads(run("bureau-lender", *lender, person.subject_id))
        assert [row["decision"]["outcome"] for row in rows] == ["APPROVE", "DECLINE"]
        assert json.loads(run("bureau-lender", *lender, "0" * 32)) == []


def wallet_folder(scenario: Scenario, path: Path) -> tuple[Path, Wallet]:
    """A wallet on disk, of a person who lets acme furnish."""
    subject_id = scenario.lenders["acme"].subject_id("US", "ssn", fresh_number())
    folder = WalletFolder.create(path, subject_id)
    key = SigningKey.from_pem((path / "key.pem").read_bytes())
    person = scenario.attested("acme", subject_id, key=key)
    person.grant("acme", [Action.FURNISH], expire=DAY)
    return folder.path, person


def test_the_list_of_decisions_is_rebuilt_from_the_statements() -> None:
    with open_scenario("acme") as scenario:
        person = customer_of(scenario)
        scenario.lenders["acme"].record_decision(decision_on(scenario.report(person, "acme")))
        shown = person.decisions()
        with scenario.database() as database, database.transaction() as db:
            db.execute_raw("DELETE FROM decision")
        assert person.decisions() == []
        assert ["decision" in finding.what for finding in scenario.findings()] == [True]
        with scenario.database() as database:
            settings = Settings.load(scenario.bureau.folder)
            assert rebuild_caches(database, settings).rows == {"decision": 1}
        assert person.decisions() == shown
