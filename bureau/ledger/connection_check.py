"""What a connection must show before a node works on it.

A server that was started anew, or a standby that was promoted, may have forgotten what
this node acknowledged; and it may show what no standby has yet. Neither is believed.
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
    """Looks at every new connection.

    Attributes:
        keeper: Has the newest checkpoint that this node has acknowledged.
        on_fork: Is told of a database that does not hold it.
    """

    keeper: CheckpointFile
    origin: str
    key: VerifyKey
    on_fork: Callable[[ForkedLogError], None]
    _proven: tuple[int, str | None] | None = None

    def __call__(self, db: Connection, losses: int) -> None:
        """Admits a connection.

        Args:
            losses: How often the database's connections have been lost so far.

        Raises:
            StorageError: It is not to be used.
        """
        # 1. The database holds what this node has acknowledged.
        try:
            if self.keeper.newest:
                checkpoint_file.check_holds(self.keeper.newest, db, self.origin, self.key)
        except ForkedLogError as error:
            self.on_fork(error)
            raise StorageError("the database went back in time") from error
        # 2. Its commits wait for a standby, where one is required.
        db.check_commit_wait()
        # 3. What it shows is durable: once for each run of a server, and again after
        #    connections broke, as a server may recover without being started anew.
        row = db.one(q.server_run)
        shown = losses, row[0] if row else None
        if shown != self._proven:
            db.begin()
            log.confirm_durable(db)
            db.commit()
            self._proven = shown
