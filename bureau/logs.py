"""The log of events: lines on stderr, as text or JSON, without secrets or personal data."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from bureau.masking import without_passwords
from bureau_keys.printable import printable

# Names of fields whose values never appear.
SECRET_NAMES = frozenset(
    {"passphrase", "password", "secret", "seed", "private_key", "signing_key", "salt", "pem"}
)
# Fields whose values look like subject ids and are none: a trace is searched by its whole id.
PLAIN_NAMES = frozenset({"trace_id"})
# A subject id. Fingerprints and digests are longer,
# request ids have dashes.
_SUBJECT_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{4})[0-9a-f]{28}(?![0-9a-f])")

Event = MutableMapping[str, Any]


def configure(level: str = "info", *, as_json: bool | None = None, worker: int = 0) -> None:
    """Configure the log of this process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        as_json: True for one JSON object a line; None for JSON unless stderr is a terminal.
        worker: Number of the worker process, added to every line; 0 for no number.
    """
    if as_json is None:
        as_json = not sys.stderr.isatty()
    last = [structlog.processors.JSONRenderer()] if as_json else [structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            masked,
            *([_Numbered(worker)] if worker else []),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_names: _Lines(),
        cache_logger_on_first_use=True,
    )


class _Numbered:
    """The step of the log that adds the number of the worker."""

    def __init__(self, worker: int) -> None:
        self._worker = worker

    def __call__(self, _logger: Any, _name: str, event: Event) -> Event:
        event["worker"] = self._worker
        return event


def silence() -> None:
    """Drop every line of this process: the log belongs to the program that embeds the server."""
    structlog.configure(processors=[_dropped])


def _dropped(_logger: Any, _name: str, _event: Event) -> Event:
    raise structlog.DropEvent


class _Lines(structlog.WriteLogger):
    """Lines on stderr. A line that cannot be written is dropped: a full disk or a closed pipe
    must not end the thread that logs.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def msg(self, message: str) -> None:
        """Write a line; drop it on an error."""
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = exception = log = fatal = msg
    warn = err = failure = msg


def iso(time_s: float) -> str:
    """Return a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time_s, UTC).isoformat().replace("+00:00", "Z")


def masked(_logger: object, _method: str, event: Event) -> Event:
    """Mask secrets, subject ids and bytes in an event, and escape control characters."""
    for name, value in event.items():
        if name not in PLAIN_NAMES:
            event[name] = "***" if name in SECRET_NAMES else masked_value(value)
    return event


def masked_value(value: Any) -> Any:
    """Return a value without secrets, and with subject ids cut short."""
    if isinstance(value, str):
        value = printable(value)
        # Shorter strings hold no subject id.
        if len(value) >= 32:
            value = _SUBJECT_ID.sub(r"\1…", value)
        return without_passwords(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return {
            masked_value(key): "***" if key in SECRET_NAMES else masked_value(inner)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [masked_value(inner) for inner in value]
    return value
