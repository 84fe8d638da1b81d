"""One node of the bureau: `bureau serve`, with links of its own to both databases."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bureau.admin.operator import CallError, Operator
from bureau.config import SETTINGS_FILE
from bureau_keys.profile import Profile
from tests.cluster.timeline import Timeline
from tests.cluster.topology.host import Host
from tests.cluster.topology.postgres import DATABASE, SUPERUSER
from tests.cluster.topology.process import Process, wait_until
from tests.cluster.topology.proxy import Link
from tests.cluster.topology.reaper import Reaper
from tests.cluster.topology.shim import Shim

START_S = 120.0
# A node drains for ten seconds, and closes.
DRAIN_S = 20.0


class Node:
    """A process that serves the bureau, or a part of it.

    Attributes:
        link: The members' link to the node.
        database_links: The node's links to the database servers, by the server's name.
        witness_links: The node's links to the witnesses, by the witness' name.
        wanted: Whether it should run: who watches over services starts it if it does not.
    """

    def __init__(
        self,
        name: str,
        port: int,
        link: Link,
        database_links: dict[str, Link],
        witness_links: dict[str, Link],
        *,
        services: Sequence[str],
        workers: int = 1,
        folder: Path,
        logs: Path,
        reaper: Reaper,
        timeline: Timeline,
        shim: Shim | None,
        host: Host,
    ) -> None:
        """Nothing runs yet.

        Args:
            services: Of the contract, what it serves.
            workers: Processes that serve it.
            folder: Its own folder; see `settle`.
            shim: Between it and the clock; None if there is none.
            host: Where it lives.
        """
        self.name = name
        self.address = f"{host.address}:{port}"
        self.link = link
        self.database_links = database_links
        self.witness_links = witness_links
        self.folder = folder
        self.wanted = False
        self._shim = shim
        command = [
            *host.prefix,
            str(Path(sys.executable).with_name("bureau")),
            *("serve", "--dir", str(folder), "--node", name, "--listen", self.address),
            *("--services", ",".join(services), "--workers", str(workers), "--log-format", "json"),
            *("--db", several_hosts([link.address for link in database_links.values()])),
        ]
        self.process = Process(
            name,
            command,
            log=logs / f"{name}.log",
            reaper=reaper,
            timeline=timeline,
            environment=shim.environment if shim else {},
        )

    def settle(self, bureau: Path) -> None:
        """Gives it what a node needs of the bureau's folder, as on a machine of its own.

        The node requires a standby, which the operator's own commands at the first start
        cannot: there is none yet.
        """
        self.folder.mkdir(parents=True, mode=0o700)
        settings = (bureau / SETTINGS_FILE).read_text("utf-8")
        text = f"{settings}require_standby = true\n"
        (self.folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
        shutil.copytree(bureau / "server", self.folder / "server")

    def start(self) -> None:
        """Starts it; it does not answer yet."""
        self.wanted = True
        self.process.start()

    def kill(self) -> None:
        """Ends it in the midst of what it does."""
        self.wanted = False
        self.process.kill()

    def worker_pids(self) -> list[int]:
        """The workers of a node with several: the children of its supervisor."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [int(child) for child in children.split()]

    def set_clock(self, offset_s: float = 0.0) -> None:
        """Moves its time of day; without a word it is right again."""
        assert self._shim is not None, "there is nothing between it and its clock"
        self._shim.become(clock_offset_s=offset_s)

    def drain(self) -> int:
        """Has it finish what it accepted and end; its exit code."""
        self.wanted = False
        return self.process.stop(seconds=DRAIN_S)

    def answers(self, asking: Profile) -> bool:
        """Return True if the node reads from its database and answers, past its members' link."""
        try:
            with Operator(replace(asking, addresses=(self.address,))) as reader:
                reader.checkpoint()
        except CallError:
            return False
        return True

    def await_answer(self, asking: Profile) -> None:
        """Waits until it answers.

        Raises:
            NotReadyError: It does not.
        """
        wait_until(f"{self.name} answers", lambda: self.answers(asking), START_S)


def several_hosts(addresses: Sequence[str]) -> str:
    """The URL of a database that is at one of these addresses: where it takes writes."""
    hosts = ",".join(addresses)
    return f"postgresql://{SUPERUSER}@{hosts}/{DATABASE}?target_session_attrs=read-write"
