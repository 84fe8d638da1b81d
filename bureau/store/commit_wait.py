"""The settings of PostgreSQL that decide whether a commit waits for a standby."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from bureau.store.compiled import Query

# Values of synchronous_commit under which a commit is on the standby's disk before the
# server reports success. `remote_write` is not: it may still be in the standby's memory.
DURABLE = frozenset({"on", "remote_apply"})

settings = Query[tuple[str, str, str, str]](
    text(
        "SELECT current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names'),"
        " current_setting('max_wal_senders'),"
        " CAST(pg_conf_load_time() AS text)"
    )
)


class CommitWait(NamedTuple):
    """The settings that decide on a commit's wait, as one session has read them.

    Attributes:
        load_time: Time at which the session last read the server's configuration. It tells apart
            two readings between which a setting was changed and changed back.
    """

    synchronous_commit: str
    standby_names: str
    max_wal_senders: str
    load_time: str

    @property
    def gap(self) -> str:
        """The setting because of which a commit does not wait; empty if there is none."""
        if self.synchronous_commit not in DURABLE:
            return f"synchronous_commit is {self.synchronous_commit}"
        if not self.standby_names:
            return "synchronous_standby_names is empty"
        if self.max_wal_senders == "0":
            return "max_wal_senders is 0"
        return ""
