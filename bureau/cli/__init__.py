"""The operator's command line, `bureau`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from bureau_keys.command_line.start import answered


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    if arguments is None and answered("bureau"):
        return
    # gRPC's core writes text lines to stderr, which would break a log of JSON lines. It reads
    # this variable when it is imported; an operator who debugs a handshake sets INFO.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What imports make stays: the collector would walk through it in vain, again and again.
    gc.disable()
    try:
        from bureau.cli.app import command_of  # noqa: PLC0415  (it needs what may be missing)

        run = command_of(arguments)
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: the server's parts are not installed: {missing.name} is missing\n"
            "Run `pip install 'creditbureau[server]'`."
        )
    finally:
        if arguments is None:  # a process of its own, whose end shall not walk through it either
            gc.freeze()
        gc.enable()
    run()


__all__ = ["main"]
