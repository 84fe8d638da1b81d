"""Alerts, and disputes of the member's records."""

from __future__ import annotations

from bureau_client._codec.alerts import read_alert
from bureau_client._operations import methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.disputes import verified
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.streams import Stream, without_calls
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.verify.checks import verifying
from creditbureau.v1 import furnishing_pb2, reporting_pb2


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


def disputes(context: SigningContext, after: int) -> Stream[DisputeNews]:
    """Return the stream of disputes against the calling member's records, each verified."""

    def read(message: furnishing_pb2.WatchDisputesResponse) -> Operation[DisputeNews]:
        [dispute] = yield from verified(context, [message.dispute], [message.proof], message.keys)
        return DisputeNews(message.cursor, dispute)

    return Stream(
        methods.WATCH_DISPUTES,
        lambda cursor: furnishing_pb2.WatchDisputesRequest(cursor=cursor),
        read,
        after,
        endless=True,
    )
