"""Replay of the entries of a log, in their order and in the batches that were signed."""

from __future__ import annotations

from bureau.admin.findings import Checked, Erased
from bureau.admin.log_integrity import WalkedEntry
from bureau.admin.log_replay.empty_bureau import LogClock, bureaus_by_policy
from bureau.admin.log_replay.erased_statement import replay_erased
from bureau.admin.log_replay.ledger import ReplayLedger
from bureau.admin.log_replay.signed_erasures import SignedErasures
from bureau.admin.log_replay.state import ReplayState
from bureau.admin.log_replay.statement import replay_statement
from bureau.ledger.event_chains import ALL, NewEvent, extend_chains
from bureau.ledger.log import LoggedEntry
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.scratch import ScratchDatabase
from bureau_keys.merkle import leaf_hash
from bureau_keys.profile import Trust


class LogReplay:
    """A bureau that takes a log's statements again."""

    def __init__(
        self,
        stored: Connection,
        scratch: ScratchDatabase,
        trust: Trust,
        policy: Policy,
        checked: Checked,
    ) -> None:
        """Prepare an empty bureau.

        Args:
            stored: The database that is checked.
            scratch: The empty database that the replay fills.
            policy: The policy in force, with the retired ones.
            checked: Takes the findings.
        """
        self._scratch = scratch
        self._db = scratch.connection
        self._clock = LogClock()
        self._batch: list[LoggedEntry] = []
        self._events: list[NewEvent] = []
        row = stored.one(q.first_event_leaf)
        begin = row[0] if row else None
        self._chains_begin = ALL if begin is None else begin
        self._db.execute(q.add_head, head_id=1, tree_size=0, frontier=b"", time_us=0)
        self._state = ReplayState(
            stored, self._db, trust.operator_key, SignedErasures.of(stored), checked
        )
        ledger = ReplayLedger(self._state)
        self._bureaus = bureaus_by_policy(trust.origin, policy, scratch, ledger, self._clock)

    @property
    def erased(self) -> Erased:
        """Traces of erasures among the entries so far."""
        return self._state.erased

    def add(self, walked: WalkedEntry) -> None:
        """Replay the next entry of the log."""
        entry = walked.entry
        self._state.begin(entry)
        self._clock.time_us = self._state.unit_us
        if walked.envelope is not None:
            replay_statement(self._state, self._bureaus, walked.envelope)
        elif walked.erased:
            replay_erased(self._state)
        self._db.execute_many_tuples(
            q.add_statement,
            ("entry_key", "envelope"),
            [(entry.entry_key, walked.envelope.SerializeToString() if walked.envelope else b"")],
        )
        self._batch.append(entry)
        if self._chains_begin <= entry.leaf_index:
            self._events.append(
                NewEvent(entry.leaf_index, leaf_hash(entry.commitment), self._state.subjects)
            )
        if walked.ends_batch:
            self._end_batch()

    def _end_batch(self) -> None:
        """Give the batch's entries their leaves, as the log does at the end of a batch."""
        self._db.execute_many_tuples(q.add_entry, LoggedEntry._fields, self._batch)
        extend_chains(self._db, self._events)
        self._events.clear()
        newest = self._batch[-1]
        self._db.execute(
            q.move_head, new_size=newest.leaf_index + 1, new_frontier=b"", new_us=newest.time_us
        )
        self._batch.clear()
        self._scratch.flush()
