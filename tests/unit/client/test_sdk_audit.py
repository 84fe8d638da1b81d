"""The audit: an honest log passes, and every lie is named."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_client import Auditor, Fault, NotFound, Progress, VerificationFailed
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.signing import SigningKey
from creditbureau.v1 import log_pb2
from tests.unit.client.fakes import ORIGIN, FakeBureau, FakeLog, snapshot


def log_of(size: int, *, key: SigningKey | None = None) -> FakeLog:
    log = FakeLog(key or SigningKey.generate())
    frontier = merkle.Frontier()
    for _ in range(size):
        log.leaves.append(os.urandom(32))
        frontier.append(merkle.leaf_hash(log.leaves[-1]))
        note = sign_checkpoint(Checkpoint(ORIGIN, frontier.size, frontier.root()), log.key)
        log.notes.append(note)
    return log


def fault_of(auditor: Auditor, since: str | None = None) -> Fault:
    fault = auditor.audit(since).fault
    assert fault is not None
    return fault


@pytest.fixture
def bureau() -> Any:
    fake = FakeBureau()
    fake.log = log_of(11)
    return fake


def test_an_honest_log_passes(bureau: FakeBureau) -> None:
    steps: list[Progress] = []
    report = bureau.auditor().audit(on_progress=steps.append)
    assert report.ok
    assert report.newest is not None
    assert (report.tree_size, report.checkpoint_count, report.newest.size) == (11, 11, 11)
    assert [progress.done for progress in steps] == [4, 8, 11]


def test_an_empty_log_passes() -> None:
    bureau = FakeBureau()
    bureau.log = FakeLog()
    bureau.log.notes.append(bureau.log.checkpoint())
    assert bureau.auditor().audit().ok


@settings(max_examples=25)
@given(st.integers(0, 10))
def test_a_changed_leaf_is_named(index: Any) -> None:
    bureau = FakeBureau()
    bureau.log = log_of(11)
    auditor = bureau.auditor()
    kept = [merkle.leaf_hash(leaf) for leaf in bureau.log.leaves]
    bureau.log.leaves[index] = os.urandom(32)

    def as_it_was(method: Any, reply: Any) -> None:
        if method == "GetTile":
            reply.hashes = b"".join(kept)

    bureau.mend = as_it_was
    fault = fault_of(auditor)
    assert (fault.size, fault.first_index, fault.last_index) == (index + 1, index, index)
    assert f"leaf {index} was changed" in fault.text


def test_a_changed_leaf_is_narrowed_down_where_tiles_were_changed_too(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    del bureau.log.notes[4:7]
    bureau.log.leaves[5] = os.urandom(32)
    fault = fault_of(auditor)
    assert (fault.size, fault.first_index, fault.last_index) == (8, 4, 7)


def test_a_deleted_leaf_is_named(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    del bureau.log.leaves[3]
    fault = fault_of(auditor)
    assert (fault.first_index, fault.size) == (3, 4)


def test_leaves_cut_off_at_the_end_are_missed(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    del bureau.log.leaves[8:]
    fault = fault_of(auditor)
    assert "Leaf 8 is missing" in fault.text
    bureau.fail = lambda attempt: (
        NotFound("beyond") if getattr(attempt.call.request, "start_index", 0) >= 8 else None
    )
    assert "Leaf 8 is missing" in fault_of(auditor).text


def test_a_checkpoint_of_another_key_is_named(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    bureau.log.notes[5] = log_of(6).notes[5]
    fault = fault_of(auditor)
    assert "does not verify" in fault.text
    assert bureau.log.notes[5] in fault.text


def test_a_log_that_shrank_is_named(bureau: FakeBureau) -> None:
    bureau.log.notes.append(bureau.log.notes[3])
    assert "shrank" in fault_of(bureau.auditor()).text


def test_two_roots_of_one_size_are_named(bureau: FakeBureau) -> None:
    other = log_of(11, key=bureau.log.key)
    bureau.log.notes.append(other.notes[-1])
    fault = fault_of(bureau.auditor())
    assert fault.size == 11
    assert fault.first_index is None


def test_a_checkpoint_kept_from_before_must_still_hold(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    assert auditor.audit(bureau.log.notes[4]).ok
    rewritten = log_of(11, key=bureau.log.key)
    kept = bureau.log.notes[4]
    bureau.log = rewritten
    assert fault_of(bureau.auditor(), kept).size == 5


def test_leaves_and_checkpoints(bureau: FakeBureau) -> None:
    auditor = bureau.auditor()
    assert auditor.leaves(2, 9) == bureau.log.leaves[2:9]
    assert auditor.leaves(9, 99) == bureau.log.leaves[9:]
    assert [checkpoint.size for checkpoint in auditor.checkpoints()] == list(range(1, 12))
    assert auditor.checkpoint().size == 11


def test_consistency_is_proved_or_refused(bureau: FakeBureau) -> Any:
    notes = bureau.log.notes
    bureau.auditor().consistency(notes[2], notes[9])
    bureau.auditor().consistency(notes[9], notes[2])
    bureau.auditor().consistency(notes[9], notes[9])
    other = log_of(11, key=bureau.log.key)
    with pytest.raises(VerificationFailed, match="growth"):
        bureau.auditor().consistency(other.notes[2], notes[9])
    with pytest.raises(VerificationFailed, match="forked"):
        bureau.auditor().consistency(other.notes[2], notes[2])


def test_a_client_that_saw_two_logs_says_so() -> None:
    bureau = FakeBureau()
    lender = bureau.lender()
    lender.submit([snapshot()])
    bureau.log.leaves.pop()
    with pytest.raises(VerificationFailed, match="forked"):
        lender.submit([snapshot()])


def test_the_newest_checkpoint_extends_the_one_before() -> None:
    bureau = FakeBureau()
    lender, auditor = bureau.lender(), bureau.auditor()
    lender.submit([snapshot()])
    old = auditor.checkpoint()
    lender.submit([snapshot()])
    assert auditor.checkpoint().size > old.size, "and a proof said that it grew"
    newcomer = bureau.auditor()
    newcomer.checkpoint()
    # 1. One of yesterday, as the newest.
    bureau.answers["GetCheckpoint"] = lambda _: log_pb2.GetCheckpointResponse(checkpoint=old.note)
    with pytest.raises(VerificationFailed, match="shrank"):
        auditor.checkpoint()
    # 2. A larger one of another log.
    del bureau.answers["GetCheckpoint"]
    bureau.log = log_of(40, key=bureau.log.key)
    with pytest.raises(VerificationFailed, match="growth"):
        newcomer.checkpoint()
    # Nothing more is asked of a log that contradicts itself.
    del bureau.calls[:]
    with pytest.raises(VerificationFailed, match="An earlier call"):
        newcomer.leaves(0, 1)
    assert not bureau.calls


def test_receipts_and_members_are_verified_offline() -> None:
    bureau = FakeBureau()
    result = bureau.lender().submit([snapshot()])
    submission = result.submissions[0]
    auditor = bureau.auditor()
    assert submission.receipt is not None
    auditor.verify_receipt(submission.receipt, submission.manifest)
    with pytest.raises(VerificationFailed):
        auditor.verify_receipt(submission.receipt, b"\x0a\x01x")
    assert auditor.member("acme").keys[0].key_id == bureau.member_key.verify_key.key_id
    bureau.admission.keys[0].valid_from_index = -1
    with pytest.raises(VerificationFailed, match="before it was registered"):
        auditor.member("acme")
