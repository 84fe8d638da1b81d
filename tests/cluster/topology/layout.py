"""Makes the parts of a topology, with a link between any two of them; none runs yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bureau.admin.bureau_folder import trust_of
from bureau.config import SETTINGS_FILE, Settings
from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import Host
from tests.cluster.topology.node import Node
from tests.cluster.topology.ports import free_ports
from tests.cluster.topology.postgres import Postgres
from tests.cluster.topology.proxy import Link, Proxy
from tests.cluster.topology.reaper import Reaper
from tests.cluster.topology.replicated_postgres import ReplicatedPostgres
from tests.cluster.topology.shim import Shim
from tests.cluster.topology.witness import Witness

SERVERS = ("postgres-a", "postgres-b")
WITNESSES = ("witness-a", "witness-b")


def witnessed(folder: Path, keys: Mapping[str, str]) -> Settings:
    """Adds witnesses, by their URLs, to the settings in a folder."""
    tables = [f'[[witnesses]]\nurl = "{url}"\nkey = "{key}"\n' for url, key in keys.items()]
    with (folder / SETTINGS_FILE).open("a", encoding="utf-8") as file:
        file.write("\n".join(tables))
    return Settings.load(folder)


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the parts of one topology.

    Attributes:
        folder: The run's.
        shared: Folder where PostgreSQL's own user may go.
        library: What stands between processes and the C library; None without a compiler.
        closing: Closes what was opened.
    """

    folder: Path
    shared: Path
    logs: Path
    reaper: Reaper
    proxy: Proxy
    library: Path | None
    timeline: Timeline
    closing: ExitStack

    def postgres(self) -> ReplicatedPostgres:
        """Two servers, and the links on which each would follow the other."""
        *ports, first_link, second_link = free_ports(2 * len(SERVERS))
        servers = [
            Postgres(
                name,
                self.shared / "postgres",
                port,
                logs=self.logs,
                reaper=self.reaper,
                timeline=self.timeline,
                shim=self.shim(name),
            )
            for name, port in zip(SERVERS, ports, strict=True)
        ]
        links = {
            server.name: self.proxy.open(f"standby to {server.name}", link, server.port)
            for server, link in zip(servers, (first_link, second_link), strict=True)
        }
        return ReplicatedPostgres(servers[0], servers[1], links)

    def witnesses(self, settings: Settings) -> list[Witness]:
        """Witnesses that follow the bureau's log."""
        trust = trust_of(settings)
        witnesses = []
        for name, port in zip(WITNESSES, free_ports(len(WITNESSES)), strict=True):
            folder = self.folder / "witnesses" / name
            witness = Witness(
                name, folder, port, logs=self.logs, reaper=self.reaper, timeline=self.timeline
            )
            witness.follow(trust.origin, trust.log_key)
            witnesses.append(witness)
        return witnesses

    def node(
        self,
        name: str,
        services: Sequence[str],
        host: Host,
        postgres: ReplicatedPostgres,
        witnesses: Sequence[Witness],
        bureau: Path,
        workers: int = 1,
    ) -> Node:
        """A node, with links of its own to everything.

        Args:
            services: Of the contract, what it serves.
            host: Where it lives.
            bureau: The bureau's folder.
            workers: Processes that serve it.
        """
        port, own, *further = free_ports(2 + len(SERVERS) + len(witnesses))

        def links(partners: Sequence[Postgres | Witness]) -> dict[str, Link]:
            return {
                partner.name: self.proxy.open(
                    f"{name} to {partner.name}", further.pop(), partner.port, listen=host.gateway
                )
                for partner in partners
            }

        node = Node(
            name,
            port,
            self.proxy.open(f"members to {name}", own, port, to=host.address),
            links(postgres.servers),
            links(witnesses),
            services=services,
            workers=workers,
            folder=self.folder / "nodes" / name,
            logs=self.logs,
            reaper=self.reaper,
            timeline=self.timeline,
            shim=self.shim(name),
            host=host,
        )
        node.settle(bureau)
        keys = {f"http://{node.witness_links[w.name].address}": w.key for w in witnesses}
        witnessed(node.folder, keys)
        return node

    def shim(self, name: str) -> Shim | None:
        """Return the library that is preloaded into a process."""
        if self.library is None:
            return None
        shim = Shim(self.library, self.shared / f"{name}.page")
        self.closing.callback(shim.close)
        return shim
