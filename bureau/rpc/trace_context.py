"""The caller's trace (W3C Trace Context), so that a call's log line joins its trace."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Version, trace id, parent id, flags. Version ff is forbidden; a later version may append
# fields, version 00 may not.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the trace id of a call's `traceparent`; empty if it has none or a malformed one."""
    values = [value for name, value in metadata if name == "traceparent"]
    if len(values) != 1 or not isinstance(values[0], str):
        return ""
    parts = _TRACEPARENT.fullmatch(values[0])
    if parts is None or (parts[1] == "00" and parts[3]):
        return ""
    return parts[2]
