"""Complete commands, options and words of codes in a shell without importing the program.

A shell asks with each press of the key, and a program takes most of a second to import its
commands. The first completion after an installation is the parser's own; it keeps a table of what
the parser knows. Later ones read this table, and import nothing else. What the table does not
answer for certain, such as ids and contexts, the parser completes.

    creditbureau/completion/bureau-lender.json   in XDG_CACHE_HOME, otherwise ~/.cache

The table names the state of the program's modules, their sizes and times: after a change of one it
is made again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# The package of each program, and the folders in it with its commands and their words.
FOLDERS = {
    "bureau": ("bureau", "cli", "admin"),
    "bureau-lender": ("bureau_client", "cli", "models/codes"),
    "bureau-portal": ("bureau_portal", "."),
    "bureau-wallet": ("bureau_client", "cli", "models/codes"),
    "bureau-witness": ("bureau_witness", "."),
}
SHELLS = ("bash", "zsh", "fish")
# Bytes of the largest table that is read; that of `bureau-lender` has a tenth.
MOST_BYTES = 1 << 20
# Characters by which a word is not what it looks like: the parser splits such a line.
QUOTING = frozenset("'\"\\#")


def variable_of(program: str) -> str:
    """Return the variable by which a shell asks a program: `_BUREAU_COMPLETE`."""
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def answer(program: str) -> bool:
    """Write the answer to a shell; return False if the parser has to."""
    instruction, _, shell = os.environ.get(variable_of(program), "").partition("_")
    if instruction != "complete" or shell not in SHELLS:
        return False
    try:
        table = _read(program)
        line = _words(shell)
        items = None if table is None or line is None else _complete(table, *line)
    except Exception:  # noqa: BLE001  (a shell would print it into the line that is typed)
        return False
    if items is None:
        return False
    text, code = _shown(shell, items)
    sys.stdout.write(text)
    if code:
        sys.exit(code)
    return True


def is_asked(program: str) -> bool:
    """Return whether a shell asks for a completion, and no table of the program is kept."""
    if not os.environ.get(variable_of(program), "").startswith("complete_"):
        return False
    try:
        return _read(program) is None
    except Exception:  # noqa: BLE001  (a table that is broken is made again)
        return True


def keep(program: str, table: dict[str, Any]) -> None:
    """Keep the table of a program; without a folder for it nothing is kept."""
    path = _file(program)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Another shell may read the file meanwhile, or write it.
        whole = path.with_name(f"{path.name}.{os.getpid()}")
        whole.write_text(json.dumps({"stamp": stamp(program), "table": table}), "utf-8")
        whole.replace(path)


def stamp(program: str) -> list[Any]:
    """Return the state of the modules of a program: path, size and time of each."""
    package, *names = FOLDERS[program]
    spec = find_spec(package)
    [root] = (spec and spec.submodule_search_locations) or [""]
    state: list[Any] = [sys.version]
    for folder in (*(Path(root, name) for name in names), Path(__file__).parent):
        modules = [(str(path), path.stat()) for path in sorted(folder.glob("*.py"))]
        state += [[path, of.st_size, of.st_mtime_ns] for path, of in modules]
    return state


def _file(program: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # the specification has a relative path ignored
        base = Path.home() / ".cache"
    return base / "creditbureau" / "completion" / f"{program}.json"


def _read(program: str) -> dict[str, Any] | None:
    """Return the table of a program; None if it has none, or one of another state."""
    path = _file(program)
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    content = json.loads(path.read_bytes())
    table: dict[str, Any] = content["table"]
    return table if content["stamp"] == stamp(program) else None


def _words(shell: str) -> tuple[list[str], str] | None:
    """Return the words before the cursor and the one at it; None for a line with quotes."""
    if shell == "bash":
        line = os.environ["COMP_WORDS"]
        words, index = line.split(), int(os.environ["COMP_CWORD"])
        incomplete = words[index] if index < len(words) else ""
        before = words[1:index]
    else:
        line = os.environ.get("_TYPER_COMPLETE_ARGS", "")
        before, incomplete = line.split()[1:], ""
        if before and not line.endswith(" "):
            incomplete = before.pop()
    return None if QUOTING & {*line} else (before, incomplete)


def _complete(
    node: dict[str, Any], before: Sequence[str], incomplete: str
) -> list[list[str]] | None:
    """Return what completes a word; None if the table does not say."""
    words = iter(before)
    typed: set[str] = set()
    arguments = 0
    for word in words:
        if word.startswith("-"):
            option = node["options"].get(word)
            if option is None:
                return None
            typed.add(option["name"])
            if option["takes_value"] and next(words, None) is None:
                return _starting(option["values"], incomplete)
        elif "commands" in node:
            if word not in node["commands"]:
                return None
            node, typed = node["commands"][word]["node"], set()
        else:
            arguments += 1
    if incomplete and not incomplete[0].isalnum():
        is_option = incomplete.startswith("-") and "=" not in incomplete
        return [*_options(node, typed, incomplete)] if is_option else None
    if "commands" in node:
        items = [command["item"] for command in node["commands"].values() if command["item"]]
        return _starting(items, incomplete)
    listed = node["arguments"]
    return _starting(listed[arguments], incomplete) if arguments < len(listed) else None


def _options(node: dict[str, Any], typed: set[str], incomplete: str) -> Iterator[list[str]]:
    for name, option in node["options"].items():
        is_free = option["is_multiple"] or option["name"] not in typed
        if option["item"] and is_free and name.startswith(incomplete):
            yield option["item"]


def _starting(items: list[list[str]] | None, incomplete: str) -> list[list[str]] | None:
    return None if items is None else [item for item in items if item[0].startswith(incomplete)]


def _shown(shell: str, items: list[list[str]]) -> tuple[str, int]:
    """Return the text for a shell and the exit code, as the parser gives them."""
    lines = "\n".join(item[SHELLS.index(shell)] for item in items)
    if shell == "bash":
        return f"{lines}\n", 0
    if shell == "zsh":
        return (f"_arguments '*: :(({lines}))'\n" if items else "_files\n"), 0
    if os.environ.get("_TYPER_COMPLETE_FISH_ACTION", "") == "is-args":
        return "", 0 if items else 1
    return f"{lines}\n", 0
