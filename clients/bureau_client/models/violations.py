"""A field that breaks a rule, as the SDK and the bureau name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks a rule.

    Attributes:
        field: Path of the field: `records[7].snapshot.balance_minor`. The index
            counts from 0 through everything that was passed to `submit`.
        rule: The rule's name, for programs: `AMOUNT_RANGE`.
        message: What is wrong and what to write instead, for people.
    """

    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
