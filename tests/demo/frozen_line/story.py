"""The parties, the amounts and the days of both acts."""

from __future__ import annotations

from datetime import UTC, date, datetime

# Member ids: two risk systems of one group, and a third lender.
CARDS, CASH, HARBOUR = "meridian-cards", "meridian-cash", "harbour-bank"
GROUP = "meridian"
PERSON = "wei"
BUREAU, AUDITOR = "bureau", "auditor"

CARD_LIMIT, CARD_BALANCE = 10_000_00, 4_200_00
CASH_LIMIT, CASH_BALANCE = 8_000_00, 500_00
# What the person asks for once the card is frozen.
CASH_REQUEST, HARBOUR_REQUEST = 7_500_00, 12_000_00
# The cap on unsecured balances that the lenders have agreed on.
CAP = 15_000_00

# The first account months are reported; the payment of February is booked to somebody else.
BEGIN = datetime(2026, 1, 31, 9, tzinfo=UTC)
LATE = datetime(2026, 3, 31, 9, tzinfo=UTC)
PAID = date(2026, 2, 3)
FROZEN = datetime(2026, 4, 1, 9, tzinfo=UTC)
ASKED = datetime(2026, 4, 10, 9, tzinfo=UTC)
ASKED_ELSEWHERE = datetime(2026, 4, 20, 9, tzinfo=UTC)
DISPUTED = datetime(2026, 4, 21, 9, tzinfo=UTC)
CORRECTED = datetime(2026, 4, 24, 9, tzinfo=UTC)
ASKED_AGAIN = datetime(2026, 4, 27, 9, tzinfo=UTC)
CHECKED = datetime(2026, 4, 30, 9, tzinfo=UTC)
