"""The events of a run, one line each: faults, their ends, starts and exits.

On the same clock as the histories, so that a report can lay both side by side.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.history import now_ns

FILE = "timeline.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        at_ns: When, on the machine's monotonic clock.
        kind: `phase`, `fault`, `healed`, `started` or `ended`.
        name: Which phase, fault or process. A fault's end has the fault's name and number.
        number: Of a fault, its place in the schedule; else 0.
        about: Details, for people.
    """

    at_ns: int
    kind: str
    name: str
    number: int = 0
    about: dict[str, Any] = field(default_factory=dict)


class Timeline:
    """The run's file of events; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()

    def tell(self, kind: str, name: str, number: int = 0, **about: Any) -> Event:
        """Writes down what happens now."""
        event = Event(now_ns(), kind, name, number, about)
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")
        return event


def read_timeline(folder: Path) -> Iterator[Event]:
    """Every event, in order."""
    with (folder / FILE).open(encoding="utf-8") as lines:
        for line in lines:
            yield Event(**json.loads(line))
