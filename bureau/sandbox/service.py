"""The servicer of `creditbureau.sandbox.v1.Sandbox`: clock and snapshots, for the operator."""

from __future__ import annotations

from typing import Protocol, final

import grpc

from bureau.admin.bureau_folder import FolderError
from bureau.calendar import MICROSECONDS, timestamp_of
from bureau.errors import Refusal
from bureau.rpc.servicer import Servicer
from bureau.sandbox.clock import SandboxClock
from bureau_client.models.months import Month
from creditbureau.sandbox.v1 import sandbox_pb2 as pb
from creditbureau.sandbox.v1.sandbox_pb2_grpc import SandboxServicer

SERVICE = pb.DESCRIPTOR.services_by_name["Sandbox"]


class Control(Protocol):
    """The sandbox's node, as its service needs it."""

    @property
    def clock(self) -> SandboxClock:
        """The clock."""

    @property
    def generation(self) -> int:
        """Number of snapshots restored."""

    def advance(self, ahead_us: int) -> list[Month]:
        """Move the clock; return the months furnished on the way."""

    def save_snapshot(self, name: str) -> int:
        """Save a snapshot; return the size of its log."""

    def ask_to_restore(self, name: str) -> int:
        """Ask for a snapshot, restored after the reply; return the generation that has it."""


def servicer_of(control: Control) -> type[Servicer]:
    """Return the servicer of a sandbox's node."""

    @final
    class Sandbox(Servicer, SandboxServicer):
        """The servicer of one call of Sandbox."""

        def GetClock(  # noqa: N802  (the contract's name)
            self, request: pb.GetClockRequest, context: grpc.ServicerContext
        ) -> pb.GetClockResponse:
            """Return the clock."""
            del request, context
            return pb.GetClockResponse(clock=_clock())

        def AdvanceClock(  # noqa: N802
            self, request: pb.AdvanceClockRequest, context: grpc.ServicerContext
        ) -> pb.AdvanceClockResponse:
            """Move the clock forward."""
            del context
            try:
                months = control.advance(request.seconds * MICROSECONDS)
            except ValueError as error:
                raise Refusal("WRONG_STATE", str(error)) from error
            return pb.AdvanceClockResponse(
                clock=_clock(), furnished_months=[month.number for month in months]
            )

        def FreezeClock(  # noqa: N802
            self, request: pb.FreezeClockRequest, context: grpc.ServicerContext
        ) -> pb.FreezeClockResponse:
            """Freeze the clock, or let it run."""
            del context
            if request.frozen:
                control.clock.freeze()
            else:
                control.clock.resume()
            return pb.FreezeClockResponse(clock=_clock())

        def SaveSnapshot(  # noqa: N802
            self, request: pb.SaveSnapshotRequest, context: grpc.ServicerContext
        ) -> pb.SaveSnapshotResponse:
            """Save a snapshot."""
            del context
            try:
                size = control.save_snapshot(request.name)
            except FolderError as error:
                raise Refusal("WRONG_STATE", str(error)) from error
            return pb.SaveSnapshotResponse(tree_size=size)

        def RestoreSnapshot(  # noqa: N802
            self, request: pb.RestoreSnapshotRequest, context: grpc.ServicerContext
        ) -> pb.RestoreSnapshotResponse:
            """Restore a snapshot, after the reply."""
            del context
            try:
                generation = control.ask_to_restore(request.name)
            except FileNotFoundError as error:
                raise Refusal("NOT_FOUND", str(error)) from error
            except FolderError as error:
                raise Refusal("WRONG_STATE", str(error)) from error
            return pb.RestoreSnapshotResponse(generation=generation)

    def _clock() -> pb.Clock:
        return pb.Clock(
            time=timestamp_of(control.clock.now_us()),
            frozen=control.clock.frozen_us > 0,
            generation=control.generation,
        )

    return Sandbox
