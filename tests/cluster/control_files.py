"""The files by which the run tells workers where everything is and what changes.

`topology.json` is written once the bureau serves. While the run goes on, `control.jsonl` grows
by lines that workers follow; when a file `stop` appears they finish what they have begun,
settle what is unknown, and end.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bureau_keys.whole_files import write_whole
from tests.cluster.history import now_ns

MAP, CONTROL, STOP = "topology.json", "control.jsonl", "stop"


@dataclass(frozen=True, slots=True)
class NodeAt:
    """A node of the bureau.

    Attributes:
        name: For example `node-1`.
        link: Where members reach it: through a proxy that the nemesis disturbs.
        direct: Where it listens, for the auditor.
    """

    name: str
    link: str
    direct: str


@dataclass(frozen=True, slots=True)
class MemberAt:
    """A member of the bureau.

    Attributes:
        kind: `lender`, `issuer`, `agent`, `auditor`, `hostile` or `operator`.
        profile: Its profile folder; its addresses are the links to nodes and directory.
        directory: The same member's profile folder with the directory's link alone, for what
            goes past the SDK.
        roles: Words of the contract's roles.
    """

    member_id: str
    kind: str
    profile: str
    directory: str
    roles: list[str]


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness: where it listens, and its verifier key."""

    name: str
    url: str
    key: str


@dataclass(frozen=True, slots=True)
class TopologyMap:
    """Everything a worker or the auditor may need to know.

    Attributes:
        seed: The run's.
        origin: The log's.
        jurisdiction: Whose rules hold.
        nodes: The bureau's nodes.
        directory: The directory's process.
        members: Everybody admitted.
        witnesses: Those that there are.
        database_url: The database as it is written to now, past every proxy; it names both
            servers, and the driver finds the one that takes writes.
        servers: The two servers' own URLs, by name.
    """

    seed: int
    origin: str
    jurisdiction: str
    nodes: list[NodeAt]
    directory: NodeAt
    members: list[MemberAt]
    witnesses: list[WitnessAt] = field(default_factory=list)
    database_url: str = ""
    servers: dict[str, str] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[MemberAt]:
        """The members of a kind, in the order of their admission."""
        return [member for member in self.members if member.kind == kind]

    def save(self, folder: Path) -> None:
        """Writes the map into the run's folder, at once."""
        write_whole(folder / MAP, json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, folder: Path) -> TopologyMap:
        """Reads the map of a run."""
        fields = json.loads((folder / MAP).read_text("utf-8"))
        return cls(
            **fields
            | {
                "nodes": [NodeAt(**node) for node in fields["nodes"]],
                "directory": NodeAt(**fields["directory"]),
                "members": [MemberAt(**member) for member in fields["members"]],
                "witnesses": [WitnessAt(**witness) for witness in fields["witnesses"]],
            }
        )


@dataclass(frozen=True, slots=True)
class Direction:
    """One line of `control.jsonl`.

    Attributes:
        do: `rotate-key`: the member changes its signing key. `reload`: its profile folder has
            a new certificate. `revoke`: a wallet revokes a consent of its own choice while
            inquiries run. `twice` and `once`: lenders send every statement to two nodes at
            once, and again out of order; or as usual. `attack` and `calm`: the hostile
            member, `how` says which attack; all there are if it is empty.
        member: Whom it is for; empty: everybody who knows what it means.
        at_ns: When it was written, on the histories' clock.
        about: Further words, for example `{"how": "flood"}`.
    """

    do: str
    member: str
    at_ns: int
    about: dict[str, Any] = field(default_factory=dict)


class Directions:
    """The run's file of directions, for who writes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONTROL
        self._path.touch()
        self._lock = threading.Lock()

    def tell(self, do: str, member: str = "", **about: Any) -> None:
        """Writes a direction down."""
        line = json.dumps(asdict(Direction(do, member, now_ns(), about)))
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class DirectionsReader:
    """The run's file of directions, for who follows it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONTROL
        self._read = 0

    def new(self) -> Iterator[Direction]:
        """Return the lines written since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # its end is not there yet
                self._read += len(line)
                yield Direction(**json.loads(line))


def stopping(folder: Path) -> bool:
    """True if the run is over."""
    return (folder / STOP).exists()
