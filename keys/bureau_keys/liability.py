"""The liability of a person for an account, by the person's role in it. Pure.

The one table for reports, alerts, freezes and corrections. A person's figures are of the debts
that the person owes. What a person guarantees has figures of its own, as the reports of the
People's Bank of China show it (相关还款责任信息); what another one owes has too, and is in no sum.
Roles are ECOA codes of Metro 2 (12 CFR 1002.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from creditbureau.v1 import codes_pb2


class Liability(Enum):
    """A person's liability for the debt of an account."""

    # Alone, or with the others who owe it: each reports it in the names of all.
    OWES = "owes"
    # If the one who owes it does not pay.
    GUARANTEES = "guarantees"
    # No contract with the lender, or none any more.
    OWES_NOTHING = "owes nothing"


LIABILITIES: Mapping[int, Liability] = MappingProxyType(
    {
        codes_pb2.PARTY_ROLE_INDIVIDUAL: Liability.OWES,
        codes_pb2.PARTY_ROLE_JOINT: Liability.OWES,
        codes_pb2.PARTY_ROLE_MAKER: Liability.OWES,
        codes_pb2.PARTY_ROLE_BUSINESS: Liability.OWES,
        codes_pb2.PARTY_ROLE_GUARANTOR: Liability.GUARANTEES,
        codes_pb2.PARTY_ROLE_AUTHORISED_USER: Liability.OWES_NOTHING,
        codes_pb2.PARTY_ROLE_TERMINATED: Liability.OWES_NOTHING,
        codes_pb2.PARTY_ROLE_DECEASED: Liability.OWES_NOTHING,
    }
)


def owes(role: int) -> bool:
    """Return True if a person of a role owes the account, alone or with others."""
    return LIABILITIES.get(role) is Liability.OWES


def owes_nothing(role: int) -> bool:
    """Return True if a person of a role owes nothing, even if the others do not pay."""
    return LIABILITIES.get(role) is Liability.OWES_NOTHING
