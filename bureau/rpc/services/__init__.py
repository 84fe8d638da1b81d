"""The servicers: one file a service, typed by the interfaces generated from the protos.

Each is `final`, so that mypy reports a method of the contract that it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from bureau.rpc.guard import AnyHandler, Guard
from bureau.rpc.methods import SERVICES
from bureau.rpc.servicer import Servicer
from bureau.rpc.services.complaints import Complaints
from bureau.rpc.services.consents import Consents
from bureau.rpc.services.directory import Directory
from bureau.rpc.services.furnishing import Furnishing
from bureau.rpc.services.log import Log
from bureau.rpc.services.members import Members
from bureau.rpc.services.reporting import Reporting
from bureau.rpc.services.subjects import Subjects

SERVICERS: dict[str, type[Servicer]] = {
    "Directory": Directory,
    "Subjects": Subjects,
    "Consents": Consents,
    "Furnishing": Furnishing,
    "Reporting": Reporting,
    "Log": Log,
    "Members": Members,
    "Complaints": Complaints,
}


def handlers(guard: Guard, served: Iterable[str]) -> list[grpc.GenericRpcHandler]:
    """Return the gRPC handlers of the services named."""
    wanted = set(served)
    return [
        handler_of(guard, service, SERVICERS[service.name])
        for service in SERVICES
        if service.name in wanted
    ]


def handler_of(
    guard: Guard, service: ServiceDescriptor, servicer: type[Servicer]
) -> grpc.GenericRpcHandler:
    """Return the gRPC handler of a service."""

    def handler(method: MethodDescriptor) -> AnyHandler:
        if method.server_streaming:
            return guard.stream_handler(method, servicer)
        return guard.unary_handler(method, servicer)

    return grpc.method_handlers_generic_handler(
        service.full_name, {method.name: handler(method) for method in service.methods}
    )
