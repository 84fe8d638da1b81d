"""The checks of a new connection, before a node uses it.

A restarted server or a promoted standby may lack entries that this node has acknowledged,
and it may show commits that no standby has yet. A node uses neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureau.ledger import checkpoint_file, log
from bureau.ledger.checkpoint_file import CheckpointFile
from bureau.ledger.node_checks import ForkedLogError
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.errors import StorageError
from bureau_keys.signing import VerifyKey


@dataclass(slots=True)
class ConnectionCheck:
    """The check of every new connection.

    Attributes:
        checkpoint_file: The newest checkpoint that this node has acknowledged.
        on_fork: Called with the error if the database does not hold that checkpoint.
    """

    checkpoint_file: CheckpointFile
    origin: str
    key: VerifyKey
    on_fork: Callable[[ForkedLogError], None]
    _confirmed: tuple[int, str | None] | None = None

    def __call__(self, db: Connection, losses: int) -> None:
        """Check a connection before its first use.

        Args:
            losses: Number of connections to the database that were lost so far.

        Raises:
            StorageError: The connection must not be used.
        """
        # 1. The database holds the checkpoint that this node has acknowledged.
        try:
            if newest := self.checkpoint_file.newest:
                checkpoint_file.check_holds(newest, db, self.origin, self.key)
        except ForkedLogError as error:
            self.on_fork(error)
            raise StorageError("the database went back in time") from error
        # 2. Its commits wait for a standby, where one is required.
        db.check_commit_wait()
        # 3. Its commits so far are durable: checked once for each run of a server, and again
        #    after connections broke, as a server may recover without a restart.
        row = db.one(q.server_run)
        run = losses, row[0] if row else None
        if run != self._confirmed:
            db.begin()
            log.confirm_durable(db)
            db.commit()
            self._confirmed = run
