"""Metro 2: a file of 50,000 accounts read and validated on one core.

The baseline cuts the same bytes into the same fields, and does nothing with them; that of
memory is the file's size.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bureau_client.files.metro2 import Reporter, Segment, blank, header, validate, write
from bureau_client.files.metro2.layout import layouts
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.process import MIB, memory_mib

ACCOUNTS = 50_000
MOST_S = 10.0
MOST_MIB = 16.0
# Records between two looks at the memory.
LOOK = 1000
DAY = date(2024, 5, 31)


@bench("metro2")
def metro2(loaded: LoadedBureau) -> Iterator[Measure]:
    """CPU time of one process, with a joint person on every fourth account."""
    path = Path(loaded.settings.folder) / "bench.dat"
    with path.open("wb") as stream:
        write(stream, header(Reporter("BENCH"), DAY, DAY), accounts())
    cut = layouts()["BASE"].character
    raw = path.read_bytes()
    started = time.process_time()
    for offset in range(0, len(raw) - cut.size, cut.size):
        cut.unpack_from(raw, offset)
    bare = time.process_time() - started
    size = len(raw) / MIB
    del raw
    least = most = memory_mib(os.getpid())
    finding_count = 0
    started = time.process_time()
    with path.open("rb") as stream:
        for record, findings in validate(stream, today=DAY):
            finding_count += len(findings)
            if record.number % LOOK == 0:
                most = max(most, memory_mib(os.getpid()))
    took = time.process_time() - started
    assert finding_count == 0, "the file is in order"
    path.unlink()
    yield Measure(
        name=f"Metro 2, {ACCOUNTS:,} accounts read and validated",
        value=took,
        unit="s",
        baseline=bare,
        target=Target("value", "most", MOST_S),
    )
    yield Measure(
        name="Metro 2, memory more than before, at the most",
        value=most - least,
        unit="MiB",
        baseline=size,
        target=Target("value", "most", MOST_MIB),
    )


def accounts() -> Iterator[list[Segment]]:
    """Cards that are in order, some of them late."""
    said: dict[str, Any] = {
        "processing_indicator": "1",
        "correction_indicator": "0",
        "identification_number": "BENCH",
        "portfolio_type": "R",
        "account_type": "18",
        "date_opened": date(2020, 2, 29),
        "terms_duration": "REV",
        "terms_frequency": "M",
        "payment_history_profile": "0" * 24,
        "current_balance": 1000,
        "date_of_account_information": DAY,
        "surname": "DOE",
        "first_name": "JANE",
        "social_security_number": "000123456",
        "ecoa_code": "1",
    }
    current = blank("BASE").with_values(account_status="11", **said)
    late = current.with_values(
        account_status="71", amount_past_due=25, date_of_first_delinquency=date(2024, 4, 20)
    )
    joint = blank("J1").with_values(surname="ROE", first_name="RICHARD", ecoa_code="2")
    for number in range(ACCOUNTS):
        base = (late if number % 10 == 0 else current).with_values(
            consumer_account_number=f"A-{number}"
        )
        yield [base, joint] if number % 4 == 0 else [base]
