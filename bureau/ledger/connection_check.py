"""The checks of a new connection, before a node uses it.

A restarted server or a promoted standby may lack entries that this node or another one has
acknowledged, and it may show commits that no standby has yet. A node uses neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.errors import StorageError
from bureau_keys.signing import VerifyKey


@dataclass(slots=True)
class ConnectionCheck:
    """The check of every new connection.

    Attributes:
        known: The newest checkpoint that this node knows.
        on_other_log: Called with the error if the database does not hold that checkpoint, or one
            that a node of the folder keeps, or is another log's.
    """

    settings: Settings
    known: KnownCheckpoint
    key: VerifyKey
    on_other_log: Callable[[ForkedLogError | LogKeyError], None]
    _confirmed: tuple[int, str | None] | None = None

    def __call__(self, db: Connection, losses: int) -> None:
        """Check a connection before its first use.

        Args:
            losses: Number of connections to the database that were lost so far.

        Raises:
            StorageError: The connection must not be used.
        """
        # 1. The log is this node's, and holds the newest checkpoints that nodes know.
        kept = checkpoint_file.read_all(self.settings)
        if self.known.note:
            kept["this node's memory"] = self.known.note
        try:
            checkpoint_file.check_holds(kept, db, self.settings.origin, self.key)
        except (ForkedLogError, LogKeyError) as error:
            self.on_other_log(error)
            raise StorageError("the database does not hold this bureau's log") from error
        # 2. Its commits wait for a standby, where one is required.
        db.check_commit_wait()
        # 3. Its commits so far are durable: checked once for each run of a server, and again
        #    after connections broke, as a server may recover without a restart.
        row = db.one(q.server_run)
        run = losses, row[0] if row else None
        if run != self._confirmed:
            db.begin_write("BEGIN")
            log.confirm_durable(db)
            db.commit()
            self._confirmed = run
