"""A discrete-event model of nodes that share a database and take turns at the head row.

A node is one processor core, as Python has it. A request uses its node and the database
in turns, then waits for its node's writer. The writer takes what waits, runs the units one
after another, asks for the head row, appends, waits for the disk, and lets all of them go:
`bureau/ledger/commit_queue.py` in a few lines. Times are seconds; the same seed gives the same
run.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from tests.scale.costs import CallCost

# As in bureau/ledger/commit_queue.py.
MAX_BATCH = 256
# Of a unit's time in the writer, what the node computes; the rest is the database's.
NODE_SHARE = 0.5
# What a request does before its unit, of all that it does outside the writer.
BEFORE = 0.8

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated.

    Attributes:
        nodes: Each one core.
        database_cores: Of the database.
        standby_s: Added to each commit: the way to a synchronous standby and its disk.
        machine_cores: Cores that nodes, database and callers share; 0 if each machine has
            its own.
        caller_s: Processor time of a caller for one call, where it shares them.
    """

    cost: CallCost
    nodes: int
    database_cores: int
    standby_s: float = 0.0
    machine_cores: int = 0
    caller_s: float = 0.0


@dataclass(slots=True)
class Result:
    """What came of it.

    Attributes:
        rate: Requests answered a second.
        latencies_s: Of each, from its arrival.
        commits: How many there were.
        head_busy: Share of the time in which the head row was held.
        nodes_busy: Share of the nodes' cores in use.
        database_busy: Share of the database's.
    """

    rate: float = 0
    latencies_s: list[float] = field(default_factory=list)
    commits: int = 0
    head_busy: float = 0
    nodes_busy: float = 0
    database_busy: float = 0

    def percentile_s(self, share: float) -> float:
        """The latency that so large a share does not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def batch(self) -> float:
        """Statements in a commit, on average."""
        return len(self.latencies_s) / max(self.commits, 1)


class Bureau:
    """Nodes, a database, a head row."""

    def __init__(self, setting: Setting, seed: int) -> None:
        self.env = simpy.Environment()
        self.result = Result()
        self._setting = setting
        self._dice = random.Random(seed)
        self._database = simpy.Resource(self.env, setting.database_cores)
        self._head = simpy.Resource(self.env)
        self._machine = simpy.Resource(self.env, setting.machine_cores or 1 << 30)
        self._caller = simpy.Resource(self.env)
        self._nodes = [simpy.Resource(self.env) for _ in range(setting.nodes)]
        self._waiting: list[simpy.Store] = [simpy.Store(self.env) for _ in range(setting.nodes)]
        self._busy = {"head": 0.0, "node": 0.0, "database": 0.0, "caller": 0.0}
        cost = setting.cost
        # What is left outside the writer, of all that a call costs.
        inside = cost.unit_s + cost.head_unit_s
        self._node_outside = max(cost.node_s - inside * NODE_SHARE, 0)
        self._database_outside = max(cost.database_s - inside * (1 - NODE_SHARE), 0)
        for node in range(setting.nodes):
            self.env.process(self._write(node))

    def open_loop(self, rate: float, seconds: float) -> Result:
        """Requests arrive at a rate, whatever becomes of those before them."""
        self.env.process(self._arrive(rate))
        return self._run(seconds)

    def closed_loop(self, callers: int, seconds: float) -> Result:
        """So many callers, each sending its next request when it has an answer."""
        for caller in range(callers):
            self.env.process(self._call_on(caller % self._setting.nodes))
        return self._run(seconds)

    def _run(self, seconds: float) -> Result:
        self.env.run(until=seconds)
        result = self.result
        result.rate = len(result.latencies_s) / seconds
        result.head_busy = self._busy["head"] / seconds
        result.nodes_busy = self._busy["node"] / seconds / self._setting.nodes
        result.database_busy = self._busy["database"] / seconds / self._setting.database_cores
        return result

    def _arrive(self, rate: float) -> Steps:
        number = 0
        while True:
            yield self.env.timeout(self._dice.expovariate(rate))
            self.env.process(self._request(number % self._setting.nodes))
            number += 1

    def _call_on(self, node: int) -> Steps:
        while True:
            yield from self._use(self._caller, "caller", self._setting.caller_s)
            yield self.env.process(self._request(node))

    def _request(self, node: int) -> Steps:
        since = self.env.now
        yield from self._use(self._nodes[node], "node", self._node_outside * BEFORE)
        yield from self._use(self._database, "database", self._database_outside)
        done = self.env.event()
        yield self._waiting[node].put(done)
        yield done
        yield from self._use(self._nodes[node], "node", self._node_outside * (1 - BEFORE))
        self.result.latencies_s.append(self.env.now - since)

    def _write(self, node: int) -> Steps:
        cost, waiting = self._setting.cost, self._waiting[node]
        while True:
            first = yield waiting.get()
            batch = [first]
            while waiting.items and len(batch) < MAX_BATCH:
                batch.append((yield waiting.get()))
            for _ in batch:
                yield from self._turns(node, cost.unit_s)
            with self._head.request() as turn:
                yield turn
                since = self.env.now
                yield from self._turns(node, cost.head_unit_s * len(batch))
                yield self.env.timeout(cost.head_fixed_s + self._setting.standby_s)
                self._busy["head"] += self.env.now - since
            self.result.commits += 1
            for done in batch:
                done.succeed()

    def _turns(self, node: int, seconds: float) -> Steps:
        """Node and database, one after the other."""
        yield from self._use(self._nodes[node], "node", seconds * NODE_SHARE)
        yield from self._use(self._database, "database", seconds * (1 - NODE_SHARE))

    def _use(self, resource: simpy.Resource, name: str, seconds: float) -> Steps:
        with resource.request() as turn:
            yield turn
            with self._machine.request() as core:
                yield core
                yield self.env.timeout(seconds)
        self._busy[name] += seconds


def head_limit(cost: CallCost, standby_s: float = 0.0) -> float:
    """Statements a second at which the head row is always held, commits being full."""
    held = cost.head_fixed_s + standby_s + cost.head_unit_s * MAX_BATCH
    return MAX_BATCH / held
