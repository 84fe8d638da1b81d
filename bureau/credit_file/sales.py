"""Sales of debts: link the seller's line to the buyer's, so that a debt counts once. Pure.

A TRANSFER names the buyer, and the number under which the buyer reports the account. From its
month on the seller's line owes nothing, whatever is reported for it later. A delinquency that
the sale did not end goes on: the earliest date holds on the buyer's line, and both lines leave
reports with one end (15 U.S.C. 1681c(a)(4), (c)(1); 征信业管理条例, article 16).

The buyer's line takes over a date only if it says that it was bought, and only of a line that was
on file before it: no member opens a line to make another member's line older by naming its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bureau.calendar import month_of
from bureau.credit_file.delinquencies import Delinquency
from bureau.credit_file.filed import FiledAction, FiledTradeline, Sale
from bureau_keys.payment_profile import month_before
from creditbureau.v1 import codes_pb2, record_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

TRANSFER = record_pb2.FACILITY_ACTION_KIND_TRANSFER
TRANSFERRED = codes_pb2.ACCOUNT_STATUS_TRANSFERRED
# Account types of Metro 2 that a collector or the buyer of a debt reports.
BOUGHT_TYPES = frozenset({"0C", "48", "77"})
# Payment history characters of a month in which nothing is past due.
CURRENT = frozenset("0E")


class Transfer(NamedTuple):
    """The TRANSFER of a line that counts.

    Attributes:
        seller: Index of the seller's line in the file.
        buyer: Index of the line that it names; -1 if that is not on the file.
    """

    time_us: int
    seller: int
    buyer: int
    action: FiledAction


def link_sales(lines: Iterable[FiledTradeline]) -> list[FiledTradeline]:
    """Return the tradelines of a file, sold ones marked, and delinquencies carried over.

    A line without a sale is the same object again.
    """
    file = list(lines)
    transfers = sorted(_transfers(file))
    if not transfers:
        return file
    by_seller = {transfer.seller: transfer for transfer in transfers}
    for transfer in transfers:
        seller = file[transfer.seller]
        if _came_back(transfer, by_seller):
            file[transfer.seller] = _kept(seller, seller._replace(came_back=True))
        else:
            sale = Sale(transfer.action, month_of(transfer.time_us), transfer.buyer >= 0)
            file[transfer.seller] = _kept(seller, seller._replace(sale=sale))
    linked = [each for each in transfers if each.buyer not in {-1, each.seller}]
    # Dates go down a chain of sales, the end of a delinquency comes back up.
    for transfer in linked:
        seller, buyer = file[transfer.seller], file[transfer.buyer]
        if _is_bought_from(buyer, seller):
            delinquencies = _begun_earlier(seller, buyer)
            file[transfer.buyer] = _kept(buyer, buyer._replace(delinquencies=delinquencies))
    for transfer in reversed(linked):
        seller, buyer = file[transfer.seller], file[transfer.buyer]
        if _is_bought_from(buyer, seller):
            delinquencies = _ended_by_buyer(seller, buyer)
            file[transfer.seller] = _kept(seller, seller._replace(delinquencies=delinquencies))
    return file


def keep_lines(lines: Iterable[FiledTradeline]) -> list[FiledTradeline]:
    """Return the tradelines as they are: reports before 2026-12 do not know sales."""
    return list(lines)


def was_sold(line: FiledTradeline) -> bool:
    """Return True if a TRANSFER of a line is on file, also one that was taken back."""
    return any(filed.action.kind == TRANSFER for filed in line.actions)


def is_bought(buyer: TradelineSnapshot, seller: TradelineSnapshot) -> bool:
    """Return True if a buyer's line says that it was bought: it names an original creditor, is of
    a buyer's type, or is the seller's account by opening date and type.
    """
    if buyer.currency != seller.currency:
        return False
    of_buyer = buyer.original_creditor or buyer.account_type in BOUGHT_TYPES
    return bool(of_buyer) or same_origin(buyer, seller)


def _is_bought_from(buyer: FiledTradeline, seller: FiledTradeline) -> bool:
    """Return True if a buyer's line was bought and came on file after the seller's; a line that
    was sold itself may come back.
    """
    after = buyer.opened_key >= seller.opened_key or was_sold(buyer)
    return after and is_bought(buyer.snapshot, seller.snapshot)


def same_origin(one: TradelineSnapshot, other: TradelineSnapshot) -> bool:
    """Return True if two lines have one opening date and one type."""
    return (one.open_date, one.account_type) == (other.open_date, other.account_type)


def _transfers(file: list[FiledTradeline]) -> Iterator[Transfer]:
    """Yield the TRANSFER of each line that counts."""
    numbers = {
        (line.member_id, ref): index for index, line in enumerate(file) for ref in line.refs()
    }
    for index, line in enumerate(file):
        own = [
            Transfer(
                filed.action.effective_time.ToMicroseconds(),
                index,
                numbers.get((filed.action.new_member_id, filed.action.new_account_ref), -1),
                filed,
            )
            for filed in line.actions
            if filed.action.kind == TRANSFER
        ]
        if own:
            yield _counting(file, own)


def _counting(file: list[FiledTradeline], own: list[Transfer]) -> Transfer:
    """Return the TRANSFER of a line that counts: the newest one, if no debt counts twice by it.

    A seller does not take back what its buyer reports as its own for a later month: the buyer
    returns it by a TRANSFER, or reports it no more.
    """
    newest = own[0]
    sale = next((each for each in own if each.buyer != each.seller), None)
    if sale is None or sale is newest or sale.buyer < 0:
        return newest
    seller, buyer = file[sale.seller], file[sale.buyer]
    goes_on = buyer.snapshot.month > month_of(newest.time_us)
    returned = was_sold(buyer) or buyer.snapshot.status == TRANSFERRED
    holds = goes_on and not returned and _is_bought_from(buyer, seller)
    return sale if holds else newest


def _came_back(sale: Transfer, by_seller: dict[int, Transfer]) -> bool:
    """Return True if a later TRANSFER brings a line back to its seller.

    Of a circle of sales, the line that the newest one names holds the debt. A seller takes back
    a TRANSFER by one that names itself and its own number (`_counting`).
    """
    last, seen = sale, {sale.seller}
    newest = sale
    while last.buyer not in seen and last.buyer in by_seller:
        last = by_seller[last.buyer]
        newest = max(newest, last)
        seen.add(last.seller)
    return last.buyer == sale.seller and newest is last


def _begun_earlier(seller: FiledTradeline, buyer: FiledTradeline) -> tuple[Delinquency, ...]:
    """Return a buyer's delinquencies; one that was unbroken at the sale began before it."""
    past = _unended(seller)
    if past is None or not buyer.delinquencies:
        return buyer.delinquencies
    first, *others = buyer.delinquencies
    if any(month < first.first_month for month in _current_months(buyer.history)):
        return buyer.delinquencies
    return (first._replace(began=min(first.began, past.began)), *others)


def _ended_by_buyer(seller: FiledTradeline, buyer: FiledTradeline) -> tuple[Delinquency, ...]:
    """Return a seller's delinquencies; one that was unbroken at the sale ends with the buyer's."""
    past = _unended(seller)
    if past is None:
        return seller.delinquencies
    first = buyer.delinquencies[0] if buyer.delinquencies else None
    current = min(_current_months(buyer.history), default=0)
    ended = cured = 0
    if current and (first is None or current < first.first_month):
        ended = cured = current * 100 + 1
    elif first is not None:
        ended, cured = first.ended, first.cured
    return (*seller.delinquencies[:-1], past._replace(ended=ended, cured=cured))


def _unended(line: FiledTradeline) -> Delinquency | None:
    """Return the newest delinquency of a line if it has not ended; None otherwise."""
    newest = line.delinquencies[-1] if line.delinquencies else None
    return None if newest is None or newest.ended else newest


def _current_months(history: PaymentHistory) -> list[int]:
    """Return the months of a history in which nothing was past due."""
    return [
        month_before(history.newest_month, age)
        for age, character in enumerate(history.profile)
        if character in CURRENT
    ]


def _kept(line: FiledTradeline, changed: FiledTradeline) -> FiledTradeline:
    """Return a changed line; the line itself if nothing differs."""
    return line if changed == line else changed
