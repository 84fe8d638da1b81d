"""The rules of every method, read from the contract's method options.

Deny by default: no role opens a method without rules. Further rules (whose records,
whose signature) belong to the journeys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from creditbureau.v1 import (
    complaints_pb2,
    consents_pb2,
    directory_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    notices_pb2,
    operations_pb2,
    options_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.codes_pb2 import Role

SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for file in (
        directory_pb2,
        subjects_pb2,
        consents_pb2,
        furnishing_pb2,
        reporting_pb2,
        log_pb2,
        members_pb2,
        complaints_pb2,
        operations_pb2,
        notices_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
)


@dataclass(frozen=True, slots=True)
class Method:
    """The rules of one method.

    Attributes:
        roles: Mask of roles, one of which the member must have.
        max_bytes: Size of the largest request.
        max_seconds: Longest deadline; a client's longer deadline is cut to it.
    """

    roles: int
    max_bytes: int
    max_seconds: float


def name_of(method: MethodDescriptor) -> str:
    """Return a method's name as `Service/Method`."""
    return f"{method.containing_service.name}/{method.name}"


def _declared() -> Iterator[tuple[str, Method]]:
    for service in SERVICES:
        for method in service.methods:
            yield name_of(method), rules_of(method)


def rules_of(method: MethodDescriptor) -> Method:
    """Return the rules that a method declares."""
    return _method(method.GetOptions().Extensions[options_pb2.rules])


def _method(rules: options_pb2.MethodRules) -> Method:
    roles = [role for role in Role.values() if role] if rules.any_role else rules.roles
    mask = sum(1 << role for role in set(roles))
    return Method(mask, rules.max_request_bytes, rules.max_seconds)


METHODS: dict[str, Method] = dict(_declared())

# Size of the largest request of all methods, in bytes; gRPC itself ends a call with a
# larger one.
MAX_REQUEST_BYTES = max(method.max_bytes for method in METHODS.values())
