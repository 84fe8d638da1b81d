"""A bureau that lies to a person about notices as they come, and about their choice: all wallets
refuse.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    ComplaintKind,
    DisputeReason,
    NoticeKind,
    Purpose,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from creditbureau.v1.notices_pb2 import GetNoticeChoiceResponse, WatchNoticesResponse
from tests.service.client_calls import client_of
from tests.service.liar import deceive, lists_of
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import MAY

Lie = Callable[[WatchNoticesResponse], None]
PATH = methods.WATCH_NOTICES.path
# In the order in which the person of `person` hears of them.
KINDS = [
    *["CONSENT_GRANTED"] * 2,
    *["INQUIRY", "CONSENT_USED_UP", "NEW_ACCOUNT"],
    *["DISPUTE_OVERDUE", "COMPLAINT_OVERDUE", "CONSENT_ENDING"],
]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person with notices of each source: the chain, a submission, and the clock."""
    person = scenario.person("brook")
    consent_id = scenario.inquiring(person, "acme", max_uses=1)
    report = scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    scenario.submit("brook", account(person, "card", MAY))
    (line,) = person.file().tradelines
    person.dispute(line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT)
    person.complain("acme", ComplaintKind.INQUIRY_NOT_ASKED_FOR, report.request_id)
    scenario.later(359 * DAY)
    person.choose_notices([NoticeKind.HOLD_PLACED])
    return person


def of_kind(name: str, change: Lie) -> Lie:
    """Return the lie about the notices of a kind."""

    def lie(message: WatchNoticesResponse) -> None:
        if int(message.notice.kind) == NoticeKind[name]:
            change(message)

    return lie


def of_another(message: WatchNoticesResponse) -> None:
    message.notice.about_id = str(uuid4())


def by_another(message: WatchNoticesResponse) -> None:
    message.notice.member_id = "cedar"


def later(message: WatchNoticesResponse) -> None:
    message.notice.act_by_time.seconds += 86_400


def due_later(message: WatchNoticesResponse) -> None:
    message.notice.due_time.seconds += 86_400


def of_another_line(message: WatchNoticesResponse) -> None:
    message.notice.tradeline_id = "0" * 32


def renamed(message: WatchNoticesResponse) -> None:
    notice_id = message.notice.notice_id
    message.notice.notice_id = notice_id[:-1] + ("0" if notice_id[-1] != "0" else "1")


def as_ending(message: WatchNoticesResponse) -> None:
    message.notice.kind = NoticeKind.CONSENT_ENDING  # type: ignore[assignment]


LIES: dict[str, Lie] = {
    "an inquiry of another id": of_kind("INQUIRY", of_another),
    "an inquiry by another member": of_kind("INQUIRY", by_another),
    "an inquiry as a denial": of_kind("INQUIRY", lambda m: setattr(m.notice, "kind", 22)),
    "an inquiry that was not signed": of_kind(
        "INQUIRY", lambda m: setattr(m.cause.statement.signatures[0], "sig", bytes(64))
    ),
    "a kind that is none": of_kind("INQUIRY", lambda m: setattr(m.notice, "kind", 77)),
    "a consent for another member": of_kind("CONSENT_GRANTED", by_another),
    "a consent that ends later": of_kind("CONSENT_GRANTED", later),
    "a consent as one that ends": of_kind("CONSENT_GRANTED", as_ending),
    "an account without a cause": of_kind("NEW_ACCOUNT", lambda m: m.ClearField("cause")),
    "an end that comes later": of_kind("CONSENT_ENDING", later),
    "an end of another consent": of_kind("CONSENT_ENDING", of_another),
    "an end under another id": of_kind("CONSENT_ENDING", renamed),
    "a deadline that is another": of_kind("DISPUTE_OVERDUE", due_later),
    "a deadline that is left out": of_kind(
        "COMPLAINT_OVERDUE", lambda m: m.notice.ClearField("due_time")
    ),
    "a deadline of what has none": of_kind("INQUIRY", due_later),
    "a deadline of another dispute": of_kind("DISPUTE_OVERDUE", of_another),
    "a deadline about another line": of_kind("DISPUTE_OVERDUE", of_another_line),
    "a deadline of another member": of_kind("COMPLAINT_OVERDUE", by_another),
    "a deadline under another id": of_kind("COMPLAINT_OVERDUE", renamed),
    "keys that are missing": lambda message: message.ClearField("keys"),
}


def heard(wallet: Any) -> list[str]:
    notices = itertools.islice(wallet.watch_notices(), len(KINDS))
    return [notice.kind.name for notice in notices]


def test_the_truth_is_believed(scenario: Scenario, person: Wallet) -> None:
    with client_of("wallet", scenario, person, 0, is_async=False) as wallet:
        assert heard(wallet) == KINDS


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_no_wallet_believes_a_lie_about_a_notice(
    scenario: Scenario, person: Wallet, lie: Lie
) -> None:
    with client_of("wallet", scenario, person, 0, is_async=False) as wallet:
        deceive(wallet, lists_of(PATH, lie))
        with pytest.raises(VerificationFailed):
            heard(wallet)


def test_a_notice_comes_once(scenario: Scenario, person: Wallet) -> None:
    """The bureau shows the first notice in the place of every other one."""
    kept: list[WatchNoticesResponse] = []

    def again(message: WatchNoticesResponse) -> None:
        if kept:
            cursor = message.cursor
            message.CopyFrom(kept[0])
            message.cursor = cursor
        else:
            kept.append(WatchNoticesResponse.FromString(message.SerializeToString()))

    with client_of("wallet", scenario, person, 0, is_async=False) as wallet:
        deceive(wallet, lists_of(PATH, again))
        with pytest.raises(VerificationFailed, match="twice"):
            heard(wallet)


def unsigned(reply: GetNoticeChoiceResponse) -> None:
    reply.choice.envelope.signatures[0].sig = bytes(64)


def without_statement(reply: GetNoticeChoiceResponse) -> None:
    reply.choice.ClearField("envelope")


def another_leaf(reply: GetNoticeChoiceResponse) -> None:
    reply.choice.receipt.leaf_index += 1


@pytest.mark.parametrize("lie", [unsigned, without_statement, another_leaf])
def test_no_wallet_believes_a_choice_that_is_not_the_persons(
    scenario: Scenario, person: Wallet, lie: Callable[[Any], None]
) -> None:
    with client_of("wallet", scenario, person, 0, is_async=False) as wallet:
        assert wallet.notice_choice().muted == (NoticeKind.HOLD_PLACED,)
        deceive(wallet, lists_of(methods.GET_NOTICE_CHOICE.path, lie))
        with pytest.raises(VerificationFailed):
            wallet.notice_choice()
