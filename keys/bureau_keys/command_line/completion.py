"""Completion of values in a shell: words of codes, contexts, and ids that commands have shown.

The ids are kept in the folder of the profile, wallet or bureau that showed them, in a file that
only its owner reads. Completion reads this file and nothing else: it calls no bureau, opens no key,
asks for nothing, and has no suggestion where anything is wrong.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from bureau_keys.command_line.contexts import Contexts
from bureau_keys.command_line.languages import LANGUAGES
from bureau_keys.command_line.programs import program_of
from bureau_keys.option_names import context_in_progress
from bureau_keys.secret_files import write_private

FILE = "completion.json"
# Ids of one kind in the file; at the limit the oldest is left out.
MOST_IDS = 200
# Bytes of the largest file that completion reads: twice what all ids of all kinds take.
MOST_BYTES = 1 << 20
# The fields of results that have an id, and its kind.
KINDS = {
    "grantee": "member",
    "member_id": "member",
    "subject_id": "subject",
    "complaint_id": "complaint",
    "consent_id": "consent",
    "consent_request_id": "request",
    "dispute_id": "dispute",
    "hold_id": "hold",
    "inquiry_id": "inquiry",
    "key_id": "key",
    "request_id": "request",
    "submission_id": "submission",
    "tradeline_id": "tradeline",
}
# Options and arguments that take an id, beside those of the fields' names.
TAKING = {
    "consent": "consent",
    "grantee": "member",
    "member": "member",
    "new_member": "member",
    "replaces": "consent",
    "subject": "subject",
}
# The parameters that name the folder in which ids are kept, the first that a command has.
FOLDERS = ("wallet", "profile", "folder")
# What is kept: shells evaluate parts of what they are offered, and the bureau chose the ids.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# The folder of a bureau where none is named.
DEFAULT_FOLDER = Path("bureau-data")

Complete = Callable[[typer.Context, list[str], str], list[str]]


def completion_of(name: str, words: Sequence[str]) -> Complete | None:
    """Return the completion of a parameter; None if it has none.

    Args:
        name: Name of the parameter.
        words: Words that it accepts; empty if it takes any text.
    """
    if words:
        return _quiet(lambda _: words)
    if name == "language":
        return _quiet(lambda _: LANGUAGES)
    if name == "context_name":
        return _quiet(_contexts)
    kind = TAKING.get(name) or KINDS.get(name)
    return None if kind is None else _quiet(lambda context: _kept(context, kind))


def kept_from(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows as they are, and keep the ids that a person has seen in them."""
    seen: dict[str, deque[str]] = {}
    try:
        for row in rows:
            for field, kind in KINDS.items():
                if isinstance(value := row.get(field), str) and ID.fullmatch(value):
                    seen.setdefault(kind, deque(maxlen=MOST_IDS)).append(value)
            yield row
    finally:
        context = context_in_progress()
        folder = None if context is None else _folder(context)
        if seen and folder is not None:
            # A folder that cannot be written to keeps nothing.
            with suppress(OSError):
                _keep(folder / FILE, seen)


def _quiet(find: Callable[[Any], Sequence[str]]) -> Complete:
    """Return a completion that has no suggestion where anything is wrong."""

    def complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
        try:
            return [value for value in find(ctx) if value.startswith(incomplete)]
        except Exception:  # noqa: BLE001  (a shell would print it into the line that is typed)
            return []

    return complete


def _contexts(context: Any) -> Sequence[str]:
    program = program_of(context)
    return () if program is None else sorted(Contexts.load(program.name).options)


def _kept(context: Any, kind: str) -> Sequence[str]:
    folder = _folder(context)
    return () if folder is None else _read(folder / FILE).get(kind, ())


def _folder(context: Any) -> Path | None:
    """Return the folder of the profile, wallet or bureau of a command; None if it has none."""
    for name in FOLDERS:
        if name in context.params:
            value = context.params[name]
            folder = DEFAULT_FOLDER if value is None else Path(value)
            return folder if folder.is_dir() else None
    return None


def _keep(path: Path, seen: Mapping[str, Sequence[str]]) -> None:
    before = _read(path)
    after = dict(before)
    for kind, values in seen.items():
        newest_first = dict.fromkeys([*reversed(values), *before.get(kind, ())])
        after[kind] = list(newest_first)[:MOST_IDS]
    if after != before:
        write_private(path, json.dumps(after, indent=1).encode())


def _read(path: Path) -> dict[str, list[str]]:
    """Return the ids of a file by their kind; none if it is no such file."""
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        kind: [value for value in values if isinstance(value, str) and ID.fullmatch(value)]
        for kind, values in content.items()
        if isinstance(values, list)
    }


def words_typed(variable: str) -> list[str] | None:
    """Return the words of the line that a shell completes; None if it completes none.

    Args:
        variable: Variable by which the shell asks the program: `_BUREAU_COMPLETE`.
    """
    if variable not in os.environ:
        return None
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    return line.split()[1:]
