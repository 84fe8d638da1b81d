"""Follows the changes of the consents that a lender holds, beside its alerts."""

from __future__ import annotations

import time

from bureau_client import BureauError, ConsentEvent, DeadlineExceeded, Lender
from tests.cluster.history import Operation, Outcome, now_ns
from tests.cluster.workers.base import WorkerBase
from tests.cluster.workers.journal import Why, why


def follow_consents(worker: WorkerBase, lender: Lender, stream: int, cursor: str) -> list[str]:
    """Follow one stream, and note its changes; return their cursors."""
    cursors: list[str] = []
    begin, failed = now_ns(), Why()
    try:
        for event in lender.watch_consents(cursor):
            cursors.append(event.cursor)
            note_change(worker, stream, event)
    except DeadlineExceeded:
        pass
    except BureauError as error:
        failed = why(error)
        time.sleep(0.5)
    outcome = Outcome.FAILED if failed else Outcome.OK
    about = {"stream": stream, "after": cursor, "changes": len(cursors)}
    operation = Operation(worker.name, "watch", "", outcome, begin, now_ns(), about=about, **failed)
    worker.journal.history.add(operation)
    return cursors


def note_change(worker: WorkerBase, stream: int, event: ConsentEvent) -> None:
    """Write down a change as it comes."""
    about = {
        "stream": stream,
        "kind": event.kind.name,
        "consent": event.consent.consent_id,
        "time_us": int(event.event_time.timestamp() * 1_000_000),
        "member": worker.member.member_id,
    }
    now = now_ns()
    operation = Operation(
        worker.name,
        "consent-change",
        "",
        Outcome.OK,
        now,
        now,
        leaf_index=event.leaf_index,
        about=about,
    )
    worker.journal.history.add(operation)
