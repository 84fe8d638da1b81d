"""Quotas that the operator signed for members, and the amounts that parties have used."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, delete, select

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery
from bureau.store.queries.builders import bind, insert, member_quota, quota_usage, upsert


class MemberQuota(NamedTuple):
    """A quota of a member, in the order of its table."""

    member_id: str
    carried: int
    statements_per_minute: int
    bytes_per_minute: int
    statements_per_day: int
    bytes_per_day: int


add_member_quota = insert(t.MemberQuotaRow)
drop_member_quotas = Change(delete(member_quota).where(member_quota.c.member_id == bind("whose")))
quotas_of_members = InQuery(
    lambda member_ids: select(*member_quota.columns).where(
        member_quota.c.member_id.in_(member_ids)
    ),
    MemberQuota,
)


class QuotaUsage(NamedTuple):
    """The amounts of a party, in the order of its table."""

    party: str
    minute: int
    minute_statements: int
    minute_bytes: int
    day: int
    day_statements: int
    day_bytes: int


quota_usage_of = InQuery(
    lambda parties: select(*quota_usage.columns).where(quota_usage.c.party.in_(parties)),
    QuotaUsage,
)
_used = upsert(quota_usage).values(
    party=bind("party"),
    minute=bind("minute"),
    minute_statements=bind("statements"),
    minute_bytes=bind("size"),
    day=bind("day"),
    day_statements=bind("statements"),
    day_bytes=bind("size"),
)


def _added(window: str, unit: str) -> ColumnElement[Any]:
    """Add to the amount of the same window, or of a newer one that another node began."""
    stored, new = quota_usage.c[f"{window}_{unit}"], _used.excluded[f"{window}_{unit}"]
    begun = quota_usage.c[window] >= _used.excluded[window]
    return case((begun, stored + new), else_=new)


def _newer(window: str) -> ColumnElement[Any]:
    stored, new = quota_usage.c[window], _used.excluded[window]
    return case((stored >= new, stored), else_=new)


add_quota_usage = Change(
    _used.on_conflict_do_update(
        index_elements=[quota_usage.c.party],
        set_={
            "minute_statements": _added("minute", "statements"),
            "minute_bytes": _added("minute", "bytes"),
            "minute": _newer("minute"),
            "day_statements": _added("day", "statements"),
            "day_bytes": _added("day", "bytes"),
            "day": _newer("day"),
        },
    )
)
