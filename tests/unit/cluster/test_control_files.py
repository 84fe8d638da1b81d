"""What topology and workers tell each other, and what a person sees of it."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.control_files import (
    CONTROL,
    STOP,
    Directions,
    DirectionsReader,
    MemberAt,
    NodeAt,
    TopologyMap,
    WitnessAt,
    stopping,
)
from tests.cluster.history import History, Operation, Outcome, now_ns
from tests.cluster.rates import HistoryReader


def test_the_map_is_read_as_it_was_written(tmp_path: Path) -> None:
    node = NodeAt("node-1", "127.0.0.1:1", "127.0.0.1:2")
    topology = TopologyMap(
        seed=7,
        origin="here/log",
        jurisdiction="US",
        nodes=[node],
        directory=node,
        members=[MemberAt("lender-1", "lender", "a", "b", ["furnisher"])],
        witnesses=[WitnessAt("witness-a", "http://127.0.0.1:3", "key")],
        database_url="postgresql://x",
        servers={"postgres-a": "postgresql://y"},
    )
    topology.save(tmp_path)
    assert TopologyMap.load(tmp_path) == topology
    assert [one.member_id for one in topology.of_kind("lender")] == ["lender-1"]


def test_directions_are_read_once_and_whole(tmp_path: Path) -> None:
    reader = DirectionsReader(tmp_path)
    assert list(reader.new()) == []
    directions = Directions(tmp_path)
    directions.tell("rotate-key", "lender-1")
    directions.tell("attack", "hostile", how="flood")
    assert [(direction.do, direction.member) for direction in reader.new()] == [
        ("rotate-key", "lender-1"),
        ("attack", "hostile"),
    ]
    with (tmp_path / CONTROL).open("a") as file:
        file.write('{"do": "calm", "member": "hostile", ')
        file.flush()
        assert list(reader.new()) == []
        file.write('"at_ns": 1, "about": {}}\n')
    assert [direction.do for direction in reader.new()] == ["calm"]


def test_the_run_is_over_when_it_says_so(tmp_path: Path) -> None:
    assert not stopping(tmp_path)
    (tmp_path / STOP).touch()
    assert stopping(tmp_path)


def test_the_rates_count_each_operation_once(tmp_path: Path) -> None:
    reader, history = HistoryReader(tmp_path), History(tmp_path, "lender-1")

    def add(kind: str, outcome: Outcome, took_ms: int) -> None:
        ended = now_ns()
        begun = ended - took_ms * 1_000_000
        history.add(Operation("lender-1", kind, "", outcome, begun, ended))

    for took_ms in range(1, 101):
        add("submit", Outcome.OK, took_ms)
    add("query", Outcome.FAILED, 1)
    add("watch", Outcome.OK, 60_000)  # a stream says nothing of speed
    rates = reader.rates()
    assert rates.outcomes == {"ok": 100, "failed": 1}
    assert rates.per_second == 10.0
    assert rates.p99_ms == 99.0
    add("query", Outcome.UNKNOWN, 1)
    assert reader.rates().outcomes == {"ok": 100, "failed": 1, "unknown": 1}
    history.close()
