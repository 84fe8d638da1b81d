"""The portal beside the node of a sandbox, if its extra is installed.

It begins once the sandbox's agent and a person are there, and begins again after a restore: its
clients have seen a newer log than the restored one, and refuse that, as they must.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

from bureau.listen import ListenError
from bureau.parts import Part
from bureau.sandbox.node import SandboxNode
from bureau_client.cli.extras import extra

# Module that returns the portal as a part. Imported by name: the server does not need it.
MODULE = "bureau_portal.sandbox"
HOST, PORT = "127.0.0.1", 8080
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def listener_at(address: str | None) -> socket.socket:
    """Bind the port of the portal.

    Args:
        address: Host and port; None for 127.0.0.1:8080, or a free port while another program
            listens there.

    Raises:
        ListenError: The address cannot be listened at.
        ValueError: It is no host and port.
    """
    if address is None:
        with suppress(OSError):
            return socket.create_server((HOST, PORT))
        return socket.create_server((HOST, 0))
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address with a port; write 127.0.0.1:8080")
    if host.strip("[]") not in LOOPBACK:
        raise ValueError(
            f"the sandbox's portal lends keys, and serves no other machine: {address!r} is not of "
            f"this one; write 127.0.0.1:{port}"
        )
    try:
        return socket.create_server((host.strip("[]"), int(port)))
    except OSError as error:
        raise ListenError("portal-listen", address, error.strerror or str(error)) from error


@dataclass(slots=True)
class PortalBeside:
    """The portal of a node that serves.

    Attributes:
        node: The node.
        listener: The bound socket, which keeps the port through restores.
    """

    node: SandboxNode
    listener: socket.socket
    _part: Part | None = None

    @property
    def origin(self) -> str:
        """Origin of the pages, as browsers of this machine have it: they sign on no others."""
        return f"http://localhost:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        """Serve the sandbox as it is now.

        Raises:
            ValueError: The extra is not installed.
        """
        with extra("portal", "pages in a browser"):
            module = import_module(MODULE)
        part: Part = module.part(self.node.folder.path, self.node.address, self.listener)
        # Before the start, so that a stop undoes a start that failed halfway.
        self._part = part
        part.start()

    def stop(self) -> None:
        """Stop serving; the port stays bound."""
        if self._part is not None:
            self._part.stop()
            self._part = None
