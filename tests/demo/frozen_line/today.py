"""The first act: each lender has its own books, and sees nothing else."""

from __future__ import annotations

from tests.demo.frozen_line.story import (
    ASKED,
    ASKED_ELSEWHERE,
    BEGIN,
    CAP,
    CARD_BALANCE,
    CARD_LIMIT,
    CARDS,
    CASH,
    CASH_BALANCE,
    CASH_LIMIT,
    CASH_REQUEST,
    CHECKED,
    DISPUTED,
    FROZEN,
    HARBOUR,
    HARBOUR_REQUEST,
    LATE,
    PAID,
    PERSON,
)
from tests.demo.frozen_line.timeline import Act, Telling


def today() -> Act:
    """Tell the story as it goes without a shared bureau."""
    # What each lender knows: its own line of this table.
    books = {CARDS: CARD_BALANCE, CASH: CASH_BALANCE}
    telling = Telling("today", lambda: sum(books.values()))
    tell = telling.tell
    # 1. Two lines in one group, in two risk systems.
    tell(
        BEGIN.date(),
        PERSON,
        "begin",
        card=CARD_LIMIT,
        card_owed=CARD_BALANCE,
        cash=CASH_LIMIT,
        cash_owed=CASH_BALANCE,
    )
    # 2. A payment is booked to somebody else's account.
    tell(LATE.date(), CASH, "today_late", "bad", paid=PAID)
    # 3. The other system of the group sees a mark, not its cause.
    tell(FROZEN.date(), CARDS, "today_frozen", "bad")
    tell(FROZEN.date(), PERSON, "today_no_reason", "bad")
    # 4. The first system finds the payment, and says so to nobody.
    books[CASH] += CASH_REQUEST
    tell(ASKED.date(), CASH, "today_reopened", "bad", lent=CASH_REQUEST)
    # 5. A third lender asks nobody, as there is nobody to ask.
    books[HARBOUR] = HARBOUR_REQUEST
    tell(ASKED_ELSEWHERE.date(), HARBOUR, "today_lent", "bad", lent=HARBOUR_REQUEST)
    tell(DISPUTED.date(), PERSON, "today_asks", "bad")
    # 6. Nobody knows the sum.
    tell(
        CHECKED.date(),
        PERSON,
        "today_end",
        "bad",
        owed=sum(books.values()),
        cap=CAP,
        card=CARD_LIMIT - CARD_BALANCE,
    )
    return telling.act()
