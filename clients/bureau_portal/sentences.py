"""Write a credit file in plain sentences, in one language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bureau_client.models.attributes import MINOR_UNITS
from bureau_client.models.codes import (
    Classification,
    FacilityActionKind,
    Initiator,
    PartyRole,
)
from bureau_client.models.records import FacilityAction
from bureau_client.models.reports import Attribute, Report, Summary
from bureau_client.models.tradelines import Tradeline, TradelineAction
from bureau_portal.words import Words

# Characters of payment histories by their severity, which worst months are given as.
SEVERITY = "BDE0123456JHGKL"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of an account, as a person reads and disputes it.

    Attributes:
        name: Name of the word that explains it.
        field: Field that a dispute of it names; empty for one that is not disputed alone.
        value: The figure in words.
    """

    name: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """A reason of a freeze, and what the person can do about it; `fix` may be empty."""

    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class FrozenLine:
    """Why a line is frozen, what to do, and by when.

    Attributes:
        deadlines: Sentences about the day of the review and the way to object.
        complaint: Address of the form for a complaint about the freeze; empty for one that is not
            the lender's own, and without a record of it.
    """

    line: Tradeline
    since: str
    remedies: tuple[Remedy, ...]
    deadlines: tuple[str, ...]
    complaint: str


def summary_sentences(summary: Summary | None, words: Words) -> Iterator[str]:
    """Yield what the file says in all."""
    if summary is None or not summary.tradeline_count:
        yield words.text("file.empty")
        return
    yield words.text(
        "file.counts",
        lines=summary.tradeline_count,
        open=summary.open_tradeline_count,
        furnishers=summary.furnisher_count,
    )
    late = summary.delinquent_tradeline_count
    yield words.text("file.some_late", count=late) if late else words.text("file.none_late")
    for total in summary.totals:
        yield words.text(
            "file.total",
            balance=words.amount(total.balance_minor, total.currency),
            limit=words.amount(total.credit_limit_minor, total.currency),
        )
        if total.amount_past_due_minor:
            amount = words.amount(total.amount_past_due_minor, total.currency)
            yield words.text("file.total_past_due", amount=amount)
    if summary.frozen_line_count:
        yield words.text(
            "file.frozen", frozen=summary.frozen_line_count, lending=summary.lending_line_count
        )
    yield words.text("file.inquiries", count=summary.inquiry_count_6m)


def line_sentences(line: Tradeline, words: Words) -> Iterator[str]:
    """Yield what one account says."""
    kind = words.code(line.portfolio_type)
    yield words.text("line.kind", kind=kind, member=line.member_id, day=words.day(line.open_date))
    yield words.text("line.role", role=words.code(line.role))
    if line.role is PartyRole.GUARANTOR:
        yield words.text("line.guaranteed")
    elif not line.is_owed:
        yield words.text("line.not_owed")
    if line.party_count > 1 and line.role is not PartyRole.AUTHORISED_USER:
        yield words.text("line.parties", count=line.party_count)
    yield words.text("line.status", month=words.month(line.month), status=words.code(line.status))
    if line.sold_month:
        yield words.text("line.sold", month=words.month(line.sold_month))
    elif line.close_date:
        yield words.text(
            "line.closed", day=words.day(line.close_date), reason=words.code(line.close_reason)
        )
    if line.stale:
        yield words.text("line.stale", reason=words.code(line.stale))
    if line.first_delinquency_date:
        yield words.text("line.first_delinquency", day=words.day(line.first_delinquency_date))


def figures(line: Tradeline, words: Words) -> Iterator[Figure]:
    """Yield the figures of an account, each with the field that a dispute of it names."""
    limit = line.credit_limit_minor
    amounts = (
        ("balance", "balance_minor", line.balance_minor),
        ("credit_limit", "credit_limit_minor", limit),
        ("original_amount", "original_amount_minor", line.original_amount_minor),
        ("amount_due", "amount_due_minor", line.amount_due_minor),
        ("amount_paid", "amount_paid_minor", line.amount_paid_minor),
        ("amount_past_due", "amount_past_due_minor", line.amount_past_due_minor),
    )
    for name, field, amount in amounts:
        if amount is not None:
            yield Figure(name, field, words.amount(amount, line.currency))
    if limit and not line.close_date:
        share = f"{100 * line.balance_minor / limit:.0f} %"
        yield Figure("utilisation", "", share)
    if line.days_past_due:
        days = words.text("line.days", count=line.days_past_due)
        yield Figure("days_past_due", "days_past_due", days)
    yield Figure("status", "status", words.code(line.status))
    yield Figure("open_date", "open_date", words.day(line.open_date))


def frozen_lines(file: Report, words: Words) -> Iterator[FrozenLine]:
    """Yield the lines that are frozen now."""
    for line in file.tradelines:
        if (freeze := line.freeze) is not None:
            since = words.day(freeze.effective_time)
            today = file.issue_time.date()
            yield FrozenLine(
                line,
                since,
                tuple(remedies(freeze, words)),
                tuple(deadlines(freeze, today, words)),
                _complaint(freeze, today),
            )


def remedies(action: TradelineAction | FacilityAction, words: Words) -> Iterator[Remedy]:
    """Yield the reasons of an action, each with what the person can do about it."""
    for reason in action.reasons:
        yield Remedy(words.code(reason), reason.fix_in(words.language))


def _complaint(freeze: TradelineAction, today: date) -> str:
    """Return the address of the form for a complaint about a freeze of the lender's."""
    if freeze.record is None or freeze.initiator is not Initiator.LENDER:
        return ""
    kind = "?kind=REVIEW_MISSED" if _is_review_missed(freeze, today) else ""
    record = freeze.record
    return f"/complaints/open/action/{record.submission_id}-{record.record_index}{kind}"


def _is_review_missed(action: TradelineAction | FacilityAction, today: date) -> bool:
    return action.review_by_date is not None and action.review_by_date < today


def deadlines(action: TradelineAction | FacilityAction, today: date, words: Words) -> Iterator[str]:
    """Yield by when the lender looks at an action again, and where the person can object.

    Only a freeze must have both: of another action nothing is said where there is none.
    """
    if action.initiator is not Initiator.LENDER:
        yield words.text("frozen.others", initiator=words.code(action.initiator))
        return
    is_freeze = action.kind is FacilityActionKind.FREEZE
    if action.review_by_date:
        key = "review_missed" if _is_review_missed(action, today) else "review"
        yield words.text(f"frozen.{key}", day=words.day(action.review_by_date))
    elif is_freeze:
        yield words.text("frozen.no_review")
    if action.appeal_route:
        yield words.text("frozen.appeal", route=action.appeal_route)
    elif is_freeze:
        yield words.text("frozen.no_appeal")


def omission_sentences(file: Report, words: Words) -> Iterator[str]:
    """Yield what the reports that others get leave out, and why."""
    member_of = {line.tradeline_id: line.member_id for line in file.tradelines}
    for omission in file.omissions:
        values = {"section": words.code(omission.section), "reason": words.code(omission.reason)}
        if omission.tradeline_id:
            member = member_of.get(omission.tradeline_id, omission.tradeline_id[:8])
            yield words.text("omitted.line", member=member, **values)
        else:
            yield words.text("omitted.section", **values)


def verification_sentences(file: Report, origin: str, words: Words) -> Iterator[str]:
    """Yield how to verify what the pages say, with the digest of the signed file."""
    values = {
        "digest": file.digest.hex(),
        "origin": origin,
        "size": file.log_size,
        "events": file.event_count,
    }
    for text in words.table("pdf")["verify"]:
        yield text.format_map(values)


def attribute_meaning(name: str, words: Words) -> str:
    """Return a computed figure in a sentence; empty for one of a later version of reports."""
    figures = words.table("figures")
    if name in figures:
        return str(figures[name])
    base, _, window = name.rpartition("_")
    if base in figures and window[:-1].isdecimal() and window.endswith("m"):
        return words.text(f"figures.{base}", months=_months(float(window.removesuffix("m")), words))
    return ""


def attribute_value(attribute: Attribute, words: Words) -> str:
    """Return the values of a computed figure."""
    parts = []
    for currency, value in attribute.values.items():
        if value is None:
            parts.append(words.text("file.missing"))
        elif currency and attribute.unit == MINOR_UNITS:
            parts.append(words.amount(int(value), currency))
        else:
            parts.append(_with_unit(attribute.unit, value, words))
    return words.list(parts)


def _with_unit(unit: str, value: float, words: Words) -> str:
    if unit.startswith("share of"):
        return f"{100 * value:.0f} %"
    if unit == "months":
        return _months(value, words)
    if unit == "severity":
        return str(words.table("profile")[SEVERITY[int(value)]])
    if unit == "classification":
        return words.code(Classification(int(value)))
    return f"{value:g}"  # a number of what the sentence names


def _months(count: float, words: Words) -> str:
    return (
        words.text("line.one_month")
        if count == 1
        else words.text("line.months", count=f"{count:g}")
    )
