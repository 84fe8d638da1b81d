"""Delivers files as lenders do: each file one signed submission, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bureau_client import Rejection
from tests.reconcile.inbox import Delivery, Inbox
from tests.reconcile.population import Scenario
from tests.reconcile.records import snapshot_of


@dataclass(slots=True)
class Delivered:
    """What became of the files.

    Attributes:
        records: That the bureau stored.
        refused: That it did not, by file: their lender has to look at them.
    """

    files: int = 0
    records: int = 0
    refused: dict[str, list[Rejection]] = field(default_factory=dict)

    @property
    def refused_count(self) -> int:
        """Records that the bureau did not store."""
        return sum(map(len, self.refused.values()))


def deliver(scenario: Scenario, inbox: Inbox, deliveries: Iterable[Delivery]) -> Delivered:
    """Delivers files in the order given, and waits for each one's receipt."""
    done = Delivered()
    for delivery in deliveries:
        result = scenario.lenders[delivery.lender].submit(
            [snapshot_of(row, inbox, scenario.subject_of) for row in delivery.rows()],
            kind=delivery.kind,
            label=delivery.label,
            on_invalid="skip",
        )
        done.files += 1
        done.records += result.accepted_count
        if result.rejected:
            done.refused[delivery.label] = list(result.rejected)
    return done
