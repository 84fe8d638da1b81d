"""A seed gives one schedule: each fault alone, then several that do not meet."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cluster.faults import CATALOGUE, Cast
from tests.cluster.options import UnknownFaultError, named, parse
from tests.cluster.schedule import REST_S, Planned, plan

LONG_S = 1800.0

casts = st.integers(2, 5).map(
    lambda count: Cast(
        nodes=tuple(f"node-{n}" for n in range(count)),
        serving=(*(f"node-{n}" for n in range(count)), "directory"),
        lenders=("lender-1", "lender-2"),
        witnesses=("witness-a",),
    )
)
some_names = st.lists(st.sampled_from(list(CATALOGUE)), min_size=1, unique=True)
seeds = st.integers(0, 2**32)


@settings(max_examples=30)
@given(seeds, some_names, casts, st.floats(30, 900))
def test_it_repeats(seed: int, names: list[str], cast: Cast, seconds: float) -> None:
    assert plan(seed, names, cast, seconds) == plan(seed, names, cast, seconds)


@settings(max_examples=30)
@given(seeds, casts)
def test_each_comes_alone_first(seed: int, cast: Cast) -> None:
    faults = plan(seed, list(CATALOGUE), cast, LONG_S)
    alone = faults[: len(CATALOGUE)]
    assert {planned.name for planned in alone} == set(CATALOGUE)
    assert len({planned.round for planned in alone}) == len(CATALOGUE)
    later = faults[len(CATALOGUE) :]
    assert any(one.round == other.round for one, other in pairwise(later))


@settings(max_examples=30)
@given(seeds, some_names, casts, st.floats(30, 900))
def test_rounds_rest_and_end_in_time(
    seed: int, names: list[str], cast: Cast, seconds: float
) -> None:
    faults = plan(seed, names, cast, seconds)
    assert [planned.number for planned in faults] == list(range(1, len(faults) + 1))
    for one, next_one in pairwise(faults):
        assert one.start_s <= next_one.start_s
        if one.round != next_one.round:
            ends = [planned.end_s for planned in faults if planned.round == one.round]
            assert next_one.start_s >= max(ends) + REST_S
    assert all(planned.end_s + REST_S <= seconds for planned in faults)


@settings(max_examples=30)
@given(seeds, casts)
def test_faults_at_once_share_nothing_and_leave_a_node(seed: int, cast: Cast) -> None:
    rounds: dict[int, list[Planned]] = {}
    for planned in plan(seed, list(CATALOGUE), cast, LONG_S):
        rounds.setdefault(planned.round, []).append(planned)
    for together in rounds.values():
        for one, other in combinations(together, 2):
            assert not one.fault.takes & other.fault.takes
        if len(together) > 1:
            taken = frozenset().union(*(planned.fault.takes for planned in together))
            assert set(cast.nodes) - taken


def test_seeds_differ() -> None:
    cast = Cast(("node-1", "node-2", "node-3"), ("node-1", "directory"), ("lender-1",))
    assert plan(1, list(CATALOGUE), cast, 300) != plan(2, list(CATALOGUE), cast, 300)


def test_the_command_repeats_the_run() -> None:
    words = ["--seed", "11", "--minutes", "2", "--faults", "kill-node,failover", "--nodes", "2"]
    options = parse(words)
    assert options is not None
    assert options.seconds == 120
    arguments = options.command.partition("ARGS=")[2].strip("'").split()
    assert parse(arguments) == options


def test_an_unknown_fault_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownFaultError, match="no such fault: meteor; there are kill-node"):
        named("kill-node,meteor")
    assert named("none") == ()
