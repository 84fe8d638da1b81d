"""Lists that show an entry of the log twice, out of its order, or to the wrong reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from bureau_client import ComplaintKind, DisputeReason, Lender, VerificationFailed, Wallet
from bureau_client._operations import methods
from bureau_client._operations.operation import Method
from bureau_keys.signing import SigningKey
from tests.service.liar import answers, deceive, lists_of
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import MAY


class Listed(NamedTuple):
    """A list of a client.

    Attributes:
        client: The kind of the client.
        call: The name of the client's method.
        items: The fields of a reply that have one element for each item.
    """

    client: str
    call: str
    method: Method[Any, Any]
    items: tuple[str, ...]


LISTS = [
    Listed("wallet", "consents", methods.LIST_CONSENTS, ("consents",)),
    Listed("wallet", "inquiries", methods.LIST_INQUIRIES, ("inquiries",)),
    Listed("wallet", "events", methods.LIST_EVENTS, ("events",)),
    Listed("wallet", "notices", methods.LIST_NOTICES, ("notices", "causes")),
    Listed("wallet", "disputes", methods.LIST_DISPUTES, ("disputes", "proofs")),
    Listed("wallet", "complaints", methods.LIST_COMPLAINTS, ("complaints", "proofs")),
    Listed("lender", "complaints", methods.LIST_RECEIVED_COMPLAINTS, ("complaints", "proofs")),
    Listed("lender", "consents", methods.LIST_CONSENTS, ("consents",)),
    Listed("lender", "inquiries", methods.LIST_OWN_INQUIRIES, ("inquiries",)),
    Listed("lender", "disputes", methods.LIST_DISPUTED_RECORDS, ("disputes", "proofs")),
    Listed("lender", "submissions", methods.LIST_SUBMISSIONS, ("submissions", "manifests")),
    Listed("lender", "members", methods.LIST_MEMBERS, ("members",)),
    Listed("lender", "erasures", methods.LIST_ERASURES, ("erasures",)),
    Listed("auditor", "checkpoints", methods.LIST_CHECKPOINTS, ("checkpoints",)),
]
# Lists whose items say themselves whom they are about, and are true for every reader.
FOR_ALL = {"checkpoints", "erasures", "members"}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def lived(scenario: Scenario, lender: str) -> Wallet:
    """A person and a lender, each with two items in every list of theirs."""
    person, member = scenario.person(lender), scenario.lenders[lender]
    for number in range(2):
        scenario.submit(lender, account(person, f"card-{number}", MAY))
        scenario.report(person, lender)
        line = person.file().tradelines[0]
        field = ("balance_minor", "status")[number]
        person.dispute(line.tradeline_id, field=field, reason=DisputeReason.WRONG_AMOUNT)
        consent_id = scenario.inquiring(person, lender)
        person.complain(lender, ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)
        key = SigningKey.generate()
        person.rotate_key(key)
        scenario.keys[person.subject_id] = key
        gone = scenario.person(lender)
        scenario.submit(lender, account(gone, f"gone-{number}", MAY))
        scenario.erase(gone.subject_id)
        # More than the time by which an item of a list can be out of its order.
        scenario.later(timedelta(minutes=10))
    assert member.submissions()
    return person


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    return lived(scenario, "acme")


@pytest.fixture(scope="module")
def replies(scenario: Scenario, person: Wallet) -> dict[Listed, Any]:
    """The true reply of each list to another person, and to another lender."""
    other = lived(scenario, "brook")
    replies: dict[Listed, Any] = {}
    for listed in LISTS:
        if listed.client == "auditor":
            continue
        client: Wallet | Lender = other if listed.client == "wallet" else scenario.lenders["brook"]
        pages: list[Any] = []
        deceive(client, lists_of(listed.method.path, pages.append))
        getattr(client, listed.call)()
        deceive(client, lambda *_: None)
        replies[listed] = pages[0]
    return replies


def shown(scenario: Scenario, person: Wallet, listed: Listed, lie: Callable[[Any], object]) -> Any:
    """Return what both clients make of a list that is changed on its way."""
    false = lists_of(listed.method.path, lie)
    return answers(
        scenario, listed.client, person, lambda client: getattr(client, listed.call)(), false
    )


def name_of(listed: Any) -> str:
    return f"{listed.client}-{listed.call}"


@pytest.mark.parametrize("listed", LISTS, ids=name_of)
def test_no_list_shows_an_item_twice(scenario: Scenario, person: Wallet, listed: Listed) -> None:
    def twice(reply: Any) -> None:
        for name in listed.items:
            items = getattr(reply, name)
            assert len(items) > 1
            items.append(items[-1])

    for result in shown(scenario, person, listed, twice):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize("listed", LISTS, ids=name_of)
def test_no_list_shows_an_item_again_on_a_later_page(
    scenario: Scenario, person: Wallet, listed: Listed
) -> None:
    """The second page is the first one once more."""

    def read(client: Any) -> Any:
        pages: list[Any] = []

        def again(reply: Any) -> None:
            pages.append(type(reply).FromString(reply.SerializeToString()))
            reply.CopyFrom(pages[0])
            # A token that the method takes: members have names for theirs, most others numbers.
            token = {"members": "a", "notices": "1.0.0.0."}.get(listed.call, "0")
            reply.next_page_token = token if len(pages) == 1 else ""

        deceive(client, lists_of(listed.method.path, again))
        return getattr(client, listed.call)()

    for result in answers(scenario, listed.client, person, read, lambda *_: None):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize("listed", LISTS, ids=name_of)
def test_no_list_is_shown_in_another_order(
    scenario: Scenario, person: Wallet, listed: Listed
) -> None:
    def turned(reply: Any) -> None:
        for name in listed.items:
            items = list(getattr(reply, name))
            reply.ClearField(name)
            getattr(reply, name).extend(items[::-1])

    for result in shown(scenario, person, listed, turned):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize("listed", [one for one in LISTS if one.call not in FOR_ALL], ids=name_of)
def test_no_list_of_another_reader_is_shown(
    scenario: Scenario, person: Wallet, replies: dict[Listed, Any], listed: Listed
) -> None:
    def moved(reply: Any) -> None:
        reply.CopyFrom(replies[listed])

    for result in shown(scenario, person, listed, moved):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize(
    "listed", [one for one in LISTS if len(one.items) > 1 or one.call == "events"], ids=name_of
)
def test_no_item_is_shown_with_the_statement_of_another(
    scenario: Scenario, person: Wallet, listed: Listed
) -> None:
    def mixed(reply: Any) -> None:
        if listed.call == "events":
            for event, other in zip(reply.events, list(reply.events)[::-1], strict=True):
                event.statement.CopyFrom(type(other.statement).FromString(statements[other.number]))
            return
        proofs = list(getattr(reply, listed.items[1]))
        reply.ClearField(listed.items[1])
        getattr(reply, listed.items[1]).extend(proofs[::-1])

    statements: dict[int, bytes] = {}

    def change(reply: Any) -> None:
        if listed.call == "events":
            statements.update(
                (event.number, event.statement.SerializeToString()) for event in reply.events
            )
        mixed(reply)

    for result in shown(scenario, person, listed, change):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize("listed", LISTS, ids=name_of)
def test_the_true_list_is_shown(scenario: Scenario, person: Wallet, listed: Listed) -> None:
    one, other = shown(scenario, person, listed, lambda _: None)
    assert one == other
    assert len(one) > 1


def unsigned_notice_id(suffix: str) -> Callable[[Any], None]:
    def change(reply: Any) -> None:
        for notice in reply.notices:
            notice.notice_id = notice.notice_id.partition("-")[0] + suffix

    return change


@pytest.mark.parametrize("suffix", ["", "-", "-01", "-1-1", "-\x1b[31m999", "-٣", "- 1"])
def test_the_id_of_a_notice_is_two_numbers(scenario: Scenario, person: Wallet, suffix: str) -> None:
    listed = next(one for one in LISTS if one.call == "notices")
    for result in shown(scenario, person, listed, unsigned_notice_id(suffix)):
        assert isinstance(result, VerificationFailed)


@pytest.mark.parametrize("client", ["wallet", "lender"])
def test_no_consent_was_used_less_than_never(
    scenario: Scenario, person: Wallet, client: str
) -> None:
    def negative(reply: Any) -> None:
        for view in reply.consents:
            view.use_count = -5

    listed = next(one for one in LISTS if (one.client, one.call) == (client, "consents"))
    for result in shown(scenario, person, listed, negative):
        assert isinstance(result, VerificationFailed)


def test_a_revoked_consent_is_not_shown_as_active_beside(
    scenario: Scenario, person: Wallet
) -> None:
    consent_id = scenario.inquiring(person, "acme")
    person.revoke(consent_id)

    def both(reply: Any) -> None:
        revoked = next(view for view in reply.consents if view.consent_id == consent_id)
        active = reply.consents.add()
        active.CopyFrom(revoked)
        del active.changes[:]
        active.state = 1

    for listed in LISTS:
        if listed.call == "consents":
            for result in shown(scenario, person, listed, both):
                assert isinstance(result, VerificationFailed)


def test_no_submission_is_shown_otherwise_than_its_manifest(
    scenario: Scenario, person: Wallet
) -> None:
    def more_records(submission: Any) -> None:
        submission.record_count = 99

    def labelled(submission: Any) -> None:
        submission.label = "another"

    def corrected(submission: Any) -> None:
        submission.kind = 3 - submission.kind

    def renamed(submission: Any) -> None:
        submission.submission_id = "00000000-0000-4000-8000-000000000000"

    def elsewhere(submission: Any) -> None:
        submission.leaf_index += 1

    def earlier(submission: Any) -> None:
        submission.create_time.seconds -= 86_400

    def fewer_than_none(submission: Any) -> None:
        submission.new_tradeline_count = -1

    listed = next(one for one in LISTS if one.call == "submissions")
    lies = (more_records, labelled, corrected, renamed, elsewhere, earlier, fewer_than_none)
    for lie in lies:

        def first_changed(reply: Any, lie: Callable[[Any], None] = lie) -> None:
            lie(reply.submissions[0])

        for result in shown(scenario, person, listed, first_changed):
            assert isinstance(result, VerificationFailed), lie.__name__

    def without_manifests(reply: Any) -> None:
        del reply.manifests[:]

    def unsigned(reply: Any) -> None:
        for logged in reply.manifests:
            logged.envelope.signatures[0].sig = bytes(64)

    for whole in (without_manifests, unsigned):
        for result in shown(scenario, person, listed, whole):
            assert isinstance(result, VerificationFailed), whole.__name__
