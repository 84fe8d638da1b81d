"""What members are told of a batch is what the whole files differ in, before it and after it; and a
batch about many people takes no more queries than one about some.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from bureau.store.database import Connection
from bureau_client import (
    AccountStatus,
    ActionReason,
    BureauError,
    Deletion,
    DeletionReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
    Party,
    PartyRole,
    PortfolioType,
    Record,
    SubmissionKind,
    Wallet,
)
from tests.service.due_alerts import due, stored_alerts, whole_files
from tests.service.scenario import AUTUMN_2026, Scenario, account, clock_of, open_scenario
from tests.service.watching import MAY, monitor

NAMES = ("acme", "brook", "cedar")
KIND = FacilityActionKind
ACTIONS = [KIND.FREEZE, KIND.FREEZE, KIND.RESTORE, KIND.CLOSE, KIND.CHARGE_OFF, KIND.TRANSFER]
# Months of which the newest are mostly chosen, and some of which reports leave out.
MONTHS = [Month(2026, number) for number in (5, 6, 7, 8, 8, 9, 9, 9, 10, 10)]
MONTHS += [Month(year, 3) for year in (2017, 2018, 2019, 2020)]


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(*NAMES, database_url=database_url, clock=clock_of(AUTUMN_2026)) as scenario:
        scenario.lender("dune", group="bank")
        scenario.lender("elm", group="bank")
        yield scenario


@pytest.mark.parametrize("seed", range(6))
def test_members_are_told_what_whole_files_differ_in(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("bureau.credit_file.file_changes.PEOPLE_AT_ONCE", 2)
    dice = random.Random(seed)
    people = [scenario.person() for _ in range(dice.choice([1, 3, 5]))]
    for person in people:
        for name in dice.sample([*scenario.lenders], 3):
            terms: dict[str, Any] = {}
            if dice.random() < 0.3:
                terms["portfolio_types"] = [PortfolioType.REVOLVING]
            monitor(person, name, **terms)
    seen = Counter[str]()
    for _ in range(30):
        name = dice.choice([*scenario.lenders])
        records = [record(scenario, dice, people) for _ in range(dice.choice([1, 1, 2, 4]))]
        kind = dice.choice([SubmissionKind.ORIGINAL, SubmissionKind.CORRECTION])
        before = whole_files(scenario, people)
        try:
            scenario.submit(name, *records, kind=kind)
        except BureauError as error:
            seen[error.reason] += 1
            continue
        seen["accepted"] += 1
        after = whole_files(scenario, people)
        assert stored_alerts(scenario) == due(scenario, before, after, name)
    assert seen["accepted"] > 10, seen


def record(scenario: Scenario, dice: random.Random, people: list[Wallet]) -> Record:
    """Some record of some account."""
    person, ref = dice.choice(people), dice.choice("abc")
    month = dice.choice(MONTHS)
    own = account(person, ref, month)
    if dice.random() < 0.1:
        gone = dice.choice([month, None])
        return Deletion(account_ref=own.account_ref, reason=DeletionReason.INACCURATE, month=gone)
    if dice.random() < 0.2:
        kind = dice.choice(ACTIONS)
        sale: dict[str, Any] = {}
        if kind is KIND.TRANSFER:
            buyer, sold = dice.choice(NAMES), account(person, dice.choice("abc"), month)
            sale = {"new_member_id": buyer, "new_account_ref": sold.account_ref}
        return FacilityAction(
            account_ref=own.account_ref,
            kind=kind,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
            effective_time=scenario.now() - timedelta(days=dice.choice([1, 60])),
            **sale,
        )
    fields: dict[str, Any] = {"certified": dice.random() < 0.7, "open_date": date(2010, 1, 31)}
    fields["balance_minor"] = dice.choice([100_00, 100_00, 900_00])
    fields["special_comment"] = dice.choice(["", "", "", "AP"])
    if dice.random() < 0.3:
        fields |= {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
    if dice.random() < 0.2:
        other = dice.choice(people)
        if other is not person:
            role = dice.choice([PartyRole.JOINT, PartyRole.AUTHORISED_USER])
            fields["parties"] = (Party(person.subject_id), Party(other.subject_id, role))
    return account(person, ref, month, **fields)


def test_a_batch_about_many_people_takes_no_more_queries(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
    few, many = ([scenario.person() for _ in range(count)] for count in (5, 25))
    counted = Counter[str]()
    execute = Connection._execute

    def count(self: Connection, *args: Any) -> None:
        counted[threading.current_thread().name] += 1
        execute(self, *args)

    for person in (*few, *many):
        monitor(person, "brook")
    spent = []
    for people in (few, many):
        scenario.submit("acme", *(account(person, "card", MAY) for person in people))
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "_execute", count)
            counted.clear()
            scenario.submit("acme", *(account(p, "card", MAY + 1, **late) for p in people))
            spent.append(counted["ledger"])
    assert spent[0] == spent[1]
