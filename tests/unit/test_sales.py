"""Seller's and buyer's lines of one debt, linked by the TRANSFERs between them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from bureau.credit_file.facility_state import is_open
from bureau.credit_file.filed import FiledAction, FiledTradeline
from bureau.credit_file.sales import link_sales
from creditbureau.v1 import record_pb2
from creditbureau.v1.record_pb2 import FacilityAction, RecordRef
from tests.unit.test_retention import CURRENT, LATE, LOST, line

RENUMBER = record_pb2.FACILITY_ACTION_KIND_RENUMBER
TRANSFER = record_pb2.FACILITY_ACTION_KIND_TRANSFER


def action(day: int, buyer: str, number: str, kind: int = TRANSFER, ref: str = "") -> FiledAction:
    named = FacilityAction(kind=kind, new_member_id=buyer, new_account_ref=number)  # type: ignore[arg-type]
    named.effective_time.FromDatetime(datetime(2020, 3, day, tzinfo=UTC))
    return FiledAction(named, RecordRef(), ref)


def sold(name: str, months: dict[int, int], *actions: FiledAction) -> FiledTradeline:
    """A line of a member under a number of the same name; its newest action first."""
    filed = line(months, *actions)
    filed.snapshot.original_creditor = "First"
    return filed._replace(tradeline_id=name, member_id=name, account_ref=name)


def open_lines(lines: list[FiledTradeline]) -> list[str]:
    return [each.tradeline_id for each in link_sales(lines) if is_open(each)]


def test_a_chain_is_linked_in_whatever_order_its_lines_come() -> None:
    chain = [
        sold("a", {201901: LATE, 202002: LOST}, action(1, "b", "b")),
        sold("b", {202003: LOST}, action(5, "c", "c")),
        sold("c", {202004: LOST}),
    ]
    for lines in permutations(chain):
        linked = {each.tradeline_id: each for each in link_sales(lines)}
        assert [linked[name].sale is None for name in "abc"] == [False, False, True]
        assert {each.delinquencies[0].began for each in linked.values()} == {20190101}


def test_lines_that_are_linked_are_not_linked_again() -> None:
    lines = [sold("a", {201901: LATE}, action(1, "b", "b")), sold("b", {202003: LOST})]
    once = link_sales(lines)
    again = link_sales(once)
    assert all(one is other for one, other in zip(once, again, strict=True))
    # What no sale is about is the same object.
    other = sold("z", {202003: LOST})
    assert link_sales([other, *lines])[0] is other


def test_a_number_that_the_buyer_had_before_is_the_line_that_was_sold() -> None:
    renumbered = action(9, "", "now", RENUMBER, ref="before")
    buyer = sold("b", {202003: LOST}, renumbered)._replace(account_ref="now")
    for number in ("now", "before"):
        seller, linked = link_sales([sold("a", {201901: LATE}, action(1, "b", number)), buyer])
        assert seller.sale is not None
        assert seller.sale.is_on_file
        assert linked.delinquencies[0].began == 20190101


@pytest.mark.parametrize(
    ("sales", "holder"),
    [
        ({"a": [(1, "b")]}, "b"),
        # The seller takes its sale back.
        ({"a": [(2, "a"), (1, "b")]}, "a b"),
        # The buyer returns the debt, and it is sold to somebody else.
        ({"a": [(1, "b")], "b": [(2, "a")]}, "a"),
        ({"a": [(3, "c"), (1, "b")], "b": [(2, "a")]}, "c"),
        # Around a circle.
        ({"a": [(1, "b")], "b": [(2, "c")], "c": [(3, "a")]}, "a"),
        # Two say that they sold it to each other: the later one counts.
        ({"b": [(4, "c")], "c": [(5, "b")]}, "b"),
    ],
)
def test_the_newest_sale_says_who_holds_a_debt(
    sales: dict[str, list[tuple[int, str]]], holder: str
) -> None:
    names = sorted({*sales, *(buyer for each in sales.values() for _, buyer in each)})
    lines = [
        sold(
            name, {202002: LOST}, *(action(day, buyer, buyer) for day, buyer in sales.get(name, ()))
        )
        for name in names
    ]
    assert open_lines(lines) == holder.split()


@pytest.mark.parametrize(
    ("months", "creditor", "holders"),
    [
        # The buyer reports it after the seller says that it is its own again: it counts once.
        ({202003: LOST, 202004: LOST}, "First", ["b"]),
        # The buyer reports it no more.
        ({202003: LOST}, "First", ["a", "b"]),
        # The number that the sale named by mistake is another debt.
        ({202003: LOST, 202004: LOST}, "", ["a", "b"]),
    ],
)
def test_a_seller_does_not_take_back_what_its_buyer_goes_on_to_report(
    months: dict[int, int], creditor: str, holders: list[str]
) -> None:
    seller = sold("a", {202002: LOST}, action(9, "a", "a"), action(1, "b", "b"))
    buyer = sold("b", months)
    buyer.snapshot.original_creditor = creditor
    buyer.snapshot.open_date = 20200301
    assert open_lines([seller, buyer]) == holders


def test_a_debt_that_was_current_at_the_buyer_is_late_from_then_on() -> None:
    seller, buyer = link_sales(
        [
            sold("a", {201901: LATE, 202002: LATE}, action(1, "b", "b")),
            sold("b", {202003: CURRENT, 202009: LATE}),
        ]
    )
    (past,), (present,) = seller.delinquencies, buyer.delinquencies
    assert (past.began, past.ended, past.cured) == (20190101, 20200301, 20200301)
    assert present.began == 20200901


def test_a_line_that_was_not_bought_keeps_its_date() -> None:
    seller = sold("a", {201901: LATE}, action(1, "b", "b"))
    buyer = sold("b", {202003: LATE})
    buyer.snapshot.original_creditor = ""
    buyer.snapshot.open_date = 20150201
    linked = link_sales([seller, buyer])
    assert linked[1] is buyer
    assert linked[0].sale is not None
