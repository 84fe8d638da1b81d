"""Make a report from its inputs. Pure, so the same inputs give the same
bytes.
"""

from __future__ import annotations

from bureau.codes import CodeSet
from bureau.credit_file.reciprocity import limit_by_reciprocity
from bureau.credit_file.report import (
    add_attributes,
    add_consumer_entries,
    fill_report,
    new_report,
    reportable,
)
from bureau.credit_file.report_rules import ReportInputs, ReportRules, ShapedReport
from bureau.credit_file.scope import Scope
from bureau.credit_file.standings import add_standings
from creditbureau.v1.codes_pb2 import SECTION_TRADELINES
from creditbureau.v1.report_pb2 import OMISSION_REASON_RECIPROCITY


def shape_report(inputs: ReportInputs, rules: ReportRules) -> ShapedReport:
    """Make the report that a consent opens of a credit file."""
    request, consent, file = inputs.request, inputs.consent, inputs.file
    scope = Scope(
        CodeSet(consent.sections), CodeSet(consent.portfolio_types), consent.history_months
    )
    report = new_report(inputs.origin, rules, request.request_id, request.digest, file.now_us)
    report.member_id = consent.grantee
    report.subject_id = request.subject_id
    report.purpose = request.purpose  # type: ignore[assignment]
    report.consent_id = consent.consent_id
    report.event_chain_hash = inputs.chain_hash
    reported = reportable(file, inputs.state, rules, consent.grantee)
    shown = limit_by_reciprocity(reported, consent.grantee, inputs.level)
    fill_report(report, shown, scope, rules)
    if len(shown.tradelines) < len(reported.tradelines):
        report.omissions.add(reason=OMISSION_REASON_RECIPROCITY, section=SECTION_TRADELINES)
    add_attributes(report, shown, scope, rules)
    add_consumer_entries(report, inputs.state, scope, rules)
    add_standings(report, inputs.standard, shown, scope)
    return ShapedReport(report, shown, scope)
