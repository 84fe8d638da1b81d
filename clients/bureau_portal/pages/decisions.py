"""Show decisions of lenders on reports about the person, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from bureau_client.models.decisions import DecisionReason, RecordedDecision
from bureau_client.models.reasons import ReasonText, reason_text
from bureau_client.models.reports import Report
from bureau_portal.site import Visit


@dataclass(frozen=True, slots=True)
class ShownReason:
    """A reason in words, with the accounts that it rests on: id, furnisher, month in words."""

    text: ReasonText
    basis: tuple[tuple[str, str, str], ...]


async def page(visit: Visit) -> Response:
    """List the decisions, each as its lender signed it."""
    file: Report = visit.views["file"]
    member_of = {line.tradeline_id: line.member_id for line in file.tradelines}
    decisions: list[RecordedDecision] = visit.views["decisions"]

    def shown(reason: DecisionReason) -> ShownReason:
        basis = tuple(
            (
                entry.tradeline_id,
                member_of.get(entry.tradeline_id, ""),
                visit.words.month(entry.month),
            )
            for entry in reason.basis
        )
        try:
            text = reason_text(reason.code, visit.words.language)
        except KeyError:  # of a later version of the table of reasons
            text = ReasonText(reason.code, "", "")
        return ShownReason(text, basis)

    reasons = {one.decision_id: [*map(shown, one.decision.reasons)] for one in decisions}
    return visit.render("decisions.html", decisions=decisions, reasons=reasons)
