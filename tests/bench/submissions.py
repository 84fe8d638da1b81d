"""Submissions of one record each, signed one by one: the dearest way to furnish."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from creditbureau.v1.furnishing_pb2 import SubmitRecordsResponse
from tests.bench.calls import against_echo
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import NEWEST_MONTH, record

LENDER = "alder"


@bench("submissions")
def submissions(loaded: LoadedBureau) -> Iterator[Measure]:
    """Each with its receipt. The accounts belong to nobody whose report is measured."""
    lender = loaded.lenders[LENDER]
    accounts = cycle([account for account in loaded.crowd if account.lender == LENDER][:1000])

    def make(count: int) -> list[bytes]:
        return [
            lender.submission([record(next(accounts), NEWEST_MONTH - 100)]) for _ in range(count)
        ]

    call = lender.call("Furnishing/SubmitRecords")
    assert SubmitRecordsResponse.FromString(call(make(1)[0])).submission.record_count == 1
    yield from against_echo(
        loaded, "submissions of one record", call, make, target=Target("ratio", "least", 0.25)
    )
