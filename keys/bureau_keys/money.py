"""Amounts in minor units, and their form for people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

# Smaller figures than this one would be zeros with four decimals.
_SMALL = 0.0001

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def exponent_of(currency: str) -> int:
    """Return the number of decimal digits of an ISO 4217 currency."""
    return _EXPONENTS.get(currency, 2)


def format_amount(amount_minor: int | None, currency: str) -> str:
    """Return an amount in major units: `1,234.56` for 123456 CNY, a dash for None."""
    if amount_minor is None:
        return "–"
    exponent = exponent_of(currency)
    whole, part = divmod(abs(amount_minor), 10**exponent)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}" + (f".{part:0{exponent}}" if exponent else "")


def amount_text(amount_minor: int | None, currency: str) -> str:
    """Return an amount with its currency: `1,810.10 USD`."""
    return f"{format_amount(amount_minor, currency)} {currency}".strip()


def figure_text(value: float) -> str:
    """Return a number as people write it, never with an exponent: `25,123,500`, `0.4523`.

    Four decimals, of a number that is smaller two digits: `0.000012` is not zero.
    """
    if value and abs(value) < _SMALL:
        return f"{Decimal(f'{value:.1e}'):f}".rstrip("0")
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def label_of(name: str) -> str:
    """Return the name of a field for people: without the unit that its text has."""
    return name.removesuffix("_minor").removesuffix("_per_mille").replace("_", " ")


def text_of(name: str, value: object, fields: Mapping[str, object]) -> str | None:
    """Return an amount, a share or a ratio of a record for people; None for another value.

    Args:
        name: Name of the field: `balance_minor`, `utilisation_per_mille`.
        value: Value of the field.
        fields: The record, whose `currency` is that of its amounts.
    """
    currency = str(fields.get("currency") or "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if name.endswith("_minor") or (name == "limit" and currency):
        return amount_text(int(value), currency) if currency else f"{value:,} minor units"
    if name.endswith("_per_mille"):
        return f"{value / 10:.1f} %"
    return figure_text(value) if isinstance(value, float) else None
