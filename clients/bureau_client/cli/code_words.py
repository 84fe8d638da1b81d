"""The groups of commands of the SDK's command lines."""

from __future__ import annotations

from bureau_keys.command_line.app import CommandLine as CodeTyper

__all__ = ["CodeTyper"]
