"""The operator's command line, `bureau`."""

from bureau.cli.app import main

__all__ = ["main"]
