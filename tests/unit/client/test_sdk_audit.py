"""The audit: an honest log passes, and every lie is named."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_client import NotFound, VerificationFailed
from bureau_client.verify.heads import SeenHeads
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.signing import SigningKey
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


@pytest.fixture
def bureau():
    found = FakeBureau()
    found.log = log_of(11)
    return found


def test_an_honest_log_passes(bureau):
    told = []
    report = bureau.auditor().audit(on_progress=told.append)
    assert report.ok
    assert (report.tree_size, report.checkpoint_count, report.newest.size) == (11, 11, 11)
    assert [progress.done for progress in told] == [4, 8, 11]


def test_an_empty_log_passes():
    bureau = FakeBureau()
    bureau.log = FakeLog()
    bureau.log.notes.append(bureau.log.checkpoint())
    assert bureau.auditor().audit().ok


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10))
def test_a_changed_leaf_is_named(index):
    bureau = FakeBureau()
    bureau.log = log_of(11)
    auditor = bureau.auditor()
    kept = [merkle.leaf_hash(leaf) for leaf in bureau.log.leaves]
    bureau.log.leaves[index] = os.urandom(32)

    def as_it_was(method, reply):
        if method == "GetTile":
            reply.hashes = b"".join(kept)

    bureau.mend = as_it_was
    fault = auditor.audit().fault
    assert (fault.size, fault.first_index, fault.last_index) == (index + 1, index, index)
    assert f"leaf {index} was changed" in fault.text


def test_a_changed_leaf_is_narrowed_down_where_tiles_were_changed_too(bureau):
    auditor = bureau.auditor()
    del bureau.log.notes[4:7]
    bureau.log.leaves[5] = os.urandom(32)
    fault = auditor.audit().fault
    assert (fault.size, fault.first_index, fault.last_index) == (8, 4, 7)


def test_a_deleted_leaf_is_named(bureau):
    auditor = bureau.auditor()
    del bureau.log.leaves[3]
    fault = auditor.audit().fault
    assert (fault.first_index, fault.size) == (3, 4)


def test_leaves_cut_off_at_the_end_are_missed(bureau):
    auditor = bureau.auditor()
    del bureau.log.leaves[8:]
    fault = auditor.audit().fault
    assert "Leaf 8 is missing" in fault.text
    bureau.fail = lambda attempt: (
        NotFound("beyond") if getattr(attempt.call.request, "start_index", 0) >= 8 else None
    )
    assert "Leaf 8 is missing" in auditor.audit().fault.text


def test_a_checkpoint_of_another_key_is_named(bureau):
    auditor = bureau.auditor()
    bureau.log.notes[5] = log_of(6).notes[5]
    report = auditor.audit()
    assert "does not verify" in report.fault.text
    assert bureau.log.notes[5] in report.fault.text


def test_a_log_that_shrank_is_named(bureau):
    bureau.log.notes.append(bureau.log.notes[3])
    assert "shrank" in bureau.auditor().audit().fault.text


def test_two_roots_of_one_size_are_named(bureau):
    other = log_of(11, key=bureau.log.key)
    bureau.log.notes.append(other.notes[-1])
    fault = bureau.auditor().audit().fault
    assert fault.size == 11
    assert fault.first_index is None


def test_a_checkpoint_kept_from_before_must_still_hold(bureau):
    auditor = bureau.auditor()
    assert auditor.audit(bureau.log.notes[4]).ok
    rewritten = log_of(11, key=bureau.log.key)
    kept = bureau.log.notes[4]
    bureau.log = rewritten
    report = bureau.auditor().audit(kept)
    assert report.fault.size == 5


def test_leaves_and_checkpoints(bureau):
    auditor = bureau.auditor()
    assert auditor.leaves(2, 9) == bureau.log.leaves[2:9]
    assert auditor.leaves(9, 99) == bureau.log.leaves[9:]
    assert [checkpoint.size for checkpoint in auditor.checkpoints()] == list(range(1, 12))
    assert auditor.checkpoint().size == 11


def test_consistency_is_proved_or_refused(bureau):
    hashes = [merkle.leaf_hash(leaf) for leaf in bureau.log.leaves]

    class Source:
        def node(self, level, index):
            return merkle.root_of(hashes[index << level : (index + 1) << level])

    def prove(request):
        from creditbureau.v1 import log_pb2  # noqa: PLC0415

        proof = merkle.consistency_path(Source(), request.first_size, request.second_size)
        return log_pb2.GetConsistencyProofResponse(proof=proof)

    bureau.GetConsistencyProof = prove
    notes = bureau.log.notes
    bureau.auditor().consistency(notes[2], notes[9])
    bureau.auditor().consistency(notes[9], notes[2])
    bureau.auditor().consistency(notes[9], notes[9])
    other = log_of(11, key=bureau.log.key)
    with pytest.raises(VerificationFailed, match="growth"):
        bureau.auditor().consistency(other.notes[2], notes[9])
    with pytest.raises(VerificationFailed, match="forked"):
        bureau.auditor().consistency(other.notes[2], notes[2])


def test_a_client_that_saw_two_logs_says_so():
    bureau = FakeBureau()
    lender = bureau.lender()
    lender.submit([snapshot()])
    bureau.log.leaves.pop()
    with pytest.raises(VerificationFailed, match="forked"):
        lender.submit([snapshot()])


def test_heads_remember_the_newest():
    heads = SeenHeads()
    assert heads.newest is None
    for size in (3, 9, 5):
        heads.see(Checkpoint(ORIGIN, size, bytes(32)))
    assert heads.newest.size == 9


def test_receipts_and_members_are_verified_offline():
    bureau = FakeBureau()
    result = bureau.lender().submit([snapshot()])
    submission = result.submissions[0]
    auditor = bureau.auditor()
    auditor.verify_receipt(submission.receipt, submission.manifest)
    with pytest.raises(VerificationFailed):
        auditor.verify_receipt(submission.receipt, b"\x0a\x01x")
    assert auditor.member("acme").keys[0].key_id == bureau.member_key.verify_key.key_id
    bureau.admission.keys[0].valid_from_index = -1
    with pytest.raises(VerificationFailed, match="before it was registered"):
        auditor.member("acme")
