"""Start the programs: what needs none of their imports is answered before them.

Completion in a shell and `--version` are asked by people who wait; the modules of a program take
most of a second.
"""

from __future__ import annotations

import sys
from importlib import import_module

from bureau_keys.command_line.quick_completion import answer

DISTRIBUTION = "creditbureau"


def bureau_lender() -> None:
    """Run `bureau-lender`."""
    _start("bureau-lender", "bureau_client.cli.lender")


def bureau_wallet() -> None:
    """Run `bureau-wallet`."""
    _start("bureau-wallet", "bureau_client.cli.wallet")


def bureau_portal() -> None:
    """Run `bureau-portal`."""
    _start("bureau-portal", "bureau_portal.cli")


def bureau_witness() -> None:
    """Run `bureau-witness`."""
    _start("bureau-witness", "bureau_witness.cli")


def answered(program: str) -> bool:
    """Answer a shell's completion or `--version`; return False for every other command."""
    if answer(program):
        return True
    if sys.argv[1:] != ["--version"]:
        return False
    from importlib.metadata import version  # noqa: PLC0415  (completion does not need it)

    sys.stdout.write(f"{program} {version(DISTRIBUTION)}\n")
    return True


def _start(program: str, module: str) -> None:
    if not answered(program):
        # By name: this package knows no program, and each of them uses it.
        import_module(module).main()
