"""The log of a sandbox's calls: one JSON line each, for `bureau dev logs tail`.

It has no personal data: no subject, no identifier, no address.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from bureau.logs import iso
from bureau.rpc.call_log import CallLog, EndedCall

# Purpose of the inquiry that the running call carries; empty for other calls.
purpose_of_call: ContextVar[str] = ContextVar("purpose_of_call", default="")
# Size in bytes from which a file is begun again when the sandbox starts.
LARGEST = 8 * 1024 * 1024
COLUMNS = ("time", "member", "method", "purpose", "outcome", "ms", "request_id")


class SandboxCalls(CallLog):
    """The log of calls, which also goes to a file."""

    __slots__ = ("_appending", "_file", "_on_call")

    def __init__(self, path: Path, on_call: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Open the file.

        Args:
            on_call: Called with the line of each call.
        """
        super().__init__()
        self._appending = threading.Lock()
        self._on_call = on_call
        if path.exists() and path.stat().st_size > LARGEST:
            path.unlink()
        torn = _is_torn(path)
        self._file = path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")

    def add(self, call: EndedCall) -> None:
        """Write the line of a call."""
        line = {
            "time": iso(call.time_s),
            "member": call.member,
            "method": call.method,
            "purpose": purpose_of_call.get(),
            "outcome": call.reason,
            "ms": round(call.seconds * 1000, 1),
            "request_id": call.request_id,
        }
        # A call may end after the file is closed: a stop without grace does not wait for it.
        with self._appending, suppress(ValueError):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        if self._on_call is not None:
            self._on_call(line)

    def stop(self) -> None:
        """Close the file."""
        super().stop()
        self._file.close()


def last_calls(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the newest calls of a file, oldest first."""
    if not path.exists():
        return []
    calls = [call for line in path.read_text("utf-8").splitlines() if (call := _call_in(line))]
    return calls[-count:] if count else []


def following(path: Path, wait: Callable[[], object]) -> Iterator[dict[str, Any]]:
    """Iterate over the calls that are added to a file from now on, without an end.

    Args:
        wait: Called when no call has been added.
    """
    path.touch(exist_ok=True)
    file = path.open(encoding="utf-8")
    try:
        file.seek(0, 2)
        begun = ""
        while True:
            # Before the read: what the earlier file got is read to its end.
            is_begun_again = _is_another(path, file)
            begun += file.readline()
            if begun.endswith("\n"):
                if call := _call_in(begun):
                    yield call
                begun = ""
            elif is_begun_again:
                file.close()
                file, begun = path.open(encoding="utf-8"), ""
            else:
                wait()
    finally:
        file.close()


def _call_in(line: str) -> dict[str, Any] | None:
    """Return the call of a line; None for one that a killed process has torn."""
    try:
        call: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return call


def _is_torn(path: Path) -> bool:
    """Return True if a file ends within a line."""
    return path.exists() and path.read_bytes()[-1:] not in {b"", b"\n"}


def _is_another(path: Path, file: TextIO) -> bool:
    """Return True if a file has taken the place of the opened one."""
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def text_of(call: dict[str, Any]) -> str:
    """Return the line of a call as people read it."""
    clock = call["time"][11:19]
    purpose = call["purpose"] or "-"
    return (
        f"{clock} {call['member'] or '-':<10} {call['method']:<28} {purpose:<20} "
        f"{call['outcome']:<12} {call['ms']:>7.1f} ms  {call['request_id']}"
    )
