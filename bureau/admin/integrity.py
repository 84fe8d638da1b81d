"""Check of a whole database against what was signed.

The log is recomputed from its entries. Its statements are then taken once more, in order,
by an empty bureau; and every table must be what that bureau has. One moment of the database
is read; the bureau may go on serving. The scratch copy is on disk: memory stays bounded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bureau.admin.bureau_folder import trust_of
from bureau.admin.comparison import Difference, breaches, compare
from bureau.admin.findings import Checked, Erased
from bureau.admin.log_integrity import LogWalk
from bureau.admin.log_replay.replay import LogReplay
from bureau.config import Settings
from bureau.policy import Policy, load_policy
from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Connection, Database
from bureau.store.partitions.unique_keys import broken_keys
from bureau.store.scratch import ScratchDatabase, scratch_database
from bureau_keys.profile import Trust


def check_database(database: Database, settings: Settings) -> Checked:
    """Check the whole database by the keys and the policies of a bureau's folder.

    Raises:
        bureau_keys.errors.LockedKey: Wrong passphrase.
        PolicyError: A policy is missing or wrong.
        StorageError: The database cannot be read, or the disk is too small for the copy.
    """
    checked = Checked()
    for difference in schema.differences(database):
        checked.found(f"schema: {difference}")
    policy = load_policy(settings.jurisdiction, settings.folder / "policy")
    with scratch_database() as scratch, database.snapshot() as db:
        _check_unique_keys(db, checked)
        check_statements(db, scratch, trust_of(settings), policy, checked)
    return checked


def _check_unique_keys(db: Connection, checked: Checked) -> None:
    """Check that partitioned tables have what keeps their rows unique."""
    for table, columns, differing in broken_keys(db):
        if differing is None:
            checked.found(f"table {table}: no trigger keeps {columns} unique")
        else:
            checked.found(f"table {table}: {differing} values of {columns} are not kept unique")


def check_statements(
    db: Connection, scratch: ScratchDatabase, trust: Trust, policy: Policy, checked: Checked
) -> None:
    """Check the log, replay it, and compare the tables: see `replay_log`."""
    with db.any_text():
        erased = replay_log(db, scratch, trust, policy, checked)
        compare(db, scratch.connection, checked, erased)


def replay_log(
    db: Connection, scratch: ScratchDatabase, trust: Trust, policy: Policy, checked: Checked
) -> Erased:
    """Check the log and replay it.

    Args:
        db: The database that is checked.
        scratch: An empty database for the replay.
        trust: The keys of the log, its operator and its witnesses.
        policy: The policy in force, with the retired ones.
        checked: Takes the findings.

    Returns:
        The traces of erasures.
    """
    replay = LogReplay(db, scratch, trust, policy, checked)
    for walked in LogWalk(db, trust, checked).entries():
        replay.add(walked)
    return replay.erased


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result of a rebuild.

    Attributes:
        rows: Number of rows that were made again, by table; empty if there are findings.
        checked: The check: a cache is made again only where all else holds.
    """

    rows: Counter[str]
    checked: Checked


def rebuild_caches(database: Database, settings: Settings) -> Rebuilt:
    """Make the caches again from the signed statements, if everything else holds.

    Commits of serving nodes wait meanwhile.

    Raises:
        As `check_database`.
    """
    trust, checked = trust_of(settings), Checked()
    policy = load_policy(settings.jurisdiction, settings.folder / "policy")
    rows: Counter[str] = Counter()
    with scratch_database() as scratch, database.transaction() as db, db.any_text():
        db.one(q.lock_head)
        erased = replay_log(db, scratch, trust, policy, checked)
        tables = scratch.connection, checked, erased
        for difference, leaf_index in breaches(db, *tables):
            if not difference.is_of_cache:
                checked.found(str(difference), leaf_index)
        if not checked.findings:
            for difference, _ in breaches(db, *tables):
                _rebuild(db, difference)
                rows[difference.rows.name] += 1
    return Rebuilt(rows, checked)


def _rebuild(db: Connection, difference: Difference) -> None:
    """Store the row that the statements give; delete one that they do not give."""
    if difference.expected is not None:
        difference.rows.put(db, difference.expected)
    else:
        difference.rows.remove(db, difference.rows.key_of(difference.row))
