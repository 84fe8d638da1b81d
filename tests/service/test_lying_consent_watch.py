"""A bureau that lies to a member about the changes of its consents: all clients refuse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import ConsentEventKind, ConsentMode, Lender, VerificationFailed, Wallet
from bureau_client._operations import methods
from creditbureau.v1 import consent_event_pb2
from creditbureau.v1.consents_pb2 import WatchConsentsResponse
from tests.service.client_calls import client_of
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import DAY, Scenario, open_scenario
from tests.service.test_consent_watch import used

Lie = Callable[[WatchConsentsResponse], None]
PATH = methods.WATCH_CONSENTS.path


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person whose consents for acme changed in every way."""
    person = scenario.person("brook")
    terms: dict[str, Any] = {"mode": ConsentMode.STORE, "data_life": DAY, "max_uses": 1}
    consent_id = scenario.inquiring(person, "acme", **terms)
    used(scenario, "acme", person, consent_id)
    scenario.later(30 * DAY)
    paused = scenario.inquiring(person, "acme")
    person.pause(paused, "wait")
    person.resume(paused)
    person.revoke(paused, "enough")
    scenario.lenders["acme"].confirm_deletion(consent_id)
    return person


EVENTS = (
    *("GRANTED", "EXHAUSTED", "EXPIRED"),  # of the first consent
    *("GRANTED", "PAUSED", "RESUMED", "REVOKED"),
)


def of_kind(name: str, change: Lie) -> Lie:
    """Return the lie about the changes of a kind."""

    def lie(message: WatchConsentsResponse) -> None:
        if int(message.event.kind) == ConsentEventKind[name]:
            change(message)

    return lie


def earlier(message: WatchConsentsResponse) -> None:
    message.event.event_time.FromMicroseconds(message.event.event_time.ToMicroseconds() - 1)


def elsewhere(message: WatchConsentsResponse) -> None:
    message.event.leaf_index += 1


def renamed(message: WatchConsentsResponse) -> None:
    message.event.consent_id = str(uuid4())


def as_kind(name: str) -> Lie:
    def lie(message: WatchConsentsResponse) -> None:
        message.event.kind = consent_event_pb2.ConsentEventKind.Value(f"CONSENT_EVENT_KIND_{name}")

    return lie


def expired(message: WatchConsentsResponse) -> None:
    """Show the revoked consent as expired, at its end."""
    as_kind("EXPIRED")(message)
    message.event.ClearField("leaf_index")
    message.event.event_time.FromMicroseconds(
        message.event.event_time.ToMicroseconds() + 20 * 86_400_000_000
    )


def without_note(message: WatchConsentsResponse) -> None:
    for logged in message.consent.changes:
        logged.envelope.payload = logged.envelope.payload.replace(b"enough", b"plenty")


def unconfirmed(message: WatchConsentsResponse) -> None:
    message.consent.deletion.envelope.signatures[0].sig = bytes(64)


def keep_longer(message: WatchConsentsResponse) -> None:
    if message.consent.HasField("delete_by_time"):
        message.consent.delete_by_time.seconds += 86_400


def never_delete(message: WatchConsentsResponse) -> None:
    message.consent.ClearField("delete_by_time")


def deleted_by_nobody(message: WatchConsentsResponse) -> None:
    """Show the use as the confirmation of the deletion."""
    message.consent.deletion.CopyFrom(message.use)


LIES: dict[str, Lie] = {
    "a change of another consent": renamed,
    "a grant at another time": of_kind("GRANTED", earlier),
    "a pause at another leaf": of_kind("PAUSED", elsewhere),
    "a pause as a revocation": of_kind("PAUSED", as_kind("REVOKED")),
    "a kind that is none": of_kind("RESUMED", lambda message: setattr(message.event, "kind", 77)),
    "a revocation as an expiry": of_kind("REVOKED", expired),
    "another note": of_kind("REVOKED", without_note),
    "an expiry at another time": of_kind("EXPIRED", earlier),
    "an expiry of a leaf": of_kind("EXPIRED", lambda m: setattr(m.event, "leaf_index", 1)),
    "a consent with uses left as used up": of_kind("PAUSED", as_kind("EXHAUSTED")),
    "a last use that is missing": of_kind("EXHAUSTED", lambda m: m.ClearField("use")),
    "a last use elsewhere": of_kind("EXHAUSTED", elsewhere),
    "a last use that nobody signed": of_kind(
        "EXHAUSTED", lambda m: setattr(m.use.envelope.signatures[0], "sig", bytes(64))
    ),
    "a consent without its signature": of_kind(
        "GRANTED", lambda m: m.consent.consent.ClearField("signatures")
    ),
    "keys that are missing": lambda message: message.ClearField("keys"),
    "a later time of deletion": of_kind("EXPIRED", keep_longer),
    "no time of deletion": of_kind("EXPIRED", never_delete),
    "a confirmation that the member did not sign": of_kind("EXPIRED", unconfirmed),
    "a use as the confirmation": of_kind("EXHAUSTED", deleted_by_nobody),
}


def test_the_truth_is_believed(scenario: Scenario, person: Wallet) -> None:
    # acme holds a consent to furnish of nobody: every change is of the person's.
    with client_of("lender", scenario, person, 0, is_async=False) as lender:
        events = list(itertools.islice(lender.watch_consents(), len(EVENTS)))
    assert sorted(event.kind.name for event in events) == sorted(EVENTS)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_no_client_believes_a_lie_about_a_change(
    scenario: Scenario, person: Wallet, lie: Lie
) -> None:
    with client_of("lender", scenario, person, 0, is_async=False) as lender:
        deceive(lender, lists_of(PATH, lie))
        with pytest.raises(VerificationFailed):
            list(itertools.islice(lender.watch_consents(), len(EVENTS)))


def test_a_change_comes_once(scenario: Scenario, person: Wallet) -> None:
    """The bureau shows the first change in the place of every other one."""
    for kind in ("GRANTED", "EXPIRED"):
        kept: list[WatchConsentsResponse] = []

        def again(message: WatchConsentsResponse, kept: Any = kept, kind: str = kind) -> None:
            if kept:
                message.CopyFrom(kept[0])
            elif int(message.event.kind) == ConsentEventKind[kind]:
                kept.append(WatchConsentsResponse.FromString(message.SerializeToString()))

        with client_of("lender", scenario, person, 0, is_async=False) as lender:
            deceive(lender, lists_of(PATH, again))
            with pytest.raises(VerificationFailed, match="twice"):
                list(itertools.islice(lender.watch_consents(), len(EVENTS)))


@pytest.mark.usefixtures("person")
def test_an_expiry_that_lies_ahead_is_refused(scenario: Scenario) -> None:
    """The bureau's clock is ahead of the member's."""
    behind = Lender(scenario.profiles["acme"], clock=lambda: scenario.now() - 20 * DAY)
    with behind, pytest.raises(VerificationFailed, match="has not expired"):
        list(itertools.islice(behind.watch_consents(), len(EVENTS)))


def test_a_list_holds_what_changed(scenario: Scenario, person: Wallet) -> None:
    """A consent that did not change since is not listed as changed."""
    since = scenario.now() + timedelta(hours=1)
    everything: list[Any] = []
    path = methods.LIST_CONSENTS.path
    acme = scenario.lenders["acme"]
    deceive(acme, lists_of(path, everything.append))
    acme.consents()
    deceive(acme, lambda *_: None)
    false = lists_of(path, lambda reply: reply.CopyFrom(everything[0]))
    for shown in answers(
        scenario, "lender", person, lambda lender: lender.consents(changed_since=since), false
    ):
        assert isinstance(shown, VerificationFailed)
