"""The reports that members got, as their histories hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.statements import SentStatement
from tests.cluster.history import Outcome


@dataclass(frozen=True)
class SeenReport:
    """A report that a member got.

    Attributes:
        time_us: Time of its leaf.
        lines: Ids of the accounts that it shows.
        sold: By account that it shows as sold, the month of the sale.
        stale: Ids of the accounts that it shows as no longer reported.
        totals: Number of open accounts, and balances by currency; None without a summary.
    """

    statement: SentStatement
    subject_id: str
    log_size: int
    time_us: int
    lines: list[str]
    sold: Mapping[str, int]
    stale: frozenset[str]
    totals: Mapping[str, Any] | None


def reports_of(evidence: Evidence) -> Iterator[SeenReport]:
    """Yield the reports whose content is known."""
    times = (
        {entry.leaf_index: entry.time_us for entry in evidence.databases[0].entries}
        if evidence.databases
        else {}
    )
    for statement in evidence.statements:
        about = statement.first.about
        leaf = statement.leaf_index
        if statement.first.kind != "query" or statement.outcome is not Outcome.OK:
            continue
        if "tradelines" in about and leaf in times:
            yield SeenReport(
                statement,
                about["subject"],
                about["log_size"],
                times[leaf],
                about["tradelines"],
                about["sold"],
                frozenset(about["stale"]),
                about["totals"],
            )
