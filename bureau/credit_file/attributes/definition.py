"""The definition of an attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureau.credit_file.attributes.view import View

Compute = Callable[[View], float | None]

# Name of the first version of reports (`report_versions`).
FIRST_VERSION = "2026-11"
MONEY = "minor units of the currency"
PER_CURRENCY = frozenset({MONEY, "share of the currency's limits"})


@dataclass(frozen=True, slots=True)
class Definition:
    """One named figure about a credit file.

    Attributes:
        text: The figure in words.
        unit: Unit of the value. Money is never added over currencies: an amount
            comes once for each currency of the file, with the currency as its unit.
        window: The months or tradelines that it covers.
        missing: The meaning of a missing value.
        compute: From a view of the file, or of one currency in it.
        since: The first version of reports that has it.
        until: The first version of reports that no longer has it; empty if all later
            versions have it.
    """

    name: str
    text: str
    unit: str
    window: str
    missing: str
    compute: Compute
    since: str = FIRST_VERSION
    until: str = ""

    @property
    def per_currency(self) -> bool:
        """True if the attribute comes once for each currency."""
        return self.unit in PER_CURRENCY

    def is_in(self, version: str) -> bool:
        """Return True if a version of reports has the attribute."""
        return self.since <= version and (not self.until or version < self.until)


def definition(
    text: str,
    unit: str,
    window: str = "now",
    missing: str = "never missing",
    since: str = FIRST_VERSION,
) -> Callable[[Compute], Definition]:
    """Turn a function into the definition of the attribute with the function's name."""

    def define(compute: Compute) -> Definition:
        return Definition(compute.__name__, text, unit, window, missing, compute, since)

    return define
