"""Reads a field's value from its bytes, and writes it.

Numbers come in three forms: characters; packed decimals (two digits a byte, the last half
byte the sign); and the binary numbers that some writers of the packed format put in their
place (big-endian, dates and times with an `s` at the end).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from functools import lru_cache

from bureau_client.files.metro2.layout import Field

Value = str | int | date | datetime | None

BINARY_MARK = ord("s")
_PLUS, _UNSIGNED = 0x0C, 0x0F
_SIGNS = {0x0A, _PLUS, 0x0E, _UNSIGNED}
_NO_DATE, _NO_TIME = "0" * 8, "0" * 14
_FIRST_YEAR = 1900
_PRINTABLE = bytes(range(0x20, 0x7F))


class Numbers(Enum):
    """Form of the numbers in a record."""

    CHARACTER = "characters"
    DECIMAL = "packed decimals"
    BINARY = "binary numbers"


class BadValue(ValueError):
    """The bytes or the value are not valid for the field.

    Attributes:
        rule: The broken rule.
        expected: The expected form.
        field: The field, if a segment was written: `BASE.surname`.
    """

    def __init__(self, rule: str, expected: str, field: str = "") -> None:
        super().__init__(f"{field}: {expected}" if field else expected)
        self.rule = rule
        self.expected = expected
        self.field = field

    def __reduce__(self) -> tuple[type[BadValue], tuple[str, str, str]]:
        # A rejected record, which keeps its bad values, waits on disk.
        return type(self), (self.rule, self.expected, self.field)


def read(field: Field, raw: bytes, numbers: Numbers) -> Value:
    """Return the value in a field's bytes.

    Returns:
        Text without trailing blanks; digits unchanged; a number, None for a blank; a date
        or a time, None for zero or a blank.

    Raises:
        BadValue: The bytes are not a value of the field.
    """
    if field.packs and numbers is not Numbers.CHARACTER:
        if raw.isspace():
            return READ[field.kind]("")
        digits = (_unpack if numbers is Numbers.DECIMAL else _unbinary)(field, raw)
        return READ[field.kind](digits)
    if not is_printable(raw):
        raise BadValue("M2-TEXT", "printable ASCII characters")
    return READ[field.kind](raw.decode("ascii").rstrip(" "))


def is_printable(raw: bytes) -> bool:
    """Return True if all bytes are printable ASCII."""
    return not raw.translate(None, _PRINTABLE)


def write(field: Field, value: Value, numbers: Numbers) -> bytes:
    """Return the bytes of a value, in the form that `read` reads.

    Raises:
        BadValue: The value does not fit into the field.
    """
    text = _written(field, value)
    if len(text) > field.length:
        raise BadValue("M2-LENGTH", f"at most {field.length} characters")
    packed = numbers is not Numbers.CHARACTER
    text = text.rstrip(" ")
    if packed and field.packs and text:
        return (_pack if numbers is Numbers.DECIMAL else _binary)(field, text)
    if not text.isascii() or not (text or " ").isprintable():
        raise BadValue("M2-TEXT", "printable ASCII characters")
    return text.encode("ascii").ljust(field.packed_length if packed else field.length)


def _written(field: Field, value: Value) -> str:
    if isinstance(value, date) and value.year < _FIRST_YEAR:
        raise BadValue("M2-DATE", f"a day from {_FIRST_YEAR} on")
    if isinstance(value, datetime):
        return value.strftime("%m%d%Y%H%M%S")
    if isinstance(value, date):
        return value.strftime("%m%d%Y")
    if isinstance(value, int):
        if value < 0:
            raise BadValue("M2-AMOUNT", "no negative number")
        return str(value).rjust(field.length, "0")
    if value is None:
        return "0" * field.length
    if field.kind == "digits":
        # A number that is not known is zeros.
        return value.rjust(field.length, "0")
    return value


def _text(text: str) -> Value:
    return text


def _digits(text: str) -> Value:
    if text and not text.isdigit():
        raise BadValue("M2-DIGITS", "digits")
    return text


def _number(text: str) -> Value:
    if not text:
        return None
    if not text.isdigit():
        raise BadValue("M2-NUMBER", "digits, zero filled; a credit balance is zeros")
    return int(text)


# Cached: few different days occur in a file.
@lru_cache(4096)
def _date(text: str) -> Value:
    if not text or text == _NO_DATE:
        return None
    if not text.isdigit() or len(text) != len(_NO_DATE):
        raise BadValue("M2-DATE", "a day as MMDDYYYY")
    try:
        return date(_year(text), int(text[:2]), int(text[2:4]))
    except ValueError:
        raise BadValue("M2-DATE", "an existing day, from 1900 on, as MMDDYYYY") from None


@lru_cache(64)
def _time(text: str) -> Value:
    if not text or text == _NO_TIME:
        return None
    if not text.isdigit() or len(text) != len(_NO_TIME):
        raise BadValue("M2-DATE", "a time as MMDDYYYYHHMMSS")
    try:
        # Without a zone: the format has none.
        return datetime(  # noqa: DTZ001
            _year(text), int(text[:2]), int(text[2:4]), *_clock(text[8:])
        )
    except ValueError:
        expected = "an existing time, from 1900 on, as MMDDYYYYHHMMSS"
        raise BadValue("M2-DATE", expected) from None


def _year(text: str) -> int:
    year = int(text[4:8])
    if year < _FIRST_YEAR:
        raise ValueError(text)
    return year


def _clock(text: str) -> tuple[int, int, int]:
    return int(text[:2]), int(text[2:4]), int(text[4:])


# Readers of a field's text, without trailing blanks, by kind.
READ: dict[str, Callable[[str], Value]] = {
    "text": _text,
    "code": _text,
    "reserved": _text,
    "digits": _digits,
    "money": _number,
    "count": _number,
    "date": _date,
    "time": _time,
}


def _unpack(field: Field, raw: bytes) -> str:
    digits, sign = raw.hex()[:-1], raw[-1] & 0x0F
    if not digits.isdigit() or sign not in _SIGNS:
        raise BadValue("M2-PACKED", "a packed decimal without a minus; a credit balance is zero")
    return _fitted(field, digits)


def _pack(field: Field, text: str) -> bytes:
    return bytes.fromhex(text.rjust(field.packed_length * 2 - 1, "0") + "c")


def _unbinary(field: Field, raw: bytes) -> str:
    if field.kind in {"date", "time"}:
        if not any(raw):
            return ""
        if raw[-1] != BINARY_MARK:
            raise BadValue("M2-PACKED", "a binary number with an s at the end")
        raw = raw[:-1]
    return _fitted(field, str(int.from_bytes(raw)).rjust(field.length, "0"))


def _binary(field: Field, text: str) -> bytes:
    number = int(text)
    if field.kind in {"date", "time"}:
        return number.to_bytes(field.packed_length - 1) + bytes([BINARY_MARK])
    return number.to_bytes(field.packed_length)


def _fitted(field: Field, digits: str) -> str:
    extra = len(digits) - field.length
    if extra > 0:
        if digits[:extra].strip("0"):
            raise BadValue("M2-PACKED", f"at most {field.length} digits")
        digits = digits[extra:]
    return digits
