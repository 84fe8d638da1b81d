"""The definition of an attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureau.credit_file.attributes.view import View

Compute = Callable[[View], float | None]

# Names of versions of reports (`report_versions`).
FIRST_VERSION, V2026_12 = "2026-11", "2026-12"
# Unit of an amount.
MONEY = "minor units"
NEVER_MISSING = "never missing"


@dataclass(frozen=True, slots=True)
class Definition:
    """One named figure about a credit file.

    Attributes:
        text: The figure in words.
        unit: Unit of the value.
        window: The months or tradelines that it covers.
        missing: The meaning of a missing value.
        compute: From a view of the file; an amount from a view of one currency.
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
    def is_amount(self) -> bool:
        """True for an amount, which comes once for each currency and is never added over
        them.
        """
        return self.unit == MONEY

    def is_in(self, version: str) -> bool:
        """Return True if a version of reports has the attribute."""
        return self.since <= version and (not self.until or version < self.until)


def definition(
    text: str,
    unit: str,
    window: str = "now",
    missing: str = NEVER_MISSING,
    since: str = FIRST_VERSION,
) -> Callable[[Compute], Definition]:
    """Turn a function into the definition of the attribute with the function's name."""

    def define(compute: Compute) -> Definition:
        return Definition(compute.__name__, text, unit, window, missing, compute, since)

    return define


def months_text(months: int) -> str:
    """Return a number of months in words."""
    return "1 month" if months == 1 else f"{months} months"


def window_of(months: int) -> str:
    """Describe the window of a number of months of each tradeline."""
    return f"{months_text(months)} to the newest month of each"


def of_currencies(choose: Callable[[list[float]], float], compute: Compute) -> Compute:
    """Compute a ratio of amounts within each currency, and choose the value of the file.

    Args:
        choose: `max` or `min` of the values of the currencies.
        compute: From a view of one currency.
    """

    def chosen(view: View) -> float | None:
        values = map(compute, view.by_currency().values())
        known = [value for value in values if value is not None]
        return choose(known) if known else None

    return chosen
