"""kill -9 in the middle of bulk submission: nothing acknowledged is lost.

Members keep submitting while the node is killed at seeded moments and started
again. Every submission ends acknowledged, by the first try or by a retry of the
same signed bytes; afterwards each is there once, its first receipt verifies, and
the log is without gap.
"""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text

from bureau.admin.bureau_folder import InitOptions
from bureau.store.record_blocks import RecordBlock
from bureau.testing import free_port, running_bureau
from bureau_client import (
    AccountStatus,
    Action,
    Auditor,
    IdentificationMethod,
    Lender,
    Month,
    Party,
    PortfolioType,
    Profile,
    SigningKey,
    Snapshot,
    Submission,
    Wallet,
)
from tests.service.node import PATIENT, Node

LENDERS = 3
BATCHES = 12
BATCH = 40
KILLS = 4


def snapshots(subject_id: str, lender: int, batch: int) -> list[Snapshot]:
    return [
        Snapshot(
            account_ref=f"account-{lender}-{index}",
            month=Month(2023, 1) + batch,
            parties=(Party(subject_id),),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency="USD",
            open_date=date(2020, 1, 1),
            status=AccountStatus.CURRENT,
            balance_minor=batch * 1000 + index,
        )
        for index in range(BATCH)
    ]


def test_every_acknowledged_submission_survives(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "bureau"
    address = f"127.0.0.1:{free_port()}"

    # 1. A bureau with lenders, and a person who lets them furnish.
    plan = InitOptions(listen=address, database_url=database_url)
    with running_bureau(folder, plan, listen=address) as bureau:
        profiles = [bureau.add_member(f"lender-{n}", LENDER_ROLES) for n in range(LENDERS)]
        agent = bureau.add_member("agent", ["agent"])
        auditor = bureau.add_member("auditor", ["auditor"])
        subject_id = furnished_person(profiles, agent)

    # 2. Submissions run while the node dies again and again.
    node = Node(folder, address)
    acknowledged: list[Submission] = []
    failures: list[Exception] = []

    def keep_submitting(number: int, profile: Profile) -> None:
        try:
            with Lender(profile, policy=PATIENT) as lender:
                for batch in range(BATCHES):
                    result = lender.submit(snapshots(subject_id, number, batch), label=f"{batch}")
                    acknowledged.extend(result.submissions)
        except Exception as error:  # noqa: BLE001  (told by the assertion below)
            failures.append(error)

    threads = [
        threading.Thread(target=keep_submitting, args=(number, profile))
        for number, profile in enumerate(profiles)
    ]
    for thread in threads:
        thread.start()
    moments = random.Random(7)
    for kill in range(1, KILLS + 1):
        while len(acknowledged) < kill * BATCHES * LENDERS // (KILLS + 2) and not failures:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.02))
        node.kill()
        node.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(acknowledged) == LENDERS * BATCHES

    # 3. Each is there once, and what was promised then holds now.
    with Auditor(auditor, policy=PATIENT) as watching:
        audit = watching.audit()
        assert audit.fault is None
        for submission in acknowledged:
            assert submission.receipt is not None
            watching.verify_receipt(submission.receipt, submission.manifest)
    for number, profile in enumerate(profiles):
        with Lender(profile) as lender:
            listed = lender.submissions()
            mine = {one.submission_id for one in acknowledged if one.label.isdigit()}
            assert len(listed) == BATCHES, number
            assert {one.submission_id for one in listed} <= mine
    assert node.stop() == 0
    assert stored_records(folder, database_url) == LENDERS * BATCHES * BATCH


LENDER_ROLES = ("furnisher", "subscriber", "attester")


def furnished_person(profiles: list[Profile], agent: Profile) -> str:
    with Lender(profiles[0]) as lender:
        subject_id = lender.subject_id("US", "SSN", f"000-{os.getpid() % 90 + 10}-1234")
        with Wallet(agent, subject_id, SigningKey.generate()) as wallet:
            lender.attest(
                wallet.binding(),
                method=IdentificationMethod.IN_PERSON,
                identify_time=datetime.now(UTC),
            )
            for profile in profiles:
                wallet.grant(profile.member_id, [Action.FURNISH], expire=timedelta(days=9))
    return subject_id


def stored_records(folder: Path, url: str) -> int:
    engine = create_engine(url.replace("://", "+psycopg://") or f"sqlite:///{folder / 'bureau.db'}")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT record_index, tradeline_key, block FROM record"))
        count = sum(len(RecordBlock(*row).records()) for row in rows)
    engine.dispose()
    return count
