"""Errors of command lines name the option, not the argument or field that it sets.

A call of the SDK names an argument in its error, and the bureau a field of the statement; a person
at a terminal typed an option. All command lines read the one table here.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

import typer

# The arguments of the SDK, the fields of the contract and the settings that an option sets, by its
# name in the command's function; an option that is not listed sets the one of its own name.
SETS: dict[str, tuple[str, ...]] = {
    "action": ("actions",),
    "address": ("addresses",),
    "agent": ("agent_id",),
    "answer_days": ("expire", "expire_time"),
    "after": ("after", "cursor"),
    "appeal": ("appeal_route",),
    "attach": ("attachment_digests",),
    "before": ("before_month",),
    "by": ("initiator",),
    "consent": ("consent_id",),
    "cosigned": ("quorum", "cosignatures"),
    "days": ("expire", "expire_time"),
    "deleted": ("delete_time",),
    "directory_address": ("directory_addresses",),
    "fingerprint": ("withdraw_certificate",),
    "group_id": ("group",),
    "identified": ("identify_time",),
    "index": ("leaf_index", "start"),
    "keep_days": ("data_life",),
    "key_id": ("key_id", "withdraw_key"),
    "key_possession": ("add_key", "keys"),
    "limit": ("limit", "credit_limit_minor", "quota", "carried_quota"),
    "member": ("member_id",),
    "name": ("name", "display_name"),
    "new_member": ("new_member_id",),
    "new_ref": ("new_account_ref",),
    "period_days": ("period",),
    "portfolio_type": ("portfolio_types",),
    "purpose": ("purpose", "purposes"),
    "quota": ("directory_quota",),
    "reason": ("reason", "reasons"),
    "record": ("record_refs",),
    "review_by": ("review_by_date",),
    "role": ("roles",),
    "section": ("sections",),
    "size": ("tree_size",),
    "subject": ("subject_id", "subject_ids"),
    "time": ("effective_time",),
    "until": ("until", "until_time", "expire", "expire_time"),
    "uses_a_month": ("frequency",),
    "without": ("muted",),
    "view_only": ("mode",),
    "workers": ("worker_processes",),
}
# The parts of a path that hold the one record that a command makes of its options.
_WRAPPERS = frozenset({"records", "action", "deletion"})
# No part of a file's path, of a call, or of a value in quotes.
_NAME_IN_TEXT = re.compile(r"(?<![\w./'\"-])[a-z]+(?:_[a-z]+)+(?![\w/'\"(-]|\.\w)")
_in_progress: ContextVar[typer.Context | None] = ContextVar("command", default=None)


def command_in_progress(context: typer.Context) -> None:
    """Remember the command in progress: errors name its options, also after it has ended."""
    _in_progress.set(context)


def context_in_progress() -> typer.Context | None:
    """Return the context of the command in progress; None before the first command."""
    return _in_progress.get()


def option_of(path: str, *, typed: bool = False) -> str:
    """Return the option or argument of the command in progress that sets a field.

    Args:
        path: Name of an argument or path of a field: `consent_id`, `frequency.value`,
            `records[0].action.reasons[1]`.
        typed: Only options that were typed: what a setting lacks, a file or a variable gives.

    Returns:
        The option as it is typed, the argument as the usage has it; the path if the command has
        no option for it.
    """
    context = _in_progress.get()
    parts = [part.partition("[")[0] for part in path.split(".")]
    while len(parts) > 1 and parts[0] in _WRAPPERS:
        del parts[0]
    for option in context.command.params if context is not None else ():
        name = str(option.name)
        if parts[0] in sets(name) and not (typed and not _is_typed(context, name)):
            return spelling(option)
    return path


def with_options(text: str) -> str:
    """Return the text of an error with options where it has names such as `consent_id`."""
    return _NAME_IN_TEXT.sub(lambda name: option_of(name[0]), text)


def sets(name: str) -> tuple[str, ...]:
    """Return the arguments and fields that an option sets, by its name in the function."""
    return SETS.get(name, (name,))


def spelling(option: Any) -> str:
    """Return an option as it is typed, or an argument as the usage has it."""
    if option.param_type_name == "argument":
        return str(option.metavar or option.name.upper())
    return str(next((word for word in option.opts if word.startswith("--")), option.opts[0]))


def _is_typed(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
