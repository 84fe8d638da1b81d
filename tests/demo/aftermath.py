"""The events after a report: a correction, a dispute to its end, a freeze, an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from bureau_client import (
    Action,
    Alert,
    BureauError,
    DisputeOutcome,
    DisputeReason,
    Frequency,
    FrequencyUnit,
    HoldKind,
    Purpose,
    Report,
    Section,
    SubmissionKind,
    Wallet,
)
from bureau_client.models.money import format_amount
from bureau_client.models.records import RecordRef, Snapshot
from tests.demo.journey import Scenario


def show(scenario: Scenario, report: Report, console: Console) -> None:
    """Shows each, on the person of a report; what does not come as it must, raises."""
    person = next(p for p, subject in scenario.subject_of.items() if subject == report.subject_id)
    watcher = next(m for m in scenario.world.lenders if m not in _furnishers(report))
    with scenario.wallet(person) as wallet:
        # Somebody watches from here on.
        wallet.grant(
            watcher,
            [Action.MONITOR],
            [Purpose.ACCOUNT_REVIEW],
            [Section.SUMMARY, Section.TRADELINES, Section.DISPUTES],
            expire=timedelta(days=90),
            frequency=Frequency(FrequencyUnit.MONTH, 5),
        )
        console.rule("[bold]a dispute, to its end, by a correction[/]")
        _dispute(scenario, report, wallet, console)
        console.rule("[bold]an alert to a lender that may watch[/]")
        _show_alert(next(scenario.lenders[watcher].alerts()), watcher, console)
        console.rule("[bold]the subject freezes the file[/]")
        _freeze(scenario, report, wallet, console)


def _dispute(scenario: Scenario, report: Report, wallet: Wallet, console: Console) -> None:
    line = max(report.tradelines, key=lambda tradeline: tradeline.amount_past_due_minor)
    assert line.month is not None, "a tradeline has a newest month"
    dispute = wallet.dispute(
        line.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        month=line.month,
        narrative="I paid most of it back.",
    )
    assert dispute.due_time is not None, "a dispute has a deadline"
    amount = _amount(line.balance_minor, line.currency)
    console.print(f"the subject says: I do not owe {line.member_id} {amount}")
    console.print(f"{line.member_id} sees the dispute, and has until {dispute.due_time:%Y-%m-%d}")
    # The furnisher sees it, corrects the record, and says so.
    furnisher = scenario.lenders[line.member_id]
    (seen,) = [listed for listed in furnisher.disputes() if listed.dispute_id == dispute.dispute_id]
    wrong = _furnished(scenario, report, line.member_id, seen.tradeline_id)
    right = replace(wrong, balance_minor=line.balance_minor // 10)
    result = furnisher.submit([right], kind=SubmissionKind.CORRECTION, label="correction")
    scenario.submissions += result.submissions
    (submission,) = result.submissions
    answered = furnisher.answer_dispute(
        seen.dispute_id,
        DisputeOutcome.MODIFIED,
        narrative="You are right; we had missed a payment.",
        correction=RecordRef(submission.submission_id, 0),
    )
    (now,) = [
        tradeline
        for tradeline in wallet.file().tradelines
        if tradeline.tradeline_id == line.tradeline_id
    ]
    assert now.balance_minor == right.balance_minor, "the correction holds"
    amount = _amount(now.balance_minor, now.currency)
    console.print(
        f"it corrects its record and answers: {answered.outcome.text}; reports say {amount} now"
    )
    for notice in wallet.notices(limit=1):
        console.print(f"the subject reads: {' '.join(notice.texts.values())}")


def _show_alert(alert: Alert, watcher: str, console: Console) -> None:
    console.print(f"{watcher} may watch this person, and is told: [bold]{alert.kind.text}[/]")
    console.print(" ".join(alert.texts.values()))


def _freeze(scenario: Scenario, report: Report, wallet: Wallet, console: Console) -> None:
    hold = wallet.place_hold(HoldKind.SECURITY_FREEZE)
    consent = wallet.grant(
        report.member_id,
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.SUMMARY],
        expire=timedelta(days=30),
        max_uses=2,
    )
    lender = scenario.lenders[report.member_id]
    ask = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": consent.consent_id}
    refusal = None
    try:
        lender.query(report.subject_id, **ask)  # type: ignore[arg-type]
    except BureauError as error:
        refusal = error
    assert refusal is not None, "a report left in spite of a freeze"
    assert refusal.reason == "HOLD", refusal
    console.print(f"{report.member_id} asks with a good consent, and is refused: {refusal.message}")
    wallet.lift_hold(hold.hold_id)
    lender.query(report.subject_id, **ask)  # type: ignore[arg-type]
    console.print("the subject lifts the freeze; the same question is answered")


def _amount(amount_minor: int, currency: str) -> str:
    return f"{format_amount(amount_minor, currency)} {currency}"


def _furnishers(report: Report) -> set[str]:
    return {line.member_id for line in report.tradelines} | {report.member_id}


def _furnished(scenario: Scenario, report: Report, member_id: str, tradeline_id: str) -> Snapshot:
    """The record behind a tradeline's newest month, as its furnisher has it."""
    (piece,) = [piece for piece in report.evidence if piece.tradeline_id == tradeline_id]
    month = piece.month
    for (lender, _), rows in scenario.world.files.items():
        if lender != member_id:
            continue
        for row in rows:
            snapshot = row.snapshot(scenario.subject_of)
            if snapshot.month == month and snapshot.account_ref.encode() in piece.record:
                return snapshot
    raise AssertionError("the furnisher has what it signed")
