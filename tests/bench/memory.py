"""Memory of the serving process; the last benchmark, so that it has seen the load."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, bench
from tests.bench.process import memory_mib


@bench("memory")
def memory(loaded: LoadedBureau) -> Iterator[Measure]:
    """Resident, beside the echo server's."""
    bare = memory_mib(loaded.echo.pid)
    yield Measure(name="memory after start", value=loaded.idle_mib, unit="MiB", baseline=bare)
    yield Measure(
        name="memory after the load",
        value=memory_mib(loaded.bureau.pid),
        unit="MiB",
        baseline=bare,
    )
