"""Alerts and portfolios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from google.protobuf.message import DecodeError

from bureau_client._codec.alerts import read_alert
from bureau_client._codec.reports import read_dispute
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses, verify_reply_receipt
from bureau_client._operations.reporting import verified_report
from bureau_client._operations.streams import Stream, without_calls
from bureau_client.errors import VerificationFailed
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.models.codes import Purpose
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import peek, seal
from bureau_keys.errors import KeysError
from creditbureau.v1 import furnishing_pb2, log_pb2, reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def alerts(after: int) -> Stream[Alert]:
    """Return the stream of the calling member's alerts."""

    def read(message: reporting_pb2.WatchAlertsResponse) -> Alert:
        with verifying("The alert"):
            return read_alert(message)

    return Stream(
        methods.WATCH_ALERTS,
        lambda cursor: reporting_pb2.WatchAlertsRequest(cursor=cursor),
        without_calls(read),
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
        without_calls(read),
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
    witnessed: Receipt | None = None
    seen: set[str] = set()

    def receipt_of(message: log_pb2.Receipt) -> Operation[Receipt]:
        # One leaf stands for all reports of the inquiry, so its witnesses are awaited once.
        nonlocal witnessed
        kind: EntryKind = "portfolio-inquiry"
        if witnessed is None:
            witnessed = yield from verify_receipt_and_witnesses(context, message, sealed, kind=kind)
        receipt = verify_reply_receipt(context, message, sealed, kind=kind)
        check_equal("The leaf of the inquiry", receipt.leaf_index, witnessed.leaf_index)
        return witnessed

    def read(message: reporting_pb2.QueryPortfolioResponse) -> Operation[Report]:
        receipt = yield from receipt_of(message.receipt)
        report = yield from verified_report(
            context, message.report, sealed, receipt, message.consent
        )
        if report.subject_id in seen:
            raise VerificationFailed(
                f"The portfolio has two reports on subject {report.subject_id}",
                reason="WRONG_ANSWER",
                fix=TELL,
            )
        seen.add(report.subject_id)
        return replace(report, cursor=message.cursor)

    return Stream(
        methods.QUERY_PORTFOLIO,
        lambda cursor: reporting_pb2.QueryPortfolioRequest(inquiry=sealed, cursor=cursor),
        read,
        after,
        endless=False,
        request_id=request_id,
    )
