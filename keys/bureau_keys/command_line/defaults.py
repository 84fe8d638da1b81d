"""The options that a command takes from elsewhere than its words.

An option that is typed comes first, then its environment variable, then the context, then the
default of the command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bureau_keys.command_line.contexts import Contexts
from bureau_keys.command_line.exit_codes import Stop
from bureau_keys.command_line.languages import default_language
from bureau_keys.command_line.programs import program_of, words_of_command

# Keys of the parser's context under which a typed context and a typed language are kept.
TYPED = "bureau_keys.context"
LANGUAGE_TYPED = "bureau_keys.language"
# The environment variables of the folders that a context sets: a parameter of the same name
# without one of them means another folder.
SETTABLE = frozenset({"BUREAU_PROFILE", "BUREAU_WALLET", "BUREAU_DIR", "BUREAU_WITNESS_DIR"})
# The option of a context that sets a parameter, where it has another name.
NAMES = {"folder": "dir"}


class Defaults(dict[str, Any]):
    """The defaults of one command, as the parser asks for them by the names of parameters."""

    def __init__(self, context: Any) -> None:
        super().__init__()
        self._context = context

    def get(self, name: str, default: Any = None) -> Any:
        """Return what the context sets for a parameter; None if nothing."""
        parameter = next((one for one in self._context.command.params if one.name == name), None)
        if parameter is None or not _is_settable(parameter):
            return default
        value = chosen_options(self._context).get(NAMES.get(name, name), default)
        if name != "language":
            return value
        typed = self._context.meta.get(LANGUAGE_TYPED)
        return typed or default_language(os.environ, value or "")


def chosen_options(context: Any, *, is_run: bool = False) -> Mapping[str, str]:
    """Return the options of the chosen context; none for a program without contexts.

    Args:
        context: Context of the parser.
        is_run: Whether the command runs now; before, a group may be about to run a command of its
            own.
    """
    program = program_of(context)
    if program is None or not program.settings:
        return {}
    try:
        return Contexts.load(program.name).chosen(context.meta.get(TYPED, ""))
    except (Stop, OSError):
        # Completion, help and the commands that mend contexts work without a whole file.
        is_group = hasattr(context.command, "commands") and not is_run
        mends = words_of_command(context).startswith("context ")
        if context.resilient_parsing or is_group or mends:
            return {}
        raise


def language_of_help(context: Any) -> str:
    """Return the language of a command's help, whatever is wrong with the contexts."""
    typed: str = context.meta.get(LANGUAGE_TYPED, "")
    of_context: Mapping[str, str] = {}
    with suppress(Stop, OSError):
        of_context = chosen_options(context)
    return typed or default_language(os.environ, of_context.get("language", ""))


def _is_settable(parameter: Any) -> bool:
    if parameter.param_type_name != "option":
        return False
    named = parameter.name in {"output", "passphrase_file", "language"}
    return named or parameter.envvar in SETTABLE
