"""Amounts and figures as people read them."""

from __future__ import annotations

import pytest

from bureau_keys.money import figure_text, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (25_123_500.0, "25,123,500"),
        (0.4523, "0.4523"),
        (0.00012, "0.0001"),
        (0.000012345, "0.000012"),
        (-0.00004, "-0.00004"),
        (1e-12, "0.000000000001"),
    ],
)
def test_a_figure_has_no_exponent_and_is_no_zero_unless_it_is_one(value: float, text: str) -> None:
    assert figure_text(value) == text


@pytest.mark.parametrize(
    ("name", "value", "currency", "text"),
    [
        ("balance_minor", 123_456, "USD", "1,234.56 USD"),
        ("balance_minor", -5, "JPY", "-5 JPY"),
        ("balance_minor", 1_500, "", "1,500 minor units"),
        ("utilisation_per_mille", 333, "USD", "33.3 %"),
        ("limit", 1_500, "KWD", "1.500 KWD"),
        ("limit", 5, "", None),
        ("verified", True, "USD", None),
    ],
)
def test_a_field_is_shown_by_its_unit(
    name: str, value: object, currency: str, text: str | None
) -> None:
    assert text_of(name, value, {"currency": currency}) == text
