"""Every method that answers with a receipt, with receipts that prove nothing.

The list of methods comes from the contract: a new method fails here until it has a case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    BureauError,
    ComplaintOutcome,
    Lender,
    NotWitnessed,
    SigningKey,
    Statement,
    VerificationFailed,
)
from bureau_client._operations import cosigning, methods
from bureau_client._operations.operation import Method
from bureau_keys.errors import BadProof
from creditbureau.v1.complaint_pb2 import COMPLAINT_OUTCOME_REJECTED, Complaint
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import MEMBER_STATE_SUSPENDED
from tests.service.client_calls import RECEIPTED_CASES, carry_out, client_of, complained
from tests.service.liar import deceive
from tests.service.scenario import Scenario, open_scenario
from tests.service.test_standards import standard

RECEIPTED = {
    method.path
    for method in vars(methods).values()
    if isinstance(method, Method) and "receipt" in method.reply.DESCRIPTOR.fields_by_name
}


def admitted(scenario: Scenario) -> str:
    """Admit another member; return its id."""
    return scenario.bureau.add_member(f"m{os.urandom(4).hex()}").member_id


def member_and_key(operator: Operator, scenario: Scenario) -> tuple[str, str]:
    """Admit another member; return its id and its key's."""
    member = operator.member(admitted(scenario))
    return member.member_id, member.keys[0].key_id


def escalated(scenario: Scenario) -> Complaint:
    """Return a complaint that a person took to the operator."""
    person = scenario.person()
    complaint = complained(scenario, person)
    scenario.lenders["acme"].answer_complaint(complaint, ComplaintOutcome.REJECTED, "No.")
    person.escalate(complaint.complaint_id)
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        *_, (newest, _) = operator.complaints()
    return newest


# Makes what the operator needs, and returns the call of the operator's own client.
OPERATOR_CASES: dict[str, Callable[[Operator, Scenario], Callable[[], object]]] = {
    methods.ADMIT_MEMBER.path: lambda _, scenario: partial(admitted, scenario),
    methods.CHANGE_MEMBER.path: lambda operator, _: partial(
        operator.change, operator.member("brook")
    ),
    methods.SET_MEMBER_STATE.path: lambda operator, scenario: partial(
        operator.set_state, admitted(scenario), MEMBER_STATE_SUSPENDED
    ),
    methods.CHANGE_CREDENTIAL.path: lambda operator, scenario: partial(
        operator.withdraw_key, *member_and_key(operator, scenario)
    ),
    methods.PUBLISH_STANDARD.path: lambda operator, scenario: partial(
        operator.publish, standard(scenario, operator.standard().version + 1)
    ),
    methods.GET_STANDARD.path: lambda operator, _: operator.standard,
    methods.DECIDE_COMPLAINT.path: lambda operator, scenario: partial(
        operator.decide, escalated(scenario), COMPLAINT_OUTCOME_REJECTED, "The member may."
    ),
}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook", limits={"credentials_a_day": 1_000}) as scenario:
        with Operator(scenario.bureau.operator, scenario.clock) as operator:
            operator.publish(standard(scenario))
        yield scenario


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no client wait for witnesses."""
    monkeypatch.setattr(cosigning, "WITNESS_TIMEOUT", timedelta(0))


def test_every_method_with_a_receipt_has_a_case() -> None:
    assert RECEIPTED_CASES.keys() | OPERATOR_CASES.keys() == RECEIPTED


def foreign(scenario: Scenario) -> Receipt:
    """Return a genuine receipt of another statement."""
    kept: list[Statement] = []
    profile = scenario.profiles["brook"]
    with Lender(profile, clock=scenario.now, before_send=kept.append) as brook:
        brook.add_key(SigningKey.generate())
        request = methods.GET_RECEIPT.request(request_id=kept[0].request_id)
        reply: Any = None

        def note(_: str, answer: Any) -> None:
            nonlocal reply
            reply = answer

        deceive(brook, note)
        brook.receipt(request.request_id)
    return Receipt.FromString(reply.receipt.SerializeToString())


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("path", sorted(RECEIPTED_CASES))
def test_no_method_believes_a_receipt_that_proves_nothing(
    scenario: Scenario, path: str, *, is_async: bool
) -> None:
    kind, case = RECEIPTED_CASES[path]
    other = foreign(scenario)
    refused: dict[str, type[BureauError] | None] = {}
    for how in ("true", "empty", "foreign", "unwitnessed"):
        person = scenario.person()
        action = case(scenario, person)
        client = client_of(kind, scenario, person, int(how == "unwitnessed"), is_async=is_async)

        def lie(method: str, reply: Any, how: str = how) -> None:
            if method == path and how == "empty":
                reply.receipt.Clear()
            if method == path and how == "foreign":
                reply.receipt.CopyFrom(other)

        deceive(client, lie)
        try:
            carry_out(client, action)
        except BureauError as error:
            refused[how] = type(error)
        else:
            refused[how] = None
    assert refused == {
        "true": None,
        "empty": VerificationFailed,
        "foreign": VerificationFailed,
        "unwitnessed": NotWitnessed,
    }


@pytest.mark.parametrize("how", ["empty", "foreign"])
@pytest.mark.parametrize("path", sorted(OPERATOR_CASES))
def test_the_operators_client_believes_none_either(
    scenario: Scenario, path: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = foreign(scenario) if how == "foreign" else Receipt()
    true = Operator._call

    def lying(operator: Operator, method: Any, request: Any, seconds: float) -> Any:
        reply = true(operator, method, request, seconds)
        if reply.DESCRIPTOR.full_name.endswith(f".{path.rpartition('/')[2]}Response"):
            reply.receipt.CopyFrom(receipt)
        return reply

    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        act = OPERATOR_CASES[path](operator, scenario)
        monkeypatch.setattr(Operator, "_call", lying)
        with pytest.raises(BadProof):
            act()
