"""A bureau that lies in its lists of consent requests: no client believes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    Action,
    ConsentRequestState,
    InvalidRequest,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import consent_request_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestView
from tests.service.client_calls import asked_for_consent, client_of
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import DAY, Scenario, open_scenario

PATH = methods.LIST_CONSENT_REQUESTS.path
PENDING = consent_request_pb2.CONSENT_REQUEST_STATE_PENDING
GRANTED = consent_request_pb2.CONSENT_REQUEST_STATE_GRANTED
NARROWED = consent_request_pb2.CONSENT_REQUEST_STATE_NARROWED
EXPIRED = consent_request_pb2.CONSENT_REQUEST_STATE_EXPIRED


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person who narrowed acme's first request, declined its second and has a third."""
    person, acme = scenario.person(), scenario.lenders["acme"]
    person.grant_request(asked_for_consent(acme, person), expire=DAY / 2)
    person.decline_request(asked_for_consent(acme, person), "no longer")
    asked_for_consent(acme, person)
    return person


def requests(client: Any) -> Any:
    return client.consent_requests()


def views(reply: Any) -> tuple[ConsentRequestView, ConsentRequestView, ConsentRequestView]:
    """The pending, the declined and the narrowed request."""
    pending, declined, narrowed = reply.requests
    return pending, declined, narrowed


def unsigned(reply: Any) -> None:
    del views(reply)[0].request.envelope.signatures[:]


def reworded(reply: Any) -> None:
    """Another request, which a key that nobody has signed."""
    view = views(reply)[0]
    request = ConsentRequest.FromString(view.request.envelope.payload)
    request.text = "Send us your savings"
    view.request.envelope.CopyFrom(seal(request, SigningKey.generate()))


def without_receipt(reply: Any) -> None:
    views(reply)[0].request.ClearField("receipt")


def renamed(reply: Any) -> None:
    views(reply)[0].consent_request_id = str(uuid4())


def unanswered(reply: Any) -> None:
    views(reply)[1].state = PENDING


def as_asked(reply: Any) -> None:
    """A narrower consent is shown as if it was what the lender asked for."""
    views(reply)[2].state = GRANTED


def answered(reply: Any) -> None:
    views(reply)[0].state = NARROWED


def ended(reply: Any) -> None:
    views(reply)[1].state = EXPIRED


def moved(reply: Any) -> None:
    """The answer to one request is shown with another."""
    pending, declined, _ = views(reply)
    pending.answer.CopyFrom(declined.answer)
    pending.state = declined.state


def widened(reply: Any) -> None:
    """A wider consent, which a key that nobody has signed."""
    view = views(reply)[2]
    consent = Consent.FromString(view.answer.envelope.payload)
    consent.expire_time.FromSeconds(consent.expire_time.seconds + 60)
    view.answer.envelope.CopyFrom(seal(consent, SigningKey.generate()))


def without_keys(reply: Any) -> None:
    del reply.keys[:]


def erased(reply: Any) -> None:
    """A request without its statement, as if the operator had erased it, with words."""
    view = views(reply)[0]
    view.erased_request.ParseFromString(view.request.envelope.payload)
    view.request.ClearField("envelope")


def lost(reply: Any) -> None:
    """A request without its statement and without what an erasure leaves."""
    views(reply)[0].request.ClearField("envelope")


def stripped(reply: Any) -> None:
    """A consent that answers is left out, as if it could be erased."""
    views(reply)[2].answer.ClearField("envelope")


def repeated(reply: Any) -> None:
    reply.requests.append(reply.requests[0])


LIES = [
    unsigned,
    reworded,
    without_receipt,
    renamed,
    unanswered,
    as_asked,
    answered,
    ended,
    moved,
    widened,
    without_keys,
    erased,
    lost,
    stripped,
    repeated,
]


@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_requests_come_with_the_states_that_their_answers_lead_to(
    scenario: Scenario, person: Wallet, kind: str
) -> None:
    for shown in answers(scenario, kind, person, requests, lambda _, __: None):
        assert [(each.state, each.note) for each in shown] == [
            (ConsentRequestState.PENDING, ""),
            (ConsentRequestState.DECLINED, "no longer"),
            (ConsentRequestState.NARROWED, ""),
        ]


@pytest.mark.parametrize("kind", ["wallet", "lender"])
@pytest.mark.parametrize("lie", LIES)
def test_no_client_believes_a_lie_about_consent_requests(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None], kind: str
) -> None:
    for shown in answers(scenario, kind, person, requests, lists_of(PATH, lie)):
        assert isinstance(shown, VerificationFailed)


def test_the_request_of_another_is_not_believed(scenario: Scenario, person: Wallet) -> None:
    kept: list[Any] = []
    brook, other = scenario.lenders["brook"], scenario.person()
    asked_for_consent(brook, other)
    deceive(brook, lists_of(PATH, kept.append))
    brook.consent_requests()
    deceive(brook, lambda _, __: None)
    false = lists_of(PATH, lambda reply: reply.CopyFrom(kept[0]))
    for kind in ("wallet", "lender"):
        for shown in answers(scenario, kind, person, requests, false):
            assert isinstance(shown, VerificationFailed)


def test_a_list_of_what_changed_holds_nothing_else(scenario: Scenario, person: Wallet) -> None:
    acme, kept = scenario.lenders["acme"], list[Any]()
    deceive(acme, lists_of(PATH, kept.append))
    acme.consent_requests()
    scenario.later(DAY / 2)
    deceive(acme, lists_of(PATH, lambda reply: reply.CopyFrom(kept[0])))
    with pytest.raises(VerificationFailed, match="did not change"):
        acme.consent_requests(changed_since=scenario.now())
    deceive(acme, lambda _, __: None)
    assert acme.consent_requests(changed_since=scenario.now()) == []
    assert person.grant("acme", [Action.FURNISH], expire=DAY).consent_request_id == ""


def widest(terms: ConsentRequest) -> None:
    terms.max_uses, terms.period.seconds = 0, terms.period.seconds * 300


def of_another_member(terms: ConsentRequest) -> None:
    terms.header.signer = "member:brook"


@pytest.mark.parametrize("change", [widest, of_another_member])
def test_no_consent_is_signed_for_what_the_person_did_not_see(
    scenario: Scenario, change: Callable[[ConsentRequest], None]
) -> None:
    """A request that is shown as erased is the bureau's word: it may name any terms."""
    person = scenario.person()
    seen = asked_for_consent(scenario.lenders["acme"], person)
    sent: list[Any] = []

    def false(reply: Any) -> None:
        (view,) = reply.requests
        terms = ConsentRequest.FromString(view.request.envelope.payload)
        terms.ClearField("text")
        change(terms)
        view.erased_request.CopyFrom(terms)
        view.request.ClearField("envelope")

    def lie(path: str, reply: Any) -> None:
        if path == PATH:
            false(reply)
        elif path == methods.GRANT_CONSENT.path:
            sent.append(reply)

    for shown in answers(scenario, "wallet", person, lambda own: own.grant_request(seen), lie):
        assert isinstance(shown, VerificationFailed)
    wallet = client_of("wallet", scenario, person, 0, is_async=False)
    deceive(wallet, lie)
    with wallet, pytest.raises(InvalidRequest, match="erased"):
        wallet.grant_request(seen.consent_request_id)
    assert sent == []
    granted = person.grant_request(seen)
    assert (granted.grantee, granted.consent_request_id) == ("acme", seen.consent_request_id)
