"""Wrong data can always be corrected, whether or not the person still lets a lender furnish.

15 U.S.C. 1681s-2(a)(2), (b)(1)(E); 征信业管理条例, articles 23, 25.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    AsyncLender,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
    Party,
    PartyRole,
    PermissionDenied,
    Record,
    RecordRef,
    Snapshot,
    SubmissionKind,
    Wallet,
)
from bureau_client.files import CsvSource, import_file
from bureau_client.files.csv_records import columns, write_row
from tests.programs import output_of
from tests.service.scenario import DAY, Scenario, account, open_scenario

CORRECTION = SubmissionKind.CORRECTION
LATE: dict[str, Any] = {
    "status": AccountStatus.PAST_DUE_90,
    "balance_minor": 2_500_00,
    "credit_limit_minor": 3_000_00,
    "amount_past_due_minor": 500_00,
    "days_past_due": 95,
}
FINE = LATE | {"status": AccountStatus.CURRENT, "amount_past_due_minor": 0, "days_past_due": 0}
PAID = FINE | {
    "status": AccountStatus.PAID_OR_CLOSED,
    "balance_minor": 0,
    "amount_due_minor": 0,
}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


def last_month(scenario: Scenario) -> Month:
    """Return the month before the present one."""
    return Month.of(scenario.now().date()) - 1


def closing_day(month: Month) -> date:
    """Return a day of a month."""
    return date(month.number // 100, month.number % 100, 20)


def revoked(person: Wallet, name: str = "acme") -> None:
    """The person takes back every consent to furnish of a lender."""
    for consent in person.consents():
        if consent.grantee == name and Action.FURNISH in consent.actions:
            person.revoke(consent.consent_id)


def furnished(scenario: Scenario, **changes: Any) -> tuple[Wallet, Snapshot]:
    """A person with a card of two months, who then revokes; the card's newest month."""
    person = scenario.person()
    newest = account(person, "card", last_month(scenario) - 1, **(LATE | changes))
    scenario.submit("acme", account(person, "card", newest.month - 1, **FINE), newest)
    revoked(person)
    return person, newest


def refused(scenario: Scenario, *records: Record, kind: SubmissionKind = CORRECTION) -> list[str]:
    """Return the fields for which a submission lacks a consent."""
    with pytest.raises(PermissionDenied) as caught:
        scenario.submit("acme", *records, kind=kind)
    assert caught.value.reason == "CONSENT_REQUIRED"
    return [violation.field for violation in caught.value.violations]


def profile(person: Wallet) -> tuple[Month | None, str]:
    (line,) = person.file().tradelines
    assert line.history is not None
    return line.month, line.history.profile


def test_a_wrong_month_is_corrected_after_the_consent_ended(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    right = account(person, "card", newest.month, **FINE)
    # A second original of the month is none.
    assert refused(scenario, right, kind=SubmissionKind.ORIGINAL) == [
        "records[0].snapshot.parties[0].subject_id"
    ]
    scenario.submit("acme", right, kind=CORRECTION)
    assert profile(person) == (newest.month, "00")
    (line,) = scenario.report(person, "brook").tradelines
    assert (line.status, line.amount_past_due_minor) == (AccountStatus.CURRENT, 0)


def test_a_correction_neither_goes_on_furnishing_nor_makes_worse(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    lost = LATE | {"status": AccountStatus.CHARGE_OFF, "balance_minor": 2_600_00}
    for record in (
        account(person, "card", newest.month + 1, **LATE),  # a further month
        account(person, "card", newest.month - 3, **FINE),  # an older month
        account(person, "card", newest.month, **lost),
        account(person, "card", newest.month - 1, **LATE),
        account(person, "another", newest.month, **FINE),  # an account of its own
    ):
        assert refused(scenario, record)
    assert profile(person) == (newest.month, "30")


def test_a_batch_adds_one_closing_month_and_no_further_one(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    closing = {"close_date": closing_day(newest.month + 1)}
    first = account(person, "card", newest.month + 1, **LATE, **closing)
    again = account(person, "card", newest.month + 2, **LATE, **closing)
    assert refused(scenario, first, again) == ["records[1].snapshot.parties[0].subject_id"]
    assert profile(person) == (newest.month, "30")


def test_an_account_is_closed_and_paid_in_full_without_a_consent(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    close_day = {"close_date": closing_day(newest.month + 1)}
    scenario.submit("acme", account(person, "card", newest.month + 1, **LATE, **close_day))
    (line,) = person.file().tradelines
    assert (line.status, line.close_date) == (LATE["status"], close_day["close_date"])
    assert refused(scenario, account(person, "card", newest.month + 1, **LATE))
    other, newest = furnished(scenario)
    scenario.submit("acme", account(other, "card", newest.month + 1, **PAID))
    assert refused(scenario, account(other, "card", newest.month + 1, **FINE))
    assert profile(other)[1][0] == "E"


def test_the_persons_dispute_is_settled_by_a_correction(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    (line,) = person.file().tradelines
    opened = person.dispute(
        line.tradeline_id,
        field="status",
        reason=DisputeReason.WRONG_STATUS,
        month=newest.month,
        narrative="I had paid.",
    )
    right = account(person, "card", newest.month, **FINE)
    submission_id = scenario.submit("acme", right, kind=CORRECTION)
    scenario.lenders["acme"].answer_dispute(
        opened.dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 0)
    )
    (answered,) = person.disputes()
    assert answered.outcome is DisputeOutcome.MODIFIED
    assert profile(person) == (newest.month, "00")


def test_a_dispute_asks_for_a_month_that_is_not_on_file(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    missing = newest.month + 1
    fine = account(person, "card", missing, **FINE)
    assert refused(scenario, fine)
    (line,) = person.file().tradelines
    person.dispute(
        line.tradeline_id,
        field="status",
        reason=DisputeReason.WRONG_STATUS,
        month=missing,
        narrative="I paid in that month, and it is not there.",
    )
    assert refused(scenario, account(person, "card", missing, **LATE))
    scenario.submit("acme", fine, kind=CORRECTION)
    assert profile(person) == (missing, "030")


def test_a_deleted_month_does_not_return_as_a_correction(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    deletion = Deletion(
        account_ref=newest.account_ref, reason=DeletionReason.INACCURATE, month=newest.month
    )
    scenario.submit("acme", deletion)
    right = account(person, "card", newest.month, certified=True, **FINE)
    assert refused(scenario, right)
    assert profile(person) == (newest.month - 1, "0")


def action(scenario: Scenario, ref: str, kind: FacilityActionKind) -> FacilityAction:
    return FacilityAction(
        account_ref=ref,
        kind=kind,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=scenario.now() - timedelta(seconds=1),
    )


def test_a_line_is_closed_or_restored_and_not_frozen_without_a_consent(scenario: Scenario) -> None:
    _, newest = furnished(scenario)
    ref = newest.account_ref
    assert refused(scenario, action(scenario, ref, FacilityActionKind.FREEZE)) == [
        "records[0].account_ref"
    ]
    scenario.submit("acme", action(scenario, ref, FacilityActionKind.RESTORE))
    scenario.submit("acme", action(scenario, ref, FacilityActionKind.CLOSE))


def test_a_joint_account_survives_the_revocation_of_one_holder(scenario: Scenario) -> None:
    """Both names belong to it: 12 CFR 1002.10."""
    first, second = scenario.person(), scenario.person()
    both = (Party(first.subject_id, PartyRole.JOINT), Party(second.subject_id, PartyRole.JOINT))
    month = last_month(scenario)

    def joint(age: int, **changes: Any) -> Snapshot:
        return account(first, "joint", month - age, **({"parties": both} | FINE | changes))

    scenario.submit("acme", joint(2))
    revoked(first)
    scenario.submit("acme", joint(1))
    assert profile(first) == profile(second) == (month - 1, "00")
    freeze = action(scenario, joint(0).account_ref, FacilityActionKind.FREEZE)
    scenario.submit("acme", freeze)
    # Without the holder who allows it, and without any, it ends.
    alone = joint(0, parties=both[:1])
    assert refused(scenario, alone)
    revoked(second)
    assert refused(scenario, joint(0), kind=SubmissionKind.ORIGINAL) == [
        "records[0].snapshot.parties[0].subject_id",
        "records[0].snapshot.parties[1].subject_id",
    ]


def deletion(record: Snapshot) -> Deletion:
    return Deletion(
        account_ref=record.account_ref, reason=DeletionReason.INACCURATE, month=record.month
    )


def test_deletions_open_no_month_that_is_worse(scenario: Scenario) -> None:
    """A paid account does not become late, by what is left of it."""
    person, month = scenario.person(), last_month(scenario)
    late = account(person, "card", month - 3, **LATE)
    fine, paid = (
        account(person, "card", month - 2, **FINE),
        account(person, "card", month - 1, **PAID),
    )
    scenario.submit("acme", late, fine, paid)
    revoked(person)
    closed = account(person, "card", month, **LATE, close_date=closing_day(month))
    assert refused(scenario, deletion(fine), deletion(paid), closed)
    scenario.submit("acme", deletion(fine), deletion(paid))
    assert refused(scenario, closed)
    assert profile(person) == (late.month, "3")


def test_a_holder_who_left_does_not_come_back_by_anothers_consent(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    month = last_month(scenario)

    def joint(age: int, *holders: Wallet, **changes: Any) -> Snapshot:
        parties = tuple(Party(holder.subject_id, PartyRole.JOINT) for holder in holders)
        return account(first, "joint", month - age, **(changes | {"parties": parties}))

    alone = joint(2, first, **FINE)
    scenario.submit("acme", joint(3, first, second, **FINE), alone, joint(1, first, **FINE))
    revoked(second)
    both = joint(0, first, second, **LATE)
    fields = ["records[0].snapshot.parties[1].subject_id"]
    assert refused(scenario, both, kind=SubmissionKind.ORIGINAL) == fields
    assert refused(scenario, joint(1, first, second, **LATE)) == fields
    assert refused(scenario, joint(4, first, second, **FINE)) == fields
    assert refused(scenario, deletion(alone), deletion(joint(1, first)), both)


def test_a_correction_brings_no_obsolete_debt_back(scenario: Scenario) -> None:
    """Split by a current month, the rest of a delinquency would begin later."""
    person, start = scenario.person(), Month(2019, 2)
    old = LATE | {"open_date": date(2016, 1, 1)}
    lost = old | {"status": AccountStatus.CHARGE_OFF, "days_past_due": 0}
    late = [account(person, "card", start + age, **old) for age in range(6)]
    scenario.submit("acme", *late, account(person, "card", start + 6, **lost))
    revoked(person)
    assert scenario.report(person, "brook").tradelines == ()
    split = account(person, "card", start + 5, **(FINE | {"open_date": date(2016, 1, 1)}))
    assert refused(scenario, split)
    assert scenario.report(person, "brook").tradelines == ()


def test_an_emptied_account_takes_no_action(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    month = last_month(scenario)
    parties = (Party(first.subject_id, PartyRole.JOINT), Party(second.subject_id, PartyRole.JOINT))
    alone = account(first, "joint", month - 1, **FINE)
    scenario.submit("acme", alone, account(first, "joint", month, **(FINE | {"parties": parties})))
    revoked(first)
    revoked(second)
    freeze = action(scenario, alone.account_ref, FacilityActionKind.FREEZE)
    everything = Deletion(account_ref=alone.account_ref, reason=DeletionReason.INACCURATE)
    assert refused(scenario, everything, freeze) == ["records[1].account_ref"]
    scenario.submit("acme", everything)
    assert refused(scenario, freeze) == ["records[0].account_ref"]


def test_nobody_keeps_an_account_by_joining_another_to_it(scenario: Scenario) -> None:
    person, newest = furnished(scenario)
    friend = scenario.person()
    both = (Party(person.subject_id, PartyRole.JOINT), Party(friend.subject_id, PartyRole.JOINT))
    for month in (newest.month, newest.month + 1):
        joined = account(person, "card", month, **(FINE | {"parties": both}))
        assert refused(scenario, joined) == ["records[0].snapshot.parties[0].subject_id"]


def test_a_file_of_corrections_is_taken(scenario: Scenario, tmp_path: Path) -> None:
    """By the library, by the asynchronous client, and by the command line."""
    people = [furnished(scenario) for _ in range(3)]
    files = []
    for number, (person, newest) in enumerate(people):
        file = tmp_path / f"corrections-{number}.csv"
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [column.name for column in columns()])
            writer.writeheader()
            writer.writerow(write_row(account(person, "card", newest.month, **FINE)))
        files.append(file)
    import_file(scenario.lenders["acme"], CsvSource(files[0]), kind=CORRECTION)
    (person, newest) = people[1]

    async def correct() -> None:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            right = account(person, "card", newest.month, **FINE)
            await lender.submit([right], kind=CORRECTION)

    asyncio.run(correct())
    scenario.profiles["acme"].save(tmp_path / "acme")
    profile_folder = tmp_path / "acme"
    words = ("import", files[2], "--kind", "correction", "--profile", profile_folder)
    output_of("bureau-lender", *words)
    assert {profile(person)[1] for person, _ in people} == {"00"}


def test_the_log_proves_the_corrections(scenario: Scenario) -> None:
    """The check of the database takes every submission of these tests again."""
    assert scenario.findings() == []


def test_a_life_in_china() -> None:
    """Late for two years, and wrong about one month of them; the person has left the bank."""
    with open_scenario("acme", "brook", jurisdiction="CN") as scenario:
        person = scenario.person()
        start = last_month(scenario) - 23
        for age in range(24):
            status = LATE if 6 <= age < 9 else FINE
            record = account(person, "card", start + age, currency="CNY", **status)
            scenario.submit("acme", record)
        revoked(person)
        scenario.later(40 * DAY)
        (line,) = person.file().tradelines
        opened = person.dispute(
            line.tradeline_id,
            field="status",
            reason=DisputeReason.WRONG_STATUS,
            month=start + 8,
            narrative="8月已还清。",
        )
        # After the twenty days the line is annotated, and can still be put right.
        scenario.later(25 * DAY)
        right = account(person, "card", start + 8, currency="CNY", **FINE)
        submission_id = scenario.submit("acme", right, kind=CORRECTION)
        scenario.lenders["acme"].answer_dispute(
            opened.dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 0)
        )
        assert profile(person)[1] == "0" * 15 + "033" + "0" * 6
        assert refused(scenario, account(person, "card", start + 25, currency="CNY", **FINE))
        paid = account(person, "card", start + 25, currency="CNY", **PAID)
        scenario.submit("acme", paid)
        assert profile(person)[1][:2] == "ED"
        assert scenario.findings() == []
