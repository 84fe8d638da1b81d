"""Tell people when a lender freezes, lowers, raises or closes a line of theirs, by an action with
its reasons or by the month's record alone, through the real server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest

from bureau.credit_file import line_changes, line_limits
from bureau.credit_file.history import TrailEntry
from bureau.credit_file.stored_records import records_of
from bureau.party_limits import PartyLimits
from bureau.store.database import Connection
from bureau_client import (
    AccountStatus,
    ActionReason,
    CloseReason,
    Deletion,
    DeletionReason,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
    NoticeKind,
    Party,
    PartyRole,
    Snapshot,
    SubmissionKind,
    Wallet,
    WrongState,
)
from tests.service.heard import heard
from tests.service.scenario import Scenario, account, open_scenario

APRIL, MAY, JUNE, JULY, AUGUST = (Month(2026, number) for number in range(4, 9))
# New limits, by the month of the action.
STEPS = {JUNE: 400_00, JULY: 600_00}
LINES = (
    NoticeKind.LINE_FROZEN,
    NoticeKind.LINE_RESTORED,
    NoticeKind.LINE_CLOSED,
    NoticeKind.LIMIT_CHANGED,
    NoticeKind.LIMIT_LOWERED,
    NoticeKind.LIMIT_RAISED,
)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme") as scenario:
        yield scenario


def acted(
    scenario: Scenario, wallet: Wallet, month: Month, kind: FacilityActionKind, **changes: Any
) -> FacilityAction:
    """An action of a lender on the person's card, on the tenth of a month."""
    return FacilityAction(
        account_ref=account(wallet, "card", month).account_ref,
        kind=kind,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.OVER_INDEBTEDNESS,),
        effective_time=scenario.now().replace(month=month.month, day=10),
        **changes,
    )


def limited(scenario: Scenario, wallet: Wallet, month: Month, limit: int) -> FacilityAction:
    kind = FacilityActionKind.LIMIT_CHANGE
    return acted(scenario, wallet, month, kind, credit_limit_minor=limit)


def card(wallet: Wallet, month: Month, **changes: Any) -> Snapshot:
    return account(wallet, "card", month, **changes)


def of_lines(wallet: Wallet) -> list[tuple[str, bool]]:
    """The kinds of what a person heard about lines, oldest first; True with the lender's action."""
    return [(notice.kind.name, notice.action is not None) for notice in heard(wallet, *LINES)[::-1]]


def test_a_lowered_limit_and_a_raised_one_are_notices_of_their_own(scenario: Scenario) -> None:
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY))
    review = date(2026, 12, 31)
    kind = FacilityActionKind.LIMIT_CHANGE
    terms = {"credit_limit_minor": 500_00, "review_by_date": review, "appeal_route": "desk 4"}
    scenario.submit("acme", acted(scenario, person, JUNE, kind, **terms))
    (lowered,) = heard(person, *LINES)
    assert lowered.kind is NoticeKind.LIMIT_LOWERED
    assert lowered.action is not None
    assert lowered.action.reasons == (ActionReason.OVER_INDEBTEDNESS,)
    assert (lowered.action.review_by_date, lowered.action.appeal_route) == (review, "desk 4")
    assert lowered.action.credit_limit_minor == 500_00
    assert "complaint" in lowered.texts["en"]
    assert "投诉" in lowered.texts["zh"]
    # The month's record repeats what the action said; a late one is no news.
    scenario.submit("acme", card(person, JUNE, credit_limit_minor=500_00))
    scenario.submit("acme", limited(scenario, person, JULY, 800_00))
    scenario.submit("acme", card(person, JULY, credit_limit_minor=800_00))
    scenario.submit("acme", card(person, MAY), kind=SubmissionKind.CORRECTION)
    assert of_lines(person) == [("LIMIT_LOWERED", True), ("LIMIT_RAISED", True)]
    # The month's record alone: lowered without a reason, of which a person asks the lender.
    scenario.submit("acme", card(person, AUGUST, credit_limit_minor=300_00))
    silent = heard(person, *LINES)[0]
    assert (silent.kind, silent.action, silent.action_ref, silent.proved) == (
        *(NoticeKind.LIMIT_LOWERED, None, None, True),
    )
    assert "ask the lender" in silent.texts["en"]
    (line,) = person.file().tradelines
    assert silent.tradeline_id == line.tradeline_id
    person.dispute(line.tradeline_id, field="credit_limit_minor", reason=DisputeReason.WRONG_AMOUNT)
    assert scenario.findings() == []


def test_many_actions_on_one_account_read_its_records_once(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = scenario.person("acme")
    before = [limited(scenario, person, JUNE, 900_00 + step) for step in range(20)]
    scenario.submit("acme", card(person, MAY), *before)
    counts: list[int] = []

    def counted(db: Connection, steps: Sequence[TrailEntry]) -> object:
        counts.append(len(steps))
        return records_of(db, steps)

    for module in (line_changes, line_limits):
        monkeypatch.setattr(module, "records_of", counted)
    steps = [limited(scenario, person, JULY, 500_00 + step % 2) for step in range(60)]
    scenario.submit("acme", *steps, card(person, JULY, credit_limit_minor=500_01))
    assert sum(counts) == 2 * len(before)  # once for the actions, once for the snapshot
    monkeypatch.undo()
    assert of_lines(person)[-2:] == [("LIMIT_LOWERED", True), ("LIMIT_RAISED", True)]


def test_actions_beyond_the_most_are_refused_before_they_cost_work(scenario: Scenario) -> None:
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY))
    most = PartyLimits().actions_of_account
    actions = [limited(scenario, person, JUNE, 500_00) for _ in range(most + 2)]
    with pytest.raises(WrongState) as refused:
        scenario.submit("acme", *actions)
    assert [violation.field for violation in refused.value.violations] == [
        f"records[{index}].account_ref" for index in (most, most + 1)
    ]


def test_an_action_and_the_record_of_its_month_are_one_notice(scenario: Scenario) -> None:
    """In one submission, whichever comes first, and whichever is in the file of the month."""
    for action_first in (True, False):
        person = scenario.person("acme")
        scenario.submit("acme", card(person, MAY))
        both: list[Snapshot | FacilityAction] = [
            limited(scenario, person, JUNE, 500_00),
            card(person, JUNE, credit_limit_minor=500_00),
        ]
        scenario.submit("acme", *(both if action_first else both[::-1]))
        assert of_lines(person) == [("LIMIT_LOWERED", True)]
    # Raised by an action, and lowered by the record of the month's end: each is told.
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY))
    scenario.submit(
        "acme", limited(scenario, person, JUNE, 2_000_00), card(person, JUNE, credit_limit_minor=0)
    )
    assert of_lines(person) == [("LIMIT_RAISED", True), ("LIMIT_LOWERED", False)]
    # Two steps of one submission: each notice has the action that it is about.
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY))
    scenario.submit(
        "acme", *(limited(scenario, person, month, limit) for month, limit in STEPS.items())
    )
    raised, lowered = heard(person, *LINES)
    assert [each.action and each.action.credit_limit_minor for each in (lowered, raised)] == [
        *STEPS.values()
    ]
    assert scenario.findings() == []


def test_a_limit_on_a_line_without_one_is_neither_lowered_nor_raised(scenario: Scenario) -> None:
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY, credit_limit_minor=None))
    scenario.submit("acme", limited(scenario, person, JUNE, 500_00))
    scenario.submit("acme", limited(scenario, person, JULY, 500_00))
    assert of_lines(person) == [("LIMIT_CHANGED", True)] * 2


def test_a_line_that_a_record_alone_freezes_or_closes_is_a_notice(scenario: Scenario) -> None:
    person = scenario.person("acme")
    scenario.submit("acme", card(person, APRIL))
    scenario.submit("acme", card(person, MAY, special_comment="AP"))
    assert of_lines(person) == [("LINE_FROZEN", False)]
    assert "ask the lender" in heard(person, *LINES)[0].texts["en"]
    # The lender says why at last: its reasons are a notice, the next month is none.
    scenario.submit("acme", acted(scenario, person, JUNE, FacilityActionKind.FREEZE))
    scenario.submit("acme", card(person, JUNE, special_comment="AP"))
    scenario.submit("acme", acted(scenario, person, JULY, FacilityActionKind.RESTORE))
    scenario.submit("acme", card(person, JULY))
    assert of_lines(person)[1:] == [("LINE_FROZEN", True), ("LINE_RESTORED", True)]
    # Closed by the record of a month, with its limit gone: one notice, once.
    ended = {
        "status": AccountStatus.PAID_OR_CLOSED,
        "balance_minor": 0,
        "amount_due_minor": 0,
        "close_date": date(2026, 8, 20),
        "close_reason": CloseReason.BY_GRANTOR,
        "credit_limit_minor": 0,
    }
    scenario.submit("acme", card(person, AUGUST, **ended))
    scenario.submit("acme", card(person, Month(2026, 9), **ended))
    assert of_lines(person)[3:] == [("LINE_CLOSED", False)]
    assert all(notice.proved for notice in heard(person, *LINES))
    assert scenario.findings() == []


def test_a_line_that_an_action_closed_is_not_closed_again_by_its_records(
    scenario: Scenario,
) -> None:
    person = scenario.person("acme")
    scenario.submit("acme", card(person, MAY))
    scenario.submit("acme", acted(scenario, person, JUNE, FacilityActionKind.CLOSE))
    scenario.submit("acme", card(person, JUNE))
    ended = {"status": AccountStatus.PAID_OR_CLOSED, "balance_minor": 0, "amount_due_minor": 0}
    scenario.submit("acme", card(person, JULY, close_date=date(2026, 6, 10), **ended))
    assert of_lines(person) == [("LINE_CLOSED", True)]


def test_people_hear_of_lines_that_they_were_on(scenario: Scenario) -> None:
    """A partner who comes onto a line with the lowered month hears of the account alone."""
    owner, partner = scenario.person("acme"), scenario.person("acme")
    both = (Party(owner.subject_id), Party(partner.subject_id, PartyRole.JOINT))
    scenario.submit("acme", card(owner, MAY))
    scenario.submit("acme", card(owner, JUNE, parties=both, credit_limit_minor=500_00))
    assert of_lines(owner) == [("LIMIT_LOWERED", False)]
    assert of_lines(partner) == []
    scenario.submit("acme", card(owner, JULY, parties=both, credit_limit_minor=700_00))
    # A month that fills a gap, and the same month again, change no line.
    scenario.submit("acme", card(owner, APRIL, parties=both, credit_limit_minor=100_00))
    scenario.submit("acme", card(owner, JULY, parties=both, credit_limit_minor=700_00))
    assert of_lines(owner)[1:] == of_lines(partner) == [("LIMIT_RAISED", False)]
    # A deletion brings an earlier month back: no lender did that to the line.
    ref = card(owner, JULY).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, month=JULY, reason=DeletionReason.INACCURATE))
    assert of_lines(partner) == [("LIMIT_RAISED", False)]
    assert scenario.findings() == []
