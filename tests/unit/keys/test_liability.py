"""The table of roles is whole: a role more in the contract needs its liability."""

from __future__ import annotations

from bureau_keys.liability import LIABILITIES, Liability, owes, owes_nothing
from creditbureau.v1.codes_pb2 import PartyRole


def test_every_role_has_a_liability() -> None:
    assert set(LIABILITIES) == set(PartyRole.values()) - {0}
    assert set(LIABILITIES.values()) == set(Liability)


def test_a_guarantor_neither_owes_nor_owes_nothing() -> None:
    named = {name.removeprefix("PARTY_ROLE_"): role for name, role in PartyRole.items() if role}
    assert {name for name, role in named.items() if owes(role)} == {
        "INDIVIDUAL",
        "JOINT",
        "MAKER",
        "BUSINESS",
    }
    neither = {name for name, role in named.items() if not owes(role) and not owes_nothing(role)}
    assert neither == {"GUARANTOR"}
