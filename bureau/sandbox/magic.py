"""The table of the magic subjects, `data/magic_subjects.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from bureau_client.models.codes import PartyRole

LANGUAGES = ("en", "zh")


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
        identifier: Identifier that was never issued.
        accounts: The accounts.
        steps: Names of the steps that make the subject after its accounts are furnished.
        fault: Fault of every query of a report about the subject; None for no fault.
        words: What the subject shows, by language.
    """

    name: str
    country: str
    scheme: str
    identifier: str
    accounts: tuple[AccountPlan, ...]
    steps: tuple[str, ...]
    fault: Fault | None
    words: Mapping[str, str]


@cache
def magic_subjects() -> Mapping[str, MagicSubject]:
    """Return the magic subjects by name, in the order of the table."""
    text = files("bureau.sandbox").joinpath("data/magic_subjects.toml").read_text("utf-8")
    table = tomllib.loads(text)
    rows = (_subject(row, table["country"], table["scheme"]) for row in table["subject"])
    return {subject.name: subject for subject in rows}


def _subject(row: Mapping[str, Any], country: str, scheme: str) -> MagicSubject:
    return MagicSubject(
        name=row["name"],
        country=country,
        scheme=scheme,
        identifier=row["identifier"],
        accounts=tuple(_account(plan) for plan in row.get("accounts", ())),
        steps=tuple(row.get("steps", ())),
        fault=Fault(row["fault"]) if "fault" in row else None,
        words={language: row[language] for language in LANGUAGES},
    )


def _account(plan: Mapping[str, Any]) -> AccountPlan:
    values = dict(plan)
    partner = values.pop("with", "")
    role = PartyRole.parse(values.pop("role", "individual"))
    return AccountPlan(**values, partner=partner, role=role)
