"""Follows a lender's alerts, and the changes of its consents, as its systems would: each is
dealt with, now and then the alerts that were dealt with are acknowledged, and a stream that
breaks goes on after the last one.
"""

from __future__ import annotations

import time
from dataclasses import replace

from bureau_client import Alert, BureauError, DeadlineExceeded, Lender
from bureau_client._transport.retry import RetryPolicy
from tests.cluster.history import Operation, Outcome, now_ns
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.consent_watch import follow_consents
from tests.cluster.workers.journal import Why, why

ACKNOWLEDGE_EVERY = 5
# A stream that brings nothing for so long is opened anew: the run may be over.
STREAM_S = 3.0
LISTEN: RetryPolicy = replace(HURRIED, stream_seconds=STREAM_S, attempts=1)
# From time to time it forgets where it was, as after a restart of its own.
FORGETS = 0.2
# What the last writes caused comes within so many empty streams.
LAST_STREAMS = 2


def run(worker: WorkerBase) -> None:
    """Follows until the run is over and nothing more comes."""
    lenders = [
        Lender(worker.profile(node), policy=LISTEN) for node in range(len(worker.topology.nodes))
    ]
    stream, cursor, empty = 0, 0, 0
    changed, unchanged = "", 0
    worker.started()
    while empty < LAST_STREAMS or unchanged < LAST_STREAMS:
        stream += 1
        lender = worker.chance.choice(lenders)
        if stream % 2:
            heard = _follow(worker, lender, stream, cursor)
            empty = empty + 1 if worker.over and not heard else 0
            cursor = heard[-1].cursor if heard else cursor
        else:
            cursors = follow_consents(worker, lender, stream, changed)
            unchanged = unchanged + 1 if worker.over and not cursors else 0
            changed = cursors[-1] if cursors else changed
        if worker.chance.random() < FORGETS and not worker.over:
            cursor, changed = 0, ""
    worker.journal.close()


def _follow(worker: WorkerBase, lender: Lender, stream: int, cursor: int) -> list[Alert]:
    """Follow one stream, and note its alerts."""
    heard: list[Alert] = []
    begin = now_ns()
    failed = Why()
    try:
        for alert in lender.alerts(cursor):
            heard.append(alert)
            note_alert(worker, stream, alert)
            if len(heard) % ACKNOWLEDGE_EVERY == 0:
                worker.journal.read(
                    "acknowledge", lambda: lender.acknowledge(heard[-1].cursor), cursor=alert.cursor
                )
    except DeadlineExceeded:
        pass
    except BureauError as error:
        failed = why(error)
        time.sleep(0.5)
    outcome = Outcome.FAILED if failed else Outcome.OK
    about = {"stream": stream, "after": cursor, "alerts": len(heard)}
    operation = Operation(worker.name, "watch", "", outcome, begin, now_ns(), about=about, **failed)
    worker.journal.history.add(operation)
    return heard


def note_alert(worker: WorkerBase, stream: int, alert: Alert) -> None:
    """Write down an alert as it comes."""
    about = {
        "stream": stream,
        "cursor": alert.cursor,
        "alert": alert.alert_id,
        "kind": alert.kind.name,
        "subject": alert.subject_id,
        "consent": alert.consent_id,
        "member": worker.member.member_id,
    }
    now = now_ns()
    operation = Operation(
        worker.name,
        "alert",
        "",
        Outcome.OK,
        now,
        now,
        leaf_index=alert.cause_leaf_index,
        about=about,
    )
    worker.journal.history.add(operation)
