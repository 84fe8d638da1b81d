"""Carries a schedule out, and watches over services as a service manager does."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence

from tests.cluster.schedule import Planned
from tests.cluster.topology.topology import Topology

TICK_S = 0.2


class FaultError(Exception):
    """The harness could not begin a fault, or could not end it."""


class Nemesis:
    """Breaks a topology as planned, and mends it."""

    def __init__(self, topology: Topology, schedule: Sequence[Planned]) -> None:
        self._topology = topology
        self._schedule = schedule
        self.running: dict[int, Planned] = {}

    def run(self, seconds: float) -> None:
        """Carries everything out, and returns when so many seconds are over.

        Raises:
            FaultError: A fault could not be begun or healed; what runs, runs on.
        """
        begun = time.monotonic()
        agenda = [(planned.start_s, planned.number, planned) for planned in self._schedule]
        heapq.heapify(agenda)
        while agenda or time.monotonic() - begun < seconds:
            now_s = time.monotonic() - begun
            if agenda and agenda[0][0] <= now_s:
                _, number, planned = heapq.heappop(agenda)
                if number in self.running:
                    took_s = self._heal(planned)
                else:
                    took_s = self._inject(planned)
                    heapq.heappush(agenda, (now_s + planned.length_s, number, planned))
                # What takes long moves all that comes after it; the order stays.
                agenda = [(at_s + took_s, other, later) for at_s, other, later in agenda]
            else:
                self._watch_over()
                time.sleep(TICK_S)

    def _inject(self, planned: Planned) -> float:
        about = {"how": vars(planned.fault), "planned_s": planned.start_s}
        self._topology.timeline.tell("fault", planned.name, planned.number, **about)
        self.running[planned.number] = planned
        return self._carry_out(planned, planned.fault.inject, "begun")

    def _heal(self, planned: Planned) -> float:
        took_s = self._carry_out(planned, planned.fault.heal, "healed")
        del self.running[planned.number]
        self._topology.timeline.tell(
            "healed", planned.name, planned.number, took_s=round(took_s, 1)
        )
        return took_s

    def _carry_out(self, planned: Planned, act: Callable[[Topology], None], what: str) -> float:
        begun = time.monotonic()
        try:
            act(self._topology)
        except Exception as error:
            raise FaultError(f"{planned.name} could not be {what}: {error}") from error
        return time.monotonic() - begun

    def _watch_over(self) -> None:
        """Starts what ended by itself."""
        for node in self._topology.serving:
            if node.wanted and not node.process.alive:
                self._topology.timeline.tell("revived", node.name, code=node.process.exit_code)
                node.start()
