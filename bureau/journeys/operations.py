"""Use cases of the operator and of members' engineers: see what a node did, and what waits.

A member sees what is its own, the operator what is of all members. Nothing here is signed, and
nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from bureau.calendar import DAY_US, date_of, timestamp_of
from bureau.context import Bureau, Caller
from bureau.credit_file.build_report import load_consent
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.journeys.monitoring import PLACE_BITS
from bureau.ledger import log
from bureau.ledger.entry_keys import EPOCH_US, KEY_SLACK, first_key_at, moment_of
from bureau.ledger.log import LoggedEntry
from bureau.policy import Policy
from bureau.recent_calls import RecentCall
from bureau.signed_statement import statement_and_receipt
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import operations_pb2 as pb
from creditbureau.v1.members_pb2 import LoggedStatement

CALLS, DAYS = 100, 30
# Signers that may have chosen one request id.
MOST_SIGNERS = 16
# Days within which what waits began, and the largest number of it.
WAITING_DAYS, MOST_WAITING = 400, 1000
# Days within which alerts are counted, and the largest number of them for each member: a member
# that follows its book has more than anybody reads, and each count reads that many at most.
ALERT_DAYS, MOST_ALERTS = 30, 1000
# Kinds of the entries of inquiries about one person.
INQUIRIES = frozenset({"inquiry", "inquiry-denial"})
# The signer of a person's statement, without the person.
SUBJECTS = "subjects"


def list_calls(bureau: Bureau, caller: Caller, cursor: int, page_size: int) -> pb.ListCallsResponse:
    """List the newest calls, or those after a cursor."""
    count, whose = page_size or CALLS, _scope(caller)
    recent = bureau.recent_calls
    calls = recent.after(cursor, count, whose) if cursor else recent.newest(count, whose)
    return pb.ListCallsResponse(
        calls=map(_shown, calls), cursor=calls[-1].cursor if calls else cursor
    )


def get_story(bureau: Bureau, caller: Caller, request_id: str) -> pb.GetStoryResponse:
    """Return the calls that carried a request, and its entries in the log.

    Raises:
        Refusal: NOT_FOUND, also for the requests of others.
    """
    calls = bureau.recent_calls.of_request(request_id, _scope(caller))
    # The id of a call leads to its statement, and so to the other calls that carried it.
    ids = {request_id, *(call.statement.request_id for call in calls)} - {""}
    with bureau.database.snapshot() as db:
        entries = [entry for each in sorted(ids) for entry in _entries(bureau, db, caller, each)]
    if not calls and not entries:
        raise Refusal.of_field(
            "NOT_FOUND", "request_id", "no call that this node still has, and no entry of the log"
        )
    return pb.GetStoryResponse(calls=map(_shown, calls), entries=entries)


def list_deadlines(bureau: Bureau, caller: Caller) -> pb.ListDeadlinesResponse:
    """List what waits for an answer, the earliest deadline first; without one last."""
    now_us, policy = bureau.clock.now_us(), bureau.policy
    which = {"since_us": now_us - WAITING_DAYS * DAY_US, "limit": MOST_WAITING}
    with bureau.database.snapshot() as db:
        if caller.is_operator:
            disputes = db.all(q.waiting_disputes, **which)
            complaints = db.all(q.waiting_complaints, **which)
        else:
            own = {**which, "member_id": caller.member_id}
            disputes = db.all(q.waiting_disputes_of_member, **own)
            complaints = db.all(q.waiting_complaints_of_member, **own)
    deadlines = [
        *(_of_dispute(row, policy, now_us) for row in disputes),
        *(_of_complaint(row, policy, now_us) for row in complaints),
    ]
    deadlines.sort(key=_due)
    return pb.ListDeadlinesResponse(deadlines=deadlines[:MOST_WAITING])


def count_alerts(bureau: Bureau, caller: Caller) -> pb.CountAlertsResponse:
    """Count the newest alerts by member, and those that are not acknowledged, up to a number."""
    since_key = first_key_at(bureau.clock.now_us() - ALERT_DAYS * DAY_US)
    with bureau.database.snapshot() as db:
        if caller.is_operator:
            rows = db.all(q.alerted_members)
        else:
            rows = db.all(q.alerted_member, member_id=caller.member_id)
        counts = [
            _count(db, row.member_id, row.newest_key, since_key)
            for row in rows
            if row.newest_key is not None and row.newest_key >= since_key
        ]
    return pb.CountAlertsResponse(counts=counts)


def get_log_growth(bureau: Bureau, days: int) -> pb.GetLogGrowthResponse:
    """Return the size of the log at the end of each of the newest days.

    An entry counts on the day on which its unit of work began, as its key has it.
    """
    now_us = bureau.clock.now_us()
    midnight_us = now_us - now_us % DAY_US
    sizes = pb.GetLogGrowthResponse()
    with bureau.database.snapshot() as db:
        for back in range((days or DAYS) - 1, 0, -1):
            end_us = midnight_us - (back - 1) * DAY_US
            row = db.one(q.leaf_before, key=first_key_at(end_us))
            if end_us > EPOCH_US:
                sizes.days.add(day=date_of(end_us - 1), tree_size=row[0] + 1 if row else 0)
        sizes.days.add(day=date_of(now_us), tree_size=log.size_of(db))
    return sizes


def _scope(caller: Caller) -> str:
    """Return the member whose calls a caller sees; empty for all."""
    return "" if caller.is_operator else caller.member_id


def _shown(call: RecentCall) -> pb.Call:
    return pb.Call(
        cursor=call.cursor,
        end_time=timestamp_of(call.time_us),
        method=call.method,
        member_id=call.member_id,
        purpose=call.statement.purpose,  # type: ignore[arg-type]
        outcome=call.outcome,
        duration_us=call.duration_us,
        call_id=call.call_id,
        statement_id=call.statement.request_id,
    )


def _entries(
    bureau: Bureau, db: Connection, caller: Caller, request_id: str
) -> Iterator[pb.StoryEntry]:
    """Yield the entries of a request id that a caller may see."""
    if caller.is_operator:
        rows = db.all(q.entries_of_request_id, request_id=request_id, limit=MOST_SIGNERS)
    else:
        rows = db.all(q.entry_of_request, signer=caller.signer, request_id=request_id)
    for row in rows:
        yield _entry(bureau, db, caller, LoggedEntry(*row))


def _entry(bureau: Bureau, db: Connection, caller: Caller, entry: LoggedEntry) -> pb.StoryEntry:
    shown = pb.StoryEntry(
        request_id=entry.request_id,
        signer=entry.signer if member_id_of(entry.signer) else SUBJECTS,
    )
    _add_statement(shown.statement, db, entry.entry_key, is_own=entry.signer == caller.signer)
    if not shown.statement.HasField("receipt"):
        shown.ClearField("statement")
    if entry.kind not in INQUIRIES:
        return shown
    row = db.one(q.inquiry_of_entry, entry_key=entry.entry_key)
    if row is not None:
        inquiry = StoredInquiry(*row)
        shown.denial_reason = inquiry.denial_reason
        consent = load_consent(db, inquiry.consent_id)
        if consent is not None and consent.grantee == inquiry.member_id:
            shown.consent.CopyFrom(_cited(bureau, db, caller, consent))
    return shown


def _cited(bureau: Bureau, db: Connection, caller: Caller, consent: HeldConsent) -> pb.CitedConsent:
    cited = pb.CitedConsent(
        consent_id=consent.consent_id,
        state=consent.state_at(bureau.clock.now_us()),  # type: ignore[arg-type]
    )
    is_own = consent.grantee == caller.member_id
    _add_statement(cited.statement, db, consent.entry_key, is_own=is_own)
    if not cited.statement.HasField("receipt"):
        cited.ClearField("statement")
    return cited


def _add_statement(
    statement: LoggedStatement, db: Connection, entry_key: int, *, is_own: bool
) -> None:
    """Add a statement with its receipt, nothing if it was erased.

    Args:
        is_own: True to add what was signed, False for its digest.
    """
    envelope, receipt = statement_and_receipt(db, entry_key)
    if not envelope.payload:
        return
    statement.receipt.CopyFrom(receipt)
    if is_own:
        statement.envelope.CopyFrom(envelope)
    else:
        row = db.one(q.entry_by_key, entry_key=entry_key)
        assert row is not None, "an entry that was read is there"
        statement.digest = LoggedEntry(*row).digest


def _of_dispute(row: q.WaitingDispute, policy: Policy, now_us: int) -> pb.Deadline:
    extra_days = policy.dispute_extension_days if row.addition_count else 0
    return _deadline(
        pb.DEADLINE_KIND_DISPUTE,
        row.dispute_id,
        row.member_id,
        row.open_us,
        policy.dispute_days + extra_days,
        now_us,
    )


def _of_complaint(row: q.WaitingComplaint, policy: Policy, now_us: int) -> pb.Deadline:
    rules = policy.complaint
    if row.escalate_us is not None:
        kind, from_us, days = pb.DEADLINE_KIND_DECISION, row.escalate_us, rules.decision_days
    else:
        kind, from_us, days = pb.DEADLINE_KIND_COMPLAINT, row.open_us, rules.days
    return _deadline(kind, row.complaint_id, row.member_id, from_us, days, now_us)


def _deadline(
    kind: pb.DeadlineKind.ValueType,
    about: str,
    member_id: str,
    from_us: int,
    days: int,
    now_us: int,
) -> pb.Deadline:
    deadline = pb.Deadline(
        kind=kind, id=about, member_id=member_id, create_time=timestamp_of(from_us)
    )
    if days:
        due_us = from_us + days * DAY_US
        deadline.due_time.CopyFrom(timestamp_of(due_us))
        deadline.overdue = now_us >= due_us
    return deadline


def _due(deadline: pb.Deadline) -> tuple[bool, int, str]:
    due_us = deadline.due_time.ToMicroseconds()
    return not deadline.HasField("due_time"), due_us, deadline.id


def _count(db: Connection, member_id: str, newest_key: int, since_key: int) -> pb.AlertCount:
    bounds = {"member_id": member_id, "limit": MOST_ALERTS}
    count = unread = db.one(q.count_alerts_since, since_key=since_key, **bounds)
    if mark := db.one(q.alert_mark, member_id=member_id):
        read = db.one(q.key_at, leaf_index=mark[0] >> PLACE_BITS)
        unread = db.one(
            q.count_alerts_after,
            since_key=max(since_key, read[0] - KEY_SLACK if read else 0),
            places=1 << PLACE_BITS,
            cursor=mark[0],
            **bounds,
        )
    shown = pb.AlertCount(
        member_id=member_id,
        count=count[0] if count else 0,
        unacknowledged_count=unread[0] if unread else 0,
    )
    shown.newest_time.CopyFrom(timestamp_of(moment_of(newest_key)))
    return shown
