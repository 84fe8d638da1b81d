"""Checks of every argument of the clients' methods by its annotation, before anything is sent.

A wrong kind of value is an `InvalidRequest` that names the argument, the value and what is
expected. Values that people write are converted: `credit-application` is a `Purpose`.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, wraps
from types import FunctionType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bureau_client._operations import arguments
from bureau_client.models.codes import Code
from bureau_client.models.consents import Frequency
from bureau_client.models.records import RecordRef

C = TypeVar("C", bound=type)

# Largest number that a field of the contract takes, and that a position in the log is.
MAX_NUMBER, MAX_POSITION = 2**31 - 1, 2**63 - 1
# Objects that people write themselves; others come from the SDK.
WRITTEN = frozenset({Frequency, RecordRef})
# Longest span of time; a day after a longer one may not exist.
LONGEST = timedelta(days=365_250)
POSITIONS = frozenset({"after", "cursor", "start", "stop", "limit"})
# Arguments whose wrong value may be a secret or a national identifier: errors show its type only.
UNSHOWN = frozenset({"subject_id", "identifier", "key", "passphrase", "text", "narrative", "note"})
SHOWN_CHARACTERS = 60


class _WrongKindError(Exception):
    """A value that the annotation does not allow; its text is the expectation."""


def checked(client: C) -> C:
    """Let every public method of a client, and its constructor, check its arguments."""
    for name, member in vars(client).copy().items():
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, classmethod):
            setattr(client, name, classmethod(_checking(member.__func__)))
        elif isinstance(member, FunctionType):
            setattr(client, name, _checking(member))
    return client


def _checking(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @cache
    def hints() -> dict[str, Any]:
        # At the first call: the annotations of a module are complete when it is imported.
        return get_type_hints(function)

    def convert(positional: tuple[Any, ...], named: dict[str, Any]) -> inspect.BoundArguments:
        try:
            bound = signature.bind(*positional, **named)
        except TypeError as error:
            # Python's own error, with the name of the method as Python gives it.
            raise TypeError(f"{function.__qualname__}() {error}") from None
        for name, value in bound.arguments.items():
            if name in hints():
                bound.arguments[name] = argument(name, value, hints()[name])
        return bound

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def call_later(*positional: Any, **named: Any) -> Any:
            bound = convert(positional, named)
            return await function(*bound.args, **bound.kwargs)

        return call_later

    @wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        bound = convert(positional, named)
        return function(*bound.args, **bound.kwargs)

    return call


def argument(name: str, value: Any, hint: Any) -> Any:
    """Return an argument as its annotation has it.

    Raises:
        InvalidRequest: The annotation does not allow the value.
    """
    try:
        return _converted(name, _own(value), hint)
    except _WrongKindError as wrong:
        message = f"is {_shown(name, value)}; pass {wrong}"
        raise arguments.refuse(name, "INVALID_FIELD", message) from None


def _own(value: Any) -> Any:
    """Return Python's own value of a scalar of numpy, which tables give: 5 of `numpy.int64(5)`."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _converted(name: str, value: Any, hint: Any) -> Any:
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        return _one_of(name, value, get_args(hint))
    if origin is Literal:
        words = get_args(hint)
        return _when(isinstance(value, str) and value in words, value, _words(map(repr, words)))
    if origin is tuple:
        kinds = get_args(hint)
        expected = f"a tuple of {len(kinds)}, each {_expected(kinds[0])}"
        _when(isinstance(value, tuple | list) and len(value) == len(kinds), value, expected)
        return tuple(_converted(name, each, kind) for each, kind in zip(value, kinds, strict=True))
    if origin is Sequence:
        (item,) = get_args(hint)
        expected = f"a list, each item {_expected(item)}"
        _when(_is_iterable(value), value, expected)
        return tuple(argument(f"{name}[{index}]", each, item) for index, each in enumerate(value))
    if origin is not None and issubclass(origin, Iterable | AsyncIterator):
        # Its items are checked as they are read: there may be millions.
        return _when(_is_iterable(value), value, "a list or another iterable")
    if origin is not None:
        return _when(callable(value), value, "a function")
    return _plain(name, value, hint)


def _one_of(name: str, value: Any, options: tuple[Any, ...]) -> Any:
    if value is None and NoneType in options:
        return None
    expected = []
    for option in options:
        if option is NoneType:
            continue
        try:
            return _converted(name, value, option)
        except _WrongKindError as wrong:
            expected.append(str(wrong))
    expected += ["None"] if NoneType in options else []
    raise _WrongKindError(" or ".join(expected))


def _plain(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(kind, type):
        return value
    if issubclass(kind, Code):
        return _code(value, kind)
    expected = _expected(kind)
    if kind is int:
        most = MAX_POSITION if name in POSITIONS else MAX_NUMBER
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return _when(is_number and 0 <= value <= most, value, f"{expected} from 0 to {most}")
    if kind is str:
        return _when(isinstance(value, str) and _is_unicode(value), value, expected)
    if kind is timedelta:
        return _when(isinstance(value, timedelta) and abs(value) <= LONGEST, value, expected)
    if kind is datetime:
        return _when(isinstance(value, datetime) and value.tzinfo is not None, value, expected)
    if getattr(kind, "_is_protocol", False):
        members = [member for member in vars(kind) if not member.startswith("_")]
        has_all = all(hasattr(value, member) for member in members)
        return _when(has_all, value, f"an object with {', '.join(members)}")
    _when(isinstance(value, kind), value, expected)
    return _whole(name, value, kind) if kind in WRITTEN else value


def _whole(name: str, value: Any, kind: Any) -> Any:
    """Return an object that people write with its fields as their annotations have them.

    Raises:
        InvalidRequest: An annotation does not allow the value of a field.
    """
    return kind(
        **{
            field: argument(f"{name}.{field}", getattr(value, field), hint)
            for field, hint in get_type_hints(kind).items()
        }
    )


def _code(value: Any, kind: type[Code]) -> Code:
    """Return a code: itself, its name in any spelling, or its number."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        try:
            return kind.parse(value)
        except ValueError:
            raise _WrongKindError(_expected(kind)) from None
    is_number = isinstance(value, int) and not isinstance(value, bool | Code)
    return kind(_when(is_number and value in set(map(int, kind)), value, _expected(kind)))


def _when(holds: bool, value: Any, expected: str) -> Any:
    if not holds:
        raise _WrongKindError(expected)
    return value


def _is_iterable(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_EXPECTED: dict[type, str] = {
    bool: "True or False",
    int: "a whole number",
    str: "a text",
    bytes: "bytes",
    datetime: "a datetime with a time zone",
    timedelta: "a timedelta of at most 1,000 years",
}


def _expected(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Code):
        return f"a {kind.__name__}: {_words(kind.spellings())}"
    return _EXPECTED.get(kind) or f"an object of the class {getattr(kind, '__name__', kind)}"


def _words(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _shown(name: str, value: Any) -> str:
    """Return a value as an error shows it: short, and never a secret."""
    is_simple = isinstance(value, str | int | float | datetime | timedelta | NoneType)
    if not is_simple or (name.partition("[")[0] in UNSHOWN and value is not None):
        return f"of the class {type(value).__name__}"
    text = f"{type(value).__name__}.{value}" if isinstance(value, Code) else ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
