"""Serve the portal of an agent: `bureau-portal`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli.common import explain
from bureau_client.cli.extras import extra
from bureau_keys.command_line.app import one_command_of
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import run
from bureau_keys.profile import Profile
from bureau_keys.terminal import write_err


def serve(
    profile: Annotated[
        Path,
        typer.Option(
            envvar="BUREAU_PROFILE",
            metavar="DIR",
            help="Profile folder of an agent, from the operator.",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8080,
    origin: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Origin of the pages in people's browsers, for example https://credit.example; "
            "default: this machine, at the port.",
        ),
    ] = "",
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
) -> None:
    """Serve the portal: people read and control their credit file in their browsers."""
    scheme = "https" if tls_certificate else "http"
    with extra("portal", "pages in a browser"):
        import uvicorn  # noqa: PLC0415

        from bureau_portal.app import application  # noqa: PLC0415
        from bureau_portal.security import checked_origin  # noqa: PLC0415
        from bureau_portal.site import Portal, clock_of  # noqa: PLC0415
    own = checked_origin(origin or f"{scheme}://localhost:{port}")
    agent = Profile.load(profile)
    portal = Portal(agent, own, clock=clock_of(agent))
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    write_err(f"the portal serves {portal.origin}")
    uvicorn.run(
        application(portal),
        host=host,
        port=port,
        ssl_certfile=tls_certificate,
        ssl_keyfile=tls_key,
        # Addresses of pages name accounts of people.
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


PROGRAM = Program("bureau-portal", "bureau_portal")
app = one_command_of(PROGRAM, serve)


def main() -> None:
    """Run `bureau-portal`."""
    run(app, PROGRAM, explain)
