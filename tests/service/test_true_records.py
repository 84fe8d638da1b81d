"""Records that stay true: what lenders delete, and what they do to facilities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    BureauError,
    ConsentRequired,
    Deletion,
    DeletionReason,
    EvidenceLevel,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    Month,
    OmissionReason,
    Party,
    PartyRole,
    PortfolioType,
    Record,
    RecordRef,
    Section,
    SubmissionKind,
    Wallet,
)
from tests.service.scenario import (
    AUTUMN_2026,
    DAY,
    Scenario,
    account,
    clock_of,
    open_scenario,
)

MAY, JUNE, JULY = Month(2026, 5), Month(2026, 6), Month(2026, 7)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(
        "acme", "brook", database_url=database_url, clock=clock_of(AUTUMN_2026)
    ) as scenario:
        yield scenario


def action(
    scenario: Scenario, ref: str, kind: FacilityActionKind, **changes: object
) -> FacilityAction:
    fields: dict[str, object] = {
        "account_ref": ref,
        "kind": kind,
        "initiator": Initiator.LENDER,
        "reasons": (ActionReason.DELINQUENCY_ELSEWHERE,),
        "effective_time": scenario.now() - timedelta(hours=1),
    }
    return FacilityAction(**(fields | changes))  # type: ignore[arg-type]


def ref_of(wallet: Wallet, name: str) -> str:
    return account(wallet, name, MAY).account_ref


def test_a_deleted_month_is_gone_and_the_rest_stands(scenario: Scenario) -> None:
    person = scenario.person()
    for number, month in enumerate((MAY, JUNE, JULY), 1):
        scenario.submit("acme", account(person, "card", month, balance_minor=number * 100))
    (before,) = scenario.report(person, "brook").tradelines
    deletion = Deletion(
        account_ref=ref_of(person, "card"), reason=DeletionReason.INACCURATE, month=JULY
    )
    scenario.submit("acme", deletion)
    (line,) = scenario.report(person, "brook", EvidenceLevel.ALL).tradelines
    assert line.tradeline_id == before.tradeline_id
    assert (line.month, line.balance_minor) == (JUNE, 200)
    assert line.history is not None
    assert line.history.balance_minor == (200, 100)


def test_a_deleted_account_returns_only_certified_anew(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = ref_of(person, "card")
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.DISPUTE))
    report = scenario.report(person, "brook")
    assert report.tradelines == ()
    for kind in (SubmissionKind.ORIGINAL, SubmissionKind.CORRECTION, SubmissionKind.RESEND):
        with pytest.raises(BureauError) as caught:
            scenario.submit("acme", account(person, "card", JUNE), kind=kind)
        assert caught.value.reason == "DELETED_ITEM"
        assert [v.field for v in caught.value.violations] == ["records[0].certified"]
    scenario.submit("acme", account(person, "card", JUNE, certified=True))
    assert [line.month for line in scenario.report(person, "brook").tradelines] == [JUNE]
    # From here on it is an account like others; the deleted month is not.
    scenario.submit("acme", account(person, "card", JULY))
    with pytest.raises(BureauError):
        scenario.submit(
            "acme",
            Deletion(account_ref=ref, reason=DeletionReason.FRAUD, month=JULY),
            account(person, "card", JULY),
        )


def test_a_batch_deletes_a_month_that_it_brings(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit(
        "acme",
        *(account(person, "card", month) for month in (MAY, JUNE, JULY)),
        Deletion(account_ref=ref_of(person, "card"), reason=DeletionReason.INACCURATE, month=JULY),
    )
    (line,) = scenario.report(person, "brook", EvidenceLevel.ALL).tradelines
    assert line.month == JUNE
    assert scenario.findings() == []


def test_a_correction_before_a_deletion_does_not_outlive_it(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY, balance_minor=1))
    fix = account(person, "card", MAY, balance_minor=2)
    scenario.submit("acme", fix, kind=SubmissionKind.CORRECTION)
    ref = ref_of(person, "card")
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE, month=MAY))
    scenario.submit("acme", account(person, "card", MAY, balance_minor=3, certified=True))
    (line,) = scenario.report(person, "brook").tradelines
    assert line.balance_minor == 3


def test_a_freeze_is_shown_with_its_reasons(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("brook", account(person, "other", MAY))
    ref = ref_of(person, "card")
    freeze = action(
        scenario,
        ref,
        FacilityActionKind.FREEZE,
        reasons=(ActionReason.DELINQUENCY_ELSEWHERE, ActionReason.INQUIRIES),
        record_refs=(RecordRef("00000000-0000-4000-8000-000000000000", 7),),
        review_by_date=date(2030, 1, 1),
        appeal_route="https://acme.example/appeal",
    )
    submission_id = scenario.submit("acme", freeze)
    report = scenario.report(person, "brook")
    (frozen,) = [line for line in report.tradelines if line.actions]
    (shown,) = frozen.actions
    assert shown.kind is FacilityActionKind.FREEZE
    assert shown.initiator is Initiator.LENDER
    assert shown.reasons == freeze.reasons
    assert shown.record_refs == freeze.record_refs
    assert shown.effective_time == freeze.effective_time
    assert shown.review_by_date == freeze.review_by_date
    assert shown.appeal_route == freeze.appeal_route
    assert shown.record is not None
    assert shown.record.submission_id == submission_id
    assert report.summary is not None
    assert (report.summary.frozen_line_count, report.summary.lending_line_count) == (1, 1)
    restore = action(scenario, ref, FacilityActionKind.RESTORE, effective_time=scenario.now())
    scenario.submit("acme", restore)
    report = scenario.report(person, "brook")
    assert report.summary is not None
    assert (report.summary.frozen_line_count, report.summary.lending_line_count) == (0, 2)
    (line,) = [line for line in report.tradelines if line.actions]
    assert [action.kind for action in line.actions] == [
        FacilityActionKind.RESTORE,
        FacilityActionKind.FREEZE,
    ]


def test_actions_come_in_any_number_and_keep_the_limit(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = ref_of(person, "card")
    scenario.submit(
        "acme",
        action(scenario, ref, FacilityActionKind.LIMIT_CHANGE, credit_limit_minor=500_00),
        action(scenario, ref, FacilityActionKind.FREEZE),
    )
    (line,) = scenario.report(person, "brook").tradelines
    limits = [action.credit_limit_minor for action in line.actions]
    assert sorted(limits, key=str) == [500_00, None]


def test_a_consent_opens_actions_as_far_back_as_the_history(scenario: Scenario) -> None:
    person = scenario.person()
    now = Month(scenario.now().year, scenario.now().month)
    scenario.submit("acme", account(person, "card", now - 1))
    ref, kinds = ref_of(person, "card"), FacilityActionKind
    times = {
        kinds.FREEZE: 400,
        kinds.RESTRUCTURE: 300,
        kinds.LIMIT_CHANGE: 40,
        kinds.CHARGE_OFF: 0,
    }
    for kind, days in times.items():
        limit = 5_00 if kind is kinds.LIMIT_CHANGE else None
        when = scenario.now() - days * DAY
        scenario.submit(
            "acme", action(scenario, ref, kind, effective_time=when, credit_limit_minor=limit)
        )

    def shown(**changes: Any) -> tuple[set[FacilityActionKind], set[Section]]:
        report = scenario.report(person, "brook", **changes)
        (line,) = report.tradelines
        return {action.kind for action in line.actions}, {
            omission.section for omission in report.omissions
        }

    assert shown(history_months=36) == (set(times), set())
    # A freeze that stands is told in any case, and what is newer than the newest month.
    assert shown(history_months=6) == (
        set(times) - {kinds.RESTRUCTURE},
        {Section.PAYMENT_HISTORY},
    )
    assert shown(sections=[Section.SUMMARY, Section.TRADELINES, Section.INQUIRIES]) == (
        {kinds.FREEZE, kinds.CHARGE_OFF},
        {Section.PAYMENT_HISTORY},
    )


@pytest.mark.parametrize("kind", [FacilityActionKind.CLOSE, FacilityActionKind.CHARGE_OFF])
def test_a_line_that_ended_between_two_months_lends_no_more(
    scenario: Scenario, kind: FacilityActionKind
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY), account(person, "frozen", MAY))
    scenario.submit("acme", action(scenario, ref_of(person, "frozen"), FacilityActionKind.FREEZE))
    before = scenario.report(person, "brook")
    assert [flag.kind.name for flag in before.flags] == ["GROUP_DIVERGENCE"]
    scenario.submit("acme", action(scenario, ref_of(person, "card"), kind))
    after = scenario.report(person, "brook")
    assert after.summary is not None
    assert (after.summary.frozen_line_count, after.summary.lending_line_count) == (1, 0)
    assert after.flags == ()
    # What is written off is still owed; what is closed is not open.
    assert after.summary.open_tradeline_count == 1 + (kind is FacilityActionKind.CHARGE_OFF)
    # The next month's file says how it really is.
    later = Month(scenario.now().year, scenario.now().month)
    scenario.submit("acme", account(person, "card", later))
    assert scenario.report(person, "brook").flags != ()


def test_a_transferred_account_is_owed_once(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = ref_of(person, "card")
    scenario.submit(
        "acme",
        action(
            scenario,
            ref,
            FacilityActionKind.TRANSFER,
            reasons=(ActionReason.POLICY_CHANGE,),
            new_account_ref="b-1",
            new_member_id="brook",
        ),
    )
    bought = account(person, "bought", JUNE, original_creditor="Acme Savings")
    scenario.submit("brook", bought)
    report = scenario.report(person, "brook", EvidenceLevel.ALL)
    lines = {line.member_id: line for line in report.tradelines}
    assert [action.new_member_id for action in lines["acme"].actions] == ["brook"]
    assert lines["brook"].original_creditor == "Acme Savings"
    assert report.summary is not None
    (total,) = report.summary.totals
    assert total.balance_minor == 100_00
    assert report.summary.open_tradeline_count == 1
    # Its old furnisher says so too, by the month's end.
    ended = {"status": AccountStatus.TRANSFERRED, "balance_minor": 0, "account_ref": ref}
    scenario.submit("acme", account(person, "card", JUNE, **ended))
    again = scenario.report(person, "brook", EvidenceLevel.ALL)
    assert again.summary is not None
    assert again.summary.totals == report.summary.totals
    assert again.summary.open_tradeline_count == 1


def test_a_renumbered_account_is_the_same_tradeline(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "old", MAY))
    renumber = action(
        scenario,
        ref_of(person, "old"),
        FacilityActionKind.RENUMBER,
        new_account_ref=ref_of(person, "new"),
    )
    scenario.submit("acme", renumber)
    scenario.submit("acme", account(person, "new", JUNE))
    (line,) = scenario.report(person, "brook").tradelines
    assert line.month == JUNE
    assert line.history is not None
    assert len(line.history.profile) == 2


def test_what_comes_late_under_an_old_number_is_about_the_same_account(scenario: Scenario) -> None:
    person = scenario.person()
    old, new = ref_of(person, "old"), ref_of(person, "new")
    renumber = FacilityActionKind.RENUMBER
    scenario.submit("acme", account(person, "old", MAY))
    scenario.submit("acme", action(scenario, old, renumber, new_account_ref=new))
    # Late, corrected, and about what was done: all of it by the number that it had.
    scenario.submit("acme", account(person, "old", JULY), account(person, "new", JUNE))
    fix = account(person, "old", MAY, balance_minor=7)
    scenario.submit("acme", fix, kind=SubmissionKind.CORRECTION)
    scenario.submit("acme", action(scenario, old, FacilityActionKind.FREEZE))
    (line,) = scenario.report(person, "brook", EvidenceLevel.ALL).tradelines
    assert line.history is not None
    assert line.history.balance_minor == (100_00, 100_00, 7)
    assert {action.kind for action in line.actions} == {renumber, FacilityActionKind.FREEZE}
    # A number that was an account's is no other's.
    scenario.submit("acme", account(person, "other", MAY))
    other = ref_of(person, "other")
    with pytest.raises(InvalidRequest) as caught:
        scenario.submit("acme", action(scenario, other, renumber, new_account_ref=old))
    assert [v.field for v in caught.value.violations] == ["records[0].action.new_account_ref"]
    with pytest.raises(InvalidRequest):
        scenario.submit("acme", account(person, "old", JULY, currency="EUR"))
    # It may go back to it, and then on again; deleted by the first, it is gone.
    scenario.submit("acme", action(scenario, new, renumber, new_account_ref=old))
    scenario.submit("acme", action(scenario, new, renumber, new_account_ref=f"{new}er"))
    scenario.submit("acme", account(person, "new", JULY, balance_minor=9))
    assert scenario.findings() == []
    scenario.submit("acme", Deletion(account_ref=old, reason=DeletionReason.INACCURATE, month=JULY))
    lines = scenario.report(person, "brook", EvidenceLevel.ALL).tradelines
    assert sorted(tradeline.month for tradeline in lines if tradeline.month) == [MAY, JUNE]
    assert scenario.erase(person.subject_id).account_count == 2
    assert scenario.findings() == []


def test_a_new_account_may_be_renumbered_in_its_first_batch(scenario: Scenario) -> None:
    person = scenario.person()
    old, new = ref_of(person, "old"), ref_of(person, "new")
    renumber = action(scenario, old, FacilityActionKind.RENUMBER, new_account_ref=new)
    scenario.submit("acme", account(person, "old", MAY), renumber)
    scenario.submit("acme", account(person, "old", JUNE))
    scenario.submit("acme", account(person, "new", JULY))
    (line,) = scenario.report(person, "brook", EvidenceLevel.ALL).tradelines
    assert line.history is not None
    assert len(line.history.profile) == 3


@pytest.mark.parametrize(
    "case",
    ["unknown", "said before it is there", "taken", "in the batch", "one name", "twice", "nobody"],
)
def test_what_cannot_be_done_to_an_account_is_refused(scenario: Scenario, case: str) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY), account(person, "other", MAY))
    ref, other, new = (ref_of(person, name) for name in ("card", "other", "new"))
    kind = FacilityActionKind.RENUMBER
    cases: dict[str, tuple[list[Record], str]] = {
        "unknown": ([action(scenario, new, FacilityActionKind.FREEZE)], "account_ref"),
        "said before it is there": (
            [action(scenario, new, FacilityActionKind.FREEZE), account(person, "new", JUNE)],
            "account_ref",
        ),
        "taken": ([action(scenario, ref, kind, new_account_ref=other)], "action.new_account_ref"),
        "in the batch": (
            [account(person, "new", JUNE), action(scenario, ref, kind, new_account_ref=new)],
            "action.new_account_ref",
        ),
        "one name": (
            [
                action(scenario, ref, kind, new_account_ref=new),
                action(scenario, other, kind, new_account_ref=new),
            ],
            "action.new_account_ref",
        ),
        "twice": (
            [
                action(scenario, ref, kind, new_account_ref=new),
                action(scenario, ref, kind, new_account_ref=f"{new}er"),
            ],
            "account_ref",
        ),
        "nobody": (
            [
                action(
                    scenario,
                    ref,
                    FacilityActionKind.TRANSFER,
                    new_account_ref=new,
                    new_member_id="nobody",
                )
            ],
            "action.new_member_id",
        ),
    }
    records, field = cases[case]
    index = 0 if case == "said before it is there" else len(records) - 1
    with pytest.raises(InvalidRequest) as caught:
        scenario.submit("acme", *records)
    assert [v.field for v in caught.value.violations] == [f"records[{index}].{field}"]


def test_an_account_on_which_nothing_is_reported_gets_no_new_number(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref, new = ref_of(person, "card"), ref_of(person, "new")
    renumber = action(scenario, ref, FacilityActionKind.RENUMBER, new_account_ref=new)
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    with pytest.raises(InvalidRequest) as caught:
        scenario.submit("acme", renumber)
    assert [v.field for v in caught.value.violations] == ["records[0].account_ref"]
    # With a record of its own before it in the batch, it can.
    scenario.submit("acme", account(person, "card", JUNE, certified=True), renumber)
    scenario.submit("acme", account(person, "new", JULY))
    (line,) = scenario.report(person, "brook").tradelines
    assert line.month == JULY


def test_nobody_touches_the_accounts_of_others(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    deletion = Deletion(account_ref=ref_of(person, "card"), reason=DeletionReason.FRAUD)
    with pytest.raises(InvalidRequest):
        scenario.submit("brook", deletion)
    assert len(scenario.report(person, "brook").tradelines) == 1


def test_an_action_needs_everybodys_consent_and_a_deletion_nobodys(scenario: Scenario) -> None:
    person, partner = scenario.person(), scenario.person()
    both = (Party(person.subject_id), Party(partner.subject_id, PartyRole.GUARANTOR))
    scenario.submit("acme", account(person, "loan", MAY, parties=both))
    for consent in partner.consents():
        partner.revoke(consent.consent_id)
    ref = ref_of(person, "loan")
    with pytest.raises(BureauError) as caught:
        scenario.submit("acme", action(scenario, ref, FacilityActionKind.FREEZE))
    assert caught.value.reason == "CONSENT_REQUIRED"
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    assert scenario.report(person, "brook").tradelines == ()


def test_joint_accounts_and_guarantors_are_on_each_ones_file(scenario: Scenario) -> None:
    owner, guarantor = scenario.person(), scenario.person()
    parties = (Party(owner.subject_id), Party(guarantor.subject_id, PartyRole.GUARANTOR))
    scenario.submit("acme", account(owner, "loan", MAY, parties=parties))
    (line,) = scenario.report(guarantor, "brook").tradelines
    assert (line.role, line.party_count) == (PartyRole.GUARANTOR, 2)
    # Somebody who has left an account no longer has it on their file.
    scenario.submit("acme", account(owner, "loan", JUNE))
    assert scenario.report(guarantor, "brook").tradelines == ()
    (line,) = scenario.report(owner, "brook").tradelines
    assert line.status is AccountStatus.CURRENT


def joint(scenario: Scenario, *people: Wallet, month: Month, **changes: object) -> Record:
    parties = tuple(Party(person.subject_id, PartyRole.JOINT) for person in people)
    return account(people[0], "joint", month, parties=parties, **changes)


def test_who_comes_later_sees_nothing_of_who_was_there_before(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    ref = ref_of(first, "joint")
    late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
    scenario.submit("acme", joint(scenario, first, month=MAY, **late))
    scenario.submit("acme", action(scenario, ref, FacilityActionKind.FREEZE))
    scenario.submit("acme", joint(scenario, first, second, month=JUNE, account_ref=ref))
    (line,) = scenario.report(second, "brook", EvidenceLevel.ALL).tradelines
    assert line.history is not None
    assert (line.history.profile, line.actions) == ("0", ())
    (line,) = scenario.report(first, "brook", EvidenceLevel.ALL).tradelines
    assert line.history is not None
    assert (line.history.profile, len(line.actions)) == ("02", 1)


def test_who_left_an_account_keeps_it_on_their_own_file_only(scenario: Scenario) -> None:
    first, second = scenario.person(), scenario.person()
    ref = ref_of(first, "joint")
    scenario.submit("acme", joint(scenario, first, month=MAY))
    scenario.submit("acme", joint(scenario, second, month=JUNE, account_ref=ref))
    assert scenario.report(first, "brook", EvidenceLevel.ALL).tradelines == ()
    mine = first.file()
    (line,) = mine.tradelines
    assert line.month == MAY
    assert [(omission.tradeline_id, omission.reason) for omission in mine.omissions] == [
        (line.tradeline_id, OmissionReason.LEFT)
    ]
    # The account goes on without them: their consent is not asked for.
    for consent in first.consents():
        first.revoke(consent.consent_id)
    scenario.submit("acme", action(scenario, ref, FacilityActionKind.FREEZE))
    (line,) = scenario.report(second, "brook", EvidenceLevel.ALL).tradelines
    assert line.history is not None
    assert (line.history.profile, len(line.actions)) == ("0", 1)


def test_a_correction_of_who_it_was_moves_the_month(scenario: Scenario) -> None:
    wrong, right = scenario.person(), scenario.person()
    ref = ref_of(wrong, "joint")
    scenario.submit("acme", joint(scenario, wrong, month=MAY))
    fix = joint(scenario, right, month=MAY, account_ref=ref)
    scenario.submit("acme", fix, kind=SubmissionKind.CORRECTION)
    assert scenario.report(wrong, "brook", EvidenceLevel.ALL).tradelines == ()
    assert wrong.file().tradelines == ()
    assert len(scenario.report(right, "brook", EvidenceLevel.ALL).tradelines) == 1


def test_amounts_beyond_all_measure_are_reported(scenario: Scenario) -> None:
    person = scenario.person()
    most = 10**15
    scenario.submit(
        "acme",
        *(
            account(person, f"vast-{n}", MAY, balance_minor=most, credit_limit_minor=1)
            for n in range(20)
        ),
    )
    summary = scenario.report(person, "brook").summary
    assert summary is not None
    (total,) = summary.totals
    assert total.balance_minor == 20 * most
    assert total.utilisation_per_mille == 2**31 - 1
    assert len(person.file().tradelines) == 20


def test_an_action_needs_a_consent_that_covers_the_kind_of_account(scenario: Scenario) -> None:
    """A consent names kinds of facility for all that is furnished, actions too."""
    person = scenario.attested(
        "acme", scenario.lenders["acme"].subject_id("US", "ssn", "000-11-1111")
    )
    terms: dict[str, Any] = {"expire": 365 * DAY}
    every = person.grant("acme", [Action.FURNISH], **terms)
    mortgage = account(person, "home", MAY, portfolio_type=PortfolioType.MORTGAGE)
    card = account(person, "card", MAY)
    scenario.submit("acme", mortgage, card)
    person.revoke(every.consent_id)
    person.grant("acme", [Action.FURNISH], portfolio_types=[PortfolioType.REVOLVING], **terms)
    freeze = FacilityActionKind.FREEZE
    scenario.submit("acme", action(scenario, card.account_ref, freeze))
    with pytest.raises(ConsentRequired) as refused:
        scenario.submit("acme", action(scenario, mortgage.account_ref, freeze))
    assert [one.field for one in refused.value.violations] == ["records[0].account_ref"]
    person.grant("acme", [Action.FURNISH], portfolio_types=[PortfolioType.MORTGAGE], **terms)
    scenario.submit("acme", action(scenario, mortgage.account_ref, freeze))
