"""Replies that no honest bureau gives, to every method: each ends in a `BureauError`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import bureau_client
from bureau.admin.operator import Operator
from bureau_client import BureauError, Purpose, VerificationFailed
from bureau_client._operations import methods
from creditbureau.v1 import members_pb2
from creditbureau.v1.log_pb2 import Receipt
from tests.service.client_calls import READING_CASES, RECEIPTED_CASES, carry_out, client_of
from tests.service.liar import deceive
from tests.service.scenario import Scenario, open_scenario
from tests.service.test_standards import standard
from tests.unit.client.hostile import HOSTILE, Hostile, walk

CASES = RECEIPTED_CASES | READING_CASES
# Called only after another reply was false; tests/unit/client lies about these.
AFTER_A_LIE = {methods.GET_INCLUSION_PROOF.path, methods.GET_TILE.path}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        with Operator(scenario.bureau.operator, scenario.clock) as operator:
            operator.publish(standard(scenario))
        yield scenario


def test_every_method_that_a_client_calls_has_a_case() -> None:
    operations = Path(bureau_client.__file__).parent / "_operations"
    source = "".join(path.read_text() for path in operations.glob("*.py"))
    called = {getattr(methods, name).path for name in re.findall(r"methods\.([A-Z_]+)", source)}
    assert called == CASES.keys() | AFTER_A_LIE


@pytest.mark.parametrize("path", sorted(CASES))
def test_a_hostile_reply_is_refused_or_harmless(scenario: Scenario, path: str) -> None:
    kind, case = CASES[path]
    for change in HOSTILE.values():
        person = scenario.person()
        action = case(scenario, person)
        client = client_of(kind, scenario, person, 0, is_async=False)

        def lie(method: str, reply: Any, change: Hostile = change) -> None:
            if method == path:
                walk(reply, change)

        deceive(client, lie)
        with suppress(BureauError):
            carry_out(client, action)


def test_pages_that_lead_nowhere_are_refused(scenario: Scenario) -> None:
    lender = client_of("lender", scenario, scenario.person(), 0, is_async=False)
    tokens = iter(["again", "again"])

    def repeat(_: str, reply: Any) -> None:
        reply.next_page_token = next(tokens)

    def go_on(_: str, reply: Any) -> None:
        reply.Clear()
        reply.next_page_token = "more"

    def swell(_: str, reply: Any) -> None:
        reply.members.extend([members_pb2.Member()] * 20_000)

    for lie in (repeat, go_on, swell):

        def in_lists(path: str, reply: Any, change: Any = lie) -> None:
            if path == methods.LIST_MEMBERS.path:
                change(path, reply)

        deceive(lender, in_lists)
        with pytest.raises(VerificationFailed, match="The list of members does not come to an end"):
            lender.members()
    lender.close()


def test_a_stream_that_repeats_is_refused(scenario: Scenario) -> None:
    _, case = CASES[methods.WATCH_DISPUTES.path]
    for person in (scenario.person(), scenario.person()):
        case(scenario, person)
    lender = client_of("lender", scenario, person, 0, is_async=False)

    def repeat(path: str, reply: Any) -> None:
        if path == methods.WATCH_DISPUTES.path:
            reply.cursor = 1

    deceive(lender, repeat)
    stream = lender.watch_disputes()
    assert next(stream).cursor == 1
    with pytest.raises(VerificationFailed, match="it does not move on"):
        next(stream)
    lender.close()


def test_a_replay_is_about_the_person_that_was_asked_for(scenario: Scenario) -> None:
    lender = scenario.lenders["acme"]
    people = [scenario.person(), scenario.person()]
    for person in people:
        RECEIPTED_CASES[methods.QUERY_PORTFOLIO.path][1](scenario, person)
    reports = list(
        lender.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id for person in people])
    )
    liar = client_of("lender", scenario, people[0], 0, is_async=False)
    other: list[Any] = []
    deceive(liar, lambda _, reply: other.append(reply))
    liar.replay(reports[0].request_id, reports[0].subject_id)

    def swap(_: str, reply: Any) -> None:
        receipt = Receipt.FromString(reply.receipt.SerializeToString())
        reply.CopyFrom(other[0])
        reply.receipt.CopyFrom(receipt)

    deceive(liar, swap)
    assert liar.replay(reports[0].request_id, reports[0].subject_id)
    with pytest.raises(VerificationFailed, match="subject"):
        liar.replay(reports[1].request_id, reports[1].subject_id)
    liar.close()
