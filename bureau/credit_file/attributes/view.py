"""The view of a credit file that attributes are computed from; months count back from now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bureau.calendar import DAY_US, month_of, months_between
from bureau.credit_file.facility_state import is_drawable, is_frozen, is_open
from bureau.credit_file.filed import CreditFile, FiledInquiry, FiledTradeline
from creditbureau.v1.record_pb2 import TradelineSnapshot


@dataclass(slots=True)
class TradelineView:
    """A tradeline with its payment history counted back from this month.

    Attributes:
        snapshot: The snapshot of its newest month.
        profile: Payment history characters, newest first, of no later month than now.
        lag: Months from the first character's month to this month.
        balances: Balances of the same months.
        is_drawable: True for a line that can be drawn on unless it is frozen.
    """

    snapshot: TradelineSnapshot
    member_id: str
    role: int
    profile: str
    lag: int
    balances: Sequence[int]
    is_open: bool
    is_drawable: bool
    is_frozen: bool

    def last(self, months: int) -> str:
        """Return the characters of the last months, the present one included."""
        return self.profile[: max(months - self.lag, 0)]

    @property
    def limit(self) -> int:
        """The credit limit; 0 for none."""
        return self.snapshot.credit_limit_minor if self.is_drawable else 0

    @property
    def drawn(self) -> int:
        """The amount owed; 0 for a balance in the subject's favour."""
        return max(self.snapshot.balance_minor, 0)


@dataclass(slots=True)
class View:
    """A credit file as attributes are computed from it.

    Attributes:
        month: This month, yyyymm, UTC.
        lines: All tradelines, or those in one currency.
        inquiries: Hard inquiries, none of them later than now.
    """

    month: int
    now_us: int
    lines: list[TradelineView]
    inquiries: list[FiledInquiry]

    @classmethod
    def of(cls, file: CreditFile) -> View:
        """Build the view of a whole credit file."""
        month = month_of(file.now_us)
        return cls(
            month,
            file.now_us,
            [_line(line, month) for line in file.tradelines],
            [inquiry for inquiry in file.inquiries if inquiry.create_us <= file.now_us],
        )

    def within(self, currency: str) -> View:
        """Return the view of the tradelines in one currency."""
        lines = [line for line in self.lines if line.snapshot.currency == currency]
        return View(self.month, self.now_us, lines, self.inquiries)

    @property
    def open(self) -> list[TradelineView]:
        """Tradelines that can still be owed on or drawn."""
        return [line for line in self.lines if line.is_open]

    def age_of(self, yyyymmdd: int) -> int:
        """Count the months since the month of a date."""
        return months_between(yyyymmdd // 100, self.month)

    def inquiries_within(self, days: int) -> list[FiledInquiry]:
        """Return the inquiries of the last days."""
        since_us = self.now_us - days * DAY_US
        return [inquiry for inquiry in self.inquiries if inquiry.create_us >= since_us]


def _line(line: FiledTradeline, month: int) -> TradelineView:
    lag = months_between(line.history.newest_month, month)
    ahead = max(-lag, 0)
    return TradelineView(
        line.snapshot,
        line.member_id,
        line.role,
        line.history.profile[ahead:],
        max(lag, 0),
        line.history.balance_minor[ahead:],
        is_open(line),
        is_drawable(line),
        is_frozen(line),
    )
