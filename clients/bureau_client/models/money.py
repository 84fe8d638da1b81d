"""Amounts in minor units, and their form for people."""

from bureau_keys.money import amount_text, exponent_of, figure_text, format_amount

__all__ = ["amount_text", "exponent_of", "figure_text", "format_amount"]
