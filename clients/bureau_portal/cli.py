"""Serve the portal of an agent: `bureau-portal`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli.common import explain
from bureau_client.cli.extras import extra
from bureau_keys.command_line.app import one_command_of
from bureau_keys.command_line.context_commands import context_commands
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import run
from bureau_keys.profile import Profile


def serve(
    context: typer.Context,
    profile: Annotated[
        Path | None,
        typer.Option(
            envvar="BUREAU_PROFILE",
            metavar="DIR",
            help="Profile folder of an agent, from the operator; none serves no people.",
        ),
    ] = None,
    staff: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Profile folder of a member or the operator, whose staff sees calls and "
            "deadlines; may be repeated.",
        ),
    ] = None,
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
    if context.invoked_subcommand is not None:
        return
    if profile is None and not staff:
        raise typer.BadParameter("name the profile of an agent", param_hint="--profile")
    scheme = "https" if tls_certificate else "http"
    with extra("portal", "pages in a browser"):
        import uvicorn  # noqa: PLC0415

        from bureau_portal.app import PAGES, application  # noqa: PLC0415
        from bureau_portal.security import checked_origin  # noqa: PLC0415
        from bureau_portal.site import Portal, clock_of  # noqa: PLC0415
        from bureau_portal.staff import table  # noqa: PLC0415
        from bureau_portal.staff.profiles import CODE_FILE, open_staff  # noqa: PLC0415
    own = checked_origin(origin or f"{scheme}://localhost:{port}")
    folders = staff or []
    every = [open_staff(folder, clock_of) for folder in folders]
    # For people through the agent; without one what everybody may see is read by staff.
    own_profile = Profile.load(profile) if profile else every[0].profile
    portal = Portal(
        own_profile,
        own,
        clock=clock_of(own_profile),
        staff={one.name: one for one in every},
    )
    people = PAGES if profile else table.STAFF_ONLY
    pages = (*people, *table.PAGES) if profile and every else people
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    say(f"the portal serves {portal.origin}")
    for folder, one in zip(folders, every, strict=True):
        say(
            f"staff of {one.name} enters at {portal.origin}/staff by the code in "
            f"{folder / CODE_FILE}"
        )
    uvicorn.run(
        application(portal, pages),
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


PROGRAM = Program("bureau-portal", "bureau_portal", ("profile", "output", "language"))
app = one_command_of(PROGRAM, serve)
app.add_typer(context_commands(PROGRAM), name="context")


def main() -> None:
    """Run `bureau-portal`."""
    run(app, PROGRAM, explain)
