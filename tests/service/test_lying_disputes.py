"""A bureau that lies about disputes, in lists, in the stream, and in the answers to statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bureau_client import (
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    HoldKind,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from creditbureau.v1 import dispute_pb2
from tests.service.client_calls import disputed
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import MAY

PATHS = {
    "wallet": methods.LIST_DISPUTES.path,
    "lender": methods.LIST_DISPUTED_RECORDS.path,
}
ANOTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person with an open dispute that has an addition, and with an answered one."""
    person = scenario.person()
    answered = disputed(scenario, person)
    scenario.lenders["acme"].answer_dispute(
        answered, DisputeOutcome.ACCURATE, narrative="as the contract says"
    )
    (line,) = person.file().tradelines
    opened = person.dispute(
        line.tradeline_id,
        field="status",
        reason=DisputeReason.WRONG_STATUS,
        narrative="it is paid",
        attachment_digests=[bytes(32)],
    )
    person.add_to_dispute(opened.dispute_id, "here is the receipt")
    return person


def read(client: Any) -> Any:
    return client.disputes()


def opened(reply: Any) -> Any:
    """Return the open dispute of a reply."""
    return next(one for one in reply.disputes if one.additions)


def answered(reply: Any) -> Any:
    """Return the answered dispute of a reply."""
    return next(one for one in reply.disputes if one.outcome)


def proof_of(reply: Any, dispute: Any) -> Any:
    return reply.proofs[list(reply.disputes).index(dispute)]


def another_narrative(reply: Any) -> None:
    opened(reply).narrative = "forged words"


def another_tradeline(reply: Any) -> None:
    opened(reply).tradeline_id = "ab" * 16


def another_field(reply: Any) -> None:
    opened(reply).field = "balance_minor"


def another_month(reply: Any) -> None:
    opened(reply).month = 202401


def another_reason(reply: Any) -> None:
    opened(reply).reason = dispute_pb2.DISPUTE_REASON_NOT_MINE


def another_id(reply: Any) -> None:
    opened(reply).dispute_id = ANOTHER


def another_time(reply: Any) -> None:
    opened(reply).create_time.seconds -= 86_400


def other_attachments(reply: Any) -> None:
    del opened(reply).attachment_digests[:]


def other_facts(reply: Any) -> None:
    opened(reply).additions[0].narrative = "forged words"


def without_facts(reply: Any) -> None:
    del opened(reply).additions[:]


def invented_facts(reply: Any) -> None:
    opened(reply).additions.add(narrative="forged words")


def facts_twice(reply: Any) -> None:
    dispute = opened(reply)
    proof = proof_of(reply, dispute)
    proof.additions.append(proof.additions[0])
    dispute.additions.append(dispute.additions[0])


def answered_by_no_one(reply: Any) -> None:
    dispute = opened(reply)
    dispute.state = dispute_pb2.DISPUTE_STATE_ANSWERED
    dispute.outcome = dispute_pb2.DISPUTE_OUTCOME_DELETED


def closed_by_no_one(reply: Any) -> None:
    opened(reply).state = dispute_pb2.DISPUTE_STATE_ANSWERED


def open_again(reply: Any) -> None:
    answered(reply).state = dispute_pb2.DISPUTE_STATE_OPEN


def another_outcome(reply: Any) -> None:
    answered(reply).outcome = dispute_pb2.DISPUTE_OUTCOME_DELETED


def another_answer(reply: Any) -> None:
    answered(reply).answer_narrative = "forged words"


def a_correction(reply: Any) -> None:
    answered(reply).correction.submission_id = ANOTHER


def of_another_member(reply: Any) -> None:
    answered(reply).member_id = "brook"


def answer_of_another(reply: Any) -> None:
    """Show the answer to one dispute with the other one."""
    one, other = answered(reply), opened(reply)
    proof_of(reply, other).answer.CopyFrom(proof_of(reply, one).answer)
    for name in ("state", "outcome", "answer_narrative"):
        setattr(other, name, getattr(one, name))
    other.close_time.CopyFrom(one.close_time)


def without_proofs(reply: Any) -> None:
    del reply.proofs[:]


def without_keys(reply: Any) -> None:
    del reply.keys[:]


def without_statements(reply: Any) -> None:
    """Say of every statement that its words were erased."""
    for proof in reply.proofs:
        for logged in (proof.opening, *proof.additions):
            logged.ClearField("envelope")


def unsigned(reply: Any) -> None:
    for proof in reply.proofs:
        proof.opening.envelope.signatures[0].sig = bytes(64)


LIES = (
    another_narrative,
    another_tradeline,
    another_field,
    another_month,
    another_reason,
    another_id,
    another_time,
    other_attachments,
    other_facts,
    without_facts,
    invented_facts,
    facts_twice,
    answered_by_no_one,
    closed_by_no_one,
    open_again,
    another_outcome,
    another_answer,
    a_correction,
    of_another_member,
    answer_of_another,
    without_proofs,
    without_keys,
    without_statements,
    unsigned,
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_no_list_of_disputes_that_lies_is_believed(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], kind: str
) -> None:
    for shown in answers(scenario, kind, person, read, lists_of(PATHS[kind], lie)):
        assert isinstance(shown, VerificationFailed)


@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_disputes_come_with_what_the_parties_signed(
    scenario: Scenario, person: Wallet, kind: str
) -> None:
    stream = scenario.lenders["acme"].watch_disputes()
    assert all(next(stream).dispute.proved for _ in range(2))
    for shown in answers(scenario, kind, person, read, lambda *_: None):
        own = [one for one in shown if one.subject_id == person.subject_id]
        states = {one.state: one for one in own}
        assert states[DisputeState.OPEN].additions[0].narrative == "here is the receipt"
        assert states[DisputeState.ANSWERED].answer_narrative == "as the contract says"
        assert all(one.proved for one in own)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_no_stream_of_disputes_that_lies_is_believed(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None]
) -> None:
    """Each message of the stream is changed as a list of one dispute is."""
    lender = scenario.lenders["acme"]
    changes: list[bool] = []

    def change(message: Any) -> None:
        page = type(true).FromString(true.SerializeToString())
        lie(page)
        changed = [
            index
            for index, (one, other) in enumerate(zip(page.disputes, true.disputes, strict=True))
            if message.dispute.dispute_id == other.dispute_id
            and (one != other or page.proofs[index : index + 1] != true.proofs[index : index + 1])
        ]
        for index in changed:
            changes.append(True)
            message.dispute.CopyFrom(page.disputes[index])
            message.proof.Clear()
            for proof in page.proofs[index : index + 1]:
                message.proof.CopyFrom(proof)
        if not page.keys:
            changes.append(True)
            del message.keys[:]

    pages: list[Any] = []
    deceive(lender, lists_of(methods.LIST_DISPUTED_RECORDS.path, pages.append))
    lender.disputes()
    true = pages[0]
    deceive(lender, lists_of(methods.WATCH_DISPUTES.path, change))
    with pytest.raises(VerificationFailed):
        for _ in zip(range(10), lender.watch_disputes(), strict=False):
            pass
    assert changes
    deceive(lender, lambda *_: None)


def test_an_erased_dispute_says_so(scenario: Scenario) -> None:
    somebody = scenario.person()
    scenario.submit("acme", account(somebody, "card", MAY))
    (line,) = somebody.file().tradelines
    opened = somebody.dispute(
        line.tradeline_id, field="status", reason=DisputeReason.NOT_MINE, narrative="words that go"
    )
    assert opened.proved
    assert somebody.disputes()[0].proved
    scenario.erase(somebody.subject_id)
    (shown,) = somebody.disputes()
    assert (shown.narrative, shown.proved) == ("", False)


@pytest.mark.parametrize("lie", ["tradeline_id", "field", "narrative", "subject_id", "dispute_id"])
def test_the_answer_to_an_opening_is_what_was_sent(scenario: Scenario, lie: str) -> None:
    somebody = scenario.person()
    scenario.submit("acme", account(somebody, "card", MAY))
    (line,) = somebody.file().tradelines
    false = lists_of(methods.OPEN_DISPUTE.path, lambda reply: setattr(reply.dispute, lie, "xxxxx"))
    deceive(somebody, false)
    with pytest.raises(VerificationFailed):
        somebody.dispute(line.tradeline_id, field="status", reason=DisputeReason.WRONG_STATUS)


def test_the_answer_to_an_addition_has_it(scenario: Scenario) -> None:
    somebody = scenario.person()
    dispute_id = disputed(scenario, somebody)
    lies: tuple[Callable[[Any], object], ...] = (
        lambda reply: reply.dispute.ClearField("additions"),
        lambda reply: setattr(reply.dispute.additions[-1], "narrative", "forged words"),
        lambda reply: setattr(reply.dispute, "dispute_id", ANOTHER),
        lambda reply: setattr(reply.dispute, "subject_id", "ab" * 16),
    )
    for number, lie in enumerate(lies):
        deceive(somebody, lists_of(methods.ADD_TO_DISPUTE.path, lie))
        with pytest.raises(VerificationFailed):
            somebody.add_to_dispute(dispute_id, f"fact {number}")


def test_the_reply_to_an_answer_has_it(scenario: Scenario) -> None:
    lender = scenario.lenders["acme"]
    lies: tuple[Callable[[Any], object], ...] = (
        lambda reply: setattr(reply.dispute, "outcome", dispute_pb2.DISPUTE_OUTCOME_DELETED),
        lambda reply: setattr(reply.dispute, "answer_narrative", "forged words"),
        lambda reply: setattr(reply.dispute, "state", dispute_pb2.DISPUTE_STATE_OPEN),
        lambda reply: setattr(reply.dispute, "member_id", "brook"),
        lambda reply: setattr(reply.dispute, "dispute_id", ANOTHER),
    )
    for lie in lies:
        dispute_id = disputed(scenario, scenario.person())
        deceive(lender, lists_of(methods.ANSWER_DISPUTE.path, lie))
        with pytest.raises(VerificationFailed):
            lender.answer_dispute(dispute_id, DisputeOutcome.ACCURATE, narrative="looked into")
        deceive(lender, lambda *_: None)


def test_the_answer_to_a_placement_is_what_was_sent(scenario: Scenario) -> None:
    lies: tuple[Callable[[Any], object], ...] = (
        lambda reply: setattr(reply.hold, "hold_id", ANOTHER),
        lambda reply: setattr(reply.hold, "kind", 2),
        lambda reply: reply.hold.expire_time.GetCurrentTime(),
    )
    for lie in lies:
        somebody = scenario.person()
        deceive(somebody, lists_of(methods.PLACE_HOLD.path, lie))
        with pytest.raises(VerificationFailed):
            somebody.place_hold(HoldKind.SECURITY_FREEZE)
