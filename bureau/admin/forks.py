"""The operator's decision to go on with a database that went back in time.

The log of such a database will fork: members hold receipts beyond it, and witnesses and
auditors will say so. What is kept as evidence stays for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bureau.admin.bureau_folder import trust_of
from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.node_checks import ForkedLogError
from bureau.store.database import Database
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.note import parse_vkey


class NoForkError(Exception):
    """The database has no fork to accept, or not the one that the operator names.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class AcceptedFork:
    """A fork that the operator accepted.

    Attributes:
        kept_size: The log's size that the node has acknowledged.
        size: The log's size that the node goes on from.
        evidence: The file of both checkpoints.
    """

    kept_size: int
    size: int
    evidence: Path


def accept_fork(settings: Settings, size: int) -> AcceptedFork:
    """Let this node serve a database that does not hold what it has acknowledged.

    Args:
        size: The log's size in the database, as the operator has seen it.

    Raises:
        NoForkError: The database holds it, or has another size.
    """
    key = parse_vkey(trust_of(settings).log_key).key
    kept = settings.kept_checkpoint
    database = Database(settings.database)
    try:
        with database.snapshot() as db:
            own_size = log.size_of(db)
            checkpoint_file.check(kept, db, settings.origin, key)
    except ForkedLogError as error:
        fork = error
    else:
        raise NoForkError("the database holds what this node has acknowledged", "Serve it.")
    finally:
        database.dispose()
    if own_size != size:
        fix = "Look at it again (`bureau db status`), and name the size that you accept."
        raise NoForkError(f"the database's log has {own_size} entries, not {size}", fix)
    kept_size = open_checkpoint(fork.kept, settings.origin, key).size
    evidence = kept.with_name(f"{kept.name}.forked-{kept_size}-at-{size}")
    if evidence.exists():
        raise NoForkError(f"{evidence} exists", "Keep it elsewhere first: it is evidence.")
    checkpoint_file.save_evidence(evidence, fork)
    kept.unlink()
    return AcceptedFork(kept_size, size, evidence)
