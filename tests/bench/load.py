"""The load: requests made beforehand, sent by several callers at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.bench.fixture import Call
from tests.bench.process import cpu_seconds

CALLERS = 16


@dataclass(slots=True)
class Load:
    """The figures of a server under load.

    Attributes:
        seconds: On the wall.
        server_seconds: Processor time that the server used.
        latencies_ms: Of each call.
        last: The last answer.
    """

    seconds: float = 0
    server_seconds: float = 0
    latencies_ms: list[float] = field(default_factory=list)
    last: bytes = b""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def rate_of_processor(self) -> float:
        """Calls that the server did in a second of its processor time: what other
        processes on the machine take does not count.
        """
        return len(self.latencies_ms) / self.server_seconds

    def run(self, pid: int, call: Call, requests: Sequence[bytes], callers: int = CALLERS) -> None:
        """Sends all requests to a server's process; a status other than OK raises."""

        def send(part: Sequence[bytes]) -> tuple[list[float], bytes]:
            took, answer = [], b""
            for request in part:
                before = time.perf_counter()
                answer = call(request)
                took.append((time.perf_counter() - before) * 1000)
            return took, answer

        started, used = time.perf_counter(), cpu_seconds(pid)
        if callers == 1:
            answers = [send(requests)]
        else:
            with ThreadPoolExecutor(callers) as pool:
                answers = list(pool.map(send, [requests[i::callers] for i in range(callers)]))
        self.seconds += time.perf_counter() - started
        self.server_seconds += cpu_seconds(pid) - used
        for took, answer in answers:
            self.latencies_ms += took
            self.last = answer
