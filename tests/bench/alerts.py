"""One alert from its cause to the member that watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from creditbureau.v1.furnishing_pb2 import SubmitRecordsResponse
from creditbureau.v1.record_pb2 import (
    FACILITY_ACTION_KIND_FREEZE,
    FACILITY_ACTION_KIND_RESTORE,
    INITIATOR_LENDER,
    FacilityAction,
    FacilityActionKind,
    Record,
)
from creditbureau.v1.reporting_pb2 import WatchAlertsRequest, WatchAlertsResponse
from tests.bench.fixture import WATCHER, LoadedBureau
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import Account

LENDER = "alder"
ROUNDS = 60


@bench("alerts")
def alerts(loaded: LoadedBureau) -> Iterator[Measure]:
    """A lender freezes a line and restores it; another that watches is told. Beside the
    submission alone.
    """
    lender, watcher = loaded.lenders[LENDER], loaded.lenders[WATCHER]
    account = next(account for account in loaded.people[0].accounts if account.lender == LENDER)
    submit = lender.call("Furnishing/SubmitRecords")
    open_stream: Any = watcher.channel.unary_stream("/creditbureau.v1.Reporting/WatchAlerts")
    stream = open_stream(WatchAlertsRequest().SerializeToString(), timeout=120)
    alerted, alone = [], []
    kinds = cycle((FACILITY_ACTION_KIND_FREEZE, FACILITY_ACTION_KIND_RESTORE))
    for kind in islice(kinds, ROUNDS):
        request = lender.submission([action(account, kind)])
        before = time.perf_counter()
        cause = SubmitRecordsResponse.FromString(submit(request)).receipt.leaf_index
        alone.append((time.perf_counter() - before) * 1000)
        while WatchAlertsResponse.FromString(next(stream)).alert.cause_leaf_index < cause:
            pass  # of the past
        alerted.append((time.perf_counter() - before) * 1000)
    stream.cancel()
    # The first waited for those of the past.
    del alerted[0], alone[0]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Measure(
            name=f"alert, from its cause sent to its arrival, {name}",
            value=percentile(alerted, share),
            unit="ms",
            baseline=percentile(alone, share),
            target=Target("value", "most", 1000),
        )


def action(account: Account, kind: FacilityActionKind.ValueType) -> bytes:
    """Make the record of a lender's action on a line, effective now."""
    lender_action = FacilityAction(kind=kind, initiator=INITIATOR_LENDER, reasons=[1])  # type: ignore[list-item]
    lender_action.effective_time.GetCurrentTime()
    record = Record(salt=bytes(32), account_ref=account.ref, action=lender_action)
    return record.SerializeToString(deterministic=True)
