"""The methods of the contract: who may call each, and what a caller would send who may.

The table is written by hand from the contract's words.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from bureau.admin.bureau_folder import InitOptions
from bureau.store import queries as q
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.envelope import seal
from bureau_keys.pseudonym import blind_many
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    complaint_pb2,
    complaints_pb2,
    consent_event_pb2,
    consent_pb2,
    consent_request_pb2,
    consents_pb2,
    decision_pb2,
    directory_pb2,
    dispute_pb2,
    furnishing_pb2,
    hold_pb2,
    log_pb2,
    members_pb2,
    notice_pb2,
    notices_pb2,
    operations_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.report_pb2 import Report
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE

ROLES = ("furnisher", "subscriber", "attester", "agent", "auditor", "operator")
ANYBODY = "furnisher subscriber attester agent auditor operator"

# Which roles open a method that is served.
MAY = {
    "Directory/GetDirectoryKey": ANYBODY,
    "Directory/Evaluate": "furnisher subscriber attester agent",
    "Subjects/AttestKey": "attester",
    "Subjects/RotateKey": "agent",
    "Subjects/ApproveKey": "agent",
    "Subjects/RepudiateKey": "attester agent",
    "Subjects/ListEvents": "agent",
    "Subjects/ListInquiries": "agent",
    "Subjects/GetFile": "agent",
    "Subjects/PlaceHold": "agent",
    "Subjects/LiftHold": "agent",
    "Subjects/OpenDispute": "agent",
    "Subjects/AddToDispute": "agent",
    "Subjects/ListDisputes": "agent",
    "Subjects/SetStatement": "agent",
    "Consents/GrantConsent": "agent",
    "Consents/ChangeConsent": "agent",
    "Consents/GetConsent": "furnisher subscriber agent",
    "Consents/ListConsents": "furnisher subscriber agent",
    "Consents/RequestConsent": "furnisher subscriber",
    "Consents/WithdrawConsentRequest": "furnisher subscriber",
    "Consents/DeclineConsentRequest": "agent",
    "Consents/ListConsentRequests": "furnisher subscriber agent",
    "Consents/WatchConsents": "furnisher subscriber",
    "Consents/ConfirmDeletion": "subscriber",
    "Furnishing/SubmitRecords": "furnisher",
    "Furnishing/GetSubmission": "furnisher",
    "Furnishing/ListErasures": "furnisher auditor operator",
    "Furnishing/ListSubmissions": "furnisher",
    "Furnishing/ListDisputedRecords": "furnisher",
    "Furnishing/AnswerDispute": "furnisher",
    "Reporting/QueryReport": "subscriber",
    "Log/GetCheckpoint": ANYBODY,
    "Log/ListCheckpoints": ANYBODY,
    "Log/ListLeaves": ANYBODY,
    "Log/GetInclusionProof": ANYBODY,
    "Log/GetConsistencyProof": ANYBODY,
    "Log/GetTile": ANYBODY,
    "Log/GetReceipt": ANYBODY,
    "Members/AdmitMember": "operator",
    "Members/ChangeMember": "operator",
    "Members/SetMemberState": "operator",
    "Members/ChangeCredential": ANYBODY,
    "Members/GetMember": ANYBODY,
    "Members/ListMembers": ANYBODY,
    "Subjects/ListNotices": "agent",
    "Notices/WatchNotices": "agent",
    "Notices/RelayNotices": "agent",
    "Notices/ChooseNotices": "agent",
    "Notices/GetNoticeChoice": "agent",
    "Furnishing/WatchDisputes": "furnisher",
    "Reporting/ReplayReport": "subscriber auditor",
    "Reporting/QueryPortfolio": "subscriber",
    "Reporting/ListOwnInquiries": "subscriber",
    "Reporting/ProveEvents": "subscriber auditor",
    "Reporting/RecordDecision": "subscriber",
    "Reporting/ListOwnDecisions": "subscriber",
    "Subjects/ListDecisions": "agent",
    "Reporting/WatchAlerts": "subscriber",
    "Reporting/AcknowledgeAlerts": "subscriber",
    "Members/PublishStandard": "operator",
    "Members/GetStandard": ANYBODY,
    "Complaints/OpenComplaint": "agent",
    "Complaints/EscalateComplaint": "agent",
    "Complaints/ListComplaints": "agent",
    "Complaints/ListReceivedComplaints": "furnisher subscriber operator",
    "Complaints/WatchComplaints": "furnisher subscriber",
    "Complaints/AnswerComplaint": "furnisher subscriber",
    "Complaints/DecideComplaint": "operator",
    "Complaints/ListComplaintRegister": ANYBODY,
    "Operations/ListCalls": ANYBODY,
    "Operations/GetStory": ANYBODY,
    "Operations/ListDeadlines": "furnisher subscriber operator",
    "Operations/CountAlerts": "subscriber operator",
    "Operations/GetLogGrowth": ANYBODY,
}


@dataclass
class Scenario:
    """A bureau with one member of each role and nothing else, and a person who lets
    every one of them furnish and inquire: what is refused is refused for the role."""

    bureau: RunningBureau
    members: dict[str, Raw]
    person: Person
    inquire: dict[str, str]

    def size(self) -> int:
        with self.bureau.server.database.snapshot() as db:
            row = db.one(q.log_size)
            assert row is not None
            return int(row[0])

    def newcomer(self) -> Person:
        """Somebody whose key is bound, by the attester."""
        return bound_person(self.members["attester"])

    def submission_id(self) -> str:
        """Of a submission of the furnisher's."""
        answer = self.members["furnisher"].submit([snapshot(self.person.subject_id)])
        return str(ok(answer).submission.submission_id)


@contextmanager
def open_scenario(database_url: str = "", **overrides: Any) -> Iterator[Scenario]:
    """A scenario whose bureau has its database there.

    Args:
        overrides: Settings of the node.
    """
    plan = InitOptions(database_url=database_url)
    with running_bureau(plan=plan, **overrides) as bureau:
        members = {
            role: Raw(bureau.add_member(role, [role], ["credit-application", "account-review"]))
            for role in ROLES
            if role != "operator"
        }
        members["operator"] = Raw(bureau.operator)
        agent = members["agent"]
        person = bound_person(members["attester"])
        for role in ROLES:
            granted(agent, person, role, FURNISH)
        inquire = {role: granted(agent, person, role, INQUIRE) for role in ROLES}
        yield Scenario(bureau, members, person, inquire)


def ok(answer: Answer) -> Any:
    assert answer.code == "OK", answer
    return answer.reply


def bound_person(attester: Raw) -> Person:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), attester.profile.trust.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(attester, person))
    ok(attester.send("Subjects/AttestKey", request))
    return person


def granted(agent: Raw, person: Person, grantee: str, action: int, **terms: Any) -> str:
    request = consents_pb2.GrantConsentRequest(consent=person.consent(grantee, action, **terms))
    return str(ok(agent.send("Consents/GrantConsent", request)).consent.consent_id)


def asked_by(person: Person, method: str, key: SigningKey | None = None) -> Envelope:
    """A person's own signed request to read."""
    message = consents_pb2.SubjectRequest(
        header=person.header(), method=f"creditbureau.v1.{method}"
    )
    return seal(message, key or person.key)


def change_of(person: Person, consent_id: str, transition: int) -> Message:
    message = consent_pb2.ConsentChange(
        header=person.header(),
        consent_id=consent_id,
        transition=transition,  # type: ignore[arg-type]
    )
    return consents_pb2.ChangeConsentRequest(change=seal(message, person.key))


def possession(raw: Raw, member_id: str, key: SigningKey) -> Envelope:
    header = raw.header(signer=f"members/{member_id}")
    message = members_pb2.KeyPossession(header=header, public_key=key.verify_key.raw)
    return seal(message, key)


def credential(raw: Raw, member_id: str, **change: Any) -> members_pb2.ChangeCredentialRequest:
    """A member's signed wish to change a credential; without words, a new key."""
    change = change or {"add_key": possession(raw, member_id, SigningKey.generate())}
    message = members_pb2.CredentialChange(header=raw.header(), member_id=member_id, **change)
    return members_pb2.ChangeCredentialRequest(change=seal(message, raw.key))


# What a caller would send who may: whole, signed, and about what is there --------


def evaluate(_scenario: Scenario, raw: Raw) -> Message:
    _, elements = blind_many([b"US|SSN|000112222"])
    message = directory_pb2.Evaluation(header=raw.header(), blinded_elements=elements)
    return directory_pb2.EvaluateRequest(evaluation=seal(message, raw.key))


def attest(scenario: Scenario, raw: Raw) -> Message:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), scenario.person.origin)
    return subjects_pb2.AttestKeyRequest(attestation=attestation(raw, person))


def rotate(scenario: Scenario, _raw: Raw) -> Message:
    person, key = scenario.newcomer(), SigningKey.generate()
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=key.verify_key.raw
    )
    rotation = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, key))
    return subjects_pb2.RotateKeyRequest(rotation=seal(rotation, person.key))


def replaced(scenario: Scenario) -> tuple[Person, Person]:
    """A person, and the holder of a key that an attester says is to replace theirs."""
    attester, person = scenario.members["attester"], scenario.newcomer()
    other = Person(person.subject_id, SigningKey.generate(), person.origin)
    statement = attestation(attester, other, replaces=True)
    ok(attester.send("Subjects/AttestKey", subjects_pb2.AttestKeyRequest(attestation=statement)))
    return person, other


def approve_key(scenario: Scenario, _raw: Raw) -> Message:
    person, other = replaced(scenario)
    approval = subjects_pb2.KeyApproval(header=person.header(), key_id=other.key.verify_key.key_id)
    return subjects_pb2.ApproveKeyRequest(approval=seal(approval, person.key))


def repudiate_key(scenario: Scenario, _raw: Raw) -> Message:
    person, other = replaced(scenario)
    repudiation = subjects_pb2.KeyRepudiation(
        header=person.header(),
        subject_id=person.subject_id,
        key_id=other.key.verify_key.key_id,
    )
    return subjects_pb2.RepudiateKeyRequest(repudiation=seal(repudiation, person.key))


def list_events(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Subjects/ListEvents")
    return subjects_pb2.ListEventsRequest(subject_request=request)


def list_inquiries(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Subjects/ListInquiries")
    return subjects_pb2.ListInquiriesRequest(subject_request=request)


def get_file(scenario: Scenario, _raw: Raw) -> Message:
    return subjects_pb2.GetFileRequest(
        subject_request=asked_by(scenario.person, "Subjects/GetFile")
    )


def place_hold(scenario: Scenario, _raw: Raw) -> Message:
    return hold_of(scenario.newcomer())


def hold_of(person: Person) -> subjects_pb2.PlaceHoldRequest:
    message = hold_pb2.HoldPlacement(
        header=person.header(), kind=hold_pb2.HOLD_KIND_SECURITY_FREEZE
    )
    return subjects_pb2.PlaceHoldRequest(placement=seal(message, person.key))


def lift_hold(scenario: Scenario, _raw: Raw) -> Message:
    person = scenario.newcomer()
    hold = ok(scenario.members["agent"].send("Subjects/PlaceHold", hold_of(person))).hold
    message = hold_pb2.HoldLift(header=person.header(), hold_id=hold.hold_id)
    return subjects_pb2.LiftHoldRequest(lift=seal(message, person.key))


def open_dispute(scenario: Scenario, _raw: Raw) -> Message:
    return disputed(scenario)[1]


def disputed(scenario: Scenario) -> tuple[Person, subjects_pb2.OpenDisputeRequest]:
    """Somebody, and their dispute about an account that the furnisher reports."""
    person, agent = scenario.newcomer(), scenario.members["agent"]
    granted(agent, person, "furnisher", FURNISH)
    ok(scenario.members["furnisher"].submit([snapshot(person.subject_id)]))
    consent_id = granted(agent, person, "subscriber", INQUIRE)
    answer = scenario.members["subscriber"].query(person.subject_id, consent_id)
    (line,) = Report.FromString(ok(answer).report.payload).tradelines
    message = dispute_pb2.DisputeOpening(
        header=person.header(),
        subject_id=person.subject_id,
        tradeline_id=line.tradeline_id,
        field="balance_minor",
        reason=dispute_pb2.DISPUTE_REASON_WRONG_AMOUNT,
    )
    return person, subjects_pb2.OpenDisputeRequest(opening=seal(message, person.key))


def add_to_dispute(scenario: Scenario, _raw: Raw) -> Message:
    person, opening = disputed(scenario)
    dispute = ok(scenario.members["agent"].send("Subjects/OpenDispute", opening)).dispute
    message = dispute_pb2.DisputeAddition(
        header=person.header(), dispute_id=dispute.dispute_id, narrative="I found the receipt."
    )
    return subjects_pb2.AddToDisputeRequest(addition=seal(message, person.key))


def list_disputes(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Subjects/ListDisputes")
    return subjects_pb2.ListDisputesRequest(subject_request=request)


def open_complaint(scenario: Scenario, _raw: Raw) -> Message:
    return complained(scenario, "furnisher")[1]


def complained(
    scenario: Scenario, about: str
) -> tuple[Person, complaints_pb2.OpenComplaintRequest]:
    """Somebody, and their complaint about the use of a consent by a member."""
    person = scenario.newcomer()
    consent_id = granted(scenario.members["agent"], person, about, INQUIRE)
    message = complaint_pb2.ComplaintOpening(
        header=person.header(),
        subject_id=person.subject_id,
        member_id=about,
        kind=complaint_pb2.COMPLAINT_KIND_DATA_KEPT_TOO_LONG,
        deed=complaint_pb2.Deed(type=complaint_pb2.DEED_TYPE_CONSENT, id=consent_id),
    )
    return person, complaints_pb2.OpenComplaintRequest(opening=seal(message, person.key))


def answer_complaint(scenario: Scenario, raw: Raw) -> Message:
    person, opening = complained(scenario, raw.profile.member_id)
    opened = ok(scenario.members["agent"].send("Complaints/OpenComplaint", opening)).complaint
    return rejection(raw, person, opened.complaint_id)


def rejection(raw: Raw, person: Person, complaint_id: str) -> complaints_pb2.AnswerComplaintRequest:
    """An answer that rejects a complaint."""
    message = complaint_pb2.ComplaintAnswer(
        header=raw.header(),
        complaint_id=complaint_id,
        subject_id=person.subject_id,
        outcome=complaint_pb2.COMPLAINT_OUTCOME_REJECTED,
        narrative="The consent runs until next year.",
    )
    return complaints_pb2.AnswerComplaintRequest(answer=seal(message, raw.key))


def escalate_complaint(scenario: Scenario, _raw: Raw) -> Message:
    return rejected(scenario)[1]


def rejected(scenario: Scenario) -> tuple[Person, complaints_pb2.EscalateComplaintRequest]:
    """Somebody with a rejected complaint, and their request to take it to the operator."""
    furnisher = scenario.members["furnisher"]
    person, opening = complained(scenario, "furnisher")
    opened = ok(scenario.members["agent"].send("Complaints/OpenComplaint", opening)).complaint
    answer = rejection(furnisher, person, opened.complaint_id)
    ok(furnisher.send("Complaints/AnswerComplaint", answer))
    message = complaint_pb2.ComplaintEscalation(
        header=person.header(), complaint_id=opened.complaint_id
    )
    return person, complaints_pb2.EscalateComplaintRequest(escalation=seal(message, person.key))


def decide_complaint(scenario: Scenario, raw: Raw) -> Message:
    person, escalation = rejected(scenario)
    agent = scenario.members["agent"]
    escalated = ok(agent.send("Complaints/EscalateComplaint", escalation)).complaint
    message = complaint_pb2.ComplaintDecision(
        header=raw.header(),
        complaint_id=escalated.complaint_id,
        subject_id=person.subject_id,
        outcome=complaint_pb2.COMPLAINT_OUTCOME_REJECTED,
        narrative="The consent runs until next year.",
    )
    return complaints_pb2.DecideComplaintRequest(decision=seal(message, raw.key))


def get_story(_scenario: Scenario, raw: Raw) -> Message:
    """The story of the sender's own newest call."""
    ok(raw.send("Operations/ListCalls", operations_pb2.ListCallsRequest()))
    listed = ok(raw.send("Operations/ListCalls", operations_pb2.ListCallsRequest()))
    return operations_pb2.GetStoryRequest(request_id=listed.calls[-1].call_id)


def list_complaints(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Complaints/ListComplaints")
    return complaints_pb2.ListComplaintsRequest(subject_request=request)


def set_statement(scenario: Scenario, _raw: Raw) -> Message:
    person = scenario.newcomer()
    message = subjects_pb2.SubjectStatement(header=person.header(), text="It was not me.")
    return subjects_pb2.SetStatementRequest(statement=seal(message, person.key))


def answer_dispute(scenario: Scenario, raw: Raw) -> Message:
    opening = open_dispute(scenario, raw)
    dispute = ok(scenario.members["agent"].send("Subjects/OpenDispute", opening)).dispute
    message = dispute_pb2.DisputeAnswer(
        header=raw.header(),
        dispute_id=dispute.dispute_id,
        outcome=dispute_pb2.DISPUTE_OUTCOME_ACCURATE,
    )
    return furnishing_pb2.AnswerDisputeRequest(answer=seal(message, raw.key))


def grant(scenario: Scenario, raw: Raw) -> Message:
    consent = scenario.person.consent(raw.profile.member_id, FURNISH)
    return consents_pb2.GrantConsentRequest(consent=consent)


def revoke(scenario: Scenario, _raw: Raw) -> Message:
    consent_id = granted(scenario.members["agent"], scenario.person, "auditor", FURNISH)
    return change_of(scenario.person, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)


def get_consent(scenario: Scenario, raw: Raw) -> Message:
    consent_id = scenario.inquire[raw.profile.member_id]
    return consents_pb2.GetConsentRequest(consent_id=consent_id)


def list_consents(_scenario: Scenario, _raw: Raw) -> Message:
    return consents_pb2.ListConsentsRequest()


def consent_request(raw: Raw, subject_id: str) -> consent_request_pb2.ConsentRequest:
    """A member's request to a subject, for a consent to furnish."""
    request = consent_request_pb2.ConsentRequest(
        header=raw.header(),
        subject_id=subject_id,
        actions=[FURNISH],
        mode=consent_pb2.CONSENT_MODE_VIEW,
        text="Your new account",
    )
    request.period.FromTimedelta(timedelta(days=30))
    request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    return request


def request_consent(_scenario: Scenario, raw: Raw) -> Message:
    request = consent_request(raw, uuid.uuid4().hex)
    return consents_pb2.RequestConsentRequest(request=seal(request, raw.key))


def withdraw_request(_scenario: Scenario, raw: Raw) -> Message:
    """Of a request that a member made that may."""
    request = consent_request(raw, uuid.uuid4().hex)
    sent = consents_pb2.RequestConsentRequest(request=seal(request, raw.key))
    raw.send("Consents/RequestConsent", sent)
    message = consent_request_pb2.ConsentRequestWithdrawal(
        header=raw.header(),
        subject_id=request.subject_id,
        consent_request_id=request.header.request_id,
    )
    return consents_pb2.WithdrawConsentRequestRequest(withdrawal=seal(message, raw.key))


def decline_request(scenario: Scenario, _raw: Raw) -> Message:
    """Of the furnisher's request to somebody."""
    person, furnisher = scenario.newcomer(), scenario.members["furnisher"]
    request = consent_request(furnisher, person.subject_id)
    sent = consents_pb2.RequestConsentRequest(request=seal(request, furnisher.key))
    ok(furnisher.send("Consents/RequestConsent", sent))
    message = consent_request_pb2.ConsentRequestDecline(
        header=person.header(), consent_request_id=request.header.request_id
    )
    return consents_pb2.DeclineConsentRequestRequest(decline=seal(message, person.key))


def confirm_deletion(scenario: Scenario, raw: Raw) -> Message:
    """Of what the subscriber received under a consent that was revoked then."""
    subscriber, agent = scenario.members["subscriber"], scenario.members["agent"]
    terms = {"mode": consent_pb2.CONSENT_MODE_STORE, "data_life": Duration(seconds=1)}
    consent_id = granted(agent, scenario.person, "subscriber", INQUIRE, **terms)
    ok(subscriber.query(scenario.person.subject_id, consent_id))
    change = change_of(scenario.person, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)
    ok(agent.send("Consents/ChangeConsent", change))
    header = raw.header()
    message = consent_event_pb2.DeletionConfirmation(
        header=header,
        consent_id=consent_id,
        subject_id=scenario.person.subject_id,
        report_count=1,
        delete_time=header.issue_time,
    )
    return consents_pb2.ConfirmDeletionRequest(confirmation=seal(message, raw.key))


def submit(scenario: Scenario, raw: Raw) -> Message:
    record = snapshot(scenario.person.subject_id).SerializeToString(deterministic=True)
    return raw.submission([record])


def get_submission(scenario: Scenario, _raw: Raw) -> Message:
    return furnishing_pb2.GetSubmissionRequest(submission_id=scenario.submission_id())


def query(scenario: Scenario, raw: Raw) -> Message:
    consent_id = scenario.inquire[raw.profile.member_id]
    inquiry = raw.inquiry(scenario.person.subject_id, consent_id)
    return reporting_pb2.QueryReportRequest(inquiry=inquiry)


def get_receipt(_scenario: Scenario, raw: Raw) -> Message:
    """Of a statement that the caller made: a further key of its own."""
    receipt_of = raw.header()
    message = members_pb2.CredentialChange(
        header=receipt_of,
        member_id=raw.profile.member_id,
        add_key=possession(raw, raw.profile.member_id, SigningKey.generate()),
    )
    request = members_pb2.ChangeCredentialRequest(change=seal(message, raw.key))
    ok(raw.send("Members/ChangeCredential", request))
    return log_pb2.GetReceiptRequest(request_id=receipt_of.request_id)


def admit(_scenario: Scenario, raw: Raw) -> Message:
    member_id = f"m{uuid.uuid4().hex[:12]}"
    message = members_pb2.Admission(
        header=raw.header(),
        member_id=member_id,
        display_name="Somebody",
        roles=[codes_pb2.ROLE_AUDITOR],
        jurisdiction="US",
        keys=[possession(raw, member_id, SigningKey.generate())],
    )
    return members_pb2.AdmitMemberRequest(admission=seal(message, raw.key))


def change_member(_scenario: Scenario, raw: Raw) -> Message:
    message = members_pb2.MemberChange(
        header=raw.header(),
        member_id="auditor",
        display_name="Auditor",
        roles=[codes_pb2.ROLE_AUDITOR],
    )
    return members_pb2.ChangeMemberRequest(change=seal(message, raw.key))


def set_member_state(scenario: Scenario, raw: Raw) -> Message:
    """Of a member that nobody needs."""
    somebody = f"m{uuid.uuid4().hex[:12]}"
    scenario.bureau.add_member(somebody, ["auditor"])
    message = members_pb2.MemberStateChange(
        header=raw.header(), member_id=somebody, state=members_pb2.MEMBER_STATE_SUSPENDED
    )
    return members_pb2.SetMemberStateRequest(change=seal(message, raw.key))


def change_credential(_scenario: Scenario, raw: Raw) -> Message:
    return credential(raw, raw.profile.member_id)


def list_notices(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Subjects/ListNotices")
    return subjects_pb2.ListNoticesRequest(subject_request=request)


def watch_notices(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Notices/WatchNotices")
    return notices_pb2.WatchNoticesRequest(subject_request=request)


def relay_notices(_scenario: Scenario, _raw: Raw) -> Message:
    return notices_pb2.RelayNoticesRequest()


def choose_notices(scenario: Scenario, _raw: Raw) -> Message:
    person = scenario.person
    message = notices_pb2.NoticeChoice(
        header=person.header(), muted=[notice_pb2.NOTICE_KIND_INQUIRY], agent_id="agent"
    )
    return notices_pb2.ChooseNoticesRequest(choice=seal(message, person.key))


def get_notice_choice(scenario: Scenario, raw: Raw) -> Message:
    """Of a person who made one."""
    ok(scenario.members["agent"].send("Notices/ChooseNotices", choose_notices(scenario, raw)))
    request = asked_by(scenario.person, "Notices/GetNoticeChoice")
    return notices_pb2.GetNoticeChoiceRequest(subject_request=request)


def replay(scenario: Scenario, raw: Raw) -> Message:
    """Of a report that the subscriber got."""
    inquiry = scenario.members["subscriber"].inquiry(
        scenario.person.subject_id, scenario.inquire["subscriber"]
    )
    request = reporting_pb2.QueryReportRequest(inquiry=inquiry)
    ok(scenario.members["subscriber"].send("Reporting/QueryReport", request))
    asked = reporting_pb2.Inquiry.FromString(inquiry.payload)
    message = reporting_pb2.Replay(
        header=raw.header(), inquiry_id=asked.header.request_id, subject_id=asked.subject_id
    )
    return reporting_pb2.ReplayReportRequest(replay=seal(message, raw.key))


def record_decision(scenario: Scenario, raw: Raw) -> Message:
    """On a report that the subscriber got."""
    subscriber = scenario.members["subscriber"]
    consent_id = granted(scenario.members["agent"], scenario.person, "subscriber", INQUIRE)
    report = ok(subscriber.query(scenario.person.subject_id, consent_id)).report
    return reporting_pb2.RecordDecisionRequest(
        decision=seal(decision_on(report, raw.header()), raw.key)
    )


def decision_on(report: Envelope, header: Header) -> decision_pb2.DecisionReceipt:
    """A decision on a report, with a reason."""
    message = Report.FromString(report.payload)
    return decision_pb2.DecisionReceipt(
        header=header,
        subject_id=message.subject_id,
        inquiry_id=message.header.request_id,
        report_digest=sha256(report.payload).digest(),
        policy_name="cards",
        policy_version="2026.1",
        policy_digest=bytes(32),
        inputs_digest=bytes(32),
        outcome=decision_pb2.DECISION_OUTCOME_DECLINE,
        reasons=[decision_pb2.DecisionReason(code="regb.excessive_obligations")],
    )


def list_decisions(scenario: Scenario, _raw: Raw) -> Message:
    request = asked_by(scenario.person, "Subjects/ListDecisions")
    return subjects_pb2.ListDecisionsRequest(subject_request=request)


def prove_events(scenario: Scenario, _raw: Raw) -> Message:
    """Between two reports that the subscriber got."""
    subscriber, hashes = scenario.members["subscriber"], []
    consent_id = granted(scenario.members["agent"], scenario.person, "subscriber", INQUIRE)
    for _ in range(2):
        inquiry = subscriber.inquiry(scenario.person.subject_id, consent_id)
        request = reporting_pb2.QueryReportRequest(inquiry=inquiry)
        reply = ok(subscriber.send("Reporting/QueryReport", request))
        hashes.append(Report.FromString(reply.report.payload).event_chain_hash)
    return reporting_pb2.ProveEventsRequest(
        subject_id=scenario.person.subject_id, first_hash=hashes[0], second_hash=hashes[1]
    )


def query_portfolio(_scenario: Scenario, raw: Raw) -> Message:
    message = reporting_pb2.PortfolioInquiry(
        header=raw.header(), purpose=codes_pb2.PURPOSE_ACCOUNT_REVIEW
    )
    return reporting_pb2.QueryPortfolioRequest(inquiry=seal(message, raw.key))


def standard_of(raw: Raw, version: int) -> members_pb2.PublishStandardRequest:
    message = standard_pb2.StandardOfCredit(
        header=raw.header(), version=version, jurisdiction="US", currency="USD"
    )
    message.effective_time.CopyFrom(message.header.issue_time)
    return members_pb2.PublishStandardRequest(standard=seal(message, raw.key))


def publish_standard(scenario: Scenario, raw: Raw) -> Message:
    """The next version."""
    return standard_of(raw, newest_standard(scenario) + 1)


def get_standard(scenario: Scenario, _raw: Raw) -> Message:
    if not newest_standard(scenario):
        operator = scenario.members["operator"]
        ok(operator.send("Members/PublishStandard", standard_of(operator, 1)))
    return members_pb2.GetStandardRequest(version=1)


def newest_standard(scenario: Scenario) -> int:
    with scenario.bureau.server.database.snapshot() as db:
        row = db.one(q.newest_standard)
    return int(row[0] or 0) if row else 0


def always(request: Message) -> Callable[[Scenario, Raw], Message]:
    return lambda _scenario, _raw: request


GOOD: dict[str, Callable[[Scenario, Raw], Message]] = {
    "Directory/GetDirectoryKey": always(directory_pb2.GetDirectoryKeyRequest()),
    "Directory/Evaluate": evaluate,
    "Subjects/AttestKey": attest,
    "Subjects/RotateKey": rotate,
    "Subjects/ApproveKey": approve_key,
    "Subjects/RepudiateKey": repudiate_key,
    "Subjects/ListEvents": list_events,
    "Subjects/ListInquiries": list_inquiries,
    "Subjects/GetFile": get_file,
    "Subjects/PlaceHold": place_hold,
    "Subjects/LiftHold": lift_hold,
    "Subjects/OpenDispute": open_dispute,
    "Subjects/AddToDispute": add_to_dispute,
    "Subjects/ListDisputes": list_disputes,
    "Subjects/SetStatement": set_statement,
    "Consents/GrantConsent": grant,
    "Consents/ChangeConsent": revoke,
    "Consents/GetConsent": get_consent,
    "Consents/ListConsents": list_consents,
    "Consents/RequestConsent": request_consent,
    "Consents/WithdrawConsentRequest": withdraw_request,
    "Consents/DeclineConsentRequest": decline_request,
    "Consents/ListConsentRequests": always(consents_pb2.ListConsentRequestsRequest()),
    "Consents/WatchConsents": always(consents_pb2.WatchConsentsRequest()),
    "Consents/ConfirmDeletion": confirm_deletion,
    "Furnishing/SubmitRecords": submit,
    "Furnishing/GetSubmission": get_submission,
    "Furnishing/ListErasures": always(furnishing_pb2.ListErasuresRequest()),
    "Furnishing/ListSubmissions": always(furnishing_pb2.ListSubmissionsRequest()),
    "Furnishing/ListDisputedRecords": always(furnishing_pb2.ListDisputedRecordsRequest()),
    "Furnishing/AnswerDispute": answer_dispute,
    "Reporting/QueryReport": query,
    "Log/GetCheckpoint": always(log_pb2.GetCheckpointRequest()),
    "Log/ListCheckpoints": always(log_pb2.ListCheckpointsRequest()),
    "Log/ListLeaves": always(log_pb2.ListLeavesRequest()),
    "Log/GetInclusionProof": always(log_pb2.GetInclusionProofRequest(leaf_index=1)),
    "Log/GetConsistencyProof": always(
        log_pb2.GetConsistencyProofRequest(first_size=1, second_size=2)
    ),
    "Log/GetTile": always(log_pb2.GetTileRequest(level=0, index=0)),
    "Log/GetReceipt": get_receipt,
    "Members/AdmitMember": admit,
    "Members/ChangeMember": change_member,
    "Members/SetMemberState": set_member_state,
    "Members/ChangeCredential": change_credential,
    "Members/GetMember": always(members_pb2.GetMemberRequest(member_id="auditor")),
    "Members/ListMembers": always(members_pb2.ListMembersRequest()),
    "Subjects/ListNotices": list_notices,
    "Notices/WatchNotices": watch_notices,
    "Notices/RelayNotices": relay_notices,
    "Notices/ChooseNotices": choose_notices,
    "Notices/GetNoticeChoice": get_notice_choice,
    "Furnishing/WatchDisputes": always(furnishing_pb2.WatchDisputesRequest()),
    "Reporting/ReplayReport": replay,
    "Reporting/QueryPortfolio": query_portfolio,
    "Reporting/ListOwnInquiries": always(reporting_pb2.ListOwnInquiriesRequest()),
    "Reporting/ProveEvents": prove_events,
    "Reporting/RecordDecision": record_decision,
    "Reporting/ListOwnDecisions": always(reporting_pb2.ListOwnDecisionsRequest()),
    "Subjects/ListDecisions": list_decisions,
    "Reporting/WatchAlerts": always(reporting_pb2.WatchAlertsRequest()),
    "Reporting/AcknowledgeAlerts": always(reporting_pb2.AcknowledgeAlertsRequest(cursor=1)),
    "Members/PublishStandard": publish_standard,
    "Members/GetStandard": get_standard,
    "Complaints/OpenComplaint": open_complaint,
    "Complaints/EscalateComplaint": escalate_complaint,
    "Complaints/ListComplaints": list_complaints,
    "Complaints/ListReceivedComplaints": always(complaints_pb2.ListReceivedComplaintsRequest()),
    "Complaints/WatchComplaints": always(complaints_pb2.WatchComplaintsRequest()),
    "Complaints/AnswerComplaint": answer_complaint,
    "Complaints/DecideComplaint": decide_complaint,
    "Complaints/ListComplaintRegister": always(complaints_pb2.ListComplaintRegisterRequest()),
    "Operations/ListCalls": always(operations_pb2.ListCallsRequest()),
    "Operations/GetStory": get_story,
    "Operations/ListDeadlines": always(operations_pb2.ListDeadlinesRequest()),
    "Operations/CountAlerts": always(operations_pb2.CountAlertsRequest()),
    "Operations/GetLogGrowth": always(operations_pb2.GetLogGrowthRequest()),
}
