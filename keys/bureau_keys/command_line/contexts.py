"""Contexts of a program: named sets of options, kept in a file of the person at the terminal.

    bureau-lender.toml   the context in use, and the options of each

The file is in the folder `creditbureau` of the person's configuration (XDG_CONFIG_HOME, otherwise
~/.config), and only its owner reads it. It names folders and files; it holds no secret.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from bureau_keys.command_line.exit_codes import Exit, Stop
from bureau_keys.command_line.suggestions import did_you_mean
from bureau_keys.secret_files import write_private

VARIABLE = "BUREAU_CONTEXT"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Seconds to wait for another process that writes the file, which takes milliseconds.
LOCK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of a program.

    Attributes:
        path: The file.
        current: Name of the context in use; empty if none is.
        options: Options of each context by its name: `{"profile": "/srv/acme"}`.
    """

    path: Path
    current: str = ""
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, program: str) -> Contexts:
        """Read the contexts of a program; without a file there are none.

        Raises:
            Stop: The file is not one of contexts.
        """
        path = file_of(program)
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path)
        except ValueError as error:
            raise Stop(
                Exit.INVALID, f"{path}: {error}", "Correct the file, or remove it."
            ) from None
        contexts = content.get("contexts", {})
        if not isinstance(contexts, dict) or not all(map(_is_context, contexts.values())):
            fix = "Each context is a table of texts."
            raise Stop(Exit.INVALID, f"{path}: no contexts are in it", fix)
        return cls(path, str(content.get("current", "")), contexts)

    def find(self, name: str) -> Mapping[str, str]:
        """Return the options of a context.

        Raises:
            Stop: There is no context of this name.
        """
        if name not in self.options:
            near = did_you_mean(name, self.options)
            fix = "`context list` lists all, `context add` adds one."
            raise Stop(Exit.NOT_FOUND, f"there is no context {name!r}.{near}", fix)
        return self.options[name]

    def chosen(self, name: str) -> Mapping[str, str]:
        """Return the options of the context that is chosen.

        Args:
            name: Name that was typed; empty for that of the environment, otherwise the one in use.
        """
        if typed := name or os.environ.get(VARIABLE, ""):
            return self.find(typed)
        return self.find(self.current) if self.current else {}

    def save(self) -> None:
        """Write the file."""
        lines = [f"current = {_quoted(self.current)}"]
        for name, options in sorted(self.options.items()):
            lines += ["", f"[contexts.{_quoted(name)}]"]
            lines += [f"{option} = {_quoted(value)}" for option, value in options.items()]
        write_private(self.path, "\n".join([*lines, ""]).encode())


def file_of(program: str) -> Path:
    """Return the file of a program's contexts."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():  # the specification has a relative path ignored
        base = Path.home() / ".config"
    return base / "creditbureau" / f"{program}.toml"


def locked(program: str) -> FileLock:
    """Return the lock under which a process changes the file; makes its folder."""
    path = file_of(program)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return FileLock(path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S, mode=0o600)


def _is_context(options: Any) -> bool:
    return isinstance(options, dict) and all(isinstance(value, str) for value in options.values())


def _quoted(text: str) -> str:
    # A JSON text is a TOML text, but for one character, which JSON may leave as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
