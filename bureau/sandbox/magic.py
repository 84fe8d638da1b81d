"""The table of the magic subjects, `data/magic_subjects.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from bureau.sandbox.jurisdiction import DEFAULT, Jurisdiction, jurisdiction_of
from bureau_client.models.codes import PartyRole

LANGUAGES = ("en", "zh")
NOT_APPLICABLE = {
    "en": "Not applicable in {country}: {why}",
    "zh": "在 {country} 不适用：{why}",
}


class Fault(StrEnum):
    """A fault of the queries of a report."""

    SLOW = "slow"
    UNAVAILABLE = "unavailable"
    DROPPED = "dropped"
    STALE_RECEIPT = "stale-receipt"
    WRONG_SIGNATURE = "wrong-signature"


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account of a magic subject when the sandbox begins.

    Attributes:
        lender: Member id of its lender.
        kind: `card`, `line` or `loan`.
        months: Months on file.
        use: Per cent of the limit, or of the loan, that is owed.
        limit: Limit or principal in minor units.
        missed: Payments missed in the newest month.
        ended: Months since the newest month that its lender furnished; 0 if it goes on.
        bankruptcy: Consumer information indicator of Metro 2 in its records.
        partner: Another subject on the account.
        role: Role of this subject on it.
    """

    lender: str
    kind: str
    months: int
    use: int
    limit: int
    missed: int = 0
    ended: int = 0
    bankruptcy: str = ""
    partner: str = ""
    role: PartyRole = PartyRole.INDIVIDUAL


@dataclass(frozen=True, slots=True)
class MagicSubject:
    """A person of every sandbox.

    Attributes:
        name: Name in commands and tests: `late-60`.
        country: ISO 3166-1 alpha-2.
        scheme: Identifier scheme of the country.
        identifier: Identifier that was never issued; empty for a subject that is not applicable
            in the country.
        accounts: The accounts.
        steps: Names of the steps that make the subject after its accounts are furnished.
        fault: Fault of every query of a report about the subject; None for no fault.
        words: What the subject shows, by language; or why it is not applicable.
        is_own: True if accounts, steps or words are the country's own.
    """

    name: str
    country: str
    scheme: str
    identifier: str
    accounts: tuple[AccountPlan, ...]
    steps: tuple[str, ...]
    fault: Fault | None
    words: Mapping[str, str]
    is_own: bool = False

    @property
    def is_applicable(self) -> bool:
        """True if the country has what the subject shows."""
        return bool(self.identifier)

    def shows(self, language: str) -> str:
        """Return what the subject shows, in words; or that it is not applicable, and why."""
        words = self.words.get(language, self.words[LANGUAGES[0]])
        if self.is_applicable:
            return words
        other = NOT_APPLICABLE.get(language, NOT_APPLICABLE[LANGUAGES[0]])
        return other.format(country=self.country, why=words)


@cache
def magic_subjects(country: str = DEFAULT) -> Mapping[str, MagicSubject]:
    """Return the magic subjects of a country by name, in the order of the table.

    Raises:
        ValueError: There are none for the country.
    """
    jurisdiction = jurisdiction_of(country)
    text = files("bureau.sandbox").joinpath("data/magic_subjects.toml").read_text("utf-8")
    table = tomllib.loads(text)
    subjects = [_subject(row, jurisdiction) for row in table["subject"]]
    return {subject.name: subject for subject in subjects}


def applicable_subjects(country: str = DEFAULT) -> Mapping[str, MagicSubject]:
    """Return the magic subjects that a country has, by name.

    Raises:
        ValueError: There are none for the country.
    """
    subjects = magic_subjects(country)
    return {name: subject for name, subject in subjects.items() if subject.is_applicable}


def _subject(row: Mapping[str, Any], jurisdiction: Jurisdiction) -> MagicSubject:
    own = row.get(jurisdiction.country, {})
    row = {**row, **own}
    return MagicSubject(
        name=row["name"],
        country=jurisdiction.country,
        scheme=jurisdiction.scheme,
        identifier=row["identifier"].get(jurisdiction.country, ""),
        accounts=tuple(_account(plan, jurisdiction.scale) for plan in row.get("accounts", ())),
        steps=tuple(row.get("steps", ())),
        fault=Fault(row["fault"]) if "fault" in row else None,
        words={language: row[language] for language in LANGUAGES},
        is_own=bool(own),
    )


def _account(plan: Mapping[str, Any], scale: int) -> AccountPlan:
    values = {**plan, "limit": plan["limit"] * scale}
    partner = values.pop("with", "")
    role = PartyRole.parse(values.pop("role", "individual"))
    return AccountPlan(**values, partner=partner, role=role)
