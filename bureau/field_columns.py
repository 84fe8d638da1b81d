"""Check the contract's field rules for many messages by columns: all values of a field at once.

protovalidate goes through each message by itself. In a batch most values of a field repeat, and
of numbers the least and the greatest decide. The verdict is the same; protovalidate explains each
violation. The rules are those of the contract (`creditbureau.v1.field_rules`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from creditbureau.v1.field_rules import FIELD_RULES

Column = Sequence[Any]
Check = Callable[[Column], bool]

# Patterns that mean the same to Python as to protovalidate: sets of ASCII characters, each with
# its number of repetitions.
_PATTERN = re.compile(r"\^((?:\[[ !-Z_-~]+\](?:\{[0-9]+(?:,[0-9]+)?\}|\?))+)\$")


class Columns:
    """Messages of one type as columns: the values of each field, read when it is first used."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, field: str) -> Column:
        """Return the values of a field, of one message after the other."""
        if field not in self._columns:
            self._columns[field] = list(map(attrgetter(field), self._messages))
        return self._columns[field]


class ColumnRules:
    """The field rules of one type of message."""

    def __init__(self, message: Descriptor, left_out: Collection[str] = ()) -> None:
        """Derive the checks from the contract.

        Args:
            left_out: Fields and choices that the caller checks.

        Raises:
            ValueError: The contract's rules of a message are not known, or a rule cannot be
                checked by columns.
        """
        if message.full_name not in FIELD_RULES:
            raise ValueError(f"{message.full_name}: the contract's table has no such message")
        rules = dict(FIELD_RULES[message.full_name])
        for name in left_out:
            rules.pop(name, None)
        self._checks: list[tuple[str, Check]] = []
        self._lists: list[tuple[str, ColumnRules]] = []
        for field in message.fields:
            if field.name in left_out:
                continue
            self._checks += [(field.name, check) for check in _checks(field, rules)]
            if field.message_type is not None:
                self._lists.append((field.name, ColumnRules(field.message_type)))
        if rules:
            raise ValueError(f"{message.full_name}: {rules} cannot be checked by columns")

    def hold(self, columns: Columns) -> bool:
        """Return True if every field of all messages keeps its rules."""
        if not columns:
            return True
        return all(check(columns[name]) for name, check in self._checks) and all(
            rules.hold(Columns(list(chain.from_iterable(columns[name]))))
            for name, rules in self._lists
        )


def _checks(field: FieldDescriptor, rules: dict[str, Mapping[str, Any]]) -> Iterator[Check]:
    """Yield the checks of a field's column, and take its rules out of `rules`.

    Raises:
        ValueError: A rule cannot be checked by columns.
    """
    own = rules.pop(field.name, {})
    checks = [_check(field, frozenset(own), own)] if own else []
    if field.is_repeated != (field.message_type is not None):
        raise ValueError(f"{field.full_name}: only plain values and lists of messages are columns")
    # An absent field has no rule to keep, and reads as its default.
    if field.has_presence and not all(check([field.default_value]) for check in checks):
        raise ValueError(f"{field.full_name}: its default breaks its rules")
    yield from checks


def _check(field: FieldDescriptor, names: frozenset[str], rules: Mapping[str, Any]) -> Check:
    """Return the check of a field's column by its rules, which have these names."""
    if names == {"gte", "lte"}:
        return _between(rules["gte"], rules["lte"])
    if names == {"pattern"} and (pattern := _PATTERN.fullmatch(rules["pattern"])):
        matches = re.compile(pattern[1]).fullmatch
        return lambda column: all(map(matches, set(column)))
    if names - {"min_items"} == {"max_items"}:
        return _of_lengths(rules.get("min_items", 0), rules["max_items"])
    if names == {"len"}:
        return _of_lengths(rules["len"], rules["len"])
    if names == {"max_len"}:
        return _of_lengths(0, rules["max_len"])
    if names - {"not_in"} == {"defined_only"} and rules["defined_only"] and field.enum_type:
        known = frozenset(field.enum_type.values_by_number)
        return known.difference(rules.get("not_in", ())).issuperset
    raise ValueError(f"{field.full_name}: {dict(rules)} cannot be checked by columns")


def _between(least: int, most: int) -> Check:
    return lambda column: least <= min(column) and max(column) <= most


def _of_lengths(fewest: int, most: int) -> Check:
    return lambda column: fewest <= min(map(len, column)) and max(map(len, column)) <= most
