"""Addresses to listen at, and the error for one that cannot be listened at."""

from __future__ import annotations


class ListenError(OSError):
    """An address of the settings that this node cannot listen at.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, setting: str, address: str, cause: str) -> None:
        super().__init__(f"cannot listen on {address} ({setting}): {cause}")
        self.fix = (
            f"Stop the program that listens there, or set another {setting} in bureau.toml "
            f"(or BUREAU_{setting.upper()})."
        )
