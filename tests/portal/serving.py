"""Serve the portal on a free port, as its command line serves it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from bureau.testing import free_port
from bureau_portal.app import PAGES, Page, application
from bureau_portal.site import Portal
from bureau_portal.staff.profiles import Staff
from tests.service.scenario import Scenario


@contextmanager
def served(
    scenario: Scenario, pages: Sequence[Page] = PAGES, staff: Sequence[Staff] = ()
) -> Iterator[Portal]:
    """The portal of the scenario's agent, and of the staff of further profiles."""
    port = free_port()
    profile = replace(scenario.agent, memory_folder=None)
    portal = Portal(
        profile,
        f"http://localhost:{port}",
        clock=scenario.now,
        staff={each.name: each for each in staff},
    )
    config = uvicorn.Config(
        application(portal, pages),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield portal
    server.should_exit = True
    thread.join(30)
    portal.sessions.close()
