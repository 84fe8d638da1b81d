"""Work out what follows from the records of a batch alone, before its unit of work.

While a unit runs, everybody waits for the writer: it is left what depends on the accounts on file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.delinquencies import LATE
from bureau.credit_file.furnished_month import FurnishedMonth
from bureau.credit_file.history import ACTION, DELETION, packed
from bureau.credit_file.line_changes import may_change
from creditbureau.v1.record_pb2 import FACILITY_ACTION_KIND_RENUMBER


@dataclass(frozen=True, slots=True)
class Batch:
    """The checked records of a batch.

    Attributes:
        lines: The records.
        actions: Those of them that are facility actions.
        of_lines: The snapshots that may change a line.
        dated: The snapshots with a date of first delinquency.
        months: What each snapshot makes of its account, by the record's index.
        refs: The references that the records name, and those that actions give, sorted.
        people: The subjects whom the snapshots name, sorted.
    """

    lines: Sequence[BatchRecord]
    actions: Sequence[BatchRecord]
    of_lines: Sequence[BatchRecord]
    dated: Sequence[BatchRecord]
    months: Mapping[int, FurnishedMonth]
    refs: Sequence[str]
    people: Sequence[str]

    @classmethod
    def of(cls, lines: Sequence[BatchRecord]) -> Batch:
        """Return the batch of records that were checked."""
        snapshots = [line for line in lines if line.kind < DELETION]
        actions = [line for line in lines if line.kind == ACTION]
        return cls(
            lines,
            actions,
            [line for line in snapshots if may_change(line.snapshot)],
            [line for line in snapshots if _is_dated(line)],
            {
                line.record_index: FurnishedMonth.of(line.snapshot, packed(line.subject_ids))
                for line in snapshots
            },
            sorted({line.account_ref for line in lines} | set(renumbered(actions).values())),
            sorted({subject_id for line in snapshots for subject_id in line.subject_ids}),
        )

    def under(self, present: Mapping[str, str]) -> Batch:
        """Return the batch with the present references of accounts.

        Args:
            present: By the references that the accounts had before.
        """
        if not present:
            return self
        lines, actions, of_lines, dated = (
            [
                line._replace(account_ref=present.get(line.account_ref, line.account_ref))
                for line in lines
            ]
            for lines in (self.lines, self.actions, self.of_lines, self.dated)
        )
        return replace(self, lines=lines, actions=actions, of_lines=of_lines, dated=dated)


def renumbered(actions: Sequence[BatchRecord]) -> dict[str, str]:
    """Return the new references that actions give, by the accounts' present ones."""
    return {
        line.account_ref: line.record.action.new_account_ref
        for line in actions
        if line.record.action.kind == FACILITY_ACTION_KIND_RENUMBER
    }


def _is_dated(line: BatchRecord) -> bool:
    """Return True if a snapshot says when the delinquency of its month began."""
    return line.snapshot.status in LATE and bool(line.snapshot.first_delinquency_date)
