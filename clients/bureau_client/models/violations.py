"""Violations of rules by fields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks a rule.

    Attributes:
        field: Path of the field: `records[7].snapshot.balance_minor`. The index
            counts from 0 through all records passed to `submit`.
        rule: The rule's name, for programs: `AMOUNT_RANGE`.
        message: The fault and the fix, for people.
    """

    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
