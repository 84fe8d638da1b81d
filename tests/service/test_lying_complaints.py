"""A bureau that lies about complaints, in lists, in the stream, and in the register."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    ComplaintKind,
    ComplaintOutcome,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from creditbureau.v1 import complaint_pb2
from tests.service.client_calls import client_of, complained
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import Scenario, open_scenario

PATHS = {
    "wallet": methods.LIST_COMPLAINTS.path,
    "lender": methods.LIST_RECEIVED_COMPLAINTS.path,
}
REGISTER = methods.LIST_COMPLAINT_REGISTER.path
ANOTHER = "00000000-0000-4000-8000-000000000000"
REJECTED = ComplaintOutcome.REJECTED


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person with a decided complaint, and with an open one."""
    person = scenario.person()
    decided = complained(scenario, person)
    scenario.lenders["acme"].answer_complaint(decided, REJECTED, "as the contract says")
    person.escalate(decided.complaint_id, "it does not")
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        ((waiting, _),) = operator.complaints()
        operator.decide(waiting, complaint_pb2.COMPLAINT_OUTCOME_UPHELD, "it does not indeed")
    person.complain(
        "acme",
        ComplaintKind.DATA_KEPT_TOO_LONG,
        scenario.inquiring(person, "acme"),
        narrative="they have it yet",
    )
    return person


def read(client: Any) -> Any:
    return client.complaints()


def count(client: Any) -> Any:
    return client.complaint_counts()


def open_one(reply: Any) -> Any:
    """Return the open complaint of a reply."""
    return next(one for one in reply.complaints if one.narrative)


def decided_one(reply: Any) -> Any:
    """Return the decided complaint of a reply."""
    return next(one for one in reply.complaints if one.HasField("decision"))


def proof_of(reply: Any, complaint: Any) -> Any:
    return reply.proofs[list(reply.complaints).index(complaint)]


def another_narrative(reply: Any) -> None:
    open_one(reply).narrative = "forged words"


def another_kind(reply: Any) -> None:
    open_one(reply).kind = complaint_pb2.COMPLAINT_KIND_REVIEW_MISSED


def another_deed(reply: Any) -> None:
    open_one(reply).deed.id = ANOTHER


def another_id(reply: Any) -> None:
    open_one(reply).complaint_id = ANOTHER


def another_member(reply: Any) -> None:
    open_one(reply).member_id = "brook"


def another_time(reply: Any) -> None:
    open_one(reply).create_time.seconds -= 86_400


def answered_by_no_one(reply: Any) -> None:
    complaint = open_one(reply)
    complaint.state = complaint_pb2.COMPLAINT_STATE_ANSWERED
    complaint.answer.outcome = complaint_pb2.COMPLAINT_OUTCOME_UPHELD


def another_answer(reply: Any) -> None:
    decided_one(reply).answer.outcome = complaint_pb2.COMPLAINT_OUTCOME_UPHELD


def another_decision(reply: Any) -> None:
    decided_one(reply).decision.outcome = complaint_pb2.COMPLAINT_OUTCOME_REJECTED


def other_words_to_the_operator(reply: Any) -> None:
    decided_one(reply).escalation_narrative = "forged words"


def not_decided(reply: Any) -> None:
    """Leave out the decision, and its statement."""
    complaint = decided_one(reply)
    proof = proof_of(reply, complaint)
    complaint.ClearField("decision")
    del proof.statements[-1:], proof.lines[-1:]


def undecided(reply: Any) -> None:
    decided_one(reply).state = complaint_pb2.COMPLAINT_STATE_ESCALATED


def answered_twice(reply: Any) -> None:
    proof = proof_of(reply, decided_one(reply))
    proof.statements.append(proof.statements[1])
    proof.lines.append(proof.lines[1])


def another_line(reply: Any) -> None:
    proof_of(reply, open_one(reply)).lines[0].number += 1


def without_proofs(reply: Any) -> None:
    del reply.proofs[:]


def without_keys(reply: Any) -> None:
    del reply.keys[:]


def unsigned(reply: Any) -> None:
    for proof in reply.proofs:
        proof.statements[0].envelope.signatures[0].sig = bytes(64)


LIES = (
    *(another_narrative, another_kind, another_deed, another_id, another_member, another_time),
    *(answered_by_no_one, another_answer, another_decision, other_words_to_the_operator),
    *(not_decided, undecided, answered_twice, another_line),
    *(without_proofs, without_keys, unsigned),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_no_list_of_complaints_that_lies_is_believed(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], kind: str
) -> None:
    for shown in answers(scenario, kind, person, read, lists_of(PATHS[kind], lie)):
        assert isinstance(shown, VerificationFailed)


def test_the_stream_of_complaints_holds_each_to_its_statements(
    scenario: Scenario, person: Wallet
) -> None:
    lender = scenario.lenders["acme"]
    stream = lender.watch_complaints()
    assert all(next(stream).complaint.proved for _ in range(2))

    def lie(path: str, message: Any) -> None:
        if path == methods.WATCH_COMPLAINTS.path:
            message.complaint.narrative = "forged words"

    liar = client_of("lender", scenario, person, 0, is_async=False)
    deceive(liar, lie)
    with liar, pytest.raises(VerificationFailed):
        next(liar.watch_complaints())


def line_left_out(reply: Any) -> None:
    del reply.lines[1]


def line_left_out_and_numbered_over(reply: Any) -> None:
    del reply.lines[1]
    for number, registered in enumerate(reply.lines, 1):
        registered.line.number = number


def last_line_left_out(reply: Any) -> None:
    del reply.lines[-1:]


def own_complaint_erased_and_of_another_member(reply: Any) -> None:
    reply.lines[-1].digest = b""
    reply.lines[-1].line.member_id = "brook"


def kind_changed(reply: Any) -> None:
    reply.lines[0].line.kind = complaint_pb2.COMPLAINT_KIND_REVIEW_MISSED


def member_changed(reply: Any) -> None:
    reply.lines[0].line.member_id = "brook"


def outcome_changed(reply: Any) -> None:
    reply.lines[1].line.outcome = complaint_pb2.COMPLAINT_OUTCOME_UPHELD


def line_repeated(reply: Any) -> None:
    reply.lines.append(reply.lines[-1])


def leaf_of_another_kind(reply: Any) -> None:
    reply.lines[1].receipt.kind = "complaint-decision"


def order_changed(reply: Any) -> None:
    lines = list(reply.lines)
    del reply.lines[:]
    reply.lines.extend(reversed(lines))


REGISTER_LIES = (
    *(line_left_out, line_left_out_and_numbered_over, last_line_left_out),
    *(kind_changed, member_changed, outcome_changed, own_complaint_erased_and_of_another_member),
    *(line_repeated, leaf_of_another_kind, order_changed),
)


@pytest.mark.parametrize("lie", REGISTER_LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_no_register_that_lies_is_counted(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], kind: str
) -> None:
    for shown in answers(scenario, kind, person, count, lists_of(REGISTER, lie)):
        assert isinstance(shown, VerificationFailed)


@pytest.mark.parametrize("kind", ["wallet", "lender"])
@pytest.mark.parametrize("count_left", [1, 2, 3])
def test_the_newest_lines_are_held_to_what_the_caller_knows(kind: str, count_left: int) -> None:
    """The answer, the escalation and the decision of the only complaint are the newest lines."""
    with open_scenario("acme") as scenario:
        person = scenario.person()
        complaint = complained(scenario, person)
        scenario.lenders["acme"].answer_complaint(complaint, REJECTED, "as the contract says")
        person.escalate(complaint.complaint_id, "it does not")
        with Operator(scenario.bureau.operator, scenario.clock) as operator:
            ((waiting, _),) = operator.complaints()
            operator.decide(waiting, complaint_pb2.COMPLAINT_OUTCOME_UPHELD, "it does not indeed")

        def cut(reply: Any) -> None:
            del reply.lines[count_left:]

        for shown in answers(scenario, kind, person, count, lists_of(REGISTER, cut)):
            assert isinstance(shown, VerificationFailed)


@pytest.mark.parametrize("number", [0, -1])
def test_an_erased_complaint_without_a_number_is_no_line(number: int) -> None:
    """Nothing covers the line of a statement that was erased, so its number may be any."""
    with open_scenario("acme") as scenario:
        person = scenario.person()
        complained(scenario, person)

        def lie(path: str, reply: Any) -> None:
            if path == REGISTER:
                del reply.lines[:]
            elif path == PATHS["wallet"]:
                (proof,) = reply.proofs
                proof.statements[0].ClearField("envelope")
                proof.lines[0].number = proof.lines[0].complaint_number = number

        for shown in answers(scenario, "wallet", person, count, lie):
            assert isinstance(shown, VerificationFailed)
