"""The collateral of an account follows from its record or from its kind."""

from __future__ import annotations

import pytest

from bureau_keys.collateral import is_secured, is_secured_type
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

MORTGAGE = codes_pb2.PORTFOLIO_TYPE_MORTGAGE
INSTALMENT = codes_pb2.PORTFOLIO_TYPE_INSTALMENT
REVOLVING = codes_pb2.PORTFOLIO_TYPE_REVOLVING


@pytest.mark.parametrize(
    ("portfolio_type", "account_type", "secured", "is_so"),
    [
        (MORTGAGE, "26", False, True),
        (MORTGAGE, "01", False, True),
        (INSTALMENT, "00", False, True),
        (INSTALMENT, "17", False, True),
        (INSTALMENT, "01", False, False),
        (INSTALMENT, "01", True, True),
        (REVOLVING, "2A", False, True),
        (REVOLVING, "18", False, False),
        (REVOLVING, "8A", False, False),
    ],
)
def test_the_record_or_the_kind_says_it(
    portfolio_type: codes_pb2.PortfolioType.ValueType,
    account_type: str,
    secured: bool,
    is_so: bool,
) -> None:
    snapshot = TradelineSnapshot(
        portfolio_type=portfolio_type, account_type=account_type, secured=secured
    )
    assert is_secured(snapshot) is is_so


def test_what_the_guide_calls_unsecured_is_not_secured_by_its_type() -> None:
    unsecured = "01 04 07 0C 0G 10 12 15 18 20 48 65 67 70 77 8A 8B 90 91 92 9B"
    assert not any(map(is_secured_type, unsecured.split()))
