"""The parts of a report: tradelines, consumer entries, omissions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bureau.calendar import months_between, timestamp_of
from bureau.credit_file.facility_state import (
    action_month,
    current_freeze,
    divergences,
)
from bureau.credit_file.filed import CreditFile, FiledAction, FiledInquiry, FiledTradeline
from bureau.credit_file.history import first_months
from bureau.credit_file.report_rules import ReportRules
from bureau.credit_file.scope import Scope, lines_in, months_in
from bureau.credit_file.subject_state import (
    SubjectState,
    blocked_by_dispute,
    dispute_for,
    holds_for,
    withdrawn_by_dispute,
)
from bureau.policy import Policy
from bureau.texts import flag_texts
from bureau_keys.signer_name import BUREAU
from creditbureau.v1 import codes_pb2, dispute_pb2, hold_pb2, report_pb2
from creditbureau.v1.dispute_pb2 import Dispute
from creditbureau.v1.envelope_pb2 import Header
from creditbureau.v1.report_pb2 import (
    Flag,
    FlagKind,
    InquiryLine,
    Omission,
    Report,
    Tradeline,
    TradelineAction,
)

# Actions of a tradeline and of all, and bytes of all disputes, that a report holds at most.
MAX_ACTIONS, MAX_ALL_ACTIONS = 24, 1000
MAX_DISPUTE_BYTES = 2 << 20
# Bytes of a report: with the proof of its consent and the first evidence below the 16 MiB
# that clients receive. A larger one is refused, and withheld in a portfolio.
MAX_REPORT_BYTES = 15 << 20


def new_report(
    origin: str, rules: ReportRules, request_id: str, request_digest: bytes, now_us: int
) -> Report:
    """Return an empty report that answers a request."""
    return Report(
        header=Header(
            audience=origin,
            signer=BUREAU,
            request_id=request_id,
            issue_time=timestamp_of(now_us),
            schema_version=1,
        ),
        request_digest=request_digest,
        jurisdiction=rules.policy.jurisdiction,
        rules_version=rules.name,
    )


def fill_report(report: Report, file: CreditFile, scope: Scope, rules: ReportRules) -> None:
    """Fill a report with the parts of a credit file that the scope opens, and the omissions.

    Args:
        report: A report from `new_report`.
        file: The credit file.
        scope: The parts of the credit file that may be shown.
    """
    report.sections.extend(scope.sections)  # type: ignore[arg-type]
    report.log_size = file.log_size
    hit = bool(file.tradelines)
    report.outcome = report_pb2.REPORT_OUTCOME_HIT if hit else report_pb2.REPORT_OUTCOME_NO_HIT
    lines = lines_in(file, scope)

    if codes_pb2.SECTION_SUMMARY in scope.sections:
        seen = file._replace(tradelines=lines)
        summary = rules.version.summarise(seen, report.member_id)
        report.summary.CopyFrom(summary)
        if summary.frozen_line_count and summary.lending_line_count:
            for divergence in divergences(lines, file.groups):
                name = "GROUP_DIVERGENCE" if divergence.group else "DIVERGENCE"
                flag = report.flags.add(kind=FlagKind.Value(f"FLAG_KIND_{name}"))
                flag.tradeline_ids.extend(line.tradeline_id for line in divergence.lines)
                flag.texts.update(flag_texts(rules.version.flag_texts, name))
    if codes_pb2.SECTION_TRADELINES in scope.sections:
        months = months_in(scope)
        actions = shown_actions(lines, months)
        for line in lines:
            filled = add_tradeline(report, line)
            if months:
                filled.history.CopyFrom(first_months(line.history, months))
            filled.actions.extend(map(action_of, actions.get(line.tradeline_id, ())))
    if codes_pb2.SECTION_INQUIRIES in scope.sections:
        report.inquiries.extend(inquiry_of(inquiry) for inquiry in file.inquiries)
    report.omissions.extend(omissions_of(file, lines, scope))


def add_attributes(report: Report, file: CreditFile, scope: Scope, rules: ReportRules) -> None:
    """Add the attributes of the tradelines that a scope opens, if it opens attributes."""
    if codes_pb2.SECTION_ATTRIBUTES in scope.sections:
        seen = file._replace(tradelines=lines_in(file, scope))
        version = rules.version
        report.attributes.extend(version.compute(seen, version.attributes, report.member_id))


def reportable(
    file: CreditFile, state: SubjectState, rules: ReportRules, reader: str = ""
) -> CreditFile:
    """Return a credit file without the tradelines and months that the law withdraws and the
    inquiries under complaint, marked.

    Args:
        reader: Member id of the reader; empty for the subject.
    """
    file = rules.version.withhold(rules.marked(file), state, reader)
    gone = withdrawn_by_dispute(state, rules.policy)
    present = [line for line in file.tradelines if not line.left]
    kept = rules.version.retain(present, rules.policy, file.now_us)
    return file._replace(tradelines=[line for line in kept if line.tradeline_id not in gone])


def add_consumer_entries(
    report: Report, state: SubjectState, scope: Scope, rules: ReportRules
) -> None:
    """Add the subject's own entries: holds, disputes, a statement."""
    now_us = report.header.issue_time.ToMicroseconds()
    if report.member_id:
        report.holds.extend(holds_for(state, report.member_id, now_us))
        if codes_pb2.SECTION_DISPUTES in scope.sections:
            shown = {line.tradeline_id for line in report.tradelines}
            about = [
                dispute for dispute in state.disputes.values() if dispute.tradeline_id in shown
            ]
            report.disputes.extend(
                dispute_for(dispute, report.member_id) for dispute in newest_disputes(about)
            )
    else:
        # The subject's own file also shows disputes about deleted tradelines.
        ended = hold_pb2.HOLD_STATE_ENDED
        report.holds.extend(hold for hold in state.holds.values() if hold.state != ended)
        report.disputes.extend(newest_disputes(list(state.disputes.values())))
    report.subject_statement = state.statement
    for hold in report.holds:
        warns = hold.kind == hold_pb2.HOLD_KIND_FRAUD_ALERT
        if warns and hold.state == hold_pb2.HOLD_STATE_IN_FORCE:
            words = flag_texts(rules.version.flag_texts, "FRAUD_ALERT")
            report.flags.append(Flag(kind=report_pb2.FLAG_KIND_FRAUD_ALERT, texts=words))


def omissions_for_subject(
    file: CreditFile, shown: CreditFile, state: SubjectState, policy: Policy
) -> Iterator[Omission]:
    """Yield each tradeline that reports do not show, or not whole, for the subject."""
    blocked, withdrawn = blocked_by_dispute(state), withdrawn_by_dispute(state, policy)
    whole = {line.tradeline_id: line for line in shown.tradelines}
    for line in file.tradelines:
        if whole.get(line.tradeline_id) is line:
            continue
        reason = report_pb2.OMISSION_REASON_OBSOLETE
        if line.left:
            reason = report_pb2.OMISSION_REASON_LEFT
        elif line.tradeline_id in blocked:
            reason = report_pb2.OMISSION_REASON_BLOCKED
        elif line.tradeline_id in withdrawn:
            reason = report_pb2.OMISSION_REASON_DELETED
        yield Omission(
            reason=reason,
            section=codes_pb2.SECTION_PAYMENT_HISTORY
            if line.tradeline_id in whole
            else codes_pb2.SECTION_TRADELINES,
            tradeline_id=line.tradeline_id,
        )


def deleted_tradeline_omission(tradeline_id: str) -> Omission:
    """Return the omission of a tradeline whose records are all deleted, for the subject."""
    return Omission(
        reason=report_pb2.OMISSION_REASON_DELETED,
        section=codes_pb2.SECTION_TRADELINES,
        tradeline_id=tradeline_id,
    )


def erased_tradeline_omission(tradeline_id: str) -> Omission:
    """Return the omission of a tradeline that the operator erased, for the subject."""
    return Omission(
        reason=report_pb2.OMISSION_REASON_ERASED,
        section=codes_pb2.SECTION_TRADELINES,
        tradeline_id=tradeline_id,
    )


def actions_in(line: FiledTradeline, months: int) -> list[FiledAction]:
    """Return the newest actions that a number of months of history opens.

    Actions after the newest month count as open; the freeze in force and the sale are always
    included.
    """
    newest, lasting = line.history.newest_month, _lasting_actions(line)
    opened = [
        filed for filed in line.actions if months_between(action_month(filed), newest) < months
    ]
    shown = opened[:MAX_ACTIONS]
    return [*shown, *(filed for filed in lasting if filed not in shown)]


def shown_actions(lines: Iterable[FiledTradeline], months: int) -> dict[str, list[FiledAction]]:
    """Return the actions that a report holds, by tradeline id.

    Where the lines have too many together, freezes in force and sales come first, then the newest.
    """
    opened = {line.tradeline_id: actions_in(line, months) for line in lines if line.actions}
    if sum(map(len, opened.values())) <= MAX_ALL_ACTIONS:
        return opened
    lasting = {line.tradeline_id: _lasting_actions(line) for line in lines if line.actions}
    ranked = sorted(
        (filed not in lasting[name], -filed.action.effective_time.ToMicroseconds(), name, index)
        for name, actions in opened.items()
        for index, filed in enumerate(actions)
    )
    kept = {(name, index) for _, _, name, index in ranked[:MAX_ALL_ACTIONS]}
    return {
        name: [filed for index, filed in enumerate(actions) if (name, index) in kept]
        for name, actions in opened.items()
    }


def _lasting_actions(line: FiledTradeline) -> list[FiledAction]:
    """Return the actions that say how a line is now: the freeze in force, the sale."""
    freeze, sale = current_freeze(line), line.sale
    return [filed for filed in (freeze, sale.action if sale else None) if filed is not None]


def newest_disputes(disputes: Sequence[Dispute]) -> list[Dispute]:
    """Return the disputes that a report holds at most: open ones first, then the newest.

    Args:
        disputes: In order of the log, as are the returned ones.
    """
    closed = [dispute.state != dispute_pb2.DISPUTE_STATE_OPEN for dispute in disputes]
    size, shown = 0, set[int]()
    for index in sorted(range(len(disputes)), key=lambda index: (closed[index], -index)):
        size += disputes[index].ByteSize()
        if size > MAX_DISPUTE_BYTES:
            break
        shown.add(index)
    return [dispute for index, dispute in enumerate(disputes) if index in shown]


def add_tradeline(report: Report, line: FiledTradeline) -> Tradeline:
    """Add a tradeline as of its newest month, without history and actions."""
    snapshot = line.snapshot
    filled = report.tradelines.add(
        tradeline_id=line.tradeline_id,
        member_id=line.member_id,
        role=line.role,
        portfolio_type=snapshot.portfolio_type,
        account_type=snapshot.account_type,
        currency=snapshot.currency,
        open_date=snapshot.open_date,
        term_months=snapshot.term_months,
        secured=snapshot.secured,
        month=snapshot.month,
        status=snapshot.status,
        balance_minor=snapshot.balance_minor,
        amount_due_minor=snapshot.amount_due_minor,
        amount_paid_minor=snapshot.amount_paid_minor,
        amount_past_due_minor=snapshot.amount_past_due_minor,
        days_past_due=snapshot.days_past_due,
        close_date=snapshot.close_date,
        close_reason=snapshot.close_reason,
        first_delinquency_date=snapshot.first_delinquency_date,
        classification=snapshot.classification,
        compliance_condition=snapshot.compliance_condition,
        restructured=snapshot.restructured,
        record=line.record,
        party_count=len(snapshot.parties),
        original_creditor=snapshot.original_creditor,
        stale=line.stale,
    )
    if snapshot.HasField("credit_limit_minor"):
        filled.credit_limit_minor = snapshot.credit_limit_minor
    if snapshot.HasField("original_amount_minor"):
        filled.original_amount_minor = snapshot.original_amount_minor
    if line.sale:
        filled.sold_month = line.sale.month
    return filled


def action_of(filed: FiledAction) -> TradelineAction:
    """Return a facility action as a report shows it."""
    action = filed.action
    shown = TradelineAction(
        kind=action.kind,
        initiator=action.initiator,
        reasons=action.reasons,
        effective_time=action.effective_time,
        review_by_date=action.review_by_date,
        appeal_route=action.appeal_route,
        record=filed.record,
        record_refs=action.record_refs,
        new_member_id=action.new_member_id,
    )
    if action.HasField("credit_limit_minor"):
        shown.credit_limit_minor = action.credit_limit_minor
    return shown


def inquiry_of(inquiry: FiledInquiry) -> InquiryLine:
    """Return a hard inquiry as another member may see it."""
    return InquiryLine(
        member_id=inquiry.member_id,
        purpose=inquiry.purpose,  # type: ignore[arg-type]
        kind=inquiry.kind,  # type: ignore[arg-type]
        outcome=inquiry.outcome,  # type: ignore[arg-type]
        create_time=timestamp_of(inquiry.create_us),
    )


def omissions_of(file: CreditFile, lines: list[FiledTradeline], scope: Scope) -> list[Omission]:
    """List the sections that were left out of a subscriber's report, and why."""
    omissions = []
    sections = {
        codes_pb2.SECTION_TRADELINES: len(lines) < len(file.tradelines)
        or (lines and codes_pb2.SECTION_TRADELINES not in scope.sections),
        codes_pb2.SECTION_PAYMENT_HISTORY: any(
            len(line.history.profile) > months_in(scope)
            or len(actions_in(line, months_in(scope))) < len(line.actions)
            for line in lines
        ),
        codes_pb2.SECTION_INQUIRIES: file.inquiries
        and codes_pb2.SECTION_INQUIRIES not in scope.sections,
        codes_pb2.SECTION_SUMMARY: codes_pb2.SECTION_SUMMARY not in scope.sections,
    }
    for section, omitted in sections.items():
        if omitted:
            reason = report_pb2.OMISSION_REASON_CONSENT_SCOPE
            omissions.append(Omission(reason=reason, section=section))
    return omissions
