"""Use cases of monitoring: alerts are stored in the transaction that causes them, for members
that hold a consent to monitor, until the consent ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from bureau.calendar import DAY_US, timestamp_of
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file.accounts import AccountBatch
from bureau.credit_file.alerts import Change, changes, divergence, opens, thresholds
from bureau.credit_file.complaints import read_withheld_inquiries
from bureau.credit_file.contributions import level_of
from bureau.credit_file.file_changes import (
    AccountsBefore,
    FileChange,
    read_before,
    read_changes,
    read_shown,
)
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.freeze import is_stopped, people_on_hold
from bureau.credit_file.known_people import KnownPeople
from bureau.credit_file.reciprocity import limit_by_reciprocity
from bureau.credit_file.scope import Scope, lines_in
from bureau.errors import Refusal
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.texts import texts
from bureau_keys.consent_history import ACTIVE
from creditbureau.v1.alert_pb2 import (
    ALERT_KIND_DISPUTE,
    ALERT_KIND_INQUIRY_BURST,
    ALERT_KIND_NEW_INQUIRY,
    Alert,
    AlertKind,
)
from creditbureau.v1.report_pb2 import INQUIRY_KIND_HARD
from creditbureau.v1.reporting_pb2 import AcknowledgeAlertsResponse, WatchAlertsResponse

PAGE = 200
# A cursor is a leaf index and, in the lowest bits, the alert's ordinal in that leaf.
PLACE_BITS = 20


class Monitor(NamedTuple):
    """A consent to monitor a subject.

    Attributes:
        purposes: Purposes of the consent.
        admitted: Purposes that the grantee is admitted for.
    """

    subject_id: str
    consent_id: str
    grantee: str
    sections: int
    portfolio_types: int
    purposes: int
    admitted: int


class DueAlert(NamedTuple):
    """An alert to a monitor, if the consent opens it and the member may ask.

    Attributes:
        kind: AlertKind.
        tradelines: Ids of tradelines, between blanks.
    """

    monitor: Monitor
    kind: int
    tradelines: str = ""


class MonitoredFiles(NamedTuple):
    """The monitors of people, and the accounts of a batch on their files before it."""

    monitors: list[Monitor]
    before: AccountsBefore


def monitored_files(tx: Transaction, booking: AccountBatch, known: KnownPeople) -> MonitoredFiles:
    """Read who monitors the people of a batch, and its accounts on their files before it."""
    monitors = _monitors(tx, known.monitored)
    people = {monitor.subject_id for monitor in monitors}
    return MonitoredFiles(monitors, read_before(tx.db, booking, people))


def alert_account_changes(tx: Transaction, watched: MonitoredFiles, policy: Policy) -> None:
    """Alert members to changes of accounts, after the batch is applied.

    The member that made the changes gets no alert about its own accounts.
    """
    alerts: list[DueAlert] = []
    actor, level = watched.before.booking.member_id, _levels(tx, policy)
    monitors: defaultdict[str, list[Monitor]] = defaultdict(list)
    for monitor in watched.monitors:
        monitors[monitor.subject_id].append(monitor)
    for file in read_changes(tx.db, watched.before, policy, tx.now_us):
        alerts += _alerts_of(file, monitors[file.subject_id], level, actor)
    _write(tx, alerts, policy)


def _alerts_of(
    file: FileChange, monitors: list[Monitor], level: Callable[[str], int], actor: str
) -> Iterator[DueAlert]:
    """Yield what the monitors of a subject may know of the change of the file."""
    changed = list(changes(file.before, file.after))
    if not (changed or file.is_whole):
        return  # lines diverge in whole files only
    for monitor in monitors:
        past, present = (_seen_by(monitor, side, level) for side in (file.before, file.after))
        # A deleted line got better, and the member saw it before.
        visible = {line.tradeline_id for line in (*past, *present)}
        diverged = divergence(past, present, file.after.groups) if file.is_whole else ()
        for change in (*changed, *diverged):
            is_seen = visible.issuperset(line.tradeline_id for line in change.tradelines)
            if is_seen and not _is_own(change, monitor, actor):
                ids = (line.tradeline_id for line in change.tradelines)
                yield DueAlert(monitor, change.kind, " ".join(ids))


def alert_inquiries(
    tx: Transaction, subject_ids: Iterable[str], policy: Policy, actor: str
) -> None:
    """Alert members to inquiries that other members see."""
    _alert_monitors(tx, _monitors(tx, subject_ids), policy, actor)


def alert_each_inquiry(inquiries: Sequence[tuple[Transaction, str, str]], policy: Policy) -> None:
    """Alert members to inquiries about different people, each of a unit of one batch.

    Args:
        inquiries: The unit, the subject and the member of each.
    """
    if not inquiries:
        return
    monitors: defaultdict[str, list[Monitor]] = defaultdict(list)
    for monitor in _monitors(inquiries[0][0], [subject_id for _, subject_id, _ in inquiries]):
        monitors[monitor.subject_id].append(monitor)
    for tx, subject_id, actor in inquiries:
        if subject_id in monitors:
            _alert_monitors(tx, monitors[subject_id], policy, actor)


def _alert_monitors(
    tx: Transaction, monitors: Iterable[Monitor], policy: Policy, actor: str
) -> None:
    """Alert the members that monitor people about whom there is an inquiry."""
    limits = thresholds()
    since_us = tx.now_us - limits.burst_days * DAY_US
    alerts: list[DueAlert] = []
    for monitor in monitors:
        if monitor.grantee == actor:
            continue
        alerts.append(DueAlert(monitor, ALERT_KIND_NEW_INQUIRY))
        count = _inquiries_seen_by(tx, monitor, since_us, limits.burst_count, policy)
        burst = {"consent_id": monitor.consent_id, "kind": ALERT_KIND_INQUIRY_BURST}
        # At most one burst alert within `burst_days`, even if several inquiries commit at once.
        if count >= limits.burst_count and not tx.db.one(q.told_since, since_us=since_us, **burst):
            alerts.append(DueAlert(monitor, ALERT_KIND_INQUIRY_BURST))
    _write(tx, alerts, policy)


def alert_dispute(tx: Transaction, subject_id: str, tradeline_id: str, policy: Policy) -> None:
    """Alert members to a dispute that was opened."""
    monitors = _monitors(tx, [subject_id])
    if not monitors:
        return
    file, level = read_shown(tx.db, subject_id, policy, tx.now_us), _levels(tx, policy)
    alerts = [
        DueAlert(monitor, ALERT_KIND_DISPUTE, line.tradeline_id)
        for monitor in monitors
        for line in _seen_by(monitor, file, level)
        if line.tradeline_id == tradeline_id
    ]
    _write(tx, alerts, policy)


def watch_alerts(
    bureau: Bureau, caller: Caller, cursor: int
) -> Iterator[WatchAlertsResponse | None]:
    """Yield a member's alerts after a cursor as they are committed; None while there is none.

    Args:
        cursor: 0 to follow the last acknowledged alert.
    """
    if not cursor:
        with bureau.database.snapshot() as db:
            mark = db.one(q.alert_mark, member_id=caller.member_id)
        cursor = mark[0] if mark else 0
    while True:
        now_us = bureau.clock.now_us()
        with bureau.database.snapshot() as db:
            rows = _page(db, caller.member_id, cursor)
            may_ask = _may_ask(db, bureau.policy, (row.subject_id for row in rows), now_us)
            # Monitoring ends with the consent, and with a hold: alerts not read by then are
            # dropped.
            allowed = [
                row.state == ACTIVE
                and now_us < row.expire_us
                and may_ask(caller.member_id, row.subject_id, row.purposes & caller.purposes)
                for row in rows
            ]
        for row, is_allowed in zip(rows, allowed, strict=True):
            cursor = row.leaf_index << PLACE_BITS | row.ordinal
            if is_allowed:
                alert = Alert(
                    alert_id=f"{row.leaf_index}-{row.ordinal}",
                    kind=row.kind,  # type: ignore[arg-type]
                    subject_id=row.subject_id,
                    consent_id=row.consent_id,
                    tradeline_ids=row.tradelines.split(),
                    create_time=timestamp_of(row.time_us),
                    cause_leaf_index=row.leaf_index,
                    texts=texts("alert", AlertKind.Name(row.kind).removeprefix("ALERT_KIND_")),  # type: ignore[arg-type]
                )
                yield WatchAlertsResponse(alert=alert, cursor=cursor)
        if not rows:
            yield None


def acknowledge_alerts(bureau: Bureau, caller: Caller, cursor: int) -> AcknowledgeAlertsResponse:
    """Store the cursor up to which a member has its alerts; it never goes back.

    Raises:
        Refusal: BEYOND_LOG for a cursor that no alert had.
    """
    with bureau.database.transaction() as db:
        if db.one(q.key_at, leaf_index=cursor >> PLACE_BITS) is None:
            raise Refusal.of_field(
                "BEYOND_LOG",
                "cursor",
                "no alert had this cursor: pass one that WatchAlerts returned",
            )
        db.execute(q.set_alert_mark, member_id=caller.member_id, cursor=cursor)
    return AcknowledgeAlertsResponse()


def _inquiries_seen_by(
    tx: Transaction, monitor: Monitor, since_us: int, most: int, policy: Policy
) -> int:
    """Count hard inquiries about a subject since a time, as a report to the monitor's grantee
    would: without those under complaint, but for its own. Fewer than `most` are not told apart.
    """
    since = {"subject_id": monitor.subject_id, "kind": INQUIRY_KIND_HARD, "since_us": since_us}
    row = tx.db.one(q.inquiry_count, **since)
    if row is None or row[0] < most:
        return 0
    withheld = read_withheld_inquiries(tx.db, monitor.subject_id, policy, tx.now_us)
    if not withheld:
        return row[0]
    return sum(
        inquiry.member_id == monitor.grantee or inquiry not in withheld
        for inquiry in tx.db.all(q.inquiry_ids_since, **since)
    )


def _monitors(tx: Transaction, subject_ids: Iterable[str]) -> list[Monitor]:
    rows = tx.db.all_in(q.monitors_of, sorted(subject_ids), state=ACTIVE, now_us=tx.now_us)
    return [Monitor(*row) for row in rows]


def _levels(tx: Transaction, policy: Policy) -> Callable[[str], int]:
    """Return a lookup of members' reciprocity levels that reads each level once."""
    return cache(lambda member_id: level_of(tx.db, member_id, policy, tx.now_us))


def _seen_by(
    monitor: Monitor, file: CreditFile, level: Callable[[str], int]
) -> list[FiledTradeline]:
    """Return the tradelines that a report to the monitor's grantee would show."""
    scope = Scope(CodeSet(monitor.sections), CodeSet(monitor.portfolio_types), history_months=0)
    return lines_in(limit_by_reciprocity(file, monitor.grantee, level(monitor.grantee)), scope)


def _is_own(change: Change, monitor: Monitor, actor: str) -> bool:
    """Return True if a member changed only its own account itself."""
    theirs = {line.member_id for line in change.tradelines}
    return monitor.grantee == actor and theirs == {actor}


def _write(tx: Transaction, alerts: list[DueAlert], policy: Policy) -> None:
    opened = [alert for alert in alerts if opens(alert.monitor.sections, alert.kind)]
    people = {alert.monitor.subject_id for alert in opened}
    may_ask = _may_ask(tx.db, policy, people, tx.now_us, lock=True)
    allowed = [
        alert
        for alert in opened
        if may_ask(
            alert.monitor.grantee,
            alert.monitor.subject_id,
            alert.monitor.purposes & alert.monitor.admitted,
        )
    ]
    rows = [
        (
            tx.entry_key,
            ordinal,
            alert.monitor.grantee,
            alert.monitor.subject_id,
            alert.monitor.consent_id,
            alert.kind,
            alert.tradelines,
        )
        for ordinal, alert in enumerate(allowed)
    ]
    if rows:
        tx.db.execute_many_tuples(q.add_alert, q.ALERT_COLUMNS, rows)


def _may_ask(
    db: Connection, policy: Policy, people: Iterable[str], now_us: int, *, lock: bool = False
) -> Callable[[str, str, int], bool]:
    """Return a check that a member may inquire about one of some people for one of some purposes,
    whatever is on hold. It reads each answer once.

    An alert says no more than the member may ask for.
    """
    on_hold = people_on_hold(db, sorted(set(people)), now_us)

    @cache
    def may_ask(member_id: str, subject_id: str, purposes: int) -> bool:
        if subject_id not in on_hold:
            return bool(purposes)
        return not all(
            is_stopped(db, policy, subject_id, member_id, purpose, now_us, lock=lock)
            for purpose in CodeSet(purposes)
        )

    return may_ask


def _page(db: Connection, member_id: str, cursor: int) -> list[q.LoggedAlert]:
    leaf, ordinal = cursor >> PLACE_BITS, cursor & (1 << PLACE_BITS) - 1
    row = db.one(q.key_at, leaf_index=leaf) if cursor else None
    return db.all(
        q.alerts_after,
        member_id=member_id,
        floor=row[0] - KEY_SLACK if row else 0,
        leaf_index=leaf if cursor else -1,
        ordinal=ordinal,
        limit=PAGE,
    )
