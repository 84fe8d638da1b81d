"""`bureau health`."""

from __future__ import annotations

from typing import Annotated
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import typer

from bureau.cli.common import Dir, echo_status, settings_of
from bureau.cli.exit_codes import Exit, Stop

# Seconds within which a node answers that is alive.
TIMEOUT_S = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104  (compared)


def health(
    folder: Dir = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Ask only whether the process answers, not whether it is ready."
        ),
    ] = False,
) -> None:
    """Ask the node that serves on this machine whether it is ready; exit code 7 if it is not."""
    address = settings_of(folder).metrics_listen
    if not address:
        raise Stop(
            Exit.INVALID,
            "the node has no address for health over HTTP",
            'Set metrics_listen, for example metrics_listen = "127.0.0.1:9443".',
        )
    host, _, port = address.rpartition(":")
    url = f"http://{EVERYWHERE.get(host, host)}:{port}/{'livez' if live else 'readyz'}"
    try:
        with urlopen(url, timeout=TIMEOUT_S):
            echo_status("live" if live else "ready")
    except HTTPError as error:
        raise Stop(
            Exit.UNAVAILABLE, f"{url}: {error.code}, the node is not ready", "Run `bureau doctor`."
        ) from error
    except (URLError, OSError) as error:
        cause = getattr(error, "reason", error)
        raise Stop(Exit.UNAVAILABLE, f"{url}: {cause}", "Run `bureau serve`.") from error
