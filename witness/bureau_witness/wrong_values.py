"""Check the values that a person types: an error names the option, the value and the fix."""

from __future__ import annotations

import re
from pathlib import Path

from bureau_keys.errors import KeysError
from bureau_keys.note import ED25519, Verifier, check_name, parse_vkey
from bureau_keys.option_names import option_of

# An address or a name, in brackets if it has colons, and a port.
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})")
MAX_PORT = 65535


class WrongValue(ValueError):
    """A value of an option, or of the witness's settings, is wrong.

    Attributes:
        fix: The person's next step.
    """

    def __init__(self, argument: str, value: object, problem: str, fix: str) -> None:
        super().__init__(f"{option_of(argument, typed=True)}: is {str(value)!r}, {problem}")
        self.fix = fix


def checked_name(name: str) -> str:
    """Return a witness's name.

    Raises:
        WrongValue: No key can have it.
    """
    try:
        check_name(name)
    except KeysError as error:
        raise WrongValue(
            "name",
            name,
            "which no key can have: a name is not empty and has no spaces and no plus",
            "Write a URL of yours without its scheme, for example witness.example/one.",
        ) from error
    return name


def checked_listen(listen: str) -> str:
    """Return an address to serve on.

    Raises:
        WrongValue: It is not `HOST:PORT`.
    """
    parts = _LISTEN.fullmatch(listen)
    if parts is None or int(parts[2]) > MAX_PORT:
        raise WrongValue(
            "listen",
            listen,
            "not a host and a port",
            f"Write HOST:PORT, for example 127.0.0.1:7446; ports end at {MAX_PORT}.",
        )
    return listen


def checked_log(origin: str, key: str) -> Verifier:
    """Return the verifier of a log's key.

    Raises:
        WrongValue: It is no key of a log, or another log's.
    """
    try:
        verifier = parse_vkey(key)
    except KeysError as error:
        raise WrongValue(
            "key",
            key,
            f"no verifier key: {error}",
            "Copy the log's key whole, as its bureau publishes it: name+hash+base64.",
        ) from error
    if verifier.kind != ED25519:
        fix = "Write the key of the log; this one is a witness's."
        raise WrongValue("key", key, "the key of no log", fix)
    if verifier.name != origin:
        problem = f"and the key is that of {verifier.name!r}"
        raise WrongValue("origin", origin, problem, "Write the origin that the key begins with.")
    return verifier


def check_new(folder: Path) -> None:
    """Raise FileExistsError unless a folder is empty or missing."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{option_of('folder')}: {folder} is not empty; name a new folder")
