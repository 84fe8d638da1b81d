"""`bureau init`, `bureau serve` and `bureau renew`."""

from __future__ import annotations

import signal
import threading
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bureau import logs
from bureau.admin.bureau_folder import OPERATOR_ID, InitOptions, create, issue_node, load_authority
from bureau.cli.common import Dir, echo_status, settings_of
from bureau.cli.exit_codes import Exit, Stop
from bureau.clock import Clock
from bureau.config import SERVICES
from bureau.main import Server
from bureau_keys.authority import not_after

_PLAN = InitOptions()


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", envvar="BUREAU_DIR")] = Path(
        "bureau-data"
    ),
    origin: Annotated[
        str, typer.Option(help="The log's origin: a name of yours, without a scheme.")
    ] = _PLAN.origin,
    listen: Annotated[str, typer.Option(help="Address and port to serve on.")] = _PLAN.listen,
    address: Annotated[
        list[str] | None,
        typer.Option(help="host:port at which members reach it; repeatable."),
    ] = None,
    directory_address: Annotated[
        list[str] | None,
        typer.Option(help="host:port of the directory, if it is elsewhere; repeatable."),
    ] = None,
    database_url: Annotated[
        str, typer.Option("--database-url", "--db", help="postgresql://…; else a file in DIR.")
    ] = "",
    jurisdiction: Annotated[
        str, typer.Option(help="Whose rules hold: ISO 3166-1 alpha-2.")
    ] = _PLAN.jurisdiction,
    dns: Annotated[
        list[str] | None, typer.Option(help="Further name in the server's certificate; repeatable.")
    ] = None,
    ip: Annotated[
        list[str] | None,
        typer.Option(help="Further address in the server's certificate; repeatable."),
    ] = None,
    member_days: Annotated[
        int, typer.Option(help="For how many days certificates are issued.")
    ] = _PLAN.member_days,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="Opens keyring and authority; else one is made for each.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    policy_file: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="Rules of a jurisdiction that the bureau does not come with (TOML).",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Makes a new bureau in an empty folder."""
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
        ),
    )
    echo_status(f"made the bureau {settings.origin} in {settings.folder}")
    echo_status(
        f"  its operator is the member {OPERATOR_ID!r}; its profile: {settings.operator_folder}"
    )
    echo_status(f"  keep {settings.authority_folder} elsewhere once members are admitted")
    echo_status(f"next: bureau serve --dir {folder}")


def serve(
    folder: Dir = None,
    listen: Annotated[str | None, typer.Option(help="Address and port.")] = None,
    database_url: Annotated[
        str | None, typer.Option("--database-url", "--db", help="Instead of the settings'.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="This node's name among several.")] = None,
    services: Annotated[
        str | None,
        typer.Option(help=f"Comma-separated; of {', '.join(SERVICES)}."),
    ] = None,
    drain_seconds: Annotated[
        float | None,
        typer.Option(help="How long it still takes calls after it says that it is not ready."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="json or console; console on a terminal.")
    ] = None,
) -> None:
    """Serves the bureau until SIGTERM or Ctrl-C; a second one does not wait."""
    if log_format not in {None, "json", "console"}:
        raise Stop(Exit.USAGE, "--log-format is json or console")
    settings = settings_of(
        folder,
        listen=listen,
        database_url=database_url,
        node=node,
        services=_services(services),
        drain_seconds=drain_seconds,
    )
    logs.configure(settings.log_level, as_json=log_format == "json" if log_format else None)
    server = Server(settings)

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        # Not here: a handler interrupts whatever lock the main thread holds.
        ending = partial(server.stop, drain_s=settings.drain_seconds)
        threading.Thread(target=ending, name="stop").start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.start()
    if not server.stopped.is_set():
        echo_status(f"serving at {server.address}")
    server.wait()
    if server.fork:
        raise server.fork
    if server.failure:
        raise Stop(
            Exit.UNAVAILABLE,
            f"stopped: {server.failure}",
            "The database failed under the bureau; see `bureau doctor` and `bureau db check`.",
        )


def renew(folder: Dir = None) -> None:
    """Gives the node a new TLS key and certificate; a serving node takes them up."""
    settings = settings_of(folder)
    issue_node(settings, load_authority(settings), Clock().now_us())
    ends = not_after((settings.server_folder / "tls.pem").read_bytes()).date().isoformat()
    echo_status(f"{settings.server_folder} has a new certificate, until {ends}")


def _services(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    wanted = tuple(name.strip() for name in given.split(",") if name.strip())
    if unknown := [name for name in wanted if name not in SERVICES]:
        raise Stop(Exit.USAGE, f"no services: {', '.join(unknown)}; of {', '.join(SERVICES)}")
    return wanted
