"""The accounts that a collateral secures, by what they are. Pure.

The one table for reports, corrections and Metro 2 files. A record of a mortgage that leaves out
`secured` says nothing of its collateral, and cannot be told from one that denies it: the kind of
the account decides, and `secured` can only add to it.
"""

from __future__ import annotations

from typing import Protocol

from creditbureau.v1 import codes_pb2

# Account types of Metro 2 (field 9 of the base segment) that name a collateral, or what the loan
# paid for and the lender holds until it is paid.
SECURED_TYPES = frozenset(
    {
        "00",  # Auto
        "02",  # Secured
        "03",  # Partially secured
        "05",  # FHA home improvement
        "06",  # Instalment sales contract
        "08",  # Real estate, type unknown
        "0A",  # Time share loan
        "0F",  # Construction loan
        "11",  # Recreational merchandise
        "13",  # Lease
        "17",  # Manufactured housing
        "19",  # FHA real estate mortgage
        "25",  # VA real estate mortgage
        "26",  # Conventional real estate mortgage
        "2A",  # Secured credit card
        "2C",  # USDA real estate mortgage
        "3A",  # Auto lease
        "47",  # Secured credit line
        "5A",  # Real estate, junior liens
        "5B",  # Second mortgage
        "66",  # Government loan, secured and guaranteed
        "68",  # Government loan, secured and direct
        "6B",  # Commercial mortgage
        "6D",  # Home equity
        "89",  # Home equity line of credit
        "9A",  # Secured home improvement
    }
)


class Facility(Protocol):
    """The fields of a snapshot, or of a tradeline, that tell whether a collateral secures it."""

    @property
    def portfolio_type(self) -> int:
        """The PortfolioType."""

    @property
    def account_type(self) -> str:
        """The account type of Metro 2."""

    @property
    def secured(self) -> bool:
        """True if the furnisher says that a collateral secures the account."""


def is_secured_type(account_type: str) -> bool:
    """Return True if a collateral secures the accounts of a type."""
    return account_type in SECURED_TYPES


def is_secured_by_kind(facility: Facility) -> bool:
    """Return True if a collateral secures an account by what it is."""
    mortgage = facility.portfolio_type == codes_pb2.PORTFOLIO_TYPE_MORTGAGE
    return mortgage or is_secured_type(facility.account_type)


def is_secured(facility: Facility) -> bool:
    """Return True if a collateral secures an account: by its record, or by its kind."""
    return facility.secured or is_secured_by_kind(facility)
