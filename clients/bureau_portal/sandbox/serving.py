"""Serve the portal beside the node of a sandbox, as a part of it."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvicorn

from bureau.parts import Part
from bureau.sandbox.folder import SandboxFolder
from bureau.sandbox.world import AGENT, LENDERS
from bureau_keys.profile import Profile
from bureau_portal.app import PAGES, application
from bureau_portal.sandbox.people import pages_of
from bureau_portal.site import Portal, clock_of
from bureau_portal.staff import table
from bureau_portal.staff.profiles import Staff

# Seconds that the answers under way get at the end, and that the thread gets after them.
GRACE_S, JOIN_S = 2, 10.0
# Seconds between two looks at a server that starts.
LOOK_S = 0.01


def part(folder: Path, address: str, listener: socket.socket) -> Part:
    """Return the portal of a sandbox as a part of it.

    Args:
        folder: Folder of the sandbox, whose agent and people are there.
        address: Address at which the sandbox's node listens.
        listener: The bound socket; a start takes a copy of it.

    Raises:
        FolderError: The folder is no sandbox.
    """
    serving = _Serving(SandboxFolder.open(folder), address, listener)
    return Part("portal", serving.start, serving.stop)


@dataclass(slots=True)
class _Serving:
    folder: SandboxFolder
    address: str
    listener: socket.socket
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        """Serve.

        Raises:
            RuntimeError: The server ended before it served.
        """
        portal = self._portal()
        config = uvicorn.Config(
            application(portal, (*PAGES, *table.PAGES, *pages_of(self.folder))),
            access_log=False,
            server_header=False,
            # The log of the sandbox's process goes on as it is configured.
            log_config=None,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = server = uvicorn.Server(config)
        sockets = [self.listener.dup()]
        self._thread = thread = threading.Thread(
            target=server.run, kwargs={"sockets": sockets}, name="portal", daemon=True
        )
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the portal's server ended before it served")
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Stop serving; all sessions end."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(JOIN_S)

    def _portal(self) -> Portal:
        port = self.listener.getsockname()[1]
        agent = self._reached(self.folder.profile(AGENT))
        operator = self._reached(Profile.load(self.folder.path / "operator"))
        members = [operator, *(self._reached(self.folder.profile(name)) for name in LENDERS)]
        clock = clock_of(agent)
        return Portal(
            agent,
            f"http://localhost:{port}",
            clock=clock,
            is_sandbox=True,
            # Without a code: everybody may enter a sandbox.
            staff={each.member_id: Staff(each, clock, "") for each in members},
        )

    def _reached(self, profile: Profile) -> Profile:
        """Return a profile at the node's address, without the memory of the folder, which belongs
        to the sandbox's user.
        """
        return replace(profile, addresses=(self.address,), memory_folder=None)
