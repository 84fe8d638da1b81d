"""The state of a facility: its newest month, and the lender's actions since. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bureau.calendar import date_of, month_of
from bureau.credit_file.filed import FiledAction, FiledTradeline
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import FacilityAction, TradelineSnapshot

LINES = frozenset({codes_pb2.PORTFOLIO_TYPE_LINE_OF_CREDIT, codes_pb2.PORTFOLIO_TYPE_REVOLVING})
# The facility is closed: no balance is owed and no amount can be drawn.
ENDED = frozenset(
    {
        codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED,
        codes_pb2.ACCOUNT_STATUS_TRANSFERRED,
        codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER,
        codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION,
        codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF,
    }
)
# The balance is still owed, and the lender lends no more on the facility.
CHARGED_OFF_OR_IN_COLLECTION = frozenset(
    {
        codes_pb2.ACCOUNT_STATUS_CLAIM_FILED,
        codes_pb2.ACCOUNT_STATUS_DEED_IN_LIEU,
        codes_pb2.ACCOUNT_STATUS_COLLECTION,
        codes_pb2.ACCOUNT_STATUS_FORECLOSURE,
        codes_pb2.ACCOUNT_STATUS_SURRENDER,
        codes_pb2.ACCOUNT_STATUS_REPOSSESSION,
        codes_pb2.ACCOUNT_STATUS_CHARGE_OFF,
    }
)
FREEZE = record_pb2.FACILITY_ACTION_KIND_FREEZE
RESTORE = record_pb2.FACILITY_ACTION_KIND_RESTORE
CLOSING = frozenset({record_pb2.FACILITY_ACTION_KIND_CLOSE})
ENDING = CLOSING | {record_pb2.FACILITY_ACTION_KIND_TRANSFER}
LOSING = frozenset({record_pb2.FACILITY_ACTION_KIND_CHARGE_OFF})
# Special comments of Metro 2: suspended, and suspended by collateral.
FROZEN_COMMENTS = frozenset({"AP", "CL"})


def is_open(line: FiledTradeline) -> bool:
    """Return True if an account can still be owed on or drawn."""
    snapshot = line.snapshot
    ended = snapshot.close_date or snapshot.status in ENDED or line.sale
    return not (ended or _since_then(line, CLOSING if line.came_back else ENDING))


def is_drawable(line: FiledTradeline) -> bool:
    """Return True if a line can be drawn on unless it is frozen."""
    return may_be_drawn_on(line.snapshot) and is_open(line) and not _since_then(line, LOSING)


def may_be_drawn_on(snapshot: TradelineSnapshot) -> bool:
    """Return True if a snapshot is of a line that is lent on, whatever was done to it since."""
    return snapshot.portfolio_type in LINES and snapshot.status not in CHARGED_OFF_OR_IN_COLLECTION


def is_frozen(line: FiledTradeline) -> bool:
    """Return True if a line is frozen.

    The newest freeze or restore decides. Where a restore took effect in an earlier month than the
    newest one reported, and where there is neither, that month's special comment decides: an
    action of the same month has its time, a comment has none.
    """
    return is_frozen_by(line.snapshot, (filed.action for filed in line.actions))


def is_frozen_by(snapshot: TradelineSnapshot, actions: Iterable[FacilityAction]) -> bool:
    """Return True if a snapshot, and the actions newest first, leave a line frozen."""
    commented = is_commented_frozen(snapshot)
    for action in actions:
        if action.kind == FREEZE:
            return True
        if action.kind == RESTORE:
            restored = month_of(action.effective_time.ToMicroseconds())
            return commented and restored < snapshot.month
    return commented


def current_freeze(line: FiledTradeline) -> FiledAction | None:
    """Return the freeze in force, or None."""
    for filed in line.actions:
        if filed.action.kind == FREEZE:
            return filed
        if filed.action.kind == RESTORE:
            return None
    return None


class Divergence(NamedTuple):
    """Lines of which one is frozen while another can be drawn on.

    Attributes:
        group: Member id or group that all the lines belong to; empty across groups.
    """

    group: str
    lines: tuple[FiledTradeline, ...]


def divergences(lines: Iterable[FiledTradeline], groups: Mapping[str, str]) -> list[Divergence]:
    """Find where lines diverge: within a lender or a group of lenders, and across them.

    Others' lines and stale ones tell nothing of the subject at present.

    Args:
        groups: Groups by member id; empty for a member of no group.
    """
    drawable = [line for line in lines if is_lent_on(line)]
    if not _diverge(drawable):
        return []
    by_group: defaultdict[str, list[FiledTradeline]] = defaultdict(list)
    for line in drawable:
        by_group[groups.get(line.member_id) or line.member_id].append(line)
    within = [
        Divergence(group, tuple(by_group[group]))
        for group in sorted(by_group)
        if _diverge(by_group[group])
    ]
    return [*within, Divergence("", tuple(drawable))] if len(by_group) > 1 else within


def is_lent_on(line: FiledTradeline) -> bool:
    """Return True if a line is a present debt of the subject's, and drawable unless frozen."""
    return line.is_present and is_drawable(line)


def furnishers_to_group(lines: Sequence[FiledTradeline]) -> list[str]:
    """Return the furnishers of lines whose groups `divergences` needs.

    Without a freeze no lines diverge, so no group is needed.
    """
    credit_lines = [line for line in lines if line.snapshot.portfolio_type in LINES]
    if not any(map(_may_be_frozen, credit_lines)):
        return []
    return sorted({line.member_id for line in credit_lines})


def is_commented_frozen(snapshot: TradelineSnapshot) -> bool:
    """Return True if the special comment of a snapshot freezes its line."""
    return snapshot.special_comment in FROZEN_COMMENTS


def _may_be_frozen(line: FiledTradeline) -> bool:
    """Return True if an action or a special comment ever froze a line."""
    frozen = is_commented_frozen(line.snapshot)
    return frozen or any(filed.action.kind == FREEZE for filed in line.actions)


def _diverge(drawable: Sequence[FiledTradeline]) -> bool:
    return 0 < sum(map(is_frozen, drawable)) < len(drawable)


def action_date(filed: FiledAction) -> int:
    """Return the date (yyyymmdd) on which an action took effect."""
    return date_of(filed.action.effective_time.ToMicroseconds())


def action_month(filed: FiledAction) -> int:
    """Return the month (yyyymm) in which an action took effect."""
    return month_of(filed.action.effective_time.ToMicroseconds())


def _since_then(line: FiledTradeline, kinds: frozenset[int]) -> bool:
    """Return True if an action of one of these kinds took effect after the newest month."""
    return bool(line.actions) and any(
        filed.action.kind in kinds and action_month(filed) > line.snapshot.month
        for filed in line.actions
    )
