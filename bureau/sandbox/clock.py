"""The clock of a sandbox: it can be moved forward and frozen, and its clients read its file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from bureau.calendar import utc
from bureau.clock import Clock
from bureau_keys.sandbox_clock import ClockState


@dataclass(slots=True)
class SandboxClock(Clock):
    """A clock whose state is kept in a file.

    Attributes:
        path: The file; None keeps it nowhere, before the folder exists.
        frozen_us: Time at which the clock stands still; 0 while it runs.
    """

    path: Path | None = None
    frozen_us: int = 0
    _changing: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def load(cls, path: Path) -> SandboxClock:
        """Return the clock as its file has it.

        Raises:
            ValueError: The file is missing, or holds no state.
        """
        state = ClockState.load(path)
        return cls(
            offset_us=state.offset_us,
            until_us=state.until_us,
            path=path,
            frozen_us=state.frozen_us,
        )

    @property
    def state(self) -> ClockState:
        """The state that clients read."""
        return ClockState(self.offset_us, self.frozen_us, self.until_us)

    def own_us(self) -> int:
        """Return the sandbox's time; frozen, it is the same at each call."""
        return self.frozen_us or Clock.own_us(self)

    def advance(self, ahead_us: int) -> None:
        """Move the clock forward.

        Raises:
            ValueError: The time is beyond the end of the certificates.
        """
        with self._changing:
            if self.now_us() + ahead_us > self.until_us:
                raise ValueError(f"the certificates end on {utc(self.until_us).date()}")
            if self.frozen_us:
                self.frozen_us += ahead_us
            else:
                self.offset_us += ahead_us
            self._save()

    def freeze(self) -> None:
        """Let the clock stand still at its present time."""
        with self._changing:
            self.frozen_us = self.frozen_us or self.now_us()
            self._save()

    def resume(self) -> None:
        """Let a frozen clock run on from its present time."""
        with self._changing:
            if self.frozen_us:
                self.offset_us = self.frozen_us - self.machine_us()
                self.frozen_us = 0
                self._save()

    def _save(self) -> None:
        if self.path is not None:
            self.state.save(self.path)
