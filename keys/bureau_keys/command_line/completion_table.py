"""Make the table from which a shell's completions are answered without the program's imports."""

from __future__ import annotations

from typing import Any

from typer._completion_classes import BashComplete, FishComplete, ZshComplete

from bureau_keys.command_line.languages import LANGUAGES
from bureau_keys.command_line.registration import words_of

_CLASSES: tuple[Any, ...] = (BashComplete, ZshComplete, FishComplete)


def table_of(command: Any, context: Any = None, name: str = "") -> dict[str, Any]:
    """Return what a command completes: its commands, options and arguments, in the parser's order.

    An item is the text for bash, zsh and fish. Values are None where the parser has to complete
    them: ids, contexts, files.
    """
    own = command.context_class(command, info_name=name, parent=context, resilient_parsing=True)
    node: dict[str, Any] = {"options": {}, "arguments": []}
    for parameter in command.get_params(own):
        if parameter.param_type_name == "argument":
            repeats = parameter.nargs != 1
            node["arguments"].append(None if repeats else _values(command, parameter))
            continue
        for option in (*parameter.opts, *parameter.secondary_opts):
            node["options"][option] = {
                "name": parameter.name,
                "item": None if parameter.hidden else _item(own, option, parameter.help),
                "is_multiple": parameter.multiple,
                "takes_value": not (parameter.is_flag or getattr(parameter, "count", False)),
                "values": _values(command, parameter),
            }
    if hasattr(command, "commands"):
        node["commands"] = {
            word: {
                "item": None if one.hidden else _item(own, word, one.get_short_help_str()),
                "node": table_of(one, own, word),
            }
            for word, one in command.commands.items()
        }
    return node


def _values(command: Any, parameter: Any) -> list[list[str]] | None:
    """Return the items of a parameter's words; None if it takes any text."""
    words = words_of(command, parameter.name)
    if parameter.name == "language":
        words = LANGUAGES
    return [_item(None, word, None) for word in words] if words else None


def _item(context: Any, value: str, help_text: str | None) -> list[str]:
    from typer._click.shell_completion import CompletionItem  # noqa: PLC0415  (of the parser)

    item = CompletionItem(value, help=help_text)
    return [kind.format_completion(kind(context, {}, "", ""), item) for kind in _CLASSES]
