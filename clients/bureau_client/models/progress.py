"""Progress of a long operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a long operation.

    Attributes:
        done: Units finished: records, identifiers, leaves.
        total: Units in all; None if unknown before the end.
        elapsed: Time since the operation began.
    """

    done: int
    total: int | None
    elapsed: timedelta

    @property
    def left(self) -> timedelta | None:
        """Time left at this pace, in whole seconds; None if unknown."""
        if not self.total or not self.done:
            return None
        seconds = self.elapsed.total_seconds() * (self.total - self.done) / self.done
        return timedelta(seconds=max(0, round(seconds)))


OnProgress: TypeAlias = Callable[[Progress], None]
