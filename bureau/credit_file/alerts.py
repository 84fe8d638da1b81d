"""Find the changes of a credit file that are worth an alert. Pure.

Thresholds are data (`bureau/data/alerts.toml`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from bureau.calendar import months_between
from bureau.codes import CodeSet
from bureau.credit_file.facility_state import LINES, divergences, is_frozen
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.history import DELINQUENT, SEVERITY
from bureau_keys.liability import Liability
from creditbureau.v1 import codes_pb2
from creditbureau.v1.alert_pb2 import (
    ALERT_KIND_DISPUTE,
    ALERT_KIND_DIVERGENCE,
    ALERT_KIND_FIRST_DELINQUENCY,
    ALERT_KIND_GROUP_DIVERGENCE,
    ALERT_KIND_INQUIRY_BURST,
    ALERT_KIND_LINE_FROZEN,
    ALERT_KIND_LINE_RESTORED,
    ALERT_KIND_NEW_INQUIRY,
    ALERT_KIND_NEW_TRADELINE,
    ALERT_KIND_STATUS_BETTER,
    ALERT_KIND_STATUS_WORSE,
    ALERT_KIND_UTILISATION_JUMP,
)
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# The section of a consent that opens each kind.
SECTION_OF: dict[int, int] = {
    ALERT_KIND_NEW_INQUIRY: codes_pb2.SECTION_INQUIRIES,
    ALERT_KIND_INQUIRY_BURST: codes_pb2.SECTION_INQUIRIES,
    ALERT_KIND_DISPUTE: codes_pb2.SECTION_DISPUTES,
    ALERT_KIND_DIVERGENCE: codes_pb2.SECTION_SUMMARY,
    ALERT_KIND_GROUP_DIVERGENCE: codes_pb2.SECTION_SUMMARY,
}


class Change(NamedTuple):
    """A change that is worth an alert.

    Attributes:
        kind: AlertKind.
        tradelines: The tradelines that changed; none for inquiries.
    """

    kind: int
    tradelines: tuple[FiledTradeline, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of alerts."""

    burst_count: int
    burst_days: int
    jump_per_mille: int


@cache
def thresholds() -> Thresholds:
    """Load the thresholds of alerts."""
    table = tomllib.loads((files("bureau") / "data" / "alerts.toml").read_text("utf-8"))
    return Thresholds(
        burst_count=int(table["inquiry_burst"]["count"]),
        burst_days=int(table["inquiry_burst"]["days"]),
        jump_per_mille=int(table["utilisation_jump"]["per_mille"]),
    )


def changes(before: CreditFile, after: CreditFile) -> Iterator[Change]:
    """Yield the changes of a subject's accounts that are worth an alert.

    An account is new whatever the subject's role; how it is paid and drawn is worth an alert if
    the subject is liable for it.
    """
    known = {line.tradeline_id for line in before.tradelines}
    past, present = _with_liability(before), _with_liability(after)
    for line in after.tradelines:
        if line.tradeline_id not in known:
            yield Change(ALERT_KIND_NEW_TRADELINE, (line,))
        if line.tradeline_id in present:
            yield from _of_line(past.get(line.tradeline_id), line)
    for name, old in past.items():
        if name not in present and DELINQUENT.intersection(old.history.profile):
            yield Change(ALERT_KIND_STATUS_BETTER, (old,))


def _with_liability(file: CreditFile) -> dict[str, FiledTradeline]:
    """Return the tradelines that the subject owes or guarantees, by id."""
    return {
        line.tradeline_id: line
        for line in file.tradelines
        if line.liability is not Liability.OWES_NOTHING
    }


def divergence(
    before: Iterable[FiledTradeline],
    after: Iterable[FiledTradeline],
    groups: Mapping[str, str],
) -> Iterator[Change]:
    """Yield the divergences that are new, among the lines that a member may see."""
    known = {divergence.group for divergence in divergences(before, groups)}
    for divergence in divergences(after, groups):
        if divergence.group not in known:
            kind = ALERT_KIND_GROUP_DIVERGENCE if divergence.group else ALERT_KIND_DIVERGENCE
            yield Change(kind, divergence.lines)


def opens(sections: int, kind: int) -> bool:
    """Return True if a consent's sections open alerts of a kind."""
    return SECTION_OF.get(kind, int(codes_pb2.SECTION_TRADELINES)) in CodeSet(sections)


def is_jump(past: TradelineSnapshot, present: TradelineSnapshot) -> bool:
    """Return True if so much more of a limit is drawn than before that it is worth an alert."""
    return _utilisation(present) - _utilisation(past) >= thresholds().jump_per_mille


def _of_line(old: FiledTradeline | None, line: FiledTradeline) -> Iterator[Change]:
    profile = line.history.profile
    past = old.history.profile if old else ""
    if profile[0] in DELINQUENT and _worse(profile[0], past[:1]):
        first = not any(character in DELINQUENT for character in profile[1:] + past)
        kind = ALERT_KIND_FIRST_DELINQUENCY if first else ALERT_KIND_STATUS_WORSE
        yield Change(kind, (line,))
    if old is None:
        return
    if _is_better(old.history, line.history):
        yield Change(ALERT_KIND_STATUS_BETTER, (line,))
    if is_jump(old.snapshot, line.snapshot):
        yield Change(ALERT_KIND_UTILISATION_JUMP, (line,))
    if is_frozen(line) != is_frozen(old):
        frozen = is_frozen(line)
        yield Change(ALERT_KIND_LINE_FROZEN if frozen else ALERT_KIND_LINE_RESTORED, (line,))


def _is_better(past: PaymentHistory, present: PaymentHistory) -> bool:
    """Return True if the newest month is less past due than the newest one before, or an earlier
    month than it was: an account was cured, or its record corrected.
    """
    before, after = past.profile, present.profile
    if DELINQUENT.isdisjoint(before):
        return False
    shift = months_between(past.newest_month, present.newest_month)
    months = [(0, 0), *((index, index + shift) for index in range(len(before)))]
    return any(
        before[index] in DELINQUENT and _worse(before[index], after[now])
        for index, now in months
        if 0 <= now < len(after)
    )


def _worse(character: str, past: str) -> bool:
    return not past or SEVERITY.find(character) > SEVERITY.find(past)


def _utilisation(snapshot: TradelineSnapshot) -> int:
    limit = snapshot.credit_limit_minor
    if snapshot.portfolio_type not in LINES or limit <= 0:
        return 0
    return max(snapshot.balance_minor, 0) * 1000 // limit
