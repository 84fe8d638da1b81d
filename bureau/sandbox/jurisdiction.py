"""The jurisdictions of sandboxes: identifier scheme, currency and words, `data/jurisdictions.toml`.

The rules of the law come from the policy of the same country (`bureau/policy.py`).
"""

from __future__ import annotations

import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bureau_keys.errors import KeysError
from bureau_keys.identifiers import normalise

DIGITS = "0123456789"
# Check characters of all schemes.
CHECKS = f"{DIGITS}X"
# The jurisdiction of a new sandbox for which none is named.
DEFAULT = "US"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The terms in which the people of a sandbox are made.

    Attributes:
        country: ISO 3166-1 alpha-2.
        scheme: Identifier scheme of its people.
        made_up: Form of identifiers that were never issued, and that no magic subject has: `#`
            is any digit, `+` one from 1 to 9, `?` the check character.
        currency: ISO 4217.
        scale: Factor of the sums of magic subjects.
        members: Name of each member, by id.
        says: Words of statements, by name.
    """

    country: str
    scheme: str
    made_up: str
    currency: str
    scale: int
    members: Mapping[str, str]
    says: Mapping[str, str]

    def new_identifier(self) -> str:
        """Return an identifier at random that was never issued."""
        number = re.sub(
            "[#+]",
            lambda match: secrets.choice(DIGITS if match[0] == "#" else DIGITS[1:]),
            self.made_up,
        )
        spellings = (number.replace("?", check) for check in CHECKS)
        return next(each for each in spellings if self._is_valid(each))

    def _is_valid(self, identifier: str) -> bool:
        try:
            normalise(self.country, self.scheme, identifier)
        except KeysError:
            return False
        return True


@cache
def jurisdictions() -> Mapping[str, Jurisdiction]:
    """Return the jurisdictions by country."""
    text = files("bureau.sandbox").joinpath("data/jurisdictions.toml").read_text("utf-8")
    table = tomllib.loads(text)
    return {country: Jurisdiction(country, **row) for country, row in table.items()}


def jurisdiction_of(country: str) -> Jurisdiction:
    """Return the jurisdiction of a country.

    Raises:
        ValueError: There are no magic subjects for the country.
    """
    known = jurisdictions()
    if country not in known:
        names = " or ".join(known)
        raise ValueError(f"no magic subjects are of the jurisdiction {country!r}; use {names}")
    return known[country]
