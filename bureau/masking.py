"""Mask the passwords of URLs, for logs and errors."""

from __future__ import annotations

import re

# A password may have an at sign: it ends at the last one. libpq takes it as a parameter too.
_IN_AUTHORITY = re.compile(r"(://[^:/@\s]*):\S*@")
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s'\"]*")


def without_passwords(text: str) -> str:
    """Return a text without the passwords of its URLs."""
    if "://" not in text:
        return text
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"\1:***@", text))
