"""The operator, who erases people's accounts while others furnish and ask for them, and decides
the complaints that people take to it.

Only people who write nothing are chosen: their agents name them in the run's folder.
"""

from __future__ import annotations

import time

from bureau.admin.erasure import Cause, Plan, erase_all
from bureau.admin.operator import CallError, Operator
from bureau.clock import Clock
from bureau.config import Settings
from bureau.errors import Refusal
from bureau.store.errors import StorageError
from creditbureau.v1.complaint_pb2 import (
    COMPLAINT_OUTCOME_REJECTED,
    COMPLAINT_OUTCOME_UPHELD,
    COMPLAINT_STATE_ESCALATED,
)
from tests.cluster.history import Operation, Outcome, now_ns
from tests.cluster.workers.base import WorkerBase
from tests.cluster.workers.people import QUIET

# Seconds between two erasures.
EVERY_S = 10.0
# Seconds between two decisions on complaints.
DECIDE_S = 3.0
PAUSE_S = 0.5


def run(base: WorkerBase) -> None:
    """Erase until the run is over."""
    # Past every proxy, to the server that takes writes.
    settings = Settings.load(base.folder / "bureau", database_url=base.topology.database_url)
    base.started()
    begun = decided = time.monotonic()
    while not base.over:
        time.sleep(PAUSE_S)
        if time.monotonic() - decided > DECIDE_S:
            decided = time.monotonic()
            decide(base)
        people = sorted(path.name for path in (base.folder / QUIET).glob("*"))
        if people and time.monotonic() - begun > EVERY_S:
            begun = time.monotonic()
            erase(base, settings, base.chance.choice(people))
    base.journal.close()


def decide(base: WorkerBase) -> None:
    """Decide one complaint that waits for it, if a node can be reached."""
    try:
        with Operator(base.profile()) as operator:
            waiting = [
                complaint
                for complaint, _ in operator.complaints()
                if complaint.state == COMPLAINT_STATE_ESCALATED
            ]
            if waiting:
                outcome = base.chance.choice([COMPLAINT_OUTCOME_UPHELD, COMPLAINT_OUTCOME_REJECTED])
                operator.decide(base.chance.choice(waiting), outcome, "looked into")
    except CallError:
        return  # the complaint waits for the next attempt, unless the lost reply decided it


def erase(base: WorkerBase, settings: Settings, subject_id: str) -> None:
    """Erase one person's accounts, and write down which."""
    begin = now_ns()
    outcome, erased, error = Outcome.OK, Plan(), ""
    try:
        erased = erase_all(settings, Cause(subject_id=subject_id), Clock())
    except (Refusal, StorageError) as caught:
        # A part of it may be erased: the log says which.
        outcome, error = Outcome.UNKNOWN, str(caught)
    about = {
        "subject": subject_id,
        "tradelines": [
            account.tradeline_id for accounts in erased.accounts.values() for account in accounts
        ],
        "error": error,
    }
    operation = Operation(base.name, "erase", "", outcome, begin, now_ns(), about=about)
    base.journal.history.add(operation)
