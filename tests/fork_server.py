"""Fork a process for each command of our programs, out of one that has imported their modules.

The modules take most of a second, many times what the work of a command takes. `tests.programs`
starts this module, writes one order a line to its standard input, and reads one exit code a line.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

PRELOADED = ("bureau.main", "bureau_client.cli.lender", "bureau_client.cli.wallet")


@dataclass(frozen=True)
class Order:
    """A command to run.

    Attributes:
        words: The name of a program, and its arguments.
        folder: Working directory.
        environment: All variables of the environment.
        files: Files of the standard input, output and error.
    """

    words: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    files: Sequence[str]

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Carry out orders until there are no more."""
    # As `bureau` sets it before it imports gRPC.
    os.environ["GRPC_VERBOSITY"] = "NONE"
    programs = _programs()
    gc.freeze()
    for line in sys.stdin.buffer:
        order = Order(**json.loads(line))
        child = os.fork()
        if not child:
            _become(order)
            programs[order.words[0]]()
            return
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _programs() -> Mapping[str, Callable[[], None]]:
    """Import what the programs need; return what their scripts call."""
    for module in PRELOADED:
        import_module(module)
    import_module("bureau.cli.app").app_of([])  # with all commands
    start = import_module("bureau_keys.command_line.start")
    return {
        "bureau": import_module("bureau.cli").main,
        "bureau-lender": start.bureau_lender,
        "bureau-wallet": start.bureau_wallet,
    }


def _become(order: Order) -> None:
    """Make this process the one that a shell would start."""
    for number, (path, mode) in enumerate(zip(order.files, ("r", "w", "w"), strict=True)):
        with Path(path).open(mode) as file:
            os.dup2(file.fileno(), number)
    # New ones, with nothing in their buffers.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode) for number, mode in enumerate(("r", "w", "w"))
    )
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    sys.argv = list(order.words)


if __name__ == "__main__":
    main()
