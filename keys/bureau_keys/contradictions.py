"""Contradictions between the fields of a snapshot, from the table `contradictions.toml`.

The bureau refuses a record that breaks a rule with the severity `error`, and reports warnings
in its answer; the SDK finds both before it sends. Both evaluate this module, so that a record is
judged alike at every entrance. Pure.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any

from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

# A snapshot: a TradelineSnapshot, or the SDK's with the same names, codes and order of dates.
Test = Callable[[Any], bool]


class Severity(StrEnum):
    """Severity of a rule: a record with an error is refused, one with a warning is stored."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Text:
    """Words of a rule in one language."""

    fault: str
    fix: str

    def __str__(self) -> str:
        return f"{self.fault}; {self.fix}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a snapshot for which all tests hold breaks the rule.

    Attributes:
        id: Name of the rule, for programs: `paid-with-balance`.
        field: Field of the snapshot that the rule names.
        source: Law or standard that the rule follows from.
        texts: Fault and fix by language: `en`, `zh`.
        statuses: Account statuses in which a snapshot can break the rule.
        tests: Conditions on the other fields.
    """

    id: str
    severity: Severity
    field: str
    source: str
    texts: Mapping[str, Text]
    statuses: frozenset[int]
    tests: tuple[Test, ...]

    @property
    def message(self) -> str:
        """Fault and fix in English, as violations and warnings show them."""
        return str(self.texts["en"])


def errors_of(snapshot: Any) -> list[Rule]:
    """Return the rules for which a snapshot is refused."""
    return _broken(snapshot, Severity.ERROR)


def warnings_of(snapshot: Any) -> list[Rule]:
    """Return the rules that a snapshot breaks although it is stored."""
    return _broken(snapshot, Severity.WARNING)


def broken_in(snapshots: Sequence[Any], severity: Severity) -> Iterator[tuple[Rule, list[int]]]:
    """Yield the rules of a severity that snapshots break, in the table's order, each with the
    indexes of these snapshots, ascending.

    A test goes through all snapshots that those before it left: of a large batch this takes a
    third of the time of one snapshot after the other.
    """
    by_status: defaultdict[int, list[int]] = defaultdict(list)
    for index, snapshot in enumerate(snapshots):
        by_status[snapshot.status].append(index)
    for rule in rules().values():
        if rule.severity is not severity:
            continue
        indexes = [
            index for status in by_status if status in rule.statuses for index in by_status[status]
        ]
        for test in rule.tests:
            if not indexes:
                break
            indexes = [index for index in indexes if test(snapshots[index])]
        if indexes:
            yield rule, sorted(indexes)


@cache
def rules() -> Mapping[str, Rule]:
    """Return every rule of the table by its id, in the table's order."""
    table = _table()
    return {entry["id"]: _rule(entry, table) for entry in table["rule"]}


def _broken(snapshot: Any, severity: Severity) -> list[Rule]:
    broken = []
    for rule in _by_status()[severity].get(snapshot.status, ()):
        # Not all(): it is twice as slow here, where the first test decides.
        for test in rule.tests:
            if not test(snapshot):
                break
        else:
            broken.append(rule)
    return broken


@cache
def _by_status() -> Mapping[Severity, Mapping[int, Sequence[Rule]]]:
    """Group the rules, so that few are evaluated for each of millions of records."""
    return {
        severity: {
            status: [
                rule
                for rule in rules().values()
                if rule.severity is severity and status in rule.statuses
            ]
            for status in codes_pb2.AccountStatus.values()
        }
        for severity in Severity
    }


def _table() -> dict[str, Any]:
    path = files("bureau_keys") / "contradictions.toml"
    return tomllib.loads(path.read_text("utf-8"))


def _rule(entry: Mapping[str, Any], table: Mapping[str, Any]) -> Rule:
    statuses = set(codes_pb2.AccountStatus.values())
    tests: list[Test] = []
    for field, test, *operands in entry["when"]:
        operand: Any = operands[0] if operands else None
        if field == "status":
            group = _codes("status", table["statuses"][operand])
            statuses = statuses & group if test == "in" else statuses - group
        elif test == "outside":
            tests.append(_outside(field, table[operand]))
        else:
            tests.append(_TESTS[test](field, operand))
    return Rule(
        id=entry["id"],
        severity=Severity(entry["severity"]),
        field=entry["field"],
        source=entry["source"],
        texts={language: Text(**entry[language]) for language in ("en", "zh")},
        statuses=frozenset(statuses),
        tests=tuple(tests),
    )


def _codes(field: str, names: str) -> set[Any]:
    """Return the values of a field's codes: numbers of its enum, or the texts themselves."""
    enum = TradelineSnapshot.DESCRIPTOR.fields_by_name[field].enum_type
    if enum is None:
        return set(names.split())
    # The names of an enum's values begin with its own name: ACCOUNT_STATUS_CURRENT.
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return {enum.values_by_name[prefix + name].number for name in names.split()}


def _is(field: str, names: str) -> Test:
    get, wanted = attrgetter(field), _codes(field, names)
    return lambda snapshot: get(snapshot) in wanted


def _is_not(field: str, names: str) -> Test:
    get, unwanted = attrgetter(field), _codes(field, names)
    return lambda snapshot: get(snapshot) not in unwanted


def _given(field: str, _: None) -> Test:
    get = attrgetter(field)
    return lambda snapshot: bool(get(snapshot))


def _absent(field: str, _: None) -> Test:
    get = attrgetter(field)
    return lambda snapshot: not get(snapshot)


def _above(field: str, operand: int | str) -> Test:
    get = attrgetter(field)
    if isinstance(operand, int):
        return lambda snapshot: get(snapshot) > operand
    other = attrgetter(operand)
    return lambda snapshot: get(snapshot) > other(snapshot)


def _at_most(field: str, most: int) -> Test:
    get = attrgetter(field)
    return lambda snapshot: get(snapshot) <= most


def _before(field: str, operand: str) -> Test:
    get, other = attrgetter(field), attrgetter(operand)
    # An absent date is before no other.
    return lambda snapshot: bool(get(snapshot)) and get(snapshot) < other(snapshot)


def _outside(field: str, ranges: Mapping[str, tuple[int, int]]) -> Test:
    """Return a test: a number lies outside the range of the snapshot's status."""
    get = attrgetter(field)
    bounds = {_codes("status", name).pop(): tuple(range_) for name, range_ in ranges.items()}

    def test(snapshot: Any) -> bool:
        fewest, most = bounds[snapshot.status]
        return not fewest <= get(snapshot) <= most

    return test


_TESTS: Mapping[str, Callable[[str, Any], Test]] = {
    "is": _is,
    "is not": _is_not,
    "given": _given,
    "absent": _absent,
    "above": _above,
    "at most": _at_most,
    "before": _before,
}
