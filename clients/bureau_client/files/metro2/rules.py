"""The rules of `data/metro2/rules.toml`, prepared for many accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from bureau_client.files.metro2.layout import codes, table_of
from bureau_client.files.metro2.values import Value
from bureau_keys.contradictions import Severity

PREVIOUS = "previous "
# Fields of the month before that rules use.
KEPT = (
    "account_status",
    "payment_rating",
    "current_balance",
    "original_charge_off_amount",
    "date_of_first_delinquency",
    "consumer_information_indicator",
    "status_character",
    "change_indicator",
    "new_consumer_account_number",
    "new_identification_number",
)
# Payment history profile: the character of a month in which the account had a status.
CHARACTER_OF = {
    "71": "1", "78": "2", "80": "3", "82": "4", "83": "5", "84": "6",
    "62": "G", "93": "G", "65": "H", "94": "H", "61": "J", "95": "J",
    "63": "K", "96": "K", "64": "L", "97": "L",
}  # fmt: skip

Account = Mapping[str, Value]
Test = Callable[[Account], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: an account that passes all tests of the rule breaks the rule.

    Attributes:
        strict: Severity that examiners give it.
    """

    id: str
    severity: Severity
    strict: Severity
    field: str
    expected: str
    fix: str
    record_rule: str
    tests: tuple[Test, ...]

    def breaks(self, account: Account) -> bool:
        """Return True if an account breaks the rule; unreadable fields break no rule."""
        for test in self.tests:  # noqa: SIM110, all() is twice as slow here
            if not test(account):
                return False
        return True


@cache
def rules_of(status: str) -> Sequence[Rule]:
    """Return the rules that an account with a status can break."""
    return _by_status()[status]


@cache
def _by_status() -> Mapping[str, list[Rule]]:
    rules: defaultdict[str, list[Rule]] = defaultdict(list)
    known = codes("account_status")
    for entry in table_of("rules")["rule"]:
        statuses = set(known)
        tests = []
        for field, test, *operand in entry["when"]:
            if field == "account_status" and test in {"is", "is not"}:
                operands = set(operand[0].split())
                statuses &= operands if test == "is" else known - operands
            else:
                tests.append(_TESTS[test](field, *operand or [None]))
        rule = Rule(
            entry["id"],
            Severity(entry["severity"]),
            Severity(entry.get("strict", entry["severity"])),
            entry["field"],
            entry["expected"],
            entry["fix"],
            entry.get("record_rule", ""),
            tuple(tests),
        )
        for status in statuses:
            rules[status].append(rule)
    return rules


def _is(field: str, operand: str) -> Test:
    wanted = frozenset(operand.split())
    return lambda account: account.get(field) in wanted


def _is_not(field: str, operand: str) -> Test:
    unwanted = frozenset(operand.split())
    return lambda account: field in account and account[field] not in unwanted


def _zero(field: str, _: None) -> Test:
    # A blank is not a number; another rule reports it.
    return lambda account: account.get(field) == 0


def _positive(field: str, _: None) -> Test:
    return lambda account: (account.get(field) or 0) > 0  # type: ignore[operator]


def _blank(field: str, _: None) -> Test:
    return lambda account: field in account and account[field] in {None, ""}


def _given(field: str, _: None) -> Test:
    return lambda account: account.get(field) not in {None, ""}


def _differs(field: str, other: str) -> Test:
    return lambda account: (
        field in account and other in account and account[field] != account[other]
    )


def _same(field: str, other: str) -> Test:
    return lambda account: (
        field in account and other in account and account[field] == account[other]
    )


def _below(field: str, other: str) -> Test:
    # Unreadable and missing fields are not compared.
    return lambda account: (account.get(field) or 0) < (account.get(other) or 0)  # type: ignore[operator]


def _older(field: str, operand: Sequence[Any]) -> Test:
    """Return a test: a day is more than a number of months and days after another."""
    other, months, days = [*operand, 0, 0][:3]

    def test(account: Account) -> bool:
        later, earlier = account.get(field), account.get(other)
        if not isinstance(later, date) or not isinstance(earlier, date):
            return False
        return later > _plus_months(earlier, months) + timedelta(days=days)

    return test


def _plus_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


_TESTS: dict[str, Callable[[str, Any], Test]] = {
    "is": _is,
    "is not": _is_not,
    "zero": _zero,
    "positive": _positive,
    "blank": _blank,
    "given": _given,
    "below": _below,
    "differs": _differs,
    "same": _same,
    "older than": _older,
    "after": _older,
}
