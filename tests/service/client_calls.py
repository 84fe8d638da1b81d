"""One call of each method of the contract, by the SDK's clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from bureau_client import (
    Action,
    AsyncAuditor,
    AsyncLender,
    AsyncObserver,
    AsyncRelay,
    AsyncWallet,
    Auditor,
    Complaint,
    ComplaintKind,
    ComplaintOutcome,
    ConsentMode,
    Decision,
    DecisionOutcome,
    DecisionReason,
    DisputeOutcome,
    DisputeReason,
    HoldKind,
    IdentificationMethod,
    Lender,
    NoticeKind,
    Observer,
    Profile,
    Purpose,
    Relay,
    Report,
    SigningKey,
    Wallet,
)
from bureau_client._operations import methods
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from tests.service.scenario import DAY, Scenario, account, fresh_number
from tests.service.watching import MAY, monitor

MINUTE = timedelta(minutes=1)
# Makes what a method needs, through clients that are not lied to; returns the call.
Case: TypeAlias = Callable[[Scenario, Wallet], Callable[[Any], Any]]


def disputed(scenario: Scenario, person: Wallet) -> str:
    """Open a dispute about a new account; return its id."""
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    return dispute.dispute_id


def grant(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda wallet: wallet.grant("brook", [Action.FURNISH], expire=DAY)


def change_consent(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent_id = scenario.inquiring(person, "acme")
    return lambda wallet: wallet.pause(consent_id)


def asked_for_consent(lender: Any, person: Wallet) -> Any:
    """A lender's request to a person, for a consent to furnish."""
    return lender.request_consent(
        person.subject_id, [Action.FURNISH], text="Your new account", period=DAY
    )


def request_consent(_: Scenario, person: Wallet) -> Callable[[Any], Any]:
    return lambda lender: asked_for_consent(lender, person)


def withdraw_request(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    request = asked_for_consent(scenario.lenders["acme"], person)
    return lambda lender: lender.withdraw_consent_request(request)


def decline_request(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    request = asked_for_consent(scenario.lenders["acme"], person)
    return lambda wallet: wallet.decline_request(request)


def consent_requests(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    scenario.lenders["acme"].withdraw_consent_request(
        asked_for_consent(scenario.lenders["acme"], person)
    )
    person.decline_request(asked_for_consent(scenario.lenders["acme"], person))
    return lambda wallet: wallet.consent_requests()


def choose_notices(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda wallet: wallet.choose_notices([NoticeKind.INQUIRY])


def evaluate(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda lender: lender.subject_id("US", "ssn", "000-12-3456")


def submit(_: Scenario, person: Wallet) -> Callable[[Any], Any]:
    return lambda lender: lender.submit([account(person, "card", MAY)])


def get_submission(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    submission_id = scenario.submit("acme", account(person, "card", MAY))
    return lambda lender: lender.submission(submission_id)


def answer_dispute(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    dispute_id = disputed(scenario, person)
    return lambda lender: lender.answer_dispute(dispute_id, DisputeOutcome.ACCURATE)


def complained(scenario: Scenario, person: Wallet) -> Complaint:
    """Complain about the use of a new consent."""
    consent_id = scenario.inquiring(person, "acme")
    return person.complain("acme", ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)


def open_complaint(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent_id = scenario.inquiring(person, "acme")
    return lambda wallet: wallet.complain("acme", ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)


def answer_complaint(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    complaint = complained(scenario, person)
    return lambda lender: lender.answer_complaint(complaint, ComplaintOutcome.REJECTED, "No.")


def escalate_complaint(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    complaint = complained(scenario, person)
    scenario.lenders["acme"].answer_complaint(complaint, ComplaintOutcome.REJECTED, "No.")
    return lambda wallet: wallet.escalate(complaint.complaint_id)


def complaint_about(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    complained(scenario, person)
    return lambda lender: first(lender.watch_complaints())


def register(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    complained(scenario, person)
    return lambda auditor: auditor.complaint_counts()


def get_receipt(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent = person.consents()[0]
    return lambda wallet: wallet.receipt(consent.consent_id, consent.envelope)


def change_credential(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda lender: lender.add_key(SigningKey.generate())


def get_standard(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda auditor: auditor.standard()


def query(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent_id = scenario.inquiring(person, "acme")
    return lambda lender: lender.query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )


def replay(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    request_id = scenario.report(person, "acme").request_id
    return lambda lender: lender.replay(request_id, person.subject_id)


def portfolio(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    scenario.submit("acme", account(person, "card", MAY))
    monitor(person, "acme")
    return lambda lender: lender.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])


def attest(scenario: Scenario, _: Wallet) -> Callable[[Any], Any]:
    subject_id = scenario.lenders["acme"].subject_id("US", "ssn", fresh_number())
    newcomer = Wallet(scenario.agent, subject_id, SigningKey.generate(), clock=scenario.now)
    return lambda lender: lender.attest(
        newcomer.binding(),
        method=IdentificationMethod.IN_PERSON,
        identify_time=scenario.now() - MINUTE,
    )


def rotate_key(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda wallet: wallet.rotate_key(SigningKey.generate())


def pending_key(scenario: Scenario, person: Wallet) -> str:
    """Have a lender attest a key in place of a person's; return its id."""
    key = SigningKey.generate()
    successor = Wallet(scenario.agent, person.subject_id, key, clock=scenario.now)
    scenario.lenders["brook"].attest(
        successor.binding(),
        method=IdentificationMethod.IN_PERSON,
        identify_time=scenario.now() - MINUTE,
        replaces=True,
    )
    return key.verify_key.key_id


def approve_key(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    key_id = pending_key(scenario, person)
    return lambda wallet: wallet.approve_key(key_id)


def repudiate_key(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    key_id = pending_key(scenario, person)
    return lambda wallet: wallet.repudiate_key(key_id)


def place_hold(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda wallet: wallet.place_hold(HoldKind.SECURITY_FREEZE)


def lift_hold(_: Scenario, person: Wallet) -> Callable[[Any], Any]:
    hold_id = person.place_hold(HoldKind.SECURITY_FREEZE).hold_id
    return lambda wallet: wallet.lift_hold(hold_id)


def open_dispute(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    return lambda wallet: wallet.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )


def add_to_dispute(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    dispute_id = disputed(scenario, person)
    return lambda wallet: wallet.add_to_dispute(dispute_id, "Here is the letter.")


def set_statement(_: Scenario, __: Wallet) -> Callable[[Any], Any]:
    return lambda wallet: wallet.set_statement("I have a new job.")


def record_decision(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    decision = decision_on(scenario.report(person, "acme"))
    return lambda lender: lender.record_decision(decision)


def decision_on(report: Report, outcome: DecisionOutcome = DecisionOutcome.DECLINE) -> Decision:
    """A decision on a report, with a reason."""
    return Decision(
        subject_id=report.subject_id,
        inquiry_id=report.request_id,
        report_digest=report.digest,
        policy_name="cards",
        policy_version="2026.1",
        policy_digest=bytes(32),
        inputs_digest=bytes(32),
        outcome=outcome,
        reasons=(DecisionReason("regb.excessive_obligations"),),
    )


def confirm_deletion(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    """Of a report that acme received under a consent that was revoked then."""
    terms: dict[str, Any] = {"mode": ConsentMode.STORE, "data_life": DAY}
    report = scenario.report(person, "acme", **terms)
    person.revoke(report.consent_id)
    return lambda lender: lender.confirm_deletion(report.consent_id)


# Methods that answer with a receipt, and the client that calls each.
RECEIPTED_CASES: dict[str, tuple[str, Case]] = {
    methods.GRANT_CONSENT.path: ("wallet", grant),
    methods.CHANGE_CONSENT.path: ("wallet", change_consent),
    methods.REQUEST_CONSENT.path: ("lender", request_consent),
    methods.WITHDRAW_CONSENT_REQUEST.path: ("lender", withdraw_request),
    methods.DECLINE_CONSENT_REQUEST.path: ("wallet", decline_request),
    methods.CONFIRM_DELETION.path: ("lender", confirm_deletion),
    methods.CHOOSE_NOTICES.path: ("wallet", choose_notices),
    methods.EVALUATE.path: ("lender", evaluate),
    methods.SUBMIT_RECORDS.path: ("lender", submit),
    methods.GET_SUBMISSION.path: ("lender", get_submission),
    methods.ANSWER_DISPUTE.path: ("lender", answer_dispute),
    methods.GET_RECEIPT.path: ("wallet", get_receipt),
    methods.CHANGE_CREDENTIAL.path: ("lender", change_credential),
    methods.GET_STANDARD.path: ("auditor", get_standard),
    methods.QUERY_REPORT.path: ("lender", query),
    methods.REPLAY_REPORT.path: ("lender", replay),
    methods.RECORD_DECISION.path: ("lender", record_decision),
    methods.QUERY_PORTFOLIO.path: ("lender", portfolio),
    methods.ATTEST_KEY.path: ("lender", attest),
    methods.ROTATE_KEY.path: ("wallet", rotate_key),
    methods.APPROVE_KEY.path: ("wallet", approve_key),
    methods.REPUDIATE_KEY.path: ("wallet", repudiate_key),
    methods.PLACE_HOLD.path: ("wallet", place_hold),
    methods.LIFT_HOLD.path: ("wallet", lift_hold),
    methods.OPEN_DISPUTE.path: ("wallet", open_dispute),
    methods.ADD_TO_DISPUTE.path: ("wallet", add_to_dispute),
    methods.SET_STATEMENT.path: ("wallet", set_statement),
    methods.OPEN_COMPLAINT.path: ("wallet", open_complaint),
    methods.ESCALATE_COMPLAINT.path: ("wallet", escalate_complaint),
    methods.ANSWER_COMPLAINT.path: ("lender", answer_complaint),
}


def reading(call: Callable[[Any], Any]) -> Case:
    """Return the case of a call that needs nothing beforehand."""
    return lambda _, __: call


def first(stream: Any) -> Any:
    """Return the first message of a stream that has no end."""
    return next(iter(stream))


def alert(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    monitor(person, "acme")
    scenario.submit("brook", account(person, "card", MAY))
    return lambda lender: first(lender.alerts())


def own_consent(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent_id = scenario.inquiring(person, "acme")
    return lambda lender: lender.consent(consent_id)


def consent_change(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    scenario.inquiring(person, "acme")
    return lambda lender: first(lender.watch_consents())


def disputed_record(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    disputed(scenario, person)
    return lambda lender: first(lender.watch_disputes())


def erased(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    scenario.submit("acme", account(person, "card", MAY))
    scenario.erase(person.subject_id)
    return lambda lender: lender.erasures()


def two_reports(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    consent_id = scenario.inquiring(person, "acme")
    asked: dict[str, Any] = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": consent_id}
    reports = [scenario.lenders["acme"].query(person.subject_id, **asked) for _ in range(2)]
    return lambda lender: lender.check_events(*reports)


def decisions(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    decision = decision_on(scenario.report(person, "acme"))
    scenario.lenders["acme"].record_decision(decision)
    return lambda wallet: wallet.decisions()


def own_decisions(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    decisions(scenario, person)
    return lambda lender: lender.decisions(person.subject_id)


def story(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    request_id = scenario.report(person, "acme").request_id
    return lambda observer: observer.story(request_id)


def alert_counts(scenario: Scenario, person: Wallet) -> Callable[[Any], Any]:
    alert(scenario, person)
    return lambda observer: observer.alert_counts()


def notice_choice(_: Scenario, person: Wallet) -> Callable[[Any], Any]:
    person.choose_notices([NoticeKind.INQUIRY])
    return lambda wallet: wallet.notice_choice()


def relayed(_: Scenario, person: Wallet) -> Callable[[Any], Any]:
    person.choose_notices(agent_id="agent")
    person.place_hold(HoldKind.FRAUD_ALERT)
    return lambda relay: first(relay.relayed_notices())


def grown(auditor: Any) -> object:
    """Check that the log grew from its first checkpoint to its newest."""
    checkpoints = auditor.checkpoints()
    return auditor.consistency(checkpoints[0].note, checkpoints[-1].note)


# Methods that only read, and the client that calls each.
READING_CASES: dict[str, tuple[str, Case]] = {
    methods.LIST_CONSENTS.path: ("wallet", reading(lambda wallet: wallet.consents())),
    methods.LIST_CONSENT_REQUESTS.path: ("wallet", consent_requests),
    methods.GET_CONSENT.path: ("lender", own_consent),
    methods.WATCH_CONSENTS.path: ("lender", consent_change),
    methods.LIST_ERASURES.path: ("lender", erased),
    methods.LIST_SUBMISSIONS.path: ("lender", reading(lambda lender: lender.submissions())),
    methods.WATCH_DISPUTES.path: ("lender", disputed_record),
    methods.LIST_DISPUTED_RECORDS.path: ("lender", reading(lambda lender: lender.disputes())),
    methods.GET_CHECKPOINT.path: ("auditor", reading(lambda auditor: auditor.checkpoint())),
    methods.LIST_CHECKPOINTS.path: ("auditor", reading(lambda auditor: auditor.checkpoints())),
    methods.LIST_LEAVES.path: ("auditor", reading(lambda auditor: auditor.audit())),
    methods.GET_CONSISTENCY_PROOF.path: ("auditor", reading(grown)),
    methods.GET_MEMBER.path: ("auditor", reading(lambda auditor: auditor.member("acme"))),
    methods.LIST_MEMBERS.path: ("lender", reading(lambda lender: lender.members())),
    methods.WATCH_ALERTS.path: ("lender", alert),
    methods.ACKNOWLEDGE_ALERTS.path: ("lender", reading(lambda lender: lender.acknowledge(1))),
    methods.LIST_OWN_DECISIONS.path: ("lender", own_decisions),
    methods.LIST_DECISIONS.path: ("wallet", decisions),
    methods.LIST_OWN_INQUIRIES.path: ("lender", reading(lambda lender: lender.inquiries())),
    methods.PROVE_EVENTS.path: ("lender", two_reports),
    methods.GET_FILE.path: ("wallet", reading(lambda wallet: wallet.file())),
    methods.LIST_INQUIRIES.path: ("wallet", reading(lambda wallet: wallet.inquiries())),
    methods.LIST_EVENTS.path: ("wallet", reading(lambda wallet: wallet.events())),
    methods.LIST_DISPUTES.path: ("wallet", reading(lambda wallet: wallet.disputes())),
    methods.LIST_COMPLAINTS.path: ("wallet", reading(lambda wallet: wallet.complaints())),
    methods.LIST_RECEIVED_COMPLAINTS.path: (
        "lender",
        reading(lambda lender: lender.complaints()),
    ),
    methods.WATCH_COMPLAINTS.path: ("lender", complaint_about),
    methods.LIST_COMPLAINT_REGISTER.path: ("auditor", register),
    methods.LIST_NOTICES.path: ("wallet", reading(lambda wallet: wallet.notices())),
    methods.LIST_CALLS.path: ("observer", reading(lambda observer: observer.calls())),
    methods.GET_STORY.path: ("observer", story),
    methods.LIST_DEADLINES.path: ("observer", reading(lambda observer: observer.deadlines())),
    methods.COUNT_ALERTS.path: ("observer", alert_counts),
    methods.GET_LOG_GROWTH.path: ("observer", reading(lambda observer: observer.log_growth())),
    methods.WATCH_NOTICES.path: ("wallet", reading(lambda wallet: first(wallet.watch_notices()))),
    methods.GET_NOTICE_CHOICE.path: ("wallet", notice_choice),
    methods.RELAY_NOTICES.path: ("relay", relayed),
}


def client_of(kind: str, scenario: Scenario, person: Wallet, quorum: int, *, is_async: bool) -> Any:
    """Return a client; with a quorum, one that trusts a witness who never cosigns."""
    witness = note_vkey("w.example/1", SigningKey.generate().verify_key, COSIGNATURE_V1)

    def demanding(profile: Profile) -> Profile:
        return profile.requiring(quorum, [witness]) if quorum else profile

    if kind == "wallet":
        key = scenario.keys[person.subject_id]
        agent = demanding(scenario.agent)
        wallet = AsyncWallet if is_async else Wallet
        return wallet(agent, person.subject_id, key, clock=scenario.now)
    if kind == "relay":
        relay = AsyncRelay if is_async else Relay
        return relay(demanding(scenario.agent), clock=scenario.now)
    acme = demanding(scenario.profiles["acme"])
    if kind == "lender":
        lender = AsyncLender if is_async else Lender
        return lender(acme, clock=scenario.now)
    if kind == "observer":
        observer = AsyncObserver if is_async else Observer
        return observer(acme, clock=scenario.now)
    auditor = AsyncAuditor if is_async else Auditor
    return auditor(acme, clock=scenario.now)


def carry_out(client: Any, action: Callable[[Any], Any]) -> None:
    """Do one call of a client to its end, and close the client."""

    async def wait() -> None:
        async with client:
            result = action(client)
            if hasattr(result, "__aiter__"):
                async for _ in result:
                    pass
            else:
                await result

    if hasattr(client, "__aenter__"):
        asyncio.run(wait())
        return
    with client:
        result = action(client)
        if hasattr(result, "__next__"):
            for _ in result:
                pass
