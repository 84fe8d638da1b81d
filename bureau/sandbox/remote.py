"""The operator's client of a sandbox's node: clock and snapshots."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from bureau.admin.operator import READ_S, CallError, Operator
from bureau.sandbox.folder import SandboxFolder
from bureau_keys.profile import Profile
from creditbureau.sandbox.v1 import sandbox_pb2 as pb
from creditbureau.sandbox.v1.sandbox_pb2_grpc import SandboxStub

# Seconds that a move of the clock may take, with all months on the way.
ADVANCE_S = 600.0
SNAPSHOT_S = 60.0
POLL_S = 0.1
# Status of a call to a node that stops, and to none.
AWAY = ("CANCELLED", "UNAVAILABLE")


class SandboxOperator(Operator):
    """The operator of a sandbox."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._sandbox = SandboxStub(self._channel)

    @classmethod
    def of(cls, folder: SandboxFolder) -> SandboxOperator:
        """Return the operator of a folder, connecting to where its node listens."""
        return cls(Profile.load(folder.path / "operator"))

    def clock(self) -> pb.Clock:
        """Return the clock."""
        return self._call(self._sandbox.GetClock, pb.GetClockRequest(), READ_S).clock

    def advance(self, ahead: timedelta) -> pb.AdvanceClockResponse:
        """Move the clock forward; return it with the months furnished on the way."""
        request = pb.AdvanceClockRequest(seconds=int(ahead.total_seconds()))
        answer: pb.AdvanceClockResponse = self._call(self._sandbox.AdvanceClock, request, ADVANCE_S)
        return answer

    def freeze(self, *, frozen: bool) -> pb.Clock:
        """Freeze the clock, or let it run."""
        request = pb.FreezeClockRequest(frozen=frozen)
        return self._call(self._sandbox.FreezeClock, request, READ_S).clock

    def save_snapshot(self, name: str) -> int:
        """Save a snapshot; return the size of its log."""
        request = pb.SaveSnapshotRequest(name=name)
        return self._call(self._sandbox.SaveSnapshot, request, SNAPSHOT_S).tree_size

    def restore_snapshot(self, name: str) -> pb.Clock:
        """Restore a snapshot; return the clock once the node serves it.

        Raises:
            CallError: The node refuses, or does not come back in time.
        """
        request = pb.RestoreSnapshotRequest(name=name)
        wanted = self._call(self._sandbox.RestoreSnapshot, request, SNAPSHOT_S).generation
        end = time.monotonic() + SNAPSHOT_S
        while True:
            try:
                clock = self.clock()
            except CallError as error:
                if error.status not in AWAY or time.monotonic() > end:
                    raise
            else:
                if clock.generation >= wanted:
                    return clock
            time.sleep(POLL_S)


def shown(clock: pb.Clock) -> dict[str, Any]:
    """Return the fields of a clock, for a table."""
    time_shown = clock.time.ToDatetime().isoformat(timespec="seconds") + "Z"
    return {"time": time_shown, "frozen": clock.frozen}
