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
from bureau_client.cli.output import Output, emit_one, out
from bureau_client.models.attributes import MINOR_UNITS
from bureau_client.models.codes import (
    AccountStatus,
    Code,
    FacilityActionKind,
    PartyRole,
    ReportOutcome,
)
from bureau_client.models.money import figure_text, format_amount
from bureau_client.models.reports import Attribute, Report, Standing, Summary
from bureau_client.models.texts import DEFAULT
from bureau_client.models.tradelines import Tradeline
from bureau_keys.command_line.languages import current_language
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.texts import label_for_people, speaking, tr
from bureau_keys.money import text_of
from bureau_keys.profile import Trust

_GOOD, _BAD, _WARN = "green", "bold red", "yellow"


def emit_report(report: Report, output: Output, language: str = "") -> None:
    """Write a report to stdout: laid out for people as a table, otherwise as data."""
    if output is Output.TABLE:
        show_report(report, out, language or current_language())
    else:
        emit_one(report, output)


def save_and_emit(report: Report, save: Path | None, output: Output, language: str = "") -> None:
    """Save a report to a file, if one is named, and write it to stdout.

    What cannot be saved is written all the same: its inquiry has used the consent.
    """
    try:
        if save is not None:
            report.save(save)
            say(tr("saved to {0}").format(save))
    finally:
        emit_report(report, output, language)


def show_report(report: Report, console: Console, language: str = DEFAULT) -> None:
    """Print a verified report: figures, facilities, payment history, inquiries, omissions,
    furnishers, and the receipt.

    Args:
        language: Language of the words, BCP 47.
    """
    with speaking(language):
        title = tr("Credit report" if report.member_id else "Your credit file")
        console.print(Panel(_head(report), title=Text(title, "bold"), border_style="blue"))
        for title, part in _parts(report, console.width, language):
            console.print(Text(f"\n{tr(title)}", style="bold blue"))
            console.print(part)
        console.print()
        console.print(_receipt_line(report))


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
    _row(grid, "subject", report.subject_id)
    outcome = Text(tr("credit file found" if hit else "no credit file"), _GOOD if hit else _WARN)
    _row(grid, "outcome", outcome)
    _row(grid, "purpose", words(report.purpose))
    if report.member_id:
        _row(grid, "asked by", report.member_id)
        _row(grid, "consent", report.consent_id)
    _row(grid, "issued", f"{report.issue_time:%Y-%m-%d %H:%M:%S} UTC")
    _row(grid, "sections", ", ".join(words(section) for section in report.sections) or "–")
    rules = f"{report.jurisdiction} {report.rules_version}".strip()
    _row(
        grid,
        "as of",
        tr("log size {0}").format(report.log_size)
        + (tr(", rules {0}").format(rules) if rules else ""),
    )
    return grid


def _summary(summary: Summary) -> RenderableType:
    grid = _grid()
    _row(
        grid,
        "facilities",
        tr("{0}, {1} open, from {2} furnishers").format(
            summary.tradeline_count, summary.open_tradeline_count, summary.furnisher_count
        ),
    )
    others = summary.guaranteed_tradeline_count, summary.not_owed_tradeline_count
    if any(others):
        _row(grid, "others' debts", tr("{0} guaranteed, {1} not owed").format(*others))
    if summary.stale_tradeline_count:
        _row(grid, "no longer reported", Text(str(summary.stale_tradeline_count), _WARN))
    late = summary.delinquent_tradeline_count
    _row(grid, "30+ days past due", Text(str(late), _BAD if late else _GOOD))
    _row(grid, "worst in 24 months", summary.worst_status_24m or "–")
    _row(grid, "oldest facility", str(summary.oldest_open_date or "–"))
    _row(grid, "inquiries, 6 months", str(summary.inquiry_count_6m))
    if summary.frozen_line_count:
        counts = summary.frozen_line_count, summary.lending_line_count
        frozen = tr("{0} frozen, {1} lending").format(*counts)
        _row(grid, "lines", Text(frozen, _WARN))
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
            f"{words(line.portfolio_type)} {line.account_type}"
            + ("" if _is_alone(line) else f", {words(line.role)}"),
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
    text = Text(words(line.status), style)
    if line.days_past_due:
        text.append(tr(" ({0} days)").format(line.days_past_due))
    if line.sold_month:
        text.append(tr(" sold {0}").format(line.sold_month), _WARN)
    if line.stale:
        text.append(tr(" in {0}, {1}").format(line.month, words(line.stale)), _WARN)
    if line.restructured:
        text.append(tr(" restructured"), _WARN)
    if line.compliance_condition:
        text.append(f" {words(line.compliance_condition)}", _WARN)
    return text


def _actions(report: Report) -> Table:
    table = _table("#", "when", "action", "by", "reasons", "review by", "appeal")
    for number, line in enumerate(report.tradelines, 1):
        for action in line.actions:
            frozen = action.kind in (FacilityActionKind.FREEZE, FacilityActionKind.CHARGE_OFF)
            table.add_row(
                str(number),
                f"{action.effective_time:%Y-%m-%d}" if action.effective_time else "–",
                Text(words(action.kind), _WARN if frozen else ""),
                words(action.initiator),
                ", ".join(words(reason) for reason in action.reasons),
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
        since = ""
        if freeze.effective_time:
            since = tr(" since {0:%Y-%m-%d}").format(freeze.effective_time)
        frozen = tr(": frozen{0}").format(since)
        yield Text.assemble(f"#{number} ", (line.member_id, "bold"), frozen)
        for reason in freeze.reasons:
            yield Text.assemble("   ", (reason.text_in(language), _WARN))
            if fix := reason.fix_in(language):
                yield Text(f"   {fix}")
        if freeze.review_by_date:
            yield Text(tr("   The lender reviews it by {0}.").format(freeze.review_by_date))
        if freeze.appeal_route:
            yield Text(tr("   Objections: {0}").format(freeze.appeal_route))


def _inquiries(report: Report) -> Table:
    table = _table("when", "member", "purpose", "kind", "outcome")
    for line in report.inquiries:
        outcome = words(line.outcome) + (f": {line.denial_reason}" if line.denial_reason else "")
        when = f"{line.create_time:%Y-%m-%d %H:%M}" if line.create_time else "–"
        table.add_row(when, line.member_id, words(line.purpose), words(line.kind), outcome)
    return table


def _holds(report: Report) -> Table:
    table = _table("kind", "state", "since", "until", "lifted")
    for hold in report.holds:
        since = f"{hold.create_time:%Y-%m-%d}" if hold.create_time else "–"
        until = f"{hold.expire_time:%Y-%m-%d}" if hold.expire_time else "–"
        lifts = ", ".join(
            tr("{0} until {1:%Y-%m-%d %H:%M}").format(
                lift.member_id or tr("for all"), lift.until_time
            )
            for lift in hold.lifts
        )
        table.add_row(Text(words(hold.kind), _WARN), words(hold.state), since, until, lifts or "–")
    return table


def _disputes(report: Report) -> Table:
    table = _table("tradeline", "field", "month", "reason", "state", "outcome", "answer")
    for dispute in report.disputes:
        table.add_row(
            dispute.tradeline_id[:8],
            dispute.field,
            str(dispute.month or "all"),
            words(dispute.reason),
            words(dispute.state),
            words(dispute.outcome) if dispute.outcome else "–",
            dispute.answer_narrative or "–",
        )
    return table


def _notices(report: Report) -> Table:
    table = _table("when", "about", "member", "tradeline")
    for notice in report.notices:
        when = f"{notice.create_time:%Y-%m-%d}"
        which = notice.tradeline_id[:8] or "–"
        table.add_row(when, Text(words(notice.kind), _WARN), notice.member_id, which)
    return table


def _standings(report: Report) -> Table:
    table = _table("rule", "value", "limit", "")
    for standing in report.standings:
        verdict = Text(tr("within"), _GOOD) if standing.within else Text(tr("beyond"), _BAD)
        figures = [_standing(report, standing, n) for n in (standing.value, standing.limit)]
        table.add_row(label_for_people(standing.rule), *figures, verdict)
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
        return tr("missing")
    if currency and attribute.unit == MINOR_UNITS:
        return format_amount(int(value), currency)
    if attribute.unit.startswith("share"):
        return f"{100 * value:.1f} %"
    return figure_text(value)


def _omissions(report: Report) -> Table:
    table = _table("section", "because of", "tradeline")
    for omission in report.omissions:
        which = omission.tradeline_id[:8] or "–"
        table.add_row(words(omission.section), Text(words(omission.reason), _WARN), which)
    return table


def _flags(report: Report) -> Table:
    table = _table("", "")
    for flag in report.flags:
        texts = "\n".join(flag.texts[tag] for tag in sorted(flag.texts))
        table.add_row(Text(words(flag.kind), _BAD), texts)
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
        table.add_row(title, str(len(lines)), str(len(pieces)) if pieces else tr("not asked for"))
    return table


def _receipt_line(report: Report) -> Text:
    receipt = report.receipt
    if receipt is None:
        return Text(tr("✓ signed by the bureau"), _GOOD)
    unproved = ", ".join(report.unproved)
    return Text.assemble(
        (tr("✓ signed by the bureau, inquiry logged"), _GOOD),
        tr("  leaf {0} of the log at size {1}, {2:%Y-%m-%d %H:%M:%S} UTC, request {3}").format(
            receipt.leaf_index, receipt.tree_size, receipt.log_time, report.request_id
        ),
        tr("\nnot proved, the bureau's word alone: {0}").format(unproved) if unproved else "",
    )


def _late(amount_minor: int, currency: str) -> Text:
    return Text(format_amount(amount_minor, currency), _BAD if amount_minor else "dim")


def _row(grid: Table, label: str, value: RenderableType) -> None:
    grid.add_row(tr(label), value)


def words(code: Code) -> str:
    """Return a code in words, in the language of the person at the terminal."""
    language = current_language()
    return code.text if language == DEFAULT else code.text_in(language)


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
        table.add_column(tr(name), justify="right" if name in _RIGHT else "left")
    return table


def witnessed_at(note: str, trust: Trust) -> str:
    """Return the names of a checkpoint's witnesses, each with the time of its cosignature."""
    times = verify.witness_times(note, trust)
    each = tr("at {0:%Y-%m-%d %H:%M:%S} UTC by {1}")
    return ", ".join(each.format(time, name) for name, time in times.items())
