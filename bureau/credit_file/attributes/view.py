"""The view of a credit file that attributes are computed from.

Payment histories count back from the newest month that each tradeline reported; ages and
inquiries count back from the day of the inquiry. So do the histories of stale tradelines, which
would otherwise tell of the present what is long past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bureau.calendar import DAY_US, month_of, months_between
from bureau.credit_file.counted_inquiries import counted_inquiries
from bureau.credit_file.facility_state import LINES, is_drawable, is_frozen, is_open
from bureau.credit_file.filed import CreditFile, FiledInquiry, FiledTradeline
from bureau_keys.liability import Liability
from bureau_keys.payment_profile import NO_DATA
from creditbureau.v1.record_pb2 import TradelineSnapshot


@dataclass(slots=True)
class TradelineView:
    """A tradeline with its payment history; index 0 is the newest month reported, of a stale
    tradeline this month.

    Attributes:
        snapshot: The snapshot of the newest month reported.
        profile: Payment history characters.
        lag: Months from index 0 to this month; -1 where a furnisher in an earlier time zone
            reported the month that begins.
        balances: Balances of the months.
        payments: Payments of the months.
        is_open: True for a tradeline that can still be owed on or drawn, and is reported.
        is_drawable: True for such a line that can be drawn on unless it is frozen.
        is_secured: True for an account that a collateral secures.
        is_sold: True for a line that owes nothing since the account was sold.
        unreported: Months without data before the newest month reported; 0 unless it is stale.
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
    liability: Liability
    is_stale: bool
    is_secured: bool
    is_sold: bool = False
    unreported: int = 0

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
        lines: The tradelines that the subject owes, or those in one currency.
        others: The other ones: the subject guarantees them, or owes nothing.
        inquiries: Hard inquiries, none of them later than now.
        counted: Those that count in the reader's figures, oldest first.
    """

    month: int
    now_us: int
    lines: list[TradelineView]
    others: list[TradelineView]
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
        lines = [_line(line, month) for line in file.tradelines]
        return cls(
            month,
            file.now_us,
            [line for line in lines if line.liability is Liability.OWES],
            [line for line in lines if line.liability is not Liability.OWES],
            inquiries,
            counted_inquiries(inquiries, reader),
        )

    def by_currency(self) -> dict[str, View]:
        """Return the views of the tradelines in each currency, in order of its code."""
        currencies = {line.snapshot.currency for line in (*self.lines, *self.others)}
        return {
            currency: replace(
                self, lines=_in(currency, self.lines), others=_in(currency, self.others)
            )
            for currency in sorted(currencies)
        }

    @property
    def open(self) -> list[TradelineView]:
        """Tradelines that can still be owed on or drawn, and are reported."""
        return [line for line in self.lines if line.is_open]

    @property
    def stale(self) -> list[TradelineView]:
        """Tradelines that could still be owed on when they were last reported."""
        return [line for line in self.lines if line.is_stale]

    @property
    def guaranteed(self) -> list[TradelineView]:
        """Tradelines that the subject guarantees."""
        return [line for line in self.others if line.liability is Liability.GUARANTEES]

    @property
    def not_owed(self) -> list[TradelineView]:
        """Tradelines that the subject does not owe, even if the others do not pay."""
        return [line for line in self.others if line.liability is Liability.OWES_NOTHING]

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


def _in(currency: str, lines: list[TradelineView]) -> list[TradelineView]:
    return [line for line in lines if line.snapshot.currency == currency]


def _line(line: FiledTradeline, month: int) -> TradelineView:
    history, lag = line.history, months_between(line.history.newest_month, month)
    view = TradelineView(
        line.snapshot,
        line.member_id,
        line.role,
        _counted_profile(line),
        lag,
        history.balance_minor,
        history.amount_paid_minor,
        is_open(line),
        is_drawable(line),
        is_frozen(line),
        line.liability,
        bool(line.stale),
        line.is_secured,
        line.sale is not None,
    )
    return _to_this_month(view) if line.stale else view


def _to_this_month(line: TradelineView) -> TradelineView:
    """Return a stale tradeline whose history begins with this month, which has no data."""
    months = max(line.lag, 1)
    return replace(
        line,
        profile=NO_DATA * months + line.profile,
        balances=[0] * months + list(line.balances),
        payments=[0] * months + list(line.payments),
        lag=line.lag - months,
        is_open=False,
        is_drawable=False,
        unreported=months,
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
