"""Reports on a member's own customers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bureau_client import (
    Action,
    InvalidRequest,
    NotFound,
    Purpose,
)
from tests.service.village import Village, account, village
from tests.service.watching import (
    MAY,
    monitored,
)


@pytest.fixture(scope="module")
def town(database_url: str) -> Iterator[Village]:
    with village("acme", "brook", "cedar", database_url=database_url) as town:
        yield town


def test_a_portfolio_is_ones_own_customers_under_their_consents() -> None:
    with village("acme", "brook") as town:
        customers = [monitored(town, "acme") for _ in range(5)]
        stranger = monitored(town, "acme")
        silent = town.person()
        for person in (*customers, silent):
            town.submit("acme", account(person, "card", MAY))
        town.submit("brook", account(stranger, "card", MAY))
        reports = list(town.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW))
        assert {r.subject_id for r in reports} == {p.subject_id for p in customers}
        assert len(reports) == 5
        assert all(len(report.tradelines) == 1 for report in reports)
        # Each customer sees it; so does the log, once.
        for person in customers:
            (line,) = person.inquiries()
            assert line.inquiry_id == reports[0].request_id
            assert line.purpose is Purpose.ACCOUNT_REVIEW
        assert len({r.receipt.leaf_index for r in reports if r.receipt}) == 1
        chosen = customers[2].subject_id
        (one,) = town.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [chosen])
        assert one.subject_id == chosen
        again = town.lenders["acme"].replay(reports[0].request_id, reports[0].subject_id)
        assert (again.tradelines, again.summary) == (reports[0].tradelines, reports[0].summary)
        with pytest.raises(NotFound):
            town.lenders["acme"].replay(reports[0].request_id)
        with pytest.raises(InvalidRequest):
            list(town.lenders["acme"].portfolio(Purpose.CREDIT_APPLICATION))


def test_a_portfolio_keeps_to_uses_and_to_what_was_withdrawn() -> None:
    with village("acme", "brook") as town:
        once, twice = monitored(town, "acme", max_uses=1), monitored(town, "acme")
        for person in (once, twice):
            town.submit("acme", account(person, "card", MAY))
        lender = town.lenders["acme"]
        assert len(list(lender.portfolio(Purpose.ACCOUNT_REVIEW))) == 2
        (left,) = lender.portfolio(Purpose.ACCOUNT_REVIEW)
        assert left.subject_id == twice.subject_id
        for consent in twice.consents():
            if consent.actions == (Action.MONITOR,):
                twice.revoke(consent.consent_id)
        assert list(lender.portfolio(Purpose.ACCOUNT_REVIEW)) == []
