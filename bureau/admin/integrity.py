"""Check of a whole database against what was signed.

The log is recomputed from its entries. Its statements are then taken once more, in order,
by an empty bureau; and every table must be what that bureau has. One moment of the database
is read; the bureau may go on serving. The scratch copy is on disk: memory stays bounded.
"""

from __future__ import annotations

from bureau.admin.bureau_folder import trust_of
from bureau.admin.comparison import compare
from bureau.admin.findings import Checked
from bureau.admin.log_integrity import LogWalk
from bureau.admin.log_replay import LogReplay
from bureau.config import Settings
from bureau.policy import load_policy
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.scratch import scratch_database


def check_database(database: Database, settings: Settings) -> Checked:
    """Check the whole database by the keys and the policies of a bureau's folder.

    Raises:
        bureau_keys.errors.LockedKey: Wrong passphrase.
        PolicyError: A policy is missing or wrong.
        StorageError: The database cannot be read, or the disk has no room for the copy.
    """
    trust, checked = trust_of(settings), Checked()
    policy = load_policy(settings.jurisdiction, settings.folder / "policy")
    for told in schema.differences(database):
        checked.found(f"schema: {told}")
    with scratch_database() as scratch, database.snapshot() as db:
        replay = LogReplay(db, scratch, trust, policy, checked)
        for walked in LogWalk(db, trust, checked).entries():
            replay.add(walked)
        compare(db, scratch.connection, checked, replay.erased_from)
    return checked
