"""A bureau that lies in its lists of consents, members, notices, decisions: all clients refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    AccountStatus,
    ConsentState,
    DisputeOutcome,
    InvalidRequest,
    NoticeKind,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import ConsentView, ListConsentsResponse
from creditbureau.v1.decision_pb2 import DECISION_OUTCOME_APPROVE, DecisionReceipt
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MEMBER_STATE_SUSPENDED
from creditbureau.v1.notice_pb2 import NOTICE_KIND_ERASURE
from tests.service.client_calls import client_of, decision_on, disputed, pending_key
from tests.service.heard import heard
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import MAY

CONSENTS = {methods.LIST_CONSENTS.path, methods.CHANGE_CONSENT.path}
MEMBERS = {methods.LIST_MEMBERS.path, methods.GET_MEMBER.path}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def consents(client: Any) -> Any:
    return client.consents()


# Consents ----------------------------------------------------------------------------


def resigned(view: ConsentView, key: SigningKey, **changes: Any) -> None:
    """Put another consent in place of one, signed with another key."""
    consent = Consent.FromString(view.consent.payload)
    consent.header.request_id = view.consent_id = str(uuid4())
    for name, value in changes.items():
        setattr(consent, name, value)
    view.consent.CopyFrom(seal(consent, key))


def unsigned(reply: ListConsentsResponse) -> None:
    for view in reply.consents:
        del view.consent.signatures[:]


def invented(reply: ListConsentsResponse) -> None:
    resigned(reply.consents[0], SigningKey.generate(), max_uses=9)


def without_keys(reply: ListConsentsResponse) -> None:
    del reply.keys[:]


def without_receipt(reply: ListConsentsResponse) -> None:
    reply.consents[0].ClearField("receipt")


def renamed(reply: ListConsentsResponse) -> None:
    reply.consents[0].consent_id = str(uuid4())


def revived(reply: ListConsentsResponse) -> None:
    """Show every consent ACTIVE, with its changes."""
    for view in reply.consents:
        view.state = consent_pb2.CONSENT_STATE_ACTIVE


def outlived(reply: ListConsentsResponse) -> None:
    """Show every consent EXPIRED, as if the revocation had come after the end."""
    for view in reply.consents:
        view.state = consent_pb2.CONSENT_STATE_EXPIRED


def resumed(reply: ListConsentsResponse) -> None:
    """Show the pause twice, as if the second one was a change back."""
    for view in reply.consents:
        view.changes.extend(list(view.changes))
        view.state = consent_pb2.CONSENT_STATE_ACTIVE


def moved(reply: ListConsentsResponse) -> None:
    """Show the change of one consent with another one."""
    changes = [change for view in reply.consents for change in view.changes]
    for view in reply.consents:
        del view.changes[:]
        view.state = consent_pb2.CONSENT_STATE_ACTIVE
    reply.consents[0].changes.extend(changes)
    reply.consents[0].state = consent_pb2.CONSENT_STATE_REVOKED


LIES = {
    "a consent without a signature": unsigned,
    "a consent under a key that no one has": invented,
    "consents without the keys of their subject": without_keys,
    "a consent that is not in the log": without_receipt,
    "a consent under another id": renamed,
    "a revoked consent as active": revived,
    "a revoked consent as expired": outlived,
    "a change twice": resumed,
    "a change of another consent": moved,
}


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person with a revoked consent for acme, and others."""
    person = scenario.person()
    person.revoke(scenario.inquiring(person, "acme"), "no longer")
    scenario.inquiring(person, "acme")
    return person


@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_consents_come_with_the_states_that_their_statements_lead_to(
    scenario: Scenario, person: Wallet, kind: str
) -> None:
    def honest(_: str, __: Any) -> None: ...

    for shown in answers(scenario, kind, person, consents, honest):
        mine = [
            consent
            for consent in shown
            if consent.subject_id == person.subject_id and consent.grantee == "acme"
        ]
        states = [(consent.state, consent.note, consent.receipt.kind) for consent in mine]
        assert states == [
            (ConsentState.ACTIVE, "", "consent"),
            (ConsentState.REVOKED, "no longer", "consent-change"),
            (ConsentState.ACTIVE, "", "consent"),
        ]
        assert mine[1].update_time > mine[1].create_time


@pytest.mark.parametrize("kind", ["wallet", "lender"])
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_no_client_believes_a_lie_about_consents(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], kind: str
) -> None:
    false = lists_of(methods.LIST_CONSENTS.path, lie)
    for shown in answers(scenario, kind, person, consents, false):
        assert isinstance(shown, VerificationFailed)


def test_the_consent_of_another_person_is_not_believed(scenario: Scenario, person: Wallet) -> None:
    other = scenario.person("acme")
    kept: list[ListConsentsResponse] = []
    deceive(other, lambda _, reply: kept.append(reply))
    other.consents()
    deceive(other, lambda _, __: None)

    def swap(reply: Any) -> None:
        reply.CopyFrom(kept[0])

    false = lists_of(methods.LIST_CONSENTS.path, swap)
    for shown in answers(scenario, "wallet", person, consents, false):
        assert isinstance(shown, VerificationFailed)


def test_a_consent_for_another_member_is_not_believed(scenario: Scenario, person: Wallet) -> None:
    kept: list[Any] = []
    brook = scenario.lenders["brook"]
    deceive(brook, lists_of(methods.LIST_CONSENTS.path, kept.append))
    brook.consents(person.subject_id)
    deceive(brook, lambda _, __: None)
    false = lists_of(methods.LIST_CONSENTS.path, lambda reply: reply.CopyFrom(kept[0]))
    for shown in answers(scenario, "lender", person, consents, false):
        assert isinstance(shown, VerificationFailed)


@pytest.mark.parametrize("state", [consent_pb2.CONSENT_STATE_ACTIVE, 0, 77])
def test_a_pause_that_is_answered_with_another_state_is_not_believed(
    scenario: Scenario, state: int
) -> None:
    somebody = scenario.person("acme")
    consent = somebody.consents()[0]

    def still(reply: Any) -> None:
        del reply.consent.changes[:]
        reply.consent.state = state

    deceive(somebody, lists_of(methods.CHANGE_CONSENT.path, still))
    with pytest.raises(VerificationFailed):
        somebody.pause(consent.consent_id)


def test_a_consent_is_changed_so_many_times_and_then_revoked_only(scenario: Scenario) -> None:
    somebody = scenario.person("acme")
    consent_id = somebody.consents()[0].consent_id
    for _ in range(25):
        somebody.pause(consent_id)
        somebody.resume(consent_id)
    with pytest.raises(InvalidRequest, match="changed 50 times") as refused:
        somebody.pause(consent_id)
    assert refused.value.reason == "CONSENT_CEILING"
    assert refused.value.violations[0].field == "transition"
    assert somebody.revoke(consent_id).state is ConsentState.REVOKED
    assert somebody.consents()[0].state is ConsentState.REVOKED


def test_a_list_fetches_the_attester_once(scenario: Scenario) -> None:
    for _ in range(3):
        scenario.inquiring(scenario.person("acme"), "brook")
    asked: list[str] = []
    with client_of("lender", scenario, scenario.person("acme"), 0, is_async=False) as lender:
        deceive(lender, lambda path, _: asked.append(path))
        assert len(lender.consents()) > 3
        lender.consents()
    # acme attested every key; the operator vouched for acme's.
    assert asked.count(methods.GET_MEMBER.path) == 2


def test_a_consent_whose_change_was_erased_says_so(scenario: Scenario) -> None:
    somebody = scenario.person("acme")
    consent_id = scenario.inquiring(somebody, "brook")
    somebody.revoke(consent_id, "words that go")
    assert all(consent.proved for consent in somebody.consents())
    scenario.erase(somebody.subject_id)
    lists = (somebody.consents(), scenario.lenders["brook"].consents(somebody.subject_id))
    for listed in lists:
        (revoked,) = (one for one in listed if one.consent_id == consent_id)
        assert (revoked.state, revoked.note, revoked.proved) == (ConsentState.REVOKED, "", False)
        assert all(one.proved for one in listed if one is not revoked)


# Members -----------------------------------------------------------------------------


def named(member: Any) -> None:
    member.display_name = "Another Bank"


def grouped(member: Any) -> None:
    member.group = "another-group"


def promoted(member: Any) -> None:
    member.roles.append(codes_pb2.ROLE_OPERATOR)


def purposed(member: Any) -> None:
    del member.purposes[:]


def suspended(member: Any) -> None:
    member.state = MEMBER_STATE_SUSPENDED


def placed(member: Any) -> None:
    member.jurisdiction = "CN"


def certified(member: Any) -> None:
    del member.certificate_fingerprints[:]
    member.certificate_fingerprints.append(os.urandom(32).hex())


def keyed(member: Any) -> None:
    key = SigningKey.generate().verify_key
    member.keys[0].key_id, member.keys[0].public_key = key.key_id, key.raw


def keyed_twice(member: Any) -> None:
    member.keys.append(member.keys[0])


MEMBER_LIES = [
    named,
    grouped,
    promoted,
    purposed,
    suspended,
    placed,
    certified,
    keyed,
    keyed_twice,
]


@pytest.mark.parametrize("lie", MEMBER_LIES)
@pytest.mark.parametrize("method", ["GetMember", "ListMembers"])
def test_no_client_believes_a_lie_about_a_member(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], method: str
) -> None:
    def lie_about_acme(reply: Any) -> None:
        for member in reply.members if method == "ListMembers" else [reply.member]:
            if member.member_id == "acme":
                lie(member)

    false = lists_of(f"creditbureau.v1.Members/{method}", lie_about_acme)
    if method == "ListMembers":
        asked = [("lender", lambda client: client.members())]
    else:
        asked = [
            ("lender", lambda client: client.member("acme")),
            ("auditor", lambda client: client.member("acme")),
        ]
    for kind, call in asked:
        for shown in answers(scenario, kind, person, call, false):
            assert isinstance(shown, VerificationFailed)


def test_a_list_of_members_follows_what_operators_sign(scenario: Scenario, person: Wallet) -> None:
    with (
        client_of("lender", scenario, person, 0, is_async=False) as lender,
        Operator(scenario.bureau.operator) as operator,
    ):
        for state in (MEMBER_STATE_SUSPENDED, MEMBER_STATE_ACTIVE):
            operator.set_state("brook", state)
            shown = {member.member_id: member for member in lender.members()}
            assert shown["brook"].state == state
        brook = operator.member("brook")
        brook.display_name = "Brook Bank"
        operator.change(brook)
        assert {member.display_name for member in lender.members()} >= {"Brook Bank"}
        assert lender.member("brook").display_name == "Brook Bank"


def test_a_member_that_changes_while_it_is_listed_is_no_lie(
    scenario: Scenario, person: Wallet
) -> None:
    """Between the list and the statements about the member: the list is read once more."""
    changes = [MEMBER_STATE_SUSPENDED, MEMBER_STATE_ACTIVE]
    with (
        client_of("lender", scenario, person, 0, is_async=False) as lender,
        Operator(scenario.bureau.operator) as operator,
    ):

        def change(path: str, _: Any) -> None:
            if path.endswith("/ListMembers") and changes:
                operator.set_state("brook", changes.pop(0))

        deceive(lender, change)
        for state in (MEMBER_STATE_SUSPENDED, MEMBER_STATE_ACTIVE):
            shown = {member.member_id: member for member in lender.members()}
            assert shown["brook"].state == state


def test_a_list_fetches_the_statements_about_a_member_once(
    scenario: Scenario, person: Wallet
) -> None:
    asked: list[str] = []
    with client_of("lender", scenario, person, 0, is_async=False) as lender:
        deceive(lender, lambda path, _: asked.append(path))
        first = lender.members()
        fetched = asked.count(methods.GET_MEMBER.path)
        assert lender.members() == first
        assert asked.count(methods.GET_MEMBER.path) == fetched


# Notices -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beijing() -> Iterator[Scenario]:
    """A bureau that gives notice of adverse data."""
    with open_scenario("acme", "brook", jurisdiction="CN") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def noticed(beijing: Scenario) -> Wallet:
    """A person with notices of every kind that a client can be given."""
    person = beijing.person()
    beijing.lenders["acme"].answer_dispute(disputed(beijing, person), DisputeOutcome.ACCURATE)
    beijing.lenders["acme"].record_decision(decision_on(beijing.report(person, "acme")))
    late = {
        "status": AccountStatus.PAST_DUE_30,
        "days_past_due": 31,
        "amount_past_due_minor": 5_00,
        "first_delinquency_date": date(MAY.year, MAY.month, 1),
        "currency": "CNY",
    }
    beijing.submit("acme", account(person, "late", MAY, **late))
    key = SigningKey.generate()
    person.rotate_key(key)
    beijing.keys[person.subject_id] = key
    person.repudiate_key(pending_key(beijing, person))
    return person


def invented_notice(reply: Any) -> None:
    reply.notices[0].notice_id = "3-0"


def without_causes(reply: Any) -> None:
    del reply.causes[:]


def without_one(reply: Any) -> None:
    for cause in reply.causes:
        cause.Clear()


def unproved(reply: Any) -> None:
    for cause in reply.causes:
        cause.ClearField("statement")
        cause.digest = b""


def by_another(reply: Any) -> None:
    for notice in reply.notices:
        notice.member_id = "brook" if notice.member_id == "acme" else "acme"


def of_another_kind(reply: Any) -> None:
    for notice in reply.notices:
        notice.kind = NOTICE_KIND_ERASURE


def earlier(reply: Any) -> None:
    reply.notices[0].create_time.seconds -= 86_400


def of_another_key(reply: Any) -> None:
    for notice in reply.notices:
        if notice.key_id:
            notice.key_id = "ab" * 32


def mixed(reply: Any) -> None:
    """Show each notice with the cause of the one after it."""
    causes = [*list(reply.causes)[1:], reply.causes[0]]
    del reply.causes[:]
    reply.causes.extend(causes)


NOTICE_LIES = [
    invented_notice,
    without_causes,
    without_one,
    unproved,
    by_another,
    of_another_kind,
    earlier,
    of_another_key,
    mixed,
]


def test_notices_come_with_their_causes(beijing: Scenario, noticed: Wallet) -> None:
    def honest(_: str, __: Any) -> None: ...

    for shown in answers(beijing, "wallet", noticed, lambda client: client.notices(), honest):
        assert all(notice.proved for notice in shown)
        assert {notice.kind for notice in shown} == {
            NoticeKind.ADVERSE_DATA,
            NoticeKind.CONSENT_GRANTED,
            NoticeKind.DECISION,
            NoticeKind.DISPUTE,
            NoticeKind.INQUIRY,
            NoticeKind.NEW_ACCOUNT,
            NoticeKind.KEY_REPLACED,
            NoticeKind.KEY_PENDING,
            NoticeKind.KEY_REPUDIATED,
        }


def test_an_erasure_is_proved_to_the_person_that_it_is_about(beijing: Scenario) -> None:
    person = beijing.person()
    beijing.submit("acme", account(person, "card", MAY))
    beijing.erase(person.subject_id)
    (notice,) = heard(person)
    assert (notice.kind, notice.member_id, notice.proved) == (
        NoticeKind.ERASURE,
        "operator",
        True,
    )


def test_a_notice_whose_cause_was_erased_says_so(beijing: Scenario) -> None:
    person = beijing.person()
    beijing.lenders["acme"].answer_dispute(
        disputed(beijing, person), DisputeOutcome.ACCURATE, narrative="as the contract says"
    )
    beijing.erase(person.subject_id)
    proved = {notice.kind: notice.proved for notice in person.notices()}
    assert proved[NoticeKind.DISPUTE] is False
    assert proved[NoticeKind.ERASURE] is True


@pytest.mark.parametrize("lie", NOTICE_LIES)
def test_no_wallet_believes_a_lie_about_a_notice(
    beijing: Scenario, noticed: Wallet, lie: Callable[[Any], None]
) -> None:
    false = lists_of(methods.LIST_NOTICES.path, lie)
    for shown in answers(beijing, "wallet", noticed, lambda client: client.notices(), false):
        assert isinstance(shown, VerificationFailed)


# Decisions ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def decided(scenario: Scenario) -> Wallet:
    """A person with a decision of each of two lenders."""
    person = scenario.person()
    for name in ("acme", "brook"):
        lender = scenario.lenders[name]
        lender.record_decision(decision_on(scenario.report(person, name)))
    return person


def approved(reply: Any) -> None:
    """Show another outcome than the lender signed."""
    for logged in reply.decisions:
        decision = DecisionReceipt.FromString(logged.envelope.payload)
        decision.outcome = DECISION_OUTCOME_APPROVE
        logged.envelope.payload = decision.SerializeToString(deterministic=True)


def by_nobody(reply: Any) -> None:
    """Show a decision that another key signed."""
    for logged in reply.decisions:
        decision = DecisionReceipt.FromString(logged.envelope.payload)
        logged.envelope.CopyFrom(seal(decision, SigningKey.generate()))


def unlogged(reply: Any) -> None:
    for logged in reply.decisions:
        logged.ClearField("receipt")


def of_another_leaf(reply: Any) -> None:
    first, second = reply.decisions[0].receipt, reply.decisions[-1].receipt
    kept = type(first)()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)
    first.leaf_index += len(reply.decisions) == 1


def twice(reply: Any) -> None:
    reply.decisions.append(reply.decisions[0])


DECISION_LIES = [approved, by_nobody, unlogged, of_another_leaf, twice]


@pytest.mark.parametrize("lie", DECISION_LIES)
def test_no_client_believes_a_lie_about_a_decision(
    scenario: Scenario, decided: Wallet, lie: Callable[[Any], None]
) -> None:
    for kind, path in (
        ("wallet", methods.LIST_DECISIONS.path),
        ("lender", methods.LIST_OWN_DECISIONS.path),
    ):
        false = lists_of(path, lie)
        for shown in answers(scenario, kind, decided, lambda client: client.decisions(), false):
            assert isinstance(shown, VerificationFailed)


def test_the_decision_about_another_person_is_not_believed(
    scenario: Scenario, decided: Wallet
) -> None:
    other = scenario.person()
    acme = scenario.lenders["acme"]
    acme.record_decision(decision_on(scenario.report(other, "acme")))
    theirs: list[Any] = []
    keep = lists_of(methods.LIST_DECISIONS.path, lambda reply: theirs.append(reply.decisions[0]))
    answers(scenario, "wallet", other, lambda client: client.decisions(), keep)

    def foreign(reply: Any) -> None:
        reply.decisions[0].CopyFrom(theirs[0])

    false = lists_of(methods.LIST_DECISIONS.path, foreign)
    for shown in answers(scenario, "wallet", decided, lambda client: client.decisions(), false):
        assert isinstance(shown, VerificationFailed)
        assert f"is about subject {other.subject_id}" in str(shown)
    own = lists_of(methods.LIST_OWN_DECISIONS.path, foreign)
    about = decided.subject_id
    for shown in answers(scenario, "lender", decided, lambda client: client.decisions(about), own):
        assert isinstance(shown, VerificationFailed)


def test_the_decision_of_another_member_is_not_believed(
    scenario: Scenario, decided: Wallet
) -> None:
    theirs: list[Any] = []
    keep = lists_of(methods.LIST_DECISIONS.path, lambda reply: theirs.extend(reply.decisions))
    answers(scenario, "wallet", decided, lambda client: client.decisions(), keep)

    def foreign(reply: Any) -> None:
        reply.decisions[0].CopyFrom(theirs[0])  # the newest is brook's

    false = lists_of(methods.LIST_OWN_DECISIONS.path, foreign)
    for shown in answers(scenario, "lender", decided, lambda client: client.decisions(), false):
        assert isinstance(shown, VerificationFailed)
        assert "The member of the decision is brook" in str(shown)


def test_a_replay_with_the_decision_on_another_report_is_not_believed(
    scenario: Scenario, decided: Wallet
) -> None:
    report = scenario.report(decided, "acme")
    other: list[Any] = []
    keep = lists_of(methods.LIST_DECISIONS.path, lambda reply: other.append(reply.decisions[-1]))
    answers(scenario, "wallet", decided, lambda client: client.decisions(), keep)

    def add(reply: Any) -> None:
        reply.decisions.add().CopyFrom(other[0])

    false = lists_of(methods.REPLAY_REPORT.path, add)

    def replay(client: Any) -> Any:
        return client.replay(report.request_id, report.subject_id)

    for shown in answers(scenario, "lender", decided, replay, false):
        assert isinstance(shown, VerificationFailed)
        assert "The decision's inquiry" in str(shown)
