"""`bureau init`, `bureau serve` and `bureau renew`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau import logs
from bureau.admin.bureau_folder import OPERATOR_ID, InitOptions, create, issue_node, load_authority
from bureau.cli.common import Dir, echo_status, settings_of
from bureau.cli.exit_codes import Exit, Stop
from bureau.cli.serving import run_until_stopped
from bureau.cli.serving_lock import serving_lock
from bureau.clock import Clock
from bureau.config import SERVICES, Settings
from bureau.main import SandboxError, Server
from bureau.workers.folder import without_workers
from bureau_keys.authority import not_after

_PLAN = InitOptions()


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", envvar="BUREAU_DIR", help="New folder of the bureau.")
    ] = Path("bureau-data"),
    origin: Annotated[
        str, typer.Option(help="Origin of the log: a name that you own, without a scheme.")
    ] = _PLAN.origin,
    listen: Annotated[str, typer.Option(help="Address and port to listen on.")] = _PLAN.listen,
    address: Annotated[
        list[str] | None,
        typer.Option(help="host:port at which members reach the bureau; repeatable."),
    ] = None,
    directory_address: Annotated[
        list[str] | None,
        typer.Option(help="host:port of a directory of its own; repeatable."),
    ] = None,
    database_url: Annotated[
        str,
        typer.Option(
            "--database-url", "--db", help="postgresql:// URL; empty creates a SQLite file in DIR."
        ),
    ] = "",
    jurisdiction: Annotated[
        str, typer.Option(help="Country whose rules apply: ISO 3166-1 alpha-2.")
    ] = _PLAN.jurisdiction,
    dns: Annotated[
        list[str] | None,
        typer.Option(help="Additional name in the server's certificate; repeatable."),
    ] = None,
    ip: Annotated[
        list[str] | None,
        typer.Option(help="Additional IP address in the server's certificate; repeatable."),
    ] = None,
    member_days: Annotated[
        int, typer.Option(help="Days that certificates are valid.")
    ] = _PLAN.member_days,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="Passphrase of keyring and authority; without it a new one is written for each.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    policy_file: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="TOML file with the rules of a jurisdiction that the bureau does not include.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    issued_identifiers_only: Annotated[
        bool,
        typer.Option(
            "--issued-identifiers-only",
            help="For production: profiles refuse identifiers that were never issued.",
        ),
    ] = False,
) -> None:
    """Create a new bureau in an empty folder."""
    settings = create(
        folder,
        InitOptions(
            origin=origin,
            listen=listen,
            addresses=tuple(address or ()),
            directory_addresses=tuple(directory_address or ()),
            database_url=database_url,
            jurisdiction=jurisdiction,
            names=(*(dns or ()), *(ip or ())),
            member_days=member_days,
            passphrase_file=passphrase_file,
            policy_file=policy_file,
            issued_identifiers_only=issued_identifiers_only,
        ),
    )
    echo_status(f"created the bureau {settings.origin} in {settings.folder}")
    echo_status(
        f"  its operator is the member {OPERATOR_ID!r}; its profile: {settings.operator_folder}"
    )
    echo_status(f"  keep {settings.authority_folder} elsewhere once members are admitted")
    echo_status(f"next: bureau serve --dir {folder}")


def serve(
    folder: Dir = None,
    listen: Annotated[str | None, typer.Option(help="Address and port to listen on.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url", "--db", help="Database URL, instead of the one in bureau.toml."
        ),
    ] = None,
    node: Annotated[str | None, typer.Option(help="Name of this node among several.")] = None,
    services: Annotated[
        str | None,
        typer.Option(help=f"Comma-separated services, of {', '.join(SERVICES)}."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that serve the node; more than it has cores give nothing. [default: 1]",
            show_default=False,
        ),
    ] = None,
    drain_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a stopping node keeps accepting calls after readiness is false."
        ),
    ] = None,
    grace_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds that a stopping node gives to the calls it has accepted."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="json or console; the default is console on a terminal.")
    ] = None,
) -> None:
    """Serve the bureau until SIGTERM or Ctrl-C; a second signal ends it at once."""
    if log_format not in {None, "json", "console"}:
        raise Stop(Exit.USAGE, f"--log-format {log_format}: use json or console")
    settings = settings_of(
        folder,
        listen=listen,
        database_url=database_url,
        node=node,
        services=_services(services),
        worker_processes=workers,
        drain_seconds=drain_seconds,
        grace_seconds=grace_seconds,
    )
    if settings.is_sandbox:
        raise SandboxError(settings)
    as_json = log_format == "json" if log_format else None
    logs.configure(settings.log_level, as_json=as_json)
    with serving_lock(settings):
        if settings.worker_processes == 1:
            with without_workers(settings):
                _serve(settings)
        else:
            _supervise(settings, as_json=as_json)


def _serve(settings: Settings) -> None:
    """Serve in this process, until the node has stopped."""
    server = Server(settings)
    run_until_stopped(server, lambda: _announce(server.address, server.http_address))


def _supervise(settings: Settings, *, as_json: bool | None) -> None:
    """Serve in several processes, until the node has stopped."""
    # A node of one process does without it.
    from bureau.workers.supervisor import Supervisor  # noqa: PLC0415  (see above)

    supervisor = Supervisor(settings, as_json=as_json)
    supervisor.run(_announce)


def _announce(address: str, http_address: str) -> None:
    """Print the addresses at which the node serves."""
    echo_status(f"serving at {address}")
    if http_address:
        echo_status(f"  and over HTTP at {http_address}")


def renew(folder: Dir = None) -> None:
    """Issue a new TLS key and certificate for the node; a serving node loads them."""
    settings = settings_of(folder)
    issue_node(settings, load_authority(settings), Clock())
    ends = not_after((settings.server_folder / "tls.pem").read_bytes()).date().isoformat()
    echo_status(f"{settings.server_folder} has a new certificate, until {ends}")


def _services(listed: str | None) -> tuple[str, ...] | None:
    if listed is None:
        return None
    wanted = tuple(name.strip() for name in listed.split(",") if name.strip())
    if unknown := [name for name in wanted if name not in SERVICES]:
        raise Stop(
            Exit.USAGE, f"unknown services: {', '.join(unknown)}; use some of {', '.join(SERVICES)}"
        )
    return wanted
