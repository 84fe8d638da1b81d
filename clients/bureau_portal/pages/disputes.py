"""Open disputes from the figure that is wrong, and follow them to their end."""

from __future__ import annotations

import binascii

from starlette.responses import Response

from bureau_client.models.codes import DisputeReason
from bureau_client.models.months import Month
from bureau_client.models.reports import Report
from bureau_portal.heatmap import MONTHS
from bureau_portal.sentences import figures
from bureau_portal.site import FormError, NotAmongAnswers, Visit

DIGEST_BYTES = 32
# Field of a dispute of a month's status.
STATUS = "status"


async def page(visit: Visit) -> Response:
    """List the disputes with their answers."""
    file: Report = visit.views["file"]
    member_of = {line.tradeline_id: line.member_id for line in file.tradelines}
    return visit.render("disputes.html", disputes=visit.views["disputes"], member_of=member_of)


async def open_page(visit: Visit) -> Response:
    """Show the form for one account, with the field and month that the person came from."""
    file: Report = visit.views["file"]
    query = visit.request.query_params
    wanted = query.get("line", "")
    line = next((line for line in file.tradelines if line.tradeline_id == wanted), None)
    if line is None:
        raise NotAmongAnswers("/file")
    fields = [figure for figure in figures(line, visit.words) if figure.field]
    months = [str(line.month - back) for back in range(MONTHS)] if line.month else []
    return visit.render(
        "dispute_open.html",
        line=line,
        fields=fields,
        months=months,
        chosen_field=query.get("field", STATUS),
        chosen_month=query.get("month", ""),
        reasons=list(DisputeReason)[1:],
    )


async def open_dispute(visit: Visit) -> Response:
    """Let the person sign a dispute."""
    try:
        reason = DisputeReason[visit.field("reason")]
        month = Month.parse(visit.field("month")) if visit.field("month") else None
    except (KeyError, ValueError):
        raise FormError("errors.form") from None
    tradeline_id, field = visit.field("line"), visit.field("field")
    narrative, digests = visit.field("narrative"), _digests(visit)
    return visit.sign(
        lambda wallet: wallet.dispute(
            tradeline_id,
            field=field,
            reason=reason,
            month=month,
            narrative=narrative,
            attachment_digests=digests,
        ),
        back="/disputes",
        done="disputes.opened",
        about=visit.account_name(tradeline_id),
    )


async def add(visit: Visit) -> Response:
    """Let the person sign further facts."""
    dispute_id = visit.request.path_params["dispute_id"]
    narrative, digests = visit.field("narrative"), _digests(visit)
    return visit.sign(
        lambda wallet: wallet.add_to_dispute(dispute_id, narrative, digests),
        back="/disputes",
        done="disputes.added",
    )


def _digests(visit: Visit) -> list[bytes]:
    """Return the digests of the documents that the browser has hashed.

    Raises:
        FormError: One is no SHA-256.
    """
    try:
        digests = [binascii.unhexlify(text) for text in visit.field("digests").split()]
    except ValueError:  # no hex digits, or other than ASCII
        raise FormError("errors.form") from None
    if any(len(digest) != DIGEST_BYTES for digest in digests):
        raise FormError("errors.form")
    return digests
