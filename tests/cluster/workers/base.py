"""The base of every worker: its name, random numbers, pace and journal."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bureau_client import Profile, RetryPolicy
from tests.cluster.control_files import Direction, DirectionsReader, MemberAt, TopologyMap, stopping
from tests.cluster.history import History
from tests.cluster.timeline import Timeline
from tests.cluster.workers.journal import Journal

SETTLE_PAUSE_S = 0.2
# An honest member's patience is short here: a run has many faults to see.
HURRIED = RetryPolicy(
    read_seconds=3,
    write_seconds=4,
    bulk_seconds=4,
    stream_seconds=4,
    attempts=4,
    longest_pause_seconds=1,
)


@dataclass
class WorkerBase:
    """One worker's.

    Attributes:
        folder: The run's.
        name: The worker's.
        topology: Where everything is.
        member: In whose name it works.
        rate: Operations a second.
        chance: Its dice, from the run's seed and its name.
        journal: What it writes down.
    """

    folder: Path
    name: str
    topology: TopologyMap
    member: MemberAt
    rate: float
    chance: random.Random = field(init=False)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.topology.seed} {self.name}")
        self.journal = Journal(self.name, History(self.folder, self.name))
        self._timeline = Timeline(self.folder)
        self._directions = DirectionsReader(self.folder)

    def started(self) -> None:
        """Writes on the time line that the worker has all it needs, and begins."""
        self._timeline.tell("at work", self.name)

    @property
    def over(self) -> bool:
        """True if the run ends."""
        return stopping(self.folder)

    def pace(self) -> None:
        """Waits as long as the rate wants, more or less."""
        time.sleep(self.chance.uniform(0.5, 1.5) / self.rate)

    def await_settled(self, known: Callable[[], bool]) -> None:
        """Settle open statements until something is known, or the run is over."""
        while not known() and not self.over:
            self.journal.settle_one()
            time.sleep(SETTLE_PAUSE_S)

    def dice(self, number: int) -> random.Random:
        """Dice of one of its threads."""
        return random.Random(f"{self.topology.seed} {self.name} {number}")

    def directions(self) -> Iterator[Direction]:
        """Return the directions to this worker since the last call."""
        for direction in self._directions.new():
            if direction.member in {"", self.member.member_id, self.name}:
                yield direction

    def done(self, direction: Direction, **about: Any) -> None:
        """Writes on the time line that a direction was followed."""
        self._timeline.tell("done", direction.do, by=self.name, **direction.about, **about)

    def profile(self, first: int = 0) -> Profile:
        """The member's profile as it lies there now; the node of a place comes first."""
        profile = Profile.load(self.member.profile)
        first %= len(profile.addresses)
        turned = profile.addresses[first:] + profile.addresses[:first]
        return replace(profile, addresses=turned)
