"""The caller's span (W3C Trace Context), so that a call's log line and its span join the trace."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bureau.tracing import RemoteParent

# Version, trace id, parent id, flags. Version ff is forbidden; a later version may append
# fields, version 00 may not.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
# Characters of a later version; version 00 has 55. A longer one is ignored, so that no caller
# makes the node read long ones.
MAX_LENGTH = 256


def parent_of(metadata: Iterable[tuple[str, str | bytes]]) -> RemoteParent | None:
    """Return the span of a call's `traceparent`; None without one, or for a malformed one."""
    values = [value for name, value in metadata if name == "traceparent"]
    if len(values) != 1 or not isinstance(values[0], str) or len(values[0]) > MAX_LENGTH:
        return None
    parts = _TRACEPARENT.fullmatch(values[0])
    if parts is None or (parts[1] == "00" and parts[5]):
        return None
    return RemoteParent(parts[2], parts[3], bool(int(parts[4], 16) & 1))
