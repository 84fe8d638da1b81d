"""The operator's decision to go on with a database that went back in time.

The log of such a database will fork: members hold receipts beyond it, and witnesses and
auditors will say so. What is kept as evidence stays for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bureau.admin.bureau_folder import trust_of
from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.node_checks import ForkedLogError
from bureau.store.database import Connection, Database
from bureau_keys.checkpoint import read_checkpoint
from bureau_keys.note import parse_vkey
from bureau_keys.signing import VerifyKey


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
        kept_size: The largest size of the log that a node of the folder has acknowledged.
        size: The log's size that the nodes go on from.
        evidence: The files of both checkpoints, one for each node that keeps a lost one.
    """

    kept_size: int
    size: int
    evidence: tuple[Path, ...]


def accept_fork(settings: Settings, size: int) -> AcceptedFork:
    """Let the nodes of the folder serve a database that does not hold what they have
    acknowledged.

    Args:
        size: The log's size in the database, as the operator has seen it.

    Raises:
        NoForkError: The database holds it, or has another size.
        LogKeyError: The log's key has not signed a kept checkpoint, or the database's.
    """
    key = parse_vkey(trust_of(settings).log_key).key
    kept = checkpoint_file.read_all(settings)
    database = Database(settings.database)
    try:
        with database.snapshot() as db:
            own_size = log.size_of(db)
            forks = list(_forks(kept, db, settings.origin, key))
    finally:
        database.dispose()
    if not forks:
        raise NoForkError("the database holds what the nodes have acknowledged", "Serve it.")
    if own_size != size:
        fix = "Look at it again (`bureau db status`), and name the size that you accept."
        raise NoForkError(f"the database's log has {own_size} entries, not {size}", fix)
    sizes = [read_checkpoint(fork.kept).size for _, fork in forks]
    evidence = [
        path.with_name(f"{path.name}.forked-{kept_size}-at-{size}")
        for kept_size, (path, _) in zip(sizes, forks, strict=True)
    ]
    for file in evidence:
        if file.exists():
            raise NoForkError(f"{file} exists", "Keep it elsewhere first: it is evidence.")
    for file, (path, fork) in zip(evidence, forks, strict=True):
        checkpoint_file.save_evidence(file, fork)
        path.unlink()
    return AcceptedFork(max(sizes), size, tuple(evidence))


def _forks(
    kept: Mapping[str, str], db: Connection, origin: str, key: VerifyKey
) -> Iterator[tuple[Path, ForkedLogError]]:
    """Iterate over the files whose checkpoint the database does not hold."""
    for path, note in kept.items():
        try:
            checkpoint_file.check_holds({path: note}, db, origin, key)
        except ForkedLogError as error:
            yield Path(path), error
