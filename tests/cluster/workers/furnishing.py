"""The records that lenders furnish: one population of creforge for all.

Its people are the topology's; each of its lenders is one of the topology's under another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from bureau_client import Month, Snapshot, SubmissionKind
from bureau_client.study.creforge_accounts import CreforgeMonth
from tests.cluster.control_files import TopologyMap
from tests.cluster.workers.people import identifiers
from tests.demo.world import World, make_world

MONTHS = 18


@dataclass(frozen=True, slots=True)
class Delivery:
    """The records that a lender submits together.

    Attributes:
        round: How often all was furnished before.
    """

    kind: SubmissionKind
    label: str
    rows: tuple[CreforgeMonth, ...]
    round: int

    def records(self, subject_of: dict[str, str]) -> list[Snapshot]:
        """Its snapshots; in later rounds, with payments that have moved: no rule binds them."""
        snapshots = [row.snapshot(subject_of) for row in self.rows]
        return [
            replace(one, amount_paid_minor=one.amount_paid_minor + self.round) for one in snapshots
        ]


def world_of(topology: TopologyMap) -> World:
    """The run's world; `World.people` are in the order of their identifiers."""
    last = Month.of(datetime.now(UTC).date()) - 1
    return make_world(len(identifiers(topology)), MONTHS, topology.seed, last)


def deliveries(world: World, topology: TopologyMap, lender: str, size: int) -> Iterator[Delivery]:
    """Yield a lender's submissions: month after month, then all again as corrections."""
    lenders = [member.member_id for member in topology.of_kind("lender")]
    mine = [
        name for index, name in enumerate(world.lenders) if lenders[index % len(lenders)] == lender
    ]
    rows = [
        (month, row)
        for month in world.months
        for name in mine
        for row in world.files.get((name, month), [])
    ]
    for again in count():
        kind = SubmissionKind.CORRECTION if again else SubmissionKind.ORIGINAL
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            label = f"{part[0][0]} round {again}"
            yield Delivery(kind, label, tuple(row for _, row in part), again)
