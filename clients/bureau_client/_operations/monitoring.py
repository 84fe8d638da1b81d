"""Alerts and portfolios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from google.protobuf.message import DecodeError

from bureau_client._codec.alerts import read_alert
from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.reports import read_dispute
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.streams import Stream
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.models.codes import Purpose
from bureau_client.models.reports import Report
from bureau_client.verify.checks import verifying
from bureau_client.verify.receipts import verify_receipt
from bureau_client.verify.reports import verify_report
from bureau_keys.envelope import peek, seal
from bureau_keys.errors import KeysError
from creditbureau.v1 import furnishing_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def alerts(after: int) -> Stream[Alert]:
    """Return the stream of the calling member's alerts."""

    def read(message: reporting_pb2.WatchAlertsResponse) -> Alert:
        with verifying("The alert"):
            return read_alert(message)

    return Stream(
        methods.WATCH_ALERTS,
        lambda cursor: reporting_pb2.WatchAlertsRequest(cursor=cursor),
        read,
        after,
        endless=True,
    )


def acknowledge(cursor: int) -> Operation[None]:
    """Acknowledge the alerts up to a cursor."""
    request = reporting_pb2.AcknowledgeAlertsRequest(cursor=cursor)
    yield from call(methods.ACKNOWLEDGE_ALERTS, request)


def disputes(after: int) -> Stream[DisputeNews]:
    """Return the stream of disputes against the calling member's records."""

    def read(message: furnishing_pb2.WatchDisputesResponse) -> DisputeNews:
        with verifying("The dispute"):
            return DisputeNews(message.cursor, read_dispute(message.dispute))

    return Stream(
        methods.WATCH_DISPUTES,
        lambda cursor: furnishing_pb2.WatchDisputesRequest(cursor=cursor),
        read,
        after,
        endless=True,
    )


def portfolio(
    context: SigningContext, purpose: Purpose, subject_ids: Iterable[str]
) -> Stream[Report]:
    """Return the stream of reports on the calling member's customers, each verified."""
    inquiry = reporting_pb2.PortfolioInquiry(
        header=context.signer.header(),
        purpose=arguments.code(purpose, "purpose"),  # type: ignore[arg-type]
        subject_ids=map(arguments.subject_id, subject_ids),
    )
    sealed = seal(inquiry, context.signer.key)
    return _reports(context, sealed, inquiry.header.request_id, "")


def resume_portfolio(context: SigningContext, inquiry: bytes, after: str) -> Stream[Report]:
    """Return the stream of an earlier inquiry's reports after a cursor."""
    try:
        sealed = Envelope.FromString(inquiry)
        signed = peek(sealed, reporting_pb2.PortfolioInquiry)
    except (DecodeError, KeysError):
        raise arguments.refuse(
            "inquiry",
            "INVALID_FIELD",
            "is not a signed portfolio inquiry; pass Report.inquiry of one of its reports",
        ) from None
    return _reports(context, sealed, signed.header.request_id, after)


def _reports(
    context: SigningContext, sealed: Envelope, request_id: str, after: str
) -> Stream[Report]:
    inquiry_bytes = sealed.SerializeToString(deterministic=True)

    def read(message: reporting_pb2.QueryPortfolioResponse) -> Report:
        with verifying("The receipt"):
            receipt = read_receipt(message.receipt)
        envelope = message.report.SerializeToString(deterministic=True)
        report = verify_report(envelope, inquiry_bytes, receipt, context.trust)
        context.log_view.remember(verify_receipt(receipt, inquiry_bytes, context.trust))
        return replace(report, cursor=message.cursor)

    return Stream(
        methods.QUERY_PORTFOLIO,
        lambda cursor: reporting_pb2.QueryPortfolioRequest(inquiry=sealed, cursor=cursor),
        read,
        after,
        endless=False,
        request_id=request_id,
    )
