"""How far a long operation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long operation is.

    Attributes:
        done: Units finished: records, identifiers, leaves.
        total: Units in all; None where that is not known before the end.
        elapsed: Since the operation began.
    """

    done: int
    total: int | None
    elapsed: timedelta

    @property
    def left(self) -> timedelta | None:
        """How long the rest takes at this pace, in whole seconds; None where nobody knows."""
        if not self.total or not self.done:
            return None
        seconds = self.elapsed.total_seconds() * (self.total - self.done) / self.done
        return timedelta(seconds=max(0, round(seconds)))


OnProgress: TypeAlias = Callable[[Progress], None]
