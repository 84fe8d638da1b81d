"""The entrance over HTTP, for partners that cannot speak gRPC: the Connect protocol in front of
the same handlers, so of the same guard ([ADR 0031](docs/adr/0031-http-is-connect.md)).

It needs the extra `http`, and is loaded where it is switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bureau.config import Settings
from bureau.rpc.limits import MemberLimits, SharedAmounts
from bureau.rpc.services import ServedMethod

if TYPE_CHECKING:
    from bureau.rpc.http.server import HttpServer

# Modules of the extra, each of another package.
NEEDED = frozenset({"connectrpc", "h11", "protobuf", "uvicorn"})


class HttpNotInstalled(ValueError):
    """The entrance over HTTP is switched on, and a package that it needs is not installed.

    Attributes:
        fix: The operator's next step.
    """

    fix = "Install it with `pip install 'creditbureau[server,http]'`, or unset http_listen."

    def __init__(self, address: str, package: str) -> None:
        super().__init__(
            f"http_listen is {address}, and the extra `http` is not installed: no {package}"
        )


def http_entrance(
    settings: Settings,
    methods: Mapping[str, ServedMethod],
    memory: MemberLimits,
    on_fatal: Callable[[str], None],
    shared: SharedAmounts | None = None,
) -> HttpServer | None:
    """Return the server of the entrance; None if it is off, as it is by default.

    Args:
        shared: Connections under certificates to the node's other workers, which share the
            port; None for a node of one process.

    Raises:
        HttpNotInstalled: It is on, and its extra is not installed.
    """
    if not settings.http_listen:
        return None
    try:
        from bureau.rpc.http.server import HttpServer  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDED:
            raise
        raise HttpNotInstalled(settings.http_listen, error.name) from error
    return HttpServer(settings, methods, memory, on_fatal, shared)
