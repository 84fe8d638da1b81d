"""Train the dictionary of stored records: `python -m tests.record_dictionary NUMBER`.

It learns from the blocks of a made-up population, with references as lenders write them. A
dictionary that exists is never written again: rows need it (`bureau/store/record_blocks.py`). The
next one has the next number, and its digest in `tests/unit/test_record_blocks.py`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import zstandard

import bureau
from bureau.store.record_blocks import SIGNED, groups_of, plain_block
from bureau_client import Classification, Month, Snapshot
from bureau_client._codec.records import encode_record
from tests.demo.world import make_world

PEOPLE, MONTHS, SEED = 3_000, 24, 1
LAST = Month(2026, 10)
# Bytes. The blocks of this population are 0.5 % smaller with four times as many.
SIZE = 4_096
CURRENCIES = ("USD", "USD", "EUR", "CNY")
FOLDER = Path(bureau.__file__).parent / "data" / "record_dictionaries"


def write(number: int) -> None:
    """Train and write a dictionary."""
    path = FOLDER / f"{number}.zstd"
    if path.exists():
        raise SystemExit(f"{path.name} exists, and rows need it: give the next number")
    dice = random.Random(SEED)
    groups = (group for batch in batches(dice) for group in groups_of(batch))
    blocks: list[bytes | bytearray | memoryview] = [plain_block(group)[1] for group in groups]
    dice.shuffle(blocks)
    path.write_bytes(zstandard.train_dictionary(SIZE, blocks, level=3).as_bytes())


def batches(dice: random.Random) -> Iterator[Sequence[tuple[int, int, bytes]]]:
    """Yield the records of each lender and month, with their accounts."""
    world = make_world(PEOPLE, MONTHS, SEED, LAST)
    subject_of = {person: dice.randbytes(16).hex() for person in world.people}
    accounts: dict[str, tuple[str, int]] = {}
    for lender, month in sorted(world.files, key=lambda file: (file[1], file[0])):
        style = world.lenders.index(lender)
        batch_key = dice.getrandbits(62)
        records: list[tuple[int, int, bytes]] = []
        for row in world.files[lender, month]:
            if row.account_ref not in accounts:
                accounts[row.account_ref] = reference(style, dice), batch_key + len(records)
            ref, key = accounts[row.account_ref]
            snapshot = as_furnished(row.snapshot(subject_of), ref, style)
            records.append((len(records), key, encode_record(snapshot, dice.randbytes(32))))
        yield records


def reference(style: int, dice: random.Random) -> str:
    """Make a reference as one of the lenders writes them."""
    return (
        f"{dice.randrange(10**16):016}",
        dice.randbytes(16).hex(),
        f"{dice.choice('ABCDEFGH')}{dice.choice('KLMNP')}-{dice.randrange(10**9):09}",
        f"loan-{dice.randrange(10**7)}",
    )[style % 4]


def as_furnished(snapshot: Snapshot, ref: str, style: int) -> Snapshot:
    """Add what creforge has no column for, as one of the lenders furnishes it."""
    payday = date(snapshot.month.year, snapshot.month.month, 1 + style * 5 % 28)
    return replace(
        snapshot,
        account_ref=ref,
        currency=CURRENCIES[style // 4 % len(CURRENCIES)],
        last_payment_date=payday if snapshot.amount_paid_minor else None,
        classification=Classification.NORMAL if style % 3 else Classification.UNSPECIFIED,
    )


if __name__ == "__main__":
    number = int(sys.argv[1])
    if number in {0, SIGNED} or number > 255:
        sys.exit(f"{number} is no number of a dictionary: it is the first byte of a block")
    write(number)
