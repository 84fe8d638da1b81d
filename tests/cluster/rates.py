"""Rates of the last seconds, from the histories that workers write."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.history import Outcome, now_ns

WINDOW_S = 10.0
# Streams stay open until a deadline ends them, and a review is of many calls: no latencies.
STREAMS = frozenset({"watch", "alert", "consent-change", "review"})
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of the last WINDOW_S seconds.

    Attributes:
        per_second: Operations acknowledged a second.
        p99_ms: Milliseconds that 99 of 100 acknowledged operations took at most.
        outcomes: Operations of the whole run by outcome.
    """

    per_second: float
    p99_ms: float
    outcomes: Counter[str]


@dataclass(slots=True)
class HistoryReader:
    """The reader of the histories in a run's folder."""

    folder: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    _read: dict[Path, int] = field(default_factory=dict)
    _recent: deque[tuple[int, int]] = field(default_factory=deque)

    def rates(self) -> Rates:
        """Read the lines written since the last call, and return the rates."""
        for path in self.folder.glob("history-*.jsonl"):
            self._follow(path)
        horizon = now_ns() - int(WINDOW_S * NS)
        while self._recent and self._recent[0][0] < horizon:
            self._recent.popleft()
        took = sorted(took_ns for _, took_ns in self._recent)
        p99_ns = took[int(0.99 * (len(took) - 1))] if took else 0
        return Rates(len(took) / WINDOW_S, p99_ns / 1e6, self.outcomes)

    def _follow(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    break  # not yet written to its end
                self._read[path] = self._read.get(path, 0) + len(line)
                operation = json.loads(line)
                if operation["kind"] in STREAMS:
                    continue
                self.outcomes[operation["outcome"]] += 1
                if operation["outcome"] == Outcome.OK:
                    begun, ended = operation["begin_ns"], operation["end_ns"]
                    self._recent.append((ended, ended - begun))
