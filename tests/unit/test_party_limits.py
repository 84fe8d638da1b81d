"""Limits of what one party stores: the short check never allows what the exact one refuses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file.furnished_month import MAX_MONTHS
from bureau.credit_file.history import MAX_HISTORY_BYTES
from bureau.party_limits import ACCOUNT_BYTES, PartyLimits
from creditbureau.v1.report_pb2 import PaymentHistory

LONGEST = ACCOUNT_BYTES + MAX_HISTORY_BYTES


@given(st.integers(1, 1 << 24), st.integers(1, 400))
def test_few_accounts_are_within_every_share(bytes_on_person: int, members: int) -> None:
    limits = PartyLimits(bytes_on_person=bytes_on_person, members_on_person=members)
    few = limits.accounts_within_share(LONGEST)
    assert few <= limits.members_on_person
    for holders in range(1, few + 1):
        assert few * LONGEST <= limits.share_on_person(holders)


def test_no_history_is_longer_than_the_longest() -> None:
    amounts = [-(10**15)] * MAX_MONTHS
    history = PaymentHistory(
        newest_month=299912,
        profile="0" * MAX_MONTHS,
        balance_minor=amounts,
        amount_due_minor=amounts,
        amount_paid_minor=amounts,
        amount_past_due_minor=amounts,
    )
    assert len(history.SerializeToString()) <= MAX_HISTORY_BYTES
