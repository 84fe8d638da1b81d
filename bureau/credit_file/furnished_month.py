"""Put the next month in front of a serialised payment history, without parsing it. Pure.

Most snapshots are the month after the newest one of their account. To parse its history for them,
and to serialise it again, takes three times as long, and everybody waits for the writer meanwhile.

A serialised PaymentHistory is the newest month, the profile and four lists of amounts. Numbers are
varints: seven bits a byte, the least first, with the highest bit set if another byte follows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bureau_keys.payment_profile import AMOUNTS, character_of, month_before
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# No history reaches further back from its newest month.
MAX_MONTHS = 120

# A number of this many bits is one byte.
BYTE_BITS, LAST_BYTE = 7, 127
# The bytes of a varint that are its last one, and those that another one follows.
LAST = [bytes((number,)) for number in range(LAST_BYTE + 1)]
FOLLOWED = [bytes((number | LAST_BYTE + 1,)) for number in range(LAST_BYTE + 1)]
UNSIGNED = (1 << 64) - 1


class FurnishedMonth(NamedTuple):
    """A snapshot with what it makes of its account, whatever is on file.

    Attributes:
        people: The subjects whom it names, as an account's `people`.
        starts: The start of a serialised history whose newest month it is, up to the length of the
            profile; and of one whose newest month is the month before.
        character: Its payment history character.
        amounts: Its amounts as varints.
    """

    snapshot: TradelineSnapshot
    people: bytes
    starts: tuple[bytes, bytes]
    character: bytes
    amounts: tuple[bytes, ...]

    @classmethod
    def of(cls, snapshot: TradelineSnapshot, people: bytes = b"") -> FurnishedMonth:
        """Return the month of a snapshot that names these people."""
        amounts = (
            varint(snapshot.balance_minor),
            varint(snapshot.amount_due_minor),
            varint(snapshot.amount_paid_minor),
            varint(snapshot.amount_past_due_minor),
        )
        character = character_of(snapshot).encode()
        return cls(snapshot, people, _starts(snapshot.month), character, amounts)

    def put_next(self, history: bytes) -> bytes:
        """Return a serialised history with this month after its newest one; empty if it is not the
        next month, and for a history that is full.
        """
        start, start_before = self.starts
        if not history:
            history = start_before + NO_MONTHS
        if not history.startswith(start_before):
            return b""
        months, begin = history[len(start_before)], len(start_before) + 1
        if months == MAX_MONTHS:
            return b""
        end = begin + months
        parts = [start, LAST[months + 1], self.character, history[begin:end]]
        for heads, amount in zip(HEADS, self.amounts, strict=True):
            # The tag of a list is one byte, and no list has more than two bytes of length.
            size, begin = history[end + 1], end + 2
            if size > LAST_BYTE:
                size, begin = size & LAST_BYTE | history[begin] << BYTE_BITS, begin + 1
            end = begin + size
            parts += (heads[size + len(amount)], amount, history[begin:end])
        return b"".join(parts)


def varint(number: int) -> bytes:
    """Return a number as a varint; of a negative one the complement of 64 bits."""
    if number < 0:
        number &= UNSIGNED
    if number <= LAST_BYTE:
        return LAST[number]
    return FOLLOWED[number & LAST_BYTE] + varint(number >> BYTE_BITS)


@lru_cache(maxsize=256)
def _starts(month: int) -> tuple[bytes, bytes]:
    """Return the starts of histories with a month as the newest one, and with the one before."""
    start, start_before = (
        _tag("newest_month", 0) + varint(newest) + _tag("profile", 2)
        for newest in (month, month_before(month, 1))
    )
    return start, start_before


def _tag(field: str, wire_type: int) -> bytes:
    """Return the tag of a field of a history."""
    return LAST[PaymentHistory.DESCRIPTOR.fields_by_name[field].number << 3 | wire_type]


# The tag and the length of each list, by its length: of MAX_MONTHS amounts of ten bytes at most.
HEADS = [
    [_tag(name, 2) + varint(length) for length in range(10 * MAX_MONTHS + 1)] for name in AMOUNTS
]
# What follows the start of a history without a month.
NO_MONTHS = LAST[0] + b"".join(heads[0] for heads in HEADS)
