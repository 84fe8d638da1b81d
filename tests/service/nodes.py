"""Several nodes of one bureau, in this process, on one database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from bureau.clock import Clock
from bureau.config import Settings
from bureau.main import Server
from bureau.testing import RunningBureau
from bureau_keys.profile import Profile
from tests.service.raw import Raw

Result = TypeVar("Result")


@dataclass
class Nodes:
    """Nodes that serve."""

    servers: list[Server]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses on which the nodes listen."""
        return tuple(server.address for server in self.servers)

    def everywhere(self, profile: Profile) -> Profile:
        """A member's profile with all of them."""
        return replace(profile, addresses=self.addresses)

    def each(self, profile: Profile) -> list[Raw]:
        """A member's way to each of them."""
        return [Raw(replace(profile, addresses=(address,))) for address in self.addresses]


@contextmanager
def further_nodes(
    bureau: RunningBureau, *clocks: Clock | None, **settings: object
) -> Iterator[Nodes]:
    """The bureau's node with further ones, one for each clock."""
    with ExitStack() as stack:
        servers = [bureau.server]
        for number, clock in enumerate(clocks, 2):
            given = {"node": f"node-{number}", "listen": "127.0.0.1:0", **settings}
            server = Server(Settings.load(bureau.folder, **given), clock or Clock())
            server.start()
            stack.callback(server.stop)
            servers.append(server)
        yield Nodes(servers)


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of calls that are made all at the same moment."""
    start, results = threading.Barrier(len(calls)), dict[int, Result]()

    def make(index: int, call: Callable[[], Result]) -> None:
        start.wait()
        results[index] = call()

    threads = [
        threading.Thread(target=make, args=(index, call)) for index, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[index] for index in range(len(calls))]
