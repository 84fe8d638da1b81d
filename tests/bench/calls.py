"""Figures of calls: the bureau's and, by turns, the bare echo's of the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.fixture import Call, LoadedBureau
from tests.bench.load import CALLERS, Load
from tests.bench.measure import Measure, Target, percentile

# Makes so many fresh requests.
Requests = Callable[[int], list[bytes]]

# Calls one after another in each round: the latency of a bureau that is not busy.
ALONE = 50


def against_echo(
    loaded: LoadedBureau,
    name: str,
    call: Call,
    requests: Requests,
    *,
    target: Target | None = None,
    share: float = 1.0,
    callers: int = CALLERS,
    per_call: int = 1,
) -> Iterator[Measure]:
    """Rates and latencies of a method beside the echo's.

    Bureau and echo take turns, so that what else the machine does falls on both.

    Args:
        name: What the calls are.
        requests: Is called outside the figure.
        target: Aimed at for the rate.
        share: Of the usual number of calls.
        callers: How many call at once.
        per_call: How many things one call does.
    """
    count = max(int(loaded.size.calls * share), 2 * callers)
    echo = loaded.echo_of(name.replace(" ", "-"), call(requests(1)[0]))
    busy, busy_echo, calm, calm_echo = Load(), Load(), Load(), Load()
    for _ in range(loaded.size.rounds):
        waiting = requests(count)
        busy.run(loaded.bureau.pid, call, waiting, callers)
        busy_echo.run(loaded.echo.pid, echo, waiting, callers)
        waiting = requests(ALONE)
        calm.run(loaded.bureau.pid, call, waiting, callers=1)
        calm_echo.run(loaded.echo.pid, echo, waiting, callers=1)

    yield Measure(
        name=name,
        value=busy.rate * per_call,
        unit="1/s",
        baseline=busy_echo.rate * per_call,
        target=target,
    )
    yield Measure(
        name=f"{name}, by processor time",
        value=busy.rate_of_processor * per_call,
        unit="1/s",
        baseline=busy_echo.rate_of_processor * per_call,
    )
    for words, load, bare in (
        (f"{callers} callers", busy, busy_echo),
        ("one caller", calm, calm_echo),
    ):
        for share_of, label in ((0.5, "p50"), (0.99, "p99")):
            yield Measure(
                name=f"{name}, {label} with {words}",
                value=percentile(load.latencies_ms, share_of),
                unit="ms",
                baseline=percentile(bare.latencies_ms, share_of),
            )
    # How much longer than most callers the unlucky wait.
    yield Measure(
        name=f"{name}, p99 beside p50 with {callers} callers",
        value=percentile(busy.latencies_ms, 0.99),
        unit="ms",
        baseline=percentile(busy.latencies_ms, 0.5),
        target=Target("ratio", "most", 3),
    )
