"""The reports of earlier releases are replayed byte for byte, from a database of each."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

import pytest

from bureau.clock import Clock
from bureau.codes import EMPTY, CodeSet
from bureau.context import Bureau, Caller
from bureau.journeys.replay import find_inquiry, rebuild
from bureau.ledger.commit_queue import Ledger
from bureau.policy import load_policy
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.signing import SigningKey
from creditbureau.v1.codes_pb2 import ROLE_AUDITOR
from creditbureau.v1.reporting_pb2 import Replay
from tests.releases import RELEASES, restore


@pytest.mark.parametrize("release", RELEASES)
def test_every_report_of_a_release_is_replayed_as_it_was(release: str, tmp_path: Path) -> None:
    file = tmp_path / "bureau.db"
    recorded = restore(release, file)
    database = Database(f"sqlite:///{file}")
    schema.upgrade(database)
    bureau = Bureau(
        origin=recorded.origin,
        policy=load_policy(recorded.jurisdiction),
        database=database,
        ledger=cast(Ledger, None),  # a replay commits no statement
        clock=Clock(),
        report_key=SigningKey.generate(),
        evaluator=None,
    )
    auditor = Caller("auditor", CodeSet.of([ROLE_AUDITOR]), EMPTY, recorded.jurisdiction)
    try:
        replayed = {
            names: hashlib.sha256(report_of(bureau, auditor, *names)).hexdigest()
            for names in recorded.reports
        }
    finally:
        database.dispose()
    assert replayed == recorded.reports
    assert len(set(replayed.values())) > 20, "the reports are not all the same"


def report_of(bureau: Bureau, auditor: Caller, inquiry_id: str, subject_id: str) -> bytes:
    with bureau.database.snapshot() as db:
        asked = Replay(inquiry_id=inquiry_id, subject_id=subject_id)
        return rebuild(db, bureau, find_inquiry(db, auditor, asked)).report.payload


def test_a_release_is_recorded() -> None:
    assert RELEASES, "without a recorded database the test above checks nothing"
