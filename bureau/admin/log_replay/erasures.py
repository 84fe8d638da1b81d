"""Replay of erasures: the things that an erasure names are gone already."""

from __future__ import annotations

from bureau.admin.log_replay.state import ReplayState
from bureau.context import Bureau
from bureau.journeys import erasure
from bureau.ledger.units import Transaction
from creditbureau.v1.envelope_pb2 import Envelope


def replay_erasure(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay an erasure: what it names is gone already, its notices are not."""
    caller = state.caller()
    opened = erasure.open_erasure(bureau, caller, envelope)

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        erasure.record_erasure(tx, caller, opened.message)

    bureau.ledger.commit(opened.signed, work)
    gone = set(state.erased.accounts.values())
    for account in opened.message.accounts:
        if account.tradeline_id not in gone:
            state.found(f"it names account {account.tradeline_id}, whose records are there")
    for statement in opened.message.statements:
        if statement.leaf_index not in state.erased.leaves:
            state.found(f"it names entry {statement.leaf_index}, whose statement is there")
