"""Amounts in minor units, and their form for people."""

from __future__ import annotations

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
