"""The subject's rights: holds, disputes, a statement, and what is too old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.clock import Clock
from bureau_client import (
    AccountStatus,
    BureauError,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    Frequency,
    FrequencyUnit,
    HoldKind,
    HoldState,
    InvalidRequest,
    Month,
    NotFound,
    OmissionReason,
    PermissionDenied,
    Purpose,
    RecordRef,
    Report,
    SubmissionKind,
    Wallet,
    WrongState,
)
from tests.service.village import DAY, Village, account, village

MAY = Month(2024, 5)
YEAR_US = 365 * 86_400 * 1_000_000


@pytest.fixture
def town() -> Iterator[Village]:
    with village("acme", "brook") as found:
        yield found


def test_a_freeze_stops_new_credit_and_leaves_reviews(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    review = town.inquiring(
        person,
        "brook",
        purposes=[Purpose.ACCOUNT_REVIEW],
        max_uses=0,
        frequency=Frequency(FrequencyUnit.MONTH, 5),
    )
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    assert hold.state is HoldState.IN_FORCE
    with pytest.raises(PermissionDenied) as caught:
        town.report(person, "brook")
    assert caught.value.reason == "HOLD"
    newest = person.inquiries()[0]
    assert newest.denial_reason == "HOLD"
    report = town.lenders["brook"].query(
        person.subject_id, purpose=Purpose.ACCOUNT_REVIEW, consent_id=review
    )
    assert [at.kind for at in report.holds] == [HoldKind.SECURITY_FREEZE]
    with pytest.raises(WrongState):
        person.place_hold(HoldKind.SECURITY_FREEZE)


def test_a_freeze_is_lifted_for_one_member_and_for_a_time(town: Village) -> None:
    person = town.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    until = town.now() + timedelta(days=2)
    lifted = person.lift_hold(hold.hold_id, until=until, member_id="brook")
    assert lifted.state is HoldState.LIFTED_FOR_A_TIME
    town.report(person, "brook")
    with pytest.raises(PermissionDenied):
        town.report(person, "acme")
    town.clock.offset_us += 3 * 86_400 * 1_000_000
    with pytest.raises(PermissionDenied):
        town.report(person, "brook")
    assert person.lift_hold(hold.hold_id).state is HoldState.ENDED
    town.report(person, "acme")
    with pytest.raises(WrongState):
        person.lift_hold(hold.hold_id)
    with pytest.raises(InvalidRequest):
        person.lift_hold(hold.hold_id, member_id="brook")


def test_nobody_lifts_the_hold_of_another(town: Village) -> None:
    person, stranger = town.person(), town.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    with pytest.raises(NotFound):
        stranger.lift_hold(hold.hold_id)


def test_a_fraud_alert_is_on_every_report(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    person.place_hold(HoldKind.FRAUD_ALERT, expire=town.now() + 30 * DAY)
    report = town.report(person, "brook")
    (flag,) = report.flags
    assert set(flag.texts) == {"en", "zh"}
    town.clock.offset_us += 40 * 86_400 * 1_000_000
    assert town.report(person, "brook").flags == ()


def challenged(town: Village, person: Wallet, month: Month | None = MAY) -> str:
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        month=month,
        narrative="I paid this.\nSee the receipt.",
        attachment_digests=[b"\1" * 32],
    )
    assert dispute.state is DisputeState.OPEN
    return dispute.dispute_id


def test_a_dispute_to_its_correction(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person)
    # Shown at once, and known to the furnisher alone.
    (shown,) = town.report(person, "brook").disputes
    assert (shown.dispute_id, shown.state) == (dispute_id, DisputeState.OPEN)
    (told,) = town.lenders["acme"].disputes()
    assert (told.narrative, told.reason) == (shown.narrative, DisputeReason.WRONG_AMOUNT)
    assert town.lenders["brook"].disputes() == []
    with pytest.raises(WrongState):
        challenged(town, person)
    with pytest.raises(NotFound):
        town.lenders["brook"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    # A correction, and an answer that names it.
    fixed = account(person, "card", MAY, balance_minor=0)
    submission_id = town.submit("acme", fixed, kind=SubmissionKind.CORRECTION)
    with pytest.raises(InvalidRequest):
        town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.MODIFIED)
    with pytest.raises(InvalidRequest):
        town.lenders["acme"].answer_dispute(
            dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 7)
        )
    closed = town.lenders["acme"].answer_dispute(
        dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 0)
    )
    assert (closed.state, closed.outcome) == (DisputeState.ANSWERED, DisputeOutcome.MODIFIED)
    assert person.disputes() == [closed]
    assert town.report(person, "brook").tradelines[0].balance_minor == 0
    with pytest.raises(WrongState):
        town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)


@pytest.mark.parametrize("outcome", [DisputeOutcome.DELETED, DisputeOutcome.FRAUD])
def test_what_a_dispute_deleted_returns_only_certified(
    town: Village, outcome: DisputeOutcome
) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person, month=None)
    town.lenders["acme"].answer_dispute(dispute_id, outcome)
    assert town.report(person, "brook").tradelines == ()
    with pytest.raises(BureauError) as caught:
        town.submit("acme", account(person, "card", MAY + 1))
    assert caught.value.reason == "DELETED_ITEM"
    town.submit("acme", account(person, "card", MAY + 1, certified=True))
    assert len(town.report(person, "brook").tradelines) == 1


def test_what_nobody_answers_is_withdrawn_until_it_is_certified(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person)
    town.clock.offset_us += 29 * 86_400 * 1_000_000
    assert len(town.report(person, "brook").tradelines) == 1
    town.clock.offset_us += 2 * 86_400 * 1_000_000
    assert town.report(person, "brook").tradelines == ()
    file = person.file()
    assert len(file.tradelines) == 1
    assert [at.reason for at in file.omissions] == [OmissionReason.DELETED]
    assert person.disputes()[0].state is DisputeState.LAPSED
    town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    assert len(town.report(person, "brook").tradelines) == 1


def test_in_china_an_unanswered_dispute_stays_beside_the_item() -> None:
    with village("acme", "brook", jurisdiction="CN") as town:
        person = town.person()
        town.submit("acme", account(person, "card", MAY))
        challenged(town, person)
        town.clock.offset_us += 21 * 86_400 * 1_000_000
        report = town.report(person, "brook")
        assert len(report.tradelines) == 1
        assert [at.state for at in report.disputes] == [DisputeState.LAPSED]


def test_a_statement_is_read_by_all(town: Village) -> None:
    person = town.person()
    person.set_statement("I was ill in 2023.\nI am working again.")
    assert town.report(person, "brook").subject_statement.startswith("I was ill")
    person.set_statement("")
    assert town.report(person, "brook").subject_statement == ""
    with pytest.raises(InvalidRequest):
        person.set_statement("turn \u202e around")


def written_off(person: Wallet, when: date) -> object:
    return account(
        person,
        "loan",
        Month(when.year, when.month),
        open_date=date(2010, 1, 1),
        status=AccountStatus.CHARGE_OFF,
        first_delinquency_date=when,
        balance_minor=500_00,
    )


def lines(report: Report) -> int:
    return len(report.tradelines)


def test_a_charge_off_leaves_reports_on_its_day() -> None:
    """15 U.S.C. 1681c: seven years and 180 days from the first delinquency."""
    clock = Clock()
    with village("acme", "brook", clock=clock) as town:
        person = town.person()
        today = town.now().date()
        # A day that leaves within the next weeks, whatever today is.
        then = today + timedelta(days=30) - timedelta(days=180)
        first = date(then.year - 7, then.month, min(then.day, 28))
        town.submit("acme", written_off(person, first))  # type: ignore[arg-type]
        leaves = date(first.year + 7, first.month, first.day) + timedelta(days=180)
        ahead = (leaves - today).days
        clock.offset_us += (ahead - 1) * 86_400 * 1_000_000
        assert lines(town.report(person, "brook")) == 1
        clock.offset_us += 86_400 * 1_000_000
        assert lines(town.report(person, "brook")) == 0
        file = person.file()
        assert lines(file) == 1
        assert [at.reason for at in file.omissions] == [OmissionReason.OBSOLETE]


def test_old_late_payments_fade(town: Village) -> None:
    person = town.person()
    now = town.now()
    old = Month(now.year - 7, now.month)
    for month, late in ((old, True), (old + 1, True), (old + 2, False)):
        status = AccountStatus.PAST_DUE_30 if late else AccountStatus.CURRENT
        made = account(person, "card", month, status=status, open_date=date(2010, 1, 1))
        town.submit("acme", made)
    (line,) = town.report(person, "brook").tradelines
    assert line.history is not None
    assert line.history.profile == "01D"
    (whole,) = person.file().tradelines
    assert whole.history is not None
    assert whole.history.profile == "011"


def test_a_third_jurisdiction_needs_no_code(tmp_path: Path) -> None:
    """Only a file of rules: here what is bad is forgotten after two years."""
    text = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8")
    text = text.replace('jurisdiction = "US"', 'jurisdiction = "BR"')
    text = text.replace("months = 84", "months = 24").replace("days = 30", "days = 15")
    rules = tmp_path / "BR.toml"
    rules.write_text(text, "utf-8")
    with village("acme", "brook", jurisdiction="BR", policy_file=rules) as town:
        person = town.person()
        today = town.now().date()
        now = Month(today.year, today.month)
        late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
        town.submit("acme", account(person, "card", now - 25, **late))
        town.submit("acme", account(person, "card", now - 23, **late))
        town.submit("acme", account(person, "card", now))
        report = town.report(person, "brook")
        (line,) = report.tradelines
        assert line.history is not None
        assert [line.history.profile[age] for age in (0, 23, 25)] == ["0", "2", "D"]
        assert report.jurisdiction == "BR"
        (whole,) = person.file().tradelines
        assert whole.history is not None
        assert whole.history.profile[25] == "2"
        dispute = person.dispute(
            line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
        )
        assert dispute.create_time is not None
        assert dispute.due_time is not None
        assert dispute.due_time - dispute.create_time == timedelta(days=15)
