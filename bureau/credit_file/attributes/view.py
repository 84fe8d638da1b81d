"""The view of a credit file that attributes are computed from.

Payment histories count back from the newest month that each tradeline reported; ages and
inquiries count back from the day of the inquiry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bureau.calendar import DAY_US, month_of, months_between
from bureau.credit_file.counted_inquiries import counted_inquiries
from bureau.credit_file.facility_state import LINES, is_drawable, is_frozen, is_open
from bureau.credit_file.filed import CreditFile, FiledInquiry, FiledTradeline
from bureau_keys.payment_profile import NO_DATA
from creditbureau.v1.record_pb2 import TradelineSnapshot


@dataclass(slots=True)
class TradelineView:
    """A tradeline with its payment history; index 0 is the newest month reported.

    Attributes:
        snapshot: The snapshot of that month.
        profile: Payment history characters.
        lag: Months from the newest month reported to this month; -1 where a furnisher in an
            earlier time zone reported the month that begins.
        balances: Balances of the months.
        payments: Payments of the months.
        is_drawable: True for a line that can be drawn on unless it is frozen.
        is_sold: True for a line that owes nothing since the account was sold.
    """

    snapshot: TradelineSnapshot
    member_id: str
    role: int
    profile: str
    lag: int
    balances: Sequence[int]
    payments: Sequence[int]
    is_open: bool
    is_drawable: bool
    is_frozen: bool
    is_sold: bool = False

    def is_reported(self, age: int) -> bool:
        """Return True if the month of that age was reported."""
        return age < len(self.profile) and self.profile[age] != NO_DATA

    @property
    def is_line(self) -> bool:
        """True for a revolving account or a line of credit, open or not."""
        return self.snapshot.portfolio_type in LINES

    @property
    def limit(self) -> int:
        """The credit limit; 0 for none."""
        return self.snapshot.credit_limit_minor if self.is_drawable else 0

    @property
    def drawn(self) -> int:
        """The amount owed; 0 for a balance in the subject's favour."""
        return owed(self.snapshot.balance_minor)


@dataclass(slots=True)
class View:
    """A credit file as attributes are computed from it.

    Attributes:
        month: This month, yyyymm, UTC.
        lines: All tradelines, or those in one currency.
        inquiries: Hard inquiries, none of them later than now.
        counted: Those that count in the reader's figures, oldest first.
    """

    month: int
    now_us: int
    lines: list[TradelineView]
    inquiries: list[FiledInquiry]
    counted: list[FiledInquiry]

    @classmethod
    def of(cls, file: CreditFile, reader: str) -> View:
        """Build the view of a whole credit file.

        Args:
            reader: Member id of the reader; empty for the subject.
        """
        month = month_of(file.now_us)
        inquiries = [inquiry for inquiry in file.inquiries if inquiry.create_us <= file.now_us]
        return cls(
            month,
            file.now_us,
            [_line(line, month) for line in file.tradelines],
            inquiries,
            counted_inquiries(inquiries, reader),
        )

    def by_currency(self) -> dict[str, View]:
        """Return the views of the tradelines in each currency, in order of its code."""
        return {
            currency: replace(
                self, lines=[line for line in self.lines if line.snapshot.currency == currency]
            )
            for currency in sorted({line.snapshot.currency for line in self.lines})
        }

    @property
    def open(self) -> list[TradelineView]:
        """Tradelines that can still be owed on or drawn."""
        return [line for line in self.lines if line.is_open]

    def age_of(self, yyyymmdd: int) -> int:
        """Count the months since the month of a date."""
        return months_between(yyyymmdd // 100, self.month)

    def since_us(self, days: int) -> int:
        """Return the start of the last days, microseconds."""
        return self.now_us - days * DAY_US


def owed(balance: int) -> int:
    """Return the amount owed of a balance; 0 for one in the subject's favour.

    No lender sets off its claim against the credit balance of another lender.
    """
    return max(balance, 0)


def _line(line: FiledTradeline, month: int) -> TradelineView:
    history = line.history
    return TradelineView(
        line.snapshot,
        line.member_id,
        line.role,
        _counted_profile(line),
        months_between(history.newest_month, month),
        history.balance_minor,
        history.amount_paid_minor,
        is_open(line),
        is_drawable(line),
        is_frozen(line),
        line.sale is not None,
    )


def _counted_profile(line: FiledTradeline) -> str:
    """Return the payment history of a line without the months that the buyer's line counts."""
    profile, sale = line.history.profile, line.sale
    if sale is None:
        return profile
    # Where the buyer does not report, the month of the sale is the seller's last.
    after = months_between(sale.month, line.history.newest_month) + sale.is_on_file
    sold = min(max(after, 0), len(profile))
    return NO_DATA * sold + profile[sold:]
