"""The servicers: one file a service, typed by the interfaces generated from the protos.

Each is `final`, so that mypy reports a method of the contract that it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

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
from bureau.rpc.services.notices import Notices
from bureau.rpc.services.operations import Operations
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
    "Operations": Operations,
    "Notices": Notices,
}


class ServedMethod(NamedTuple):
    """A method that a node serves, behind the guard.

    Attributes:
        descriptor: The method in the contract.
        handler: Takes one request, and returns answers, in protobuf's wire format.
    """

    descriptor: MethodDescriptor
    handler: AnyHandler


def servicers_of(served: Iterable[str]) -> dict[ServiceDescriptor, type[Servicer]]:
    """Return the servicers of the services named."""
    wanted = set(served)
    return {service: SERVICERS[service.name] for service in SERVICES if service.name in wanted}


def served_methods(
    guard: Guard, servicers: Mapping[ServiceDescriptor, type[Servicer]]
) -> dict[str, ServedMethod]:
    """Return every method of the services by its path, `/package.Service/Method`: the one table
    from which gRPC and HTTP serve.
    """
    return {
        f"/{service.full_name}/{method.name}": ServedMethod(
            method, _handler_of(guard, method, servicer)
        )
        for service, servicer in servicers.items()
        for method in service.methods
    }


def grpc_handlers(methods: Mapping[str, ServedMethod]) -> list[grpc.GenericRpcHandler]:
    """Return the gRPC handlers of the methods, one for each service."""
    by_service = groupby(methods.values(), lambda method: method.descriptor.containing_service)
    return [
        grpc.method_handlers_generic_handler(
            service.full_name, {method.descriptor.name: method.handler for method in group}
        )
        for service, group in by_service
    ]


def _handler_of(guard: Guard, method: MethodDescriptor, servicer: type[Servicer]) -> AnyHandler:
    if method.server_streaming:
        return guard.stream_handler(method, servicer)
    return guard.unary_handler(method, servicer)
