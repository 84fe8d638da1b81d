"""The operator's command line, `bureau`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    # gRPC's core writes text lines to stderr, which would break a log of JSON lines. It reads
    # this variable when it is imported; an operator who debugs a handshake sets INFO.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from bureau.cli.app import main as run  # noqa: PLC0415  (it needs what may be missing)
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: the server's parts are not installed: {missing.name} is missing\n"
            "Run `pip install 'creditbureau[server]'`."
        )
    run(arguments)


__all__ = ["main"]
