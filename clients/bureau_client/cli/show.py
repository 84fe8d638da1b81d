"""Reports for people, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bureau_client import verify
from bureau_client.cli.heatmap import heatmap, legend
from bureau_client.cli.output import Output, emit_one, err, out
from bureau_client.models.attributes import MINOR_UNITS
from bureau_client.models.codes import (
    AccountStatus,
    FacilityActionKind,
    PartyRole,
    ReportOutcome,
)
from bureau_client.models.money import figure_text, format_amount
from bureau_client.models.reports import Attribute, Report, Standing, Summary
from bureau_client.models.texts import DEFAULT
from bureau_client.models.tradelines import Tradeline
from bureau_keys.money import label_of, text_of
from bureau_keys.profile import Trust

_GOOD, _BAD, _WARN = "green", "bold red", "yellow"


def emit_report(report: Report, output: Output, language: str = DEFAULT) -> None:
    """Write a report to stdout: laid out for people as a table, otherwise as data."""
    if output is Output.TABLE:
        show_report(report, out, language)
    else:
        emit_one(report, output)


def save_and_emit(
    report: Report, save: Path | None, output: Output, language: str = DEFAULT
) -> None:
    """Save a report to a file, if one is named, and write it to stdout.

    What cannot be saved is written all the same: its inquiry has used the consent.
    """
    try:
        if save is not None:
            report.save(save)
            err.print(f"saved to {save}")
    finally:
        emit_report(report, output, language)


def show_report(report: Report, console: Console, language: str = DEFAULT) -> None:
    """Print a verified report: figures, facilities, payment history, inquiries, omissions,
    furnishers, and the receipt.

    Args:
        language: Language of the reasons of lenders and of what to do about them, BCP 47.
    """
    title = "Credit report" if report.member_id else "Your credit file"
    console.print(Panel(_head(report), title=Text(title, "bold"), border_style="blue"))
    for title, part in _parts(report, console.width, language):
        console.print(Text(f"\n{title}", style="bold blue"))
        console.print(part)
    console.print()
    console.print(_receipt_line(report), soft_wrap=True)


def _parts(report: Report, width: int, language: str) -> list[tuple[str, RenderableType]]:
    parts: list[tuple[str, RenderableType]] = []
    if report.flags:
        parts.append(("To review", _flags(report)))
    if report.summary is not None:
        parts.append(("In short", _summary(report.summary)))
    if report.tradelines:
        parts.append(("Facilities", _facilities(report)))
    if any(line.history for line in report.tradelines):
        parts.append(("Payment history", Group(heatmap(report.tradelines, width), legend())))
    if any(line.actions for line in report.tradelines):
        parts.append(("What lenders did", _actions(report)))
    if frozen := [*_frozen(report, language)]:
        parts.append(("What you can do about frozen lines", Group(*frozen)))
    if report.inquiries:
        parts.append(("Who asked", _inquiries(report)))
    if report.holds:
        parts.append(("Holds", _holds(report)))
    if report.disputes:
        parts.append(("Disputes", _disputes(report)))
    if report.standings:
        parts.append(("Standard of credit", _standings(report)))
    if report.attributes:
        parts.append(("Attributes", _attributes(report)))
    if report.omissions:
        parts.append(("Left out", _omissions(report)))
    if report.notices:
        parts.append(("Notices", _notices(report)))
    if report.subject_statement:
        parts.append(("The subject says", Text(report.subject_statement)))
    if report.tradelines:
        parts.append(("Who reported what", _sources(report)))
    return parts


def _head(report: Report) -> Table:
    hit = report.outcome is ReportOutcome.HIT
    grid = _grid()
    grid.add_row("subject", report.subject_id)
    outcome = Text("credit file found" if hit else "no credit file", _GOOD if hit else _WARN)
    grid.add_row("outcome", outcome)
    grid.add_row("purpose", report.purpose.text)
    if report.member_id:
        grid.add_row("asked by", report.member_id)
        grid.add_row("consent", report.consent_id)
    grid.add_row("issued", f"{report.issue_time:%Y-%m-%d %H:%M:%S} UTC")
    grid.add_row("sections", ", ".join(section.text for section in report.sections) or "–")
    rules = f"{report.jurisdiction} {report.rules_version}".strip()
    grid.add_row("as of", f"log size {report.log_size}" + (f", rules {rules}" if rules else ""))
    return grid


def _summary(summary: Summary) -> RenderableType:
    grid = _grid()
    grid.add_row(
        "facilities",
        f"{summary.tradeline_count}, {summary.open_tradeline_count} open, "
        f"from {summary.furnisher_count} furnishers",
    )
    others = summary.guaranteed_tradeline_count, summary.not_owed_tradeline_count
    if any(others):
        grid.add_row("others' debts", f"{others[0]} guaranteed, {others[1]} not owed")
    if summary.stale_tradeline_count:
        grid.add_row("no longer reported", Text(str(summary.stale_tradeline_count), _WARN))
    late = summary.delinquent_tradeline_count
    grid.add_row("30+ days past due", Text(str(late), _BAD if late else _GOOD))
    grid.add_row("worst in 24 months", summary.worst_status_24m or "–")
    grid.add_row("oldest facility", str(summary.oldest_open_date or "–"))
    grid.add_row("inquiries, 6 months", str(summary.inquiry_count_6m))
    if summary.frozen_line_count:
        frozen = f"{summary.frozen_line_count} frozen, {summary.lending_line_count} lending"
        grid.add_row("lines", Text(frozen, _WARN))
    totals = _table(
        *("currency", "balance", "limits", "utilisation", "past due", "due", "unsecured"),
        *("guaranteed", "no longer reported"),
    )
    for total in summary.totals:
        share = total.utilisation_per_mille
        totals.add_row(
            total.currency,
            format_amount(total.balance_minor, total.currency),
            format_amount(total.credit_limit_minor, total.currency),
            "–" if share is None else f"{share / 10:.1f} %",
            _late(total.amount_past_due_minor, total.currency),
            format_amount(total.amount_due_minor, total.currency),
            format_amount(total.unsecured_balance_minor, total.currency),
            format_amount(total.guaranteed_balance_minor, total.currency),
            format_amount(total.stale_balance_minor, total.currency),
        )
    return Group(grid, Text(), totals) if summary.totals else grid


def _facilities(report: Report) -> Table:
    table = _table(
        "#", "furnisher", "facility", "opened", "month", "status", "balance", "limit", "past due"
    )
    for number, line in enumerate(report.tradelines, 1):
        limit = line.credit_limit_minor
        table.add_row(
            str(number),
            line.member_id,
            f"{line.portfolio_type.text} {line.account_type}"
            + ("" if _is_alone(line) else f", {line.role.text}"),
            str(line.open_date or "–"),
            str(line.month or "–"),
            _status(line),
            f"{format_amount(line.balance_minor, line.currency)} {line.currency}",
            format_amount(line.original_amount_minor if limit is None else limit, line.currency),
            _late(line.amount_past_due_minor, line.currency),
        )
    return table


def _is_alone(line: Tradeline) -> bool:
    return line.party_count < 2 and line.role is PartyRole.INDIVIDUAL


def _status(line: Tradeline) -> Text:
    style = _BAD
    if line.stale:
        style = _WARN
    elif line.status in (AccountStatus.CURRENT, AccountStatus.PAID_OR_CLOSED):
        style = _GOOD
    text = Text(line.status.text, style)
    if line.days_past_due:
        text.append(f" ({line.days_past_due} days)")
    if line.sold_month:
        text.append(f" sold {line.sold_month}", _WARN)
    if line.stale:
        text.append(f" in {line.month}, {line.stale.text}", _WARN)
    if line.restructured:
        text.append(" restructured", _WARN)
    if line.compliance_condition:
        text.append(f" {line.compliance_condition.text}", _WARN)
    return text


def _actions(report: Report) -> Table:
    table = _table("#", "when", "action", "by", "reasons", "review by", "appeal")
    for number, line in enumerate(report.tradelines, 1):
        for action in line.actions:
            frozen = action.kind in (FacilityActionKind.FREEZE, FacilityActionKind.CHARGE_OFF)
            table.add_row(
                str(number),
                f"{action.effective_time:%Y-%m-%d}" if action.effective_time else "–",
                Text(action.kind.text, _WARN if frozen else ""),
                action.initiator.text,
                ", ".join(reason.text for reason in action.reasons),
                str(action.review_by_date or "–"),
                action.appeal_route or "–",
            )
    return table


def _frozen(report: Report, language: str) -> Iterator[Text]:
    """Yield, for each line that is frozen now, the reasons and what to do about each."""
    for number, line in enumerate(report.tradelines, 1):
        freeze = line.freeze
        if freeze is None:
            continue
        since = f" since {freeze.effective_time:%Y-%m-%d}" if freeze.effective_time else ""
        yield Text.assemble(f"#{number} ", (line.member_id, "bold"), f": frozen{since}")
        for reason in freeze.reasons:
            yield Text.assemble("   ", (reason.text_in(language), _WARN))
            if fix := reason.fix_in(language):
                yield Text(f"   {fix}")
        if freeze.review_by_date:
            yield Text(f"   The lender reviews it by {freeze.review_by_date}.")
        if freeze.appeal_route:
            yield Text(f"   Objections: {freeze.appeal_route}")


def _inquiries(report: Report) -> Table:
    table = _table("when", "member", "purpose", "kind", "outcome")
    for line in report.inquiries:
        outcome = line.outcome.text + (f": {line.denial_reason}" if line.denial_reason else "")
        when = f"{line.create_time:%Y-%m-%d %H:%M}" if line.create_time else "–"
        table.add_row(when, line.member_id, line.purpose.text, line.kind.text, outcome)
    return table


def _holds(report: Report) -> Table:
    table = _table("kind", "state", "since", "until", "lifted")
    for hold in report.holds:
        since = f"{hold.create_time:%Y-%m-%d}" if hold.create_time else "–"
        until = f"{hold.expire_time:%Y-%m-%d}" if hold.expire_time else "–"
        lifts = ", ".join(
            f"{lift.member_id or 'for all'} until {lift.until_time:%Y-%m-%d %H:%M}"
            for lift in hold.lifts
        )
        table.add_row(Text(hold.kind.text, _WARN), hold.state.text, since, until, lifts or "–")
    return table


def _disputes(report: Report) -> Table:
    table = _table("tradeline", "field", "month", "reason", "state", "outcome", "answer")
    for dispute in report.disputes:
        table.add_row(
            dispute.tradeline_id[:8],
            dispute.field,
            str(dispute.month or "all"),
            dispute.reason.text,
            dispute.state.text,
            dispute.outcome.text if dispute.outcome else "–",
            dispute.answer_narrative or "–",
        )
    return table


def _notices(report: Report) -> Table:
    table = _table("when", "about", "member", "tradeline")
    for notice in report.notices:
        when = f"{notice.create_time:%Y-%m-%d}"
        which = notice.tradeline_id[:8] or "–"
        table.add_row(when, Text(notice.kind.text, _WARN), notice.member_id, which)
    return table


def _standings(report: Report) -> Table:
    table = _table("rule", "value", "limit", "")
    for standing in report.standings:
        verdict = Text("within", _GOOD) if standing.within else Text("beyond", _BAD)
        figures = [_standing(report, standing, n) for n in (standing.value, standing.limit)]
        table.add_row(label_of(standing.rule), *figures, verdict)
    return table


def _standing(report: Report, standing: Standing, figure: int) -> str:
    """Return a figure of the standard; its amounts are in the currency of the report's totals."""
    currencies = {total.currency for total in report.summary.totals} if report.summary else set()
    fields = {"currency": currencies.pop()} if len(currencies) == 1 else {}
    return text_of(standing.rule, figure, fields) or f"{figure:,}"


def _attributes(report: Report) -> Table:
    table = _table("attribute", "value", "unit")
    for attribute in report.attributes:
        for currency, value in attribute.values.items():
            table.add_row(
                attribute.name, _figure(attribute, value, currency), currency or attribute.unit
            )
    return table


def _figure(attribute: Attribute, value: float | None, currency: str) -> str:
    if value is None:
        return "missing"
    if currency and attribute.unit == MINOR_UNITS:
        return format_amount(int(value), currency)
    if attribute.unit.startswith("share"):
        return f"{100 * value:.1f} %"
    return figure_text(value)


def _omissions(report: Report) -> Table:
    table = _table("section", "because of", "tradeline")
    for omission in report.omissions:
        which = omission.tradeline_id[:8] or "–"
        table.add_row(omission.section.text, Text(omission.reason.text, _WARN), which)
    return table


def _flags(report: Report) -> Table:
    table = _table("", "")
    for flag in report.flags:
        texts = "\n".join(flag.texts[tag] for tag in sorted(flag.texts))
        table.add_row(Text(flag.kind.text, _BAD), texts)
    return table


def _sources(report: Report) -> Table:
    furnisher_of = {line.tradeline_id: line.member_id for line in report.tradelines}
    names = {member.member_id: member.display_name for member in report.furnishers}
    table = _table("furnisher", "facilities", "signed records verified")
    for member_id in dict.fromkeys(furnisher_of.values()):
        lines = [owner for owner in furnisher_of.values() if owner == member_id]
        pieces = [p for p in report.evidence if furnisher_of.get(p.tradeline_id) == member_id]
        name = names.get(member_id, "")
        title = f"{member_id} ({name})" if name else member_id
        table.add_row(title, str(len(lines)), str(len(pieces)) if pieces else "not asked for")
    return table


def _receipt_line(report: Report) -> Text:
    receipt = report.receipt
    if receipt is None:
        return Text("✓ signed by the bureau", _GOOD)
    unproved = ", ".join(report.unproved)
    return Text.assemble(
        ("✓ signed by the bureau, inquiry logged", _GOOD),
        f"  leaf {receipt.leaf_index} of the log at size {receipt.tree_size}, "
        f"{receipt.log_time:%Y-%m-%d %H:%M:%S} UTC, request {report.request_id}",
        f"\nnot proved, the bureau's word alone: {unproved}" if unproved else "",
    )


def _late(amount_minor: int, currency: str) -> Text:
    return Text(format_amount(amount_minor, currency), _BAD if amount_minor else "dim")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    return grid


_RIGHT = {"#", "balance", "limit", "limits", "past due", "due", "unsecured", "utilisation", "value"}
_RIGHT |= {"guaranteed", "no longer reported"}


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), show_header=any(names))
    for name in names:
        table.add_column(name, justify="right" if name in _RIGHT else "left")
    return table


def witnessed_at(note: str, trust: Trust) -> str:
    """Return the names of a checkpoint's witnesses, each with the time of its cosignature."""
    times = verify.witness_times(note, trust)
    return ", ".join(f"at {time:%Y-%m-%d %H:%M:%S} UTC by {name}" for name, time in times.items())
