"""Who may do what: every role with every method, and every member with the things of
others. The table below is written by hand from the contract's words."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from google.protobuf.message import Message

import creditbureau.v1
from bureau.office.folder import Plan
from bureau.rpc.services import CONTRACT
from bureau.store import statements as s
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.envelope import seal
from bureau_keys.pseudonym import blind_many
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    directory_pb2,
    dispute_pb2,
    furnishing_pb2,
    hold_pb2,
    log_pb2,
    members_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope
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
    "Furnishing/SubmitRecords": "furnisher",
    "Furnishing/GetSubmission": "furnisher",
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
    "Furnishing/WatchDisputes": "furnisher",
    "Reporting/ReplayReport": "subscriber auditor",
    "Reporting/QueryPortfolio": "subscriber",
    "Reporting/WatchAlerts": "subscriber",
    "Reporting/AcknowledgeAlerts": "subscriber",
    "Members/PublishStandard": "operator",
    "Members/GetStandard": ANYBODY,
}

# Methods of the contract that this version does not serve, to nobody.
NOT_SERVED = ("Reporting/RecordDecision",)


@dataclass
class Town:
    """A bureau with one member of each role and nothing else, and a person who lets
    every one of them furnish and inquire: what is refused is refused for the role."""

    bureau: RunningBureau
    members: dict[str, Raw]
    person: Person
    inquire: dict[str, str]

    def size(self) -> int:
        with self.bureau.server.database.snapshot() as db:
            row = db.one(s.log_size)
            assert row is not None
            return int(row[0])

    def newcomer(self) -> Person:
        """Somebody whose key is bound, by the attester."""
        return bound_person(self.members["attester"])

    def submission_id(self) -> str:
        """Of a submission of the furnisher's."""
        answer = self.members["furnisher"].submit([snapshot(self.person.subject_id)])
        return str(ok(answer).submission.submission_id)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with town_on() as found:
        yield found


@contextmanager
def town_on(database_url: str = "") -> Iterator[Town]:
    """A town whose bureau has its database there."""
    with running_bureau(plan=Plan(database_url=database_url)) as bureau:
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
        yield Town(bureau, members, person, inquire)


def ok(answer: Answer) -> Any:
    assert answer.code == "OK", answer
    return answer.reply


def bound_person(attester: Raw) -> Person:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), attester.profile.trust.origin)
    request = subjects_pb2.AttestKeyRequest(attestation=attestation(attester, person))
    ok(attester.send("Subjects/AttestKey", request))
    return person


def granted(agent: Raw, person: Person, grantee: str, action: int) -> str:
    request = consents_pb2.GrantConsentRequest(consent=person.consent(grantee, action))
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


def evaluate(_town: Town, raw: Raw) -> Message:
    _, elements = blind_many([b"US|SSN|000112222"])
    message = directory_pb2.Evaluation(header=raw.header(), blinded_elements=elements)
    return directory_pb2.EvaluateRequest(evaluation=seal(message, raw.key))


def attest(town: Town, raw: Raw) -> Message:
    person = Person(uuid.uuid4().hex, SigningKey.generate(), town.person.origin)
    return subjects_pb2.AttestKeyRequest(attestation=attestation(raw, person))


def rotate(town: Town, _raw: Raw) -> Message:
    person, key = town.newcomer(), SigningKey.generate()
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=key.verify_key.raw
    )
    rotation = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, key))
    return subjects_pb2.RotateKeyRequest(rotation=seal(rotation, person.key))


def list_inquiries(town: Town, _raw: Raw) -> Message:
    request = asked_by(town.person, "Subjects/ListInquiries")
    return subjects_pb2.ListInquiriesRequest(subject_request=request)


def get_file(town: Town, _raw: Raw) -> Message:
    return subjects_pb2.GetFileRequest(subject_request=asked_by(town.person, "Subjects/GetFile"))


def place_hold(town: Town, _raw: Raw) -> Message:
    return hold_of(town.newcomer())


def hold_of(person: Person) -> subjects_pb2.PlaceHoldRequest:
    message = hold_pb2.HoldPlacement(
        header=person.header(), kind=hold_pb2.HOLD_KIND_SECURITY_FREEZE
    )
    return subjects_pb2.PlaceHoldRequest(placement=seal(message, person.key))


def lift_hold(town: Town, _raw: Raw) -> Message:
    person = town.newcomer()
    hold = ok(town.members["agent"].send("Subjects/PlaceHold", hold_of(person))).hold
    message = hold_pb2.HoldLift(header=person.header(), hold_id=hold.hold_id)
    return subjects_pb2.LiftHoldRequest(lift=seal(message, person.key))


def open_dispute(town: Town, _raw: Raw) -> Message:
    return disputed(town)[1]


def disputed(town: Town) -> tuple[Person, subjects_pb2.OpenDisputeRequest]:
    """Somebody, and their dispute about an account that the furnisher reports."""
    person, agent = town.newcomer(), town.members["agent"]
    granted(agent, person, "furnisher", FURNISH)
    ok(town.members["furnisher"].submit([snapshot(person.subject_id)]))
    consent_id = granted(agent, person, "subscriber", INQUIRE)
    answer = town.members["subscriber"].query(person.subject_id, consent_id)
    (line,) = Report.FromString(ok(answer).report.payload).tradelines
    message = dispute_pb2.DisputeOpening(
        header=person.header(),
        subject_id=person.subject_id,
        tradeline_id=line.tradeline_id,
        field="balance_minor",
        reason=dispute_pb2.DISPUTE_REASON_WRONG_AMOUNT,
    )
    return person, subjects_pb2.OpenDisputeRequest(opening=seal(message, person.key))


def add_to_dispute(town: Town, _raw: Raw) -> Message:
    person, opening = disputed(town)
    dispute = ok(town.members["agent"].send("Subjects/OpenDispute", opening)).dispute
    message = dispute_pb2.DisputeAddition(
        header=person.header(), dispute_id=dispute.dispute_id, narrative="I found the receipt."
    )
    return subjects_pb2.AddToDisputeRequest(addition=seal(message, person.key))


def list_disputes(town: Town, _raw: Raw) -> Message:
    request = asked_by(town.person, "Subjects/ListDisputes")
    return subjects_pb2.ListDisputesRequest(subject_request=request)


def set_statement(town: Town, _raw: Raw) -> Message:
    person = town.newcomer()
    message = subjects_pb2.SubjectStatement(header=person.header(), text="It was not me.")
    return subjects_pb2.SetStatementRequest(statement=seal(message, person.key))


def answer_dispute(town: Town, raw: Raw) -> Message:
    opening = open_dispute(town, raw)
    dispute = ok(town.members["agent"].send("Subjects/OpenDispute", opening)).dispute
    message = dispute_pb2.DisputeAnswer(
        header=raw.header(),
        dispute_id=dispute.dispute_id,
        outcome=dispute_pb2.DISPUTE_OUTCOME_ACCURATE,
    )
    return furnishing_pb2.AnswerDisputeRequest(answer=seal(message, raw.key))


def grant(town: Town, raw: Raw) -> Message:
    consent = town.person.consent(raw.profile.member_id, FURNISH)
    return consents_pb2.GrantConsentRequest(consent=consent)


def revoke(town: Town, _raw: Raw) -> Message:
    consent_id = granted(town.members["agent"], town.person, "auditor", FURNISH)
    return change_of(town.person, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)


def get_consent(town: Town, raw: Raw) -> Message:
    consent_id = town.inquire[raw.profile.member_id]
    return consents_pb2.GetConsentRequest(consent_id=consent_id)


def list_consents(_town: Town, _raw: Raw) -> Message:
    return consents_pb2.ListConsentsRequest()


def submit(town: Town, raw: Raw) -> Message:
    record = snapshot(town.person.subject_id).SerializeToString(deterministic=True)
    return raw.submission([record])


def get_submission(town: Town, _raw: Raw) -> Message:
    return furnishing_pb2.GetSubmissionRequest(submission_id=town.submission_id())


def query(town: Town, raw: Raw) -> Message:
    consent_id = town.inquire[raw.profile.member_id]
    inquiry = raw.inquiry(town.person.subject_id, consent_id)
    return reporting_pb2.QueryReportRequest(inquiry=inquiry)


def get_receipt(_town: Town, raw: Raw) -> Message:
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


def admit(_town: Town, raw: Raw) -> Message:
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


def change_member(_town: Town, raw: Raw) -> Message:
    message = members_pb2.MemberChange(
        header=raw.header(),
        member_id="auditor",
        display_name="Auditor",
        roles=[codes_pb2.ROLE_AUDITOR],
    )
    return members_pb2.ChangeMemberRequest(change=seal(message, raw.key))


def set_member_state(town: Town, raw: Raw) -> Message:
    """Of a member that nobody needs."""
    somebody = f"m{uuid.uuid4().hex[:12]}"
    town.bureau.add_member(somebody, ["auditor"])
    message = members_pb2.MemberStateChange(
        header=raw.header(), member_id=somebody, state=members_pb2.MEMBER_STATE_SUSPENDED
    )
    return members_pb2.SetMemberStateRequest(change=seal(message, raw.key))


def change_credential(_town: Town, raw: Raw) -> Message:
    return credential(raw, raw.profile.member_id)


def list_notices(town: Town, _raw: Raw) -> Message:
    request = asked_by(town.person, "Subjects/ListNotices")
    return subjects_pb2.ListNoticesRequest(subject_request=request)


def replay(town: Town, _raw: Raw) -> Message:
    """Of a report that the subscriber got."""
    inquiry = town.members["subscriber"].inquiry(town.person.subject_id, town.inquire["subscriber"])
    request = reporting_pb2.QueryReportRequest(inquiry=inquiry)
    ok(town.members["subscriber"].send("Reporting/QueryReport", request))
    asked = reporting_pb2.Inquiry.FromString(inquiry.payload)
    return reporting_pb2.ReplayReportRequest(inquiry_id=asked.header.request_id)


def query_portfolio(_town: Town, raw: Raw) -> Message:
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


def publish_standard(town: Town, raw: Raw) -> Message:
    """The next version."""
    return standard_of(raw, newest_standard(town) + 1)


def get_standard(town: Town, _raw: Raw) -> Message:
    if not newest_standard(town):
        operator = town.members["operator"]
        ok(operator.send("Members/PublishStandard", standard_of(operator, 1)))
    return members_pb2.GetStandardRequest(version=1)


def newest_standard(town: Town) -> int:
    with town.bureau.server.database.snapshot() as db:
        row = db.one(s.newest_standard)
    return int(row[0] or 0) if row else 0


def always(request: Message) -> Callable[[Town, Raw], Message]:
    return lambda _town, _raw: request


GOOD: dict[str, Callable[[Town, Raw], Message]] = {
    "Directory/GetDirectoryKey": always(directory_pb2.GetDirectoryKeyRequest()),
    "Directory/Evaluate": evaluate,
    "Subjects/AttestKey": attest,
    "Subjects/RotateKey": rotate,
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
    "Furnishing/SubmitRecords": submit,
    "Furnishing/GetSubmission": get_submission,
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
    "Furnishing/WatchDisputes": always(furnishing_pb2.WatchDisputesRequest()),
    "Reporting/ReplayReport": replay,
    "Reporting/QueryPortfolio": query_portfolio,
    "Reporting/WatchAlerts": always(reporting_pb2.WatchAlertsRequest()),
    "Reporting/AcknowledgeAlerts": always(reporting_pb2.AcknowledgeAlertsRequest(cursor=1)),
    "Members/PublishStandard": publish_standard,
    "Members/GetStandard": get_standard,
}


# The table is about the whole contract -------------------------------------------


def test_every_method_of_the_contract_is_in_the_table_once() -> None:
    names = [module.name for module in pkgutil.iter_modules(creditbureau.v1.__path__)]
    files = [
        importlib.import_module(f"creditbureau.v1.{name}").DESCRIPTOR
        for name in names
        if name.endswith("_pb2")
    ]
    contract = [
        f"{service.name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    assert sorted(contract) == sorted([*MAY, *NOT_SERVED])
    assert {service.name for service in CONTRACT} == {name.partition("/")[0] for name in contract}
    assert set(GOOD) == set(MAY)


def test_every_role_of_the_contract_is_in_the_table() -> None:
    names = {name.removeprefix("ROLE_").lower() for name in codes_pb2.Role.keys()}  # noqa: SIM118
    assert set(ROLES) == names - {"unspecified"}
    assert {role for roles in MAY.values() for role in roles.split()} == set(ROLES)


# Role × method -------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", MAY)
def test_a_role_opens_what_the_table_says(town: Town, method: str, role: str) -> None:
    raw = town.members[role]
    request = GOOD[method](town, raw)
    before = town.size()
    answer = raw.send(method, request)
    garbage = raw.send(method, b"\xff")
    if role in MAY[method].split():
        assert answer.code == "OK", answer
        assert garbage.reason == "MALFORMED_MESSAGE", garbage
        return
    # Refused before the request is looked at, and nothing is stored.
    for refused in (answer, garbage):
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED"), refused
        assert refused.fix
        assert uuid.UUID(refused.request_id)
    assert town.size() == before


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", NOT_SERVED)
def test_what_is_not_served_is_served_to_nobody(town: Town, method: str, role: str) -> None:
    answer = town.members[role].send(method, b"")
    assert (answer.code, answer.reason) == ("UNIMPLEMENTED", "NOT_SERVED"), answer


@pytest.mark.parametrize("method", [name for name, roles in MAY.items() if roles != ANYBODY])
def test_all_other_roles_together_do_not_open_a_method(town: Town, method: str) -> None:
    others = [role for role in ROLES if role not in MAY[method].split()]
    everybody_else = "all-but-" + "-".join(sorted(MAY[method].split()))
    raw = town.members.get(everybody_else)
    if raw is None:
        profile = town.bureau.add_member(everybody_else, others, ["credit-application"])
        raw = town.members[everybody_else] = Raw(profile)
    answer = raw.send(method, b"")
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED"), answer


def test_one_of_several_roles_is_enough(town: Town) -> None:
    raw = Raw(town.bureau.add_member("universal", ROLES, ["credit-application"]))
    for method in MAY:
        answer = raw.send(method, b"")
        assert answer.reason != "ROLE_REQUIRED", (method, answer)


def test_a_role_that_is_taken_closes_its_methods_at_the_next_call(town: Town) -> None:
    raw = Raw(town.bureau.add_member("former", ["furnisher", "auditor"]))
    ok(raw.send("Furnishing/ListSubmissions", b""))
    operator = town.members["operator"]
    message = members_pb2.MemberChange(
        header=operator.header(),
        member_id="former",
        display_name="Former",
        roles=[codes_pb2.ROLE_AUDITOR],
    )
    request = members_pb2.ChangeMemberRequest(change=seal(message, operator.key))
    ok(operator.send("Members/ChangeMember", request))
    assert raw.send("Furnishing/ListSubmissions", b"").reason == "ROLE_REQUIRED"
    ok(raw.send("Log/GetCheckpoint", b""))


# Member × object -----------------------------------------------------------------


@dataclass
class Pair:
    """Two lenders with the same roles. Everything there is, is the first one's."""

    acme: Raw
    brook: Raw
    agent: Raw
    person: Person
    somebody: Person
    consent_id: str


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_bureau() as bureau:
        lender = ("furnisher", "subscriber", "attester")
        acme = Raw(bureau.add_member("acme", lender, ["credit-application"]))
        brook = Raw(bureau.add_member("brook", lender, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person, somebody = bound_person(acme), bound_person(acme)
        granted(agent, person, "acme", FURNISH)
        consent_id = granted(agent, person, "acme", INQUIRE)
        yield Pair(acme, brook, agent, person, somebody, consent_id)


def same(of_another: Answer, of_nobody: Answer, *, reason: str) -> None:
    """The two cannot be told apart: code, reason, fields, words and what to do."""
    assert of_another.reason == reason, of_another
    assert replace(of_another, request_id="") == replace(of_nobody, request_id="")


def test_anothers_submission_is_as_none(pair: Pair) -> None:
    made = ok(pair.acme.submit([snapshot(pair.person.subject_id)])).submission.submission_id

    def asked(raw: Raw, submission_id: str) -> Answer:
        request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
        return raw.send("Furnishing/GetSubmission", request)

    ok(asked(pair.acme, made))
    same(asked(pair.brook, made), asked(pair.brook, str(uuid.uuid4())), reason="NOT_FOUND")
    assert asked(pair.brook, made).code == "NOT_FOUND"
    listed = ok(pair.brook.send("Furnishing/ListSubmissions", b"")).submissions
    assert made not in {one.submission_id for one in listed}


def test_anothers_receipt_is_as_none(pair: Pair) -> None:
    submitted = ok(pair.acme.submit([snapshot(pair.person.subject_id)])).submission.submission_id
    inquiry = pair.acme.header()
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id, header=inquiry))

    def asked(raw: Raw, request_id: str) -> Answer:
        return raw.send("Log/GetReceipt", log_pb2.GetReceiptRequest(request_id=request_id))

    nothing = asked(pair.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    for made in (submitted, inquiry.request_id):
        ok(asked(pair.acme, made))
        same(asked(pair.brook, made), nothing, reason="NOT_FOUND")
    # A subject's statement is nobody's but the subject's.
    for raw in (pair.acme, pair.brook, pair.agent):
        same(asked(raw, pair.consent_id), nothing, reason="NOT_FOUND")


def test_anothers_consent_is_as_none(pair: Pair) -> None:
    def asked(raw: Raw, consent_id: str, request: Envelope | None = None) -> Answer:
        wanted = consents_pb2.GetConsentRequest(consent_id=consent_id, subject_request=request)
        return raw.send("Consents/GetConsent", wanted)

    ok(asked(pair.acme, pair.consent_id))
    ok(asked(pair.agent, pair.consent_id, asked_by(pair.person, "Consents/GetConsent")))
    nothing = asked(pair.brook, str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(asked(pair.brook, pair.consent_id), nothing, reason="NOT_FOUND")
    same(asked(pair.agent, pair.consent_id), nothing, reason="NOT_FOUND")
    # Nor does another subject see it, whoever carries the request.
    for raw in (pair.agent, pair.acme):
        request = asked_by(pair.somebody, "Consents/GetConsent")
        same(asked(raw, pair.consent_id, request), nothing, reason="NOT_FOUND")


def test_anothers_consents_are_listed_as_none(pair: Pair) -> None:
    def listed(raw: Raw, **wanted: Any) -> Any:
        return ok(raw.send("Consents/ListConsents", consents_pb2.ListConsentsRequest(**wanted)))

    nothing = consents_pb2.ListConsentsResponse()
    assert listed(pair.acme, subject_id=pair.person.subject_id) != nothing
    assert listed(pair.brook) == nothing
    assert listed(pair.brook, subject_id=pair.person.subject_id) == nothing
    assert listed(pair.brook, subject_id=uuid.uuid4().hex) == nothing
    request = asked_by(pair.somebody, "Consents/ListConsents")
    subject_id = pair.person.subject_id
    assert listed(pair.agent, subject_request=request, subject_id=subject_id) == nothing


def test_anothers_consent_opens_no_report(pair: Pair) -> None:
    who = pair.person.subject_id
    nothing = pair.brook.query(uuid.uuid4().hex, str(uuid.uuid4()))
    assert nothing.code == "PERMISSION_DENIED"
    same(pair.brook.query(who, pair.consent_id), nothing, reason="CONSENT_REQUIRED")
    same(pair.brook.query(who, str(uuid.uuid4())), nothing, reason="CONSENT_REQUIRED")
    # Nor does one's own consent of another subject.
    other = pair.acme.query(pair.somebody.subject_id, pair.consent_id)
    same(other, nothing, reason="CONSENT_REQUIRED")


def test_anothers_customer_is_furnished_as_nobody(pair: Pair) -> None:
    known = pair.brook.submit([snapshot(pair.person.subject_id)])
    unknown = pair.brook.submit([snapshot(uuid.uuid4().hex)])
    assert known.code == "PERMISSION_DENIED"
    same(known, unknown, reason="CONSENT_REQUIRED")


def test_anothers_consent_is_not_changed(pair: Pair) -> None:
    def changed(consent_id: str) -> Answer:
        request = change_of(pair.somebody, consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)
        return pair.agent.send("Consents/ChangeConsent", request)

    nothing = changed(str(uuid.uuid4()))
    assert nothing.code == "NOT_FOUND"
    same(changed(pair.consent_id), nothing, reason="NOT_FOUND")
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id))


@pytest.mark.parametrize("method", ["GetFile", "ListInquiries"])
def test_anothers_file_is_as_none(pair: Pair, method: str) -> None:
    def asked(subject_id: str, key: SigningKey) -> Answer:
        person = Person(subject_id, key, pair.person.origin)
        request_class = getattr(subjects_pb2, f"{method}Request")
        request = request_class(subject_request=asked_by(person, f"Subjects/{method}"))
        return pair.agent.send(f"Subjects/{method}", request)

    ok(asked(pair.person.subject_id, pair.person.key))
    nothing = asked(uuid.uuid4().hex, pair.somebody.key)
    assert nothing.code == "UNAUTHENTICATED"
    same(asked(pair.person.subject_id, pair.somebody.key), nothing, reason="BAD_SIGNATURE")


def test_a_subjects_request_to_read_opens_one_method_only(pair: Pair) -> None:
    request = asked_by(pair.person, "Subjects/ListInquiries")
    answer = pair.agent.send(
        "Subjects/GetFile", subjects_pb2.GetFileRequest(subject_request=request)
    )
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "SIGNER_MISMATCH")


def test_anothers_credentials_are_as_none(pair: Pair) -> None:
    def changed(member_id: str, **change: Any) -> Answer:
        request = credential(pair.brook, member_id, **change)
        return pair.brook.send("Members/ChangeCredential", request)

    # In another's name: whether the other exists or not.
    nobody = changed("nobody-at-all")
    assert nobody.code == "PERMISSION_DENIED"
    same(changed("acme"), nobody, reason="ROLE_REQUIRED")
    # In one's own name, another's key or certificate.
    profile = ok(
        pair.acme.send("Members/GetMember", members_pb2.GetMemberRequest(member_id="acme"))
    )
    key_id = pair.acme.key.verify_key.key_id
    (certificate,) = profile.member.certificate_fingerprints
    for name, others in (("withdraw_key", key_id), ("withdraw_certificate", certificate)):
        nothing = changed("brook", **{name: "0" * 64})
        assert nothing.code == "NOT_FOUND"
        same(changed("brook", **{name: others}), nothing, reason="NOT_FOUND")
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id))


def test_a_member_is_shown_to_others_without_what_is_its_own(pair: Pair) -> None:
    def shown(raw: Raw) -> Any:
        request = members_pb2.GetMemberRequest(member_id="acme")
        return ok(raw.send("Members/GetMember", request)).member

    own, others = shown(pair.acme), shown(pair.brook)
    assert own.directory_quota
    assert own.certificate_fingerprints
    own.ClearField("directory_quota")
    own.ClearField("certificate_fingerprints")
    assert own == others


def test_request_ids_of_others_are_free(pair: Pair) -> None:
    """A request id that is in use elsewhere tells a member nothing."""
    submission, inquiry = pair.acme.header(), pair.acme.header()
    ok(pair.acme.submit([snapshot(pair.person.subject_id)], header=submission))
    ok(pair.acme.query(pair.person.subject_id, pair.consent_id, header=inquiry))
    granted(pair.agent, pair.somebody, "brook", FURNISH)
    consent_id = granted(pair.agent, pair.somebody, "brook", INQUIRE)

    def header(request_id: str) -> Any:
        return pair.brook.header(request_id=request_id)

    record = snapshot(pair.somebody.subject_id)
    ok(pair.brook.submit([record], header=header(submission.request_id)))
    who = pair.somebody.subject_id
    ok(pair.brook.query(who, consent_id, header=header(inquiry.request_id)))
    # Each still has its own.
    wanted = furnishing_pb2.GetSubmissionRequest(submission_id=submission.request_id)
    for raw in (pair.acme, pair.brook):
        found = ok(raw.send("Furnishing/GetSubmission", wanted))
        manifest = found.manifest
        assert manifest.signatures[0].keyid == raw.key.verify_key.key_id


def test_account_numbers_of_others_are_free(pair: Pair) -> None:
    """An account number of another's, in another currency, tells a member nothing."""
    granted(pair.agent, pair.somebody, "brook", FURNISH)
    ours = snapshot(pair.person.subject_id, account_ref="shared", currency="USD")
    theirs = snapshot(pair.somebody.subject_id, account_ref="shared", currency="EUR")
    ok(pair.acme.submit([ours]))
    ok(pair.brook.submit([theirs]))
