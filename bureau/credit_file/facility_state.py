"""What a facility is at a moment: as of its newest month, and by what its lender did to
it since. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bureau.clock import date_of
from bureau.credit_file.reader import FiledAction, FiledTradeline
from creditbureau.v1 import codes_pb2, record_pb2

LINES = frozenset({codes_pb2.PORTFOLIO_TYPE_LINE_OF_CREDIT, codes_pb2.PORTFOLIO_TYPE_REVOLVING})
# Nothing is owed or drawn any more.
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
# It is owed, and nobody lends on it any more.
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
ENDING = frozenset(
    {record_pb2.FACILITY_ACTION_KIND_CLOSE, record_pb2.FACILITY_ACTION_KIND_TRANSFER}
)
LOSING = frozenset({record_pb2.FACILITY_ACTION_KIND_CHARGE_OFF})
# Special comments of Metro 2: suspended, and suspended by collateral.
FROZEN_COMMENTS = frozenset({"AP", "CL"})


def is_open(line: FiledTradeline) -> bool:
    """Whether an account can still be owed on or drawn."""
    at = line.snapshot
    return not (at.close_date or at.status in ENDED or _since_then(line, ENDING))


def is_drawable(line: FiledTradeline) -> bool:
    """Whether it is a line on which somebody lends, unless it is frozen."""
    at = line.snapshot
    lends = at.portfolio_type in LINES and at.status not in CHARGED_OFF_OR_IN_COLLECTION
    return lends and is_open(line) and not _since_then(line, LOSING)


def is_frozen(line: FiledTradeline) -> bool:
    """Whether a line cannot be drawn on for now. The newest freeze or its end says so; a
    special comment does where no such action is newer.
    """
    commented = line.snapshot.special_comment in FROZEN_COMMENTS
    for filed in line.actions:
        if filed.action.kind == FREEZE:
            return True
        if filed.action.kind == RESTORE:
            return commented and month_of(filed) < line.snapshot.month
    return commented


def current_freeze(line: FiledTradeline) -> FiledAction | None:
    """The freeze that stands, if there is one."""
    for filed in line.actions:
        if filed.action.kind == FREEZE:
            return filed
        if filed.action.kind == RESTORE:
            return None
    return None


class Divergence(NamedTuple):
    """Lines of which one is frozen while another lends.

    Attributes:
        group: The lender or the group of lenders that they all are of; empty across them.
    """

    group: str
    lines: tuple[FiledTradeline, ...]


def divergences(
    lines: Iterable[FiledTradeline], group_of: Callable[[str], str]
) -> list[Divergence]:
    """Where lines diverge: within lenders or their groups, and across them.

    Args:
        group_of: The group of a member; empty if it is of none.
    """
    drawable = [line for line in lines if is_drawable(line)]
    if not _diverge(drawable):
        return []
    groups: defaultdict[str, list[FiledTradeline]] = defaultdict(list)
    for line in drawable:
        groups[group_of(line.member_id) or line.member_id].append(line)
    within = [Divergence(at, tuple(groups[at])) for at in sorted(groups) if _diverge(groups[at])]
    return [*within, Divergence("", tuple(drawable))] if len(groups) > 1 else within


def _diverge(drawable: Sequence[FiledTradeline]) -> bool:
    return 0 < sum(map(is_frozen, drawable)) < len(drawable)


def day_of(filed: FiledAction) -> int:
    """The day on which an action took effect, yyyymmdd, UTC."""
    return date_of(filed.action.effective_time.ToMicroseconds())


def month_of(filed: FiledAction) -> int:
    """The month in which an action took effect, yyyymm, UTC."""
    return day_of(filed) // 100


def _since_then(line: FiledTradeline, kinds: frozenset[int]) -> bool:
    """Whether one of these was done after the newest month."""
    return bool(line.actions) and any(
        filed.action.kind in kinds and month_of(filed) > line.snapshot.month
        for filed in line.actions
    )
