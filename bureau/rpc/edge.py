"""The additions of a sandbox to the edge of its node. A production node has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from bureau.rpc.call_log import CallLog
from bureau.rpc.servicer import Servicer


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
