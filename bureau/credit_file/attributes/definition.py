"""What an attribute is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureau.credit_file.attributes.view import View

Compute = Callable[[View], float | None]

MONEY = "minor units of the currency"
PER_CURRENCY = frozenset({MONEY, "share of the currency's limits"})


@dataclass(frozen=True, slots=True)
class Definition:
    """One named figure about a file.

    Attributes:
        text: What it says.
        unit: Of its value. Money is never added over currencies: such attributes
            come once for each currency of the file, with it as their unit.
        window: What of the file it looks at.
        missing: What it means that there is no value.
        compute: From a view of the file, or of one currency in it.
    """

    name: str
    text: str
    unit: str
    window: str
    missing: str
    compute: Compute

    @property
    def per_currency(self) -> bool:
        """Whether it comes once for each currency."""
        return self.unit in PER_CURRENCY


def definition(
    text: str, unit: str, window: str = "now", missing: str = "never missing"
) -> Callable[[Compute], Definition]:
    """Makes a function the definition of the attribute that bears its name."""

    def define(compute: Compute) -> Definition:
        return Definition(compute.__name__, text, unit, window, missing, compute)

    return define
