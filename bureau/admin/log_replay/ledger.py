"""The ledger of a replay: a journey's unit of work runs as the unit of the logged entry."""

from __future__ import annotations

from bureau.admin.log_replay.state import ReplayState
from bureau.ledger.commit_queue import Writer
from bureau.ledger.log import LogProof
from bureau.ledger.units import Committed, RecordedDenial, T, Unit, subjects_of
from bureau_keys.complaint_register import KINDS


class ReplayLedger(Writer):
    """A ledger that logs nothing: it compares with what was logged."""

    def __init__(self, state: ReplayState) -> None:
        """Run the units of work of the entries that a replay's state names."""
        self._state = state

    def enqueue(self, unit: Unit[T]) -> None:
        """Run a unit of work as the unit of the entry that is replayed.

        Raises:
            Refusal: The refusal that the unit raised or recorded.
        """
        state, entry, statement = self._state, self._state.entry, unit.statement
        if (statement.signer, statement.request_id) != (entry.signer, entry.request_id):
            state.found("its signer or its request id is not the signed one")
        tx = state.transaction()
        tx.subjects.update(subjects_of(statement))
        result = unit.work(tx)
        state.subjects = tx.subjects
        if isinstance(result, RecordedDenial):
            raise result.refusal
        # No erasure changes what a line of the register says.
        is_whole = state.erased.from_leaf is None or entry.kind in KINDS
        if tx.answer_digest != entry.answer_digest and is_whole:
            state.found("its answer is not the one that was logged")
        unit.succeed(Committed(result, LogProof(entry, (), ""), replayed=False))
