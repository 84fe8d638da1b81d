"""Building blocks of C2SP's text formats: base64 and decimals.

Each value has one spelling, so that no two texts say the same and no byte of a
receipt can be changed unseen.
"""

from __future__ import annotations

import base64

from bureau_keys.errors import MalformedMessage

# Sizes and indices are below 2^63 (C2SP tlog-cosignature says so of times).
MAX_DECIMAL = (1 << 63) - 1
MAX_DIGITS = 19


def to_base64(data: bytes) -> str:
    """Return base64 of RFC 4648 section 4, padded."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes from base64.

    Raises:
        MalformedMessage: It is none, or not as `to_base64` writes it: spaces,
            missing padding, or bits set that no byte has.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise MalformedMessage("not base64") from error
    if to_base64(data) != text:
        raise MalformedMessage("not canonical base64")
    return data


def from_decimal(text: str) -> int:
    """Return a number from ASCII decimal digits without leading zeros, below 2^63.

    Raises:
        MalformedMessage: It is none.
    """
    if len(text) <= MAX_DIGITS and text.isascii() and text.isdigit():
        number = int(text)
        if str(number) == text and number <= MAX_DECIMAL:
            return number
    raise MalformedMessage("not a decimal without leading zeros, below 2^63")
