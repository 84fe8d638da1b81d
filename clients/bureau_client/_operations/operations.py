"""Calls, stories of requests and deadlines. What is in the log is verified; the rest is the
node's word.
"""

from __future__ import annotations

from bureau_client._codec.operations import (
    read_alert_count,
    read_call,
    read_day_size,
    read_deadline,
)
from bureau_client._codec.receipts import read_receipt
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import check_size
from bureau_client._operations.receipts import sighting_of
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import ConsentState
from bureau_client.models.operations import (
    AlertCount,
    CitedConsent,
    DaySize,
    Deadline,
    EndedCall,
    LoggedDigest,
    Story,
    StoryEntry,
)
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.receipts import verify_logged
from bureau_keys import envelope as envelopes
from bureau_keys.entry_kinds import EntryKind
from creditbureau.v1 import operations_pb2 as pb
from creditbureau.v1.members_pb2 import LoggedStatement

CALLS, STORY = "The list of calls", "The story of the request"
DEADLINES, ALERTS, GROWTH = "The list of deadlines", "The count of alerts", "The log's growth"


def list_calls(cursor: int, limit: int) -> Operation[list[EndedCall]]:
    """List calls of a node, oldest first."""
    request = pb.ListCallsRequest(cursor=cursor, page_size=limit)
    reply = yield from call(methods.LIST_CALLS, request)
    check_size(CALLS, reply.calls)
    with verifying(CALLS):
        return [read_call(each) for each in reply.calls]


def get_story(context: Context, request_id: str) -> Operation[Story]:
    """Return what became of a request; each entry is in the log, where its receipt says.

    Raises:
        VerificationFailed: An entry is not in the log, or is of another request.
    """
    request_id = arguments.request_id(request_id, "request_id")
    reply = yield from call(methods.GET_STORY, pb.GetStoryRequest(request_id=request_id))
    check_size(STORY, [*reply.calls, *reply.entries])
    with verifying(STORY):
        calls = tuple(map(read_call, reply.calls))
    ids = {request_id, *(each.statement_id for each in calls)}
    entries = tuple(_entry(context, each, ids) for each in reply.entries)
    return Story(calls, entries)


def list_deadlines() -> Operation[list[Deadline]]:
    """List what waits for an answer, the earliest deadline first."""
    reply = yield from call(methods.LIST_DEADLINES, pb.ListDeadlinesRequest())
    check_size(DEADLINES, reply.deadlines)
    with verifying(DEADLINES):
        return [read_deadline(each) for each in reply.deadlines]


def count_alerts() -> Operation[list[AlertCount]]:
    """Count the alerts of the newest 30 days by member."""
    reply = yield from call(methods.COUNT_ALERTS, pb.CountAlertsRequest())
    with verifying(ALERTS):
        return [read_alert_count(each) for each in reply.counts]


def get_log_growth(days: int) -> Operation[list[DaySize]]:
    """Return the size of the log at the end of each of the newest days, oldest first."""
    reply = yield from call(methods.GET_LOG_GROWTH, pb.GetLogGrowthRequest(days=days))
    check_size(GROWTH, reply.days)
    with verifying(GROWTH):
        return [read_day_size(each) for each in reply.days]


def _entry(context: Context, message: pb.StoryEntry, ids: set[str]) -> StoryEntry:
    if message.request_id not in ids:
        raise VerificationFailed(
            f"{STORY} has an entry of another one, {message.request_id[:64]!r}",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    logged = _logged(context, message.statement) if message.HasField("statement") else None
    return StoryEntry(
        request_id=message.request_id,
        signer=message.signer,
        logged=logged,
        denial_reason=message.denial_reason,
        consent=_consent(context, message.consent) if message.HasField("consent") else None,
    )


def _consent(context: Context, message: pb.CitedConsent) -> CitedConsent:
    logged = None
    if message.HasField("statement"):
        logged = _logged(context, message.statement, kind="consent")
    return CitedConsent(message.consent_id, ConsentState(message.state), logged)


def _logged(
    context: Context, message: LoggedStatement, *, kind: EntryKind | None = None
) -> LoggedDigest:
    """Verify that a statement, or what has its digest, is in the log."""
    statement, digest = b"", message.digest
    if message.HasField("envelope"):
        statement = message.envelope.SerializeToString(deterministic=True)
        digest = envelopes.digest(message.envelope)
        if message.digest:
            check_equal("The statement's digest", message.digest, digest)
    with verifying(STORY):
        receipt = read_receipt(message.receipt)
    checkpoint = verify_logged(receipt, digest, context.trust, kind=kind)
    context.log_view.see(sighting_of(checkpoint, receipt))
    return LoggedDigest(digest, receipt, statement)
