"""The nemesis carries a schedule out in its order, and starts what ended by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cluster.faults import Fault
from tests.cluster.nemesis import FaultError, Nemesis
from tests.cluster.schedule import Planned
from tests.cluster.timeline import Timeline, read_timeline
from tests.cluster.topology.topology import Topology


@dataclass(frozen=True)
class Noted(Fault):
    """Takes its time, and may fail."""

    name: str
    takes_s: float = 0.0
    fails: str = ""

    @property
    def takes(self) -> frozenset[str]:
        return frozenset({self.name})

    def inject(self, topology: Topology) -> None:
        del topology
        self._act("inject")

    def heal(self, topology: Topology) -> None:
        del topology
        self._act("heal")

    def _act(self, what: str) -> None:
        time.sleep(self.takes_s)
        if self.fails == what:
            raise OSError("the machine is gone")


def topology_of(folder: Path, *nodes: Any) -> Topology:
    fake: Any = SimpleNamespace(timeline=Timeline(folder), serving=nodes)
    topology: Topology = fake
    return topology


def planned(number: int, fault: Noted, start_s: float, length_s: float, round_: int = 1) -> Planned:
    return Planned(number, fault.name, fault, start_s, length_s, round_)


def events(folder: Path) -> list[tuple[str, int]]:
    return [(event.kind, event.number) for event in read_timeline(folder)]


def test_what_takes_long_moves_the_rest_and_keeps_the_order(tmp_path: Path) -> None:
    schedule = [
        planned(1, Noted("slow", takes_s=0.5), 0.0, 0.0),
        planned(2, Noted("next"), 0.1, 0.1, 2),
        planned(3, Noted("beside"), 0.15, 0.2, 2),
    ]
    Nemesis(topology_of(tmp_path), schedule).run(0.0)
    assert events(tmp_path) == [
        ("fault", 1),
        ("healed", 1),
        ("fault", 2),
        ("fault", 3),
        ("healed", 2),
        ("healed", 3),
    ]


def test_a_fault_that_cannot_be_begun_ends_the_run(tmp_path: Path) -> None:
    schedule = [
        planned(1, Noted("runs"), 0.0, 60.0),
        planned(2, Noted("breaks", fails="inject"), 0.1, 60.0),
    ]
    nemesis = Nemesis(topology_of(tmp_path), schedule)
    with pytest.raises(FaultError, match="breaks could not be begun: the machine is gone"):
        nemesis.run(60.0)
    assert events(tmp_path) == [("fault", 1), ("fault", 2)]
    assert set(nemesis.running) == {1, 2}


def test_a_node_that_ended_by_itself_is_started_again(tmp_path: Path) -> None:
    process = SimpleNamespace(alive=False, exit_code=7)
    node = SimpleNamespace(name="node-1", wanted=True, process=process)
    node.start = lambda: setattr(process, "alive", True)
    meant = SimpleNamespace(name="node-2", wanted=False, process=process)
    Nemesis(topology_of(tmp_path, node, meant), []).run(0.3)
    (event,) = read_timeline(tmp_path)
    assert (event.kind, event.name, event.about) == ("revived", "node-1", {"code": 7})
