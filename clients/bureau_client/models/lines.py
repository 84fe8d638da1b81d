"""A lender's existing credit lines, as its own systems know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An existing credit line of one person.

    Attributes:
        subject_id: The person's id.
        account_ref: The lender's reference of the account, as it furnishes it.
        consent_id: The person's consent to inquire for the review of accounts; one report
            serves all lines of the person.
        tradeline_id: Id of the line in reports; empty for the only open line that this member
            furnishes on the person.
        applicant: The applicant's data for the policy, by name of field.
    """

    subject_id: str
    account_ref: str
    consent_id: str
    tradeline_id: str = ""
    applicant: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)


# Returns the lines of a person; none for a person who has no line.
Lines: TypeAlias = Callable[[str], Sequence[Line]]
