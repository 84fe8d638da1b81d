"""Replay of one statement: by the newest policy by which it gives what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bureau.admin.log_replay.erased_statement import take_over
from bureau.admin.log_replay.kinds import REPLAYS
from bureau.admin.log_replay.state import ReplayState
from bureau.context import Bureau
from bureau.errors import Refusal
from bureau.store.rows import rows_of
from bureau_keys.entry_kinds import EntryKind
from creditbureau.v1.envelope_pb2 import Envelope

ALERTS, NOTICES = rows_of("alert"), rows_of("notice")
INQUIRIES = rows_of("inquiry", ("entry_key", "subject_id"))
# Kinds that act on a credit file: after an erasure the file may lack what they act on.
ON_FILES: frozenset[EntryKind] = frozenset(
    {
        *("complaint", "complaint-answer", "complaint-decision", "complaint-escalation"),
        *("dispute", "dispute-addition", "dispute-answer"),
        *("portfolio-inquiry", "subject-statement"),
    }
)


def replay_statement(state: ReplayState, bureaus: Sequence[Bureau], envelope: Envelope) -> None:
    """Replay a statement by the first of the bureaus in which it gives what is stored.

    The first bureau replays a statement that gives what is stored in none. A statement that
    every bureau refuses is a finding.
    """
    refusal: Refusal | None = None
    for bureau in bureaus:
        refused = _attempt(state, bureau, envelope)
        if refused is None and (len(bureaus) == 1 or _gives_what_is_stored(state)):
            state.db.execute_raw("RELEASE SAVEPOINT replay")
            return
        refusal = refusal or refused
        state.db.execute_raw("ROLLBACK TO SAVEPOINT replay")
        state.db.execute_raw("RELEASE SAVEPOINT replay")
    if refusal is not None and refusal.reason == "HOLD" and state.erased.from_leaf is not None:
        # The account that exempts the member from the freeze may be among what was erased.
        refusal = _attempt(state, _of_holders(bureaus[0]), envelope)
        if refusal is None:
            state.db.execute_raw("RELEASE SAVEPOINT replay")
            state.checked.unproved += 1
            return
        state.db.execute_raw("ROLLBACK TO SAVEPOINT replay")
        state.db.execute_raw("RELEASE SAVEPOINT replay")
    if refusal is None:
        _attempt(state, bureaus[0], envelope)
        state.db.execute_raw("RELEASE SAVEPOINT replay")
    elif state.erased.from_leaf is not None and state.entry.kind in ON_FILES:
        take_over(state)
    else:
        state.found(f"the bureau would refuse it: {refusal}")


def _attempt(state: ReplayState, bureau: Bureau, envelope: Envelope) -> Refusal | None:
    """Replay a statement under a savepoint; return the refusal, if it is refused."""
    state.db.execute_raw("SAVEPOINT replay")
    # Each attempt gives the accounts that the entry opens the same keys.
    state.begin(state.entry)
    kind = state.entry.kind
    try:
        REPLAYS[kind](state, bureau, envelope)  # type: ignore[index]
    except Refusal as refused:
        return refused
    except Exception as error:  # noqa: BLE001  (rows that were changed break any code)
        return Refusal("INTERNAL", f"{type(error).__name__}: {error}")
    return None


def _of_holders(bureau: Bureau) -> Bureau:
    """Return a bureau in which a freeze takes every member for the holder of an account."""
    policy = replace(bureau.policy, freeze=bureau.policy.freeze.of_holders())
    return replace(bureau, policy=policy)


def _gives_what_is_stored(state: ReplayState) -> bool:
    """Return True if the alerts, the notices and the version of the rules that the statement
    gave are those that are stored.
    """
    key = state.entry.entry_key
    both = state.db, state.stored
    alerts, again = (ALERTS.of_entry(db, key) for db in both)
    made_by, made_again_by = (
        [INQUIRIES.value(row, "rules_version") for row in INQUIRIES.of_entry(db, key)]
        for db in both
    )
    return (alerts, made_by) == (again, made_again_by) and all(
        NOTICES.one(state.stored, NOTICES.key_of(row)) == row
        for row in NOTICES.of_entry(state.db, key)
    )
