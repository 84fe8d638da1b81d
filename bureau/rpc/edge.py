"""The additions of a sandbox to the edge of its node. A production node has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from bureau.rpc.call_log import CallLog
from bureau.rpc.servicer import Servicer
from bureau.rpc.services import ServedMethod


class Edge(NamedTuple):
    """Additions to the edge.

    Attributes:
        services: Servicer of each further service; its methods pass the guard, too.
        interceptor: Interceptor of every call, before the guard.
        calls: Log of calls, in place of the node's own.
    """

    services: Mapping[ServiceDescriptor, type[Servicer]]
    interceptor: grpc.ServerInterceptor
    calls: CallLog

    def intercepted(self, methods: Mapping[str, ServedMethod]) -> dict[str, ServedMethod]:
        """Return the methods behind the interceptor, for an entrance other than gRPC's, which
        calls it itself.
        """
        return {path: self._intercepted(path, served) for path, served in methods.items()}

    def _intercepted(self, path: str, served: ServedMethod) -> ServedMethod:
        handler = self.interceptor.intercept_service(lambda _details: served.handler, _Method(path))
        assert handler is not None, "the interceptor wraps every method of the contract"
        return served._replace(handler=handler)


@dataclass
class _Method:
    """The details of a call that an interceptor sees before it comes: the method."""

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...] = ()
