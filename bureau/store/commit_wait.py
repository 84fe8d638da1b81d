"""The settings of PostgreSQL that decide whether a commit waits for a standby.

`synchronous_commit` is none of them: every session of the bureau sets it (`postgres.connect`).
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from bureau.store.compiled import Query

settings = Query[tuple[str, str, str]](
    text(
        "SELECT current_setting('synchronous_standby_names'),"
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

    standby_names: str
    max_wal_senders: str
    load_time: str

    @property
    def gap(self) -> str:
        """The setting because of which a commit does not wait; empty if there is none."""
        if not self.standby_names:
            return "synchronous_standby_names is empty"
        if self.max_wal_senders == "0":
            return "max_wal_senders is 0"
        return ""
