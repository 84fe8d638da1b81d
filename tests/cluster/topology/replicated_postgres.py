"""Two PostgreSQL servers: a primary, and a standby without whom it commits nothing."""

from __future__ import annotations

import signal

from tests.cluster.topology.postgres import DATABASE, Postgres
from tests.cluster.topology.process import wait_until
from tests.cluster.topology.proxy import Link

CATCH_UP_S = 120.0


class ReplicatedPostgres:
    """Primary and standby, who may change places.

    Attributes:
        primary: Who takes writes.
        standby: Who must have them before they are acknowledged.
    """

    def __init__(self, first: Postgres, second: Postgres, links: dict[str, Link]) -> None:
        """Args:
        links: By a server's name, the link on which its standby reaches it.
        """
        self.primary = first
        self.standby = second
        self.links = links

    @property
    def servers(self) -> tuple[Postgres, Postgres]:
        """Both, always in the same order."""
        first, second = sorted((self.primary, self.standby), key=lambda server: server.name)
        return first, second

    @property
    def standby_link(self) -> Link:
        """On which the standby follows the primary."""
        return self.links[self.primary.name]

    def make(self) -> None:
        """Makes the primary, with an empty database and no standby."""
        self.primary.make()
        self.primary.start()
        with self.primary.session() as session:
            session.execute(f"CREATE DATABASE {DATABASE}")

    def join(self) -> None:
        """Copy the primary into a new standby and wait until the standby is synchronous.

        The setting is written before the copy is made: the copy has it too, so that a
        promoted standby acknowledges nothing until it has a standby of its own. From the
        setting on, and so during the copy, commits wait.
        """
        with self.primary.session() as session:
            session.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            session.execute("SELECT pg_reload_conf()")
        self.standby.copy_of(self.primary.port)
        self.start_standby()
        wait_until("the standby streams", self.streaming, CATCH_UP_S)
        self.await_together()

    def start_standby(self) -> None:
        """Starts the standby on the files that it has."""
        self.standby.start(primary=self.standby_link.port)

    def start_primary(self) -> None:
        """Starts the primary on the files that it has."""
        self.primary.start()

    def fail_over(self) -> None:
        """The standby becomes the primary; what was the primary does not come back.

        It is fenced first: it is ended and its files are never used again, so that it
        cannot acknowledge anything more.
        """
        self.primary.stop(signal.SIGKILL)
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary

    def streaming(self) -> bool:
        """Return True if the standby receives the primary's writes."""
        query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        return bool(self.primary.ask(query))

    def together(self) -> bool:
        """Return True if the primary waits for the standby and the standby is attached."""
        query = (
            "SELECT count(*) FROM pg_stat_replication "
            "WHERE state = 'streaming' AND sync_state = 'sync'"
        )
        return bool(self.primary.ask(query))

    def await_together(self) -> None:
        """Waits until writes are acknowledged by both.

        Raises:
            NotReadyError: They are not.
        """
        wait_until("the standby is synchronous", self.together, CATCH_UP_S)
