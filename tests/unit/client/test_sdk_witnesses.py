"""Receipts that witnesses stand behind, from bureaus that lie about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    BureauError,
    Checkpoint,
    Lender,
    NotWitnessed,
    PermissionDenied,
    Receipt,
    RetryPolicy,
    SigningKey,
    VerificationFailed,
)
from bureau_client._operations import cosigning
from bureau_client.verify import verify_witnessed, witnesses_of
from bureau_keys import merkle
from bureau_keys.checkpoint import Checkpoint as Tree
from bureau_keys.checkpoint import sign_checkpoint
from bureau_keys.cosignature import cosign
from creditbureau.v1 import log_pb2
from tests.unit.client.fakes import ORIGIN, FakeBureau, clock, connect, snapshot

SECOND = timedelta(seconds=1)


@pytest.fixture
def bureau() -> FakeBureau:
    fake = FakeBureau()
    fake.witnesses = {f"w.example/{number}": SigningKey.generate() for number in (1, 2, 3)}
    return fake


def asked(bureau: FakeBureau, method: str) -> int:
    return sum(call.call.method.path.endswith(f"/{method}") for call in bureau.calls)


def written(bureau: FakeBureau) -> Receipt:
    """The receipt of a write, as the bureau gives it."""
    submission = bureau.lender().submit([snapshot()]).submissions[0]
    assert submission.receipt is not None
    return submission.receipt


def test_nobody_waits_who_does_not_ask(bureau: FakeBureau) -> None:
    receipt = written(bureau)
    assert witnesses_of(receipt.checkpoint, bureau.trust) == ()
    assert asked(bureau, "GetCheckpoint") == 0


def test_a_receipt_leads_to_what_was_cosigned(bureau: FakeBureau) -> None:
    first = written(bureau)
    written(bureau)
    cosigned = bureau.lender().wait_for_witnesses(first)
    assert cosigned == replace(
        first, tree_size=4, checkpoint=bureau.cosigned(), proof=cosigned.proof
    )
    assert len(verify_witnessed(cosigned.checkpoint, bureau.trust, 3)) == 3
    calls = len(bureau.calls)
    assert bureau.lender().wait_for_witnesses(cosigned, quorum=3) == cosigned
    assert len(bureau.calls) == calls, "nothing to ask"


def test_the_profile_says_how_many(bureau: FakeBureau) -> None:
    bureau.quorum = 2
    receipt = written(bureau)
    assert len(verify_witnessed(receipt.checkpoint, bureau.trust)) >= 2


def test_witnesses_are_waited_for_and_not_for_ever(bureau: FakeBureau) -> None:
    plain = written(bureau)
    pauses: list[float] = []
    lender = Lender(bureau.profile(), clock=clock)
    connect(lender, bureau, sleep=pauses.append)
    bureau.witnessed = False
    with pytest.raises(NotWitnessed) as refused:
        lender.wait_for_witnesses(plain, timeout=SECOND)
    assert sum(pauses) == SECOND.total_seconds()
    assert refused.value.receipt == plain

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        bureau.witnessed = len(pauses) == 3

    pauses.clear()
    connect(lender, bureau, sleep=sleep)
    assert lender.wait_for_witnesses(plain).tree_size == 3
    assert len(pauses) == 3


def test_a_write_of_a_member_that_is_suspended_meanwhile_is_no_refused_write(
    bureau: FakeBureau,
) -> None:
    bureau.quorum = 2
    suspended = PermissionDenied("the member is suspended", reason="MEMBER_SUSPENDED", fix="Ask.")
    bureau.fail = lambda attempt: (
        suspended if attempt.call.method.path.endswith("/GetCheckpoint") else None
    )
    with pytest.raises(NotWitnessed) as refused:
        bureau.lender().submit([snapshot()])
    assert refused.value.receipt is not None
    assert "the member is suspended" in refused.value.message


def test_a_profile_without_enough_witnesses_says_so(bureau: FakeBureau) -> None:
    plain = written(bureau)
    with pytest.raises(NotWitnessed, match=r"trusts 3 witnesses; 4 must cosign.*profile\.toml"):
        bureau.lender().wait_for_witnesses(plain, quorum=4, timeout=timedelta(0))


def lie(bureau: FakeBureau, how: str) -> Callable[[str, Any], None]:
    """Changes answers about witnesses."""
    other = SigningKey.generate()
    small = bureau.log.checkpoint(1)
    forked = sign_checkpoint(Tree(ORIGIN, 9, merkle.leaf_hash(b"another")), bureau.log.key)
    strangers = {name: SigningKey.generate() for name in bureau.witnesses}

    def mend(method: str, reply: Any) -> None:
        if method == "GetCheckpoint":
            note = bureau.log.checkpoint()
            if how == "nobody has cosigned":
                reply.checkpoint = note
            elif how == "strangers have cosigned":
                for name, key in strangers.items():
                    note = cosign(note, name, key, 1)
                reply.checkpoint = note
            elif how == "cosignatures of another tree":
                lines = bureau.cosigned(small).removeprefix(small)
                reply.checkpoint = note + lines
            elif how == "one witness cosigned thrice":
                name, key = next(iter(bureau.witnesses.items()))
                reply.checkpoint = cosign(cosign(note, name, key, 1), name, key, 2)
            elif how == "an older tree":
                reply.checkpoint = bureau.cosigned(small)
            elif how == "another log's":
                tree = Tree("other.example/log", 9, bytes(32))
                reply.checkpoint = bureau.cosigned(sign_checkpoint(tree, other))
            elif how == "a fork":
                reply.checkpoint = bureau.cosigned(forked)
        if method == "GetInclusionProof" and how == "no proof":
            del reply.proof[:]
        if method == "ListLeaves":
            if how == "another leaf":
                reply.commitments[0] = bytes(32)
            elif how == "no leaf":
                del reply.commitments[:]

    return mend


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("nobody has cosigned", NotWitnessed),
        ("strangers have cosigned", NotWitnessed),
        ("cosignatures of another tree", NotWitnessed),
        ("one witness cosigned thrice", NotWitnessed),
        ("an older tree", VerificationFailed),
        ("another log's", VerificationFailed),
        ("a fork", VerificationFailed),
        ("no proof", VerificationFailed),
        ("another leaf", VerificationFailed),
        ("no leaf", VerificationFailed),
    ],
)
def test_bureaus_that_lie(bureau: FakeBureau, how: str, error: type[BureauError]) -> None:
    plain = written(bureau)
    written(bureau)
    bureau.mend = lie(bureau, how)
    with pytest.raises(error):
        bureau.lender().wait_for_witnesses(plain, quorum=2, timeout=SECOND)
    bureau.mend = lie(bureau, "")
    assert bureau.lender().wait_for_witnesses(plain, quorum=2).tree_size == 4


def test_a_rotated_key_signs_though_nobody_saw_it(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigning, "WITNESS_TIMEOUT", SECOND)
    bureau.quorum, bureau.witnessed = 1, False
    key = SigningKey.generate()
    wallet = bureau.wallet()
    with pytest.raises(NotWitnessed) as refused:
        wallet.rotate_key(key)
    assert refused.value.receipt is not None
    assert refused.value.receipt.kind == "key-rotation"
    assert wallet._signing.signer.key == key


def test_batches_that_nobody_saw_were_accepted(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigning, "WITNESS_TIMEOUT", SECOND)
    bureau.quorum, bureau.witnessed = 1, False
    with pytest.raises(NotWitnessed) as refused:
        bureau.lender().submit([snapshot()])
    assert refused.value.partial is not None
    (submission,) = refused.value.partial.submissions
    assert submission.receipt is not None


def test_an_auditor_holds_receipts_against_the_quorum(bureau: FakeBureau) -> None:
    submission = bureau.lender().submit([snapshot()]).submissions[0]
    assert submission.receipt is not None
    bureau.quorum = 2
    auditor = bureau.auditor()
    with pytest.raises(NotWitnessed):
        auditor.verify_receipt(submission.receipt, submission.manifest)
    auditor.verify_receipt(auditor.wait_for_witnesses(submission.receipt), submission.manifest)
    assert auditor.checkpoint(cosignatures=3).witnesses == tuple(bureau.witnesses)


def test_an_audit_names_what_witnesses_have_seen(bureau: FakeBureau) -> None:
    written(bureau)
    audit = bureau.auditor().audit()
    assert audit.ok
    assert audit.witnessed is not None
    assert audit.witnessed.size == audit.tree_size
    # One that they have seen, and that the leaves do not give.
    bureau.mend = lie(bureau, "a fork")
    forked = bureau.auditor().audit()
    assert forked.fault is not None
    assert not forked.ok
    # None at all is a fault to those who need one.
    bureau.mend, bureau.witnessed = lie(bureau, ""), False
    assert bureau.auditor().audit().ok
    bureau.quorum = 1
    assert not bureau.auditor().audit().ok


def test_the_policy_of_retries_stays_apart() -> None:
    """Waiting for witnesses is no retry: one attempt is enough."""
    bureau = FakeBureau()
    bureau.witnesses = {"w.example/1": SigningKey.generate()}
    plain = written(bureau)
    bureau.witnessed = False
    lender = Lender(bureau.profile(), clock=clock)

    def sleep(_: float) -> None:
        bureau.witnessed = True

    connect(lender, bureau, RetryPolicy(attempts=1), sleep)
    assert lender.wait_for_witnesses(plain).tree_size == 3


def test_a_stale_cosignature_does_not_show_the_newest_checkpoint(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigning, "WITNESS_TIMEOUT", SECOND)
    now_s = int(clock().timestamp())
    bureau.quorum, bureau.max_cosignature_age_seconds = 2, 3600
    bureau.witness_time_s = now_s - 3599
    cosigned = bureau.auditor().checkpoint(cosignatures=2)
    assert cosigned.witnessed_at == datetime.fromtimestamp(now_s - 3599, UTC)
    bureau.witness_time_s = now_s - 3602
    with pytest.raises(NotWitnessed, match=r"stale.*3602 s ago"):
        bureau.auditor().checkpoint(cosignatures=2)
    with pytest.raises(NotWitnessed, match="stale"):
        bureau.lender().submit([snapshot()])
    bureau.max_cosignature_age_seconds = 0
    written(bureau)


@pytest.mark.parametrize("time_s", [2**62, 2**63 - 1, 2_000_000_000], ids=hex)
def test_one_witness_with_a_wrong_time_stops_no_quorum(
    bureau: FakeBureau, caplog: pytest.LogCaptureFixture, time_s: int
) -> None:
    bureau.quorum = 2
    rogue, key = next(iter(bureau.witnesses.items()))
    honest = {name: own for name, own in bureau.witnesses.items() if name != rogue}
    auditor = bureau.auditor()

    def deceive(method: str, reply: Any) -> None:
        if method == "GetCheckpoint":
            note = cosign(bureau.log.checkpoint(), rogue, key, time_s)
            for name, own in honest.items():
                note = cosign(note, name, own, bureau.witness_time_s)
            reply.checkpoint = note

    bureau.mend = deceive
    for _ in range(2):
        written(bureau)
        checkpoint = auditor.checkpoint(cosignatures=2)
        assert set(checkpoint.witnesses) == set(honest)
        assert f"{rogue} is ahead of this machine's clock" in caplog.text
    with pytest.raises(VerificationFailed, match="2 cosignatures that count, 3 are needed"):
        auditor.checkpoint(cosignatures=3)
    # Its clock is set right: it counts again.
    bureau.mend = lambda *_: None
    written(bureau)
    assert rogue in auditor.checkpoint(cosignatures=3).witnesses


@pytest.mark.parametrize("across", [False, True], ids=["one client", "two processes"])
def test_the_time_of_a_witness_never_goes_back(
    bureau: FakeBureau, tmp_path: Path, across: bool
) -> None:
    bureau.memory_folder = tmp_path if across else None
    auditor = bureau.auditor()

    def checkpoint() -> Checkpoint:
        nonlocal auditor
        if across:
            auditor.close()
            auditor = bureau.auditor()
        return auditor.checkpoint(cosignatures=3)

    checkpoint()
    bureau.witness_time_s += 10
    written(bureau)
    newest = checkpoint()
    checkpoint()
    bureau.witness_time_s -= 1
    checkpoint()  # the same tree again, by another clock
    written(bureau)
    with pytest.raises(VerificationFailed, match=r"the witness w\.example/1 goes back"):
        checkpoint()
    bureau.witness_time_s += 100
    assert checkpoint().size == newest.size + 1
    # And a smaller tree is not cosigned later.
    bureau.witness_time_s += 100
    older = bureau.cosigned(plain(newest.note))
    bureau.answers["GetCheckpoint"] = lambda _: log_pb2.GetCheckpointResponse(checkpoint=older)
    with pytest.raises(VerificationFailed, match="goes back"):
        checkpoint()


def test_an_older_cosigned_checkpoint_is_not_the_newest(bureau: FakeBureau) -> None:
    older = bureau.cosigned()
    auditor = bureau.auditor()
    auditor.checkpoint(cosignatures=3)
    written(bureau)
    auditor.checkpoint(cosignatures=3)
    bureau.answers["GetCheckpoint"] = lambda _: log_pb2.GetCheckpointResponse(checkpoint=older)
    with pytest.raises(VerificationFailed, match="with as many cosignatures was seen before"):
        auditor.checkpoint(cosignatures=3)
    # Of more cosignatures than the newer one has, it may be.
    name, key = next(iter(bureau.witnesses.items()))
    newest = cosign(bureau.log.checkpoint(), name, key, bureau.witness_time_s)
    seldom = bureau.auditor()
    bureau.answers["GetCheckpoint"] = lambda _: log_pb2.GetCheckpointResponse(checkpoint=newest)
    seldom.checkpoint(cosignatures=1)
    bureau.answers["GetCheckpoint"] = lambda _: log_pb2.GetCheckpointResponse(checkpoint=older)
    assert seldom.checkpoint(cosignatures=3).note == older


def plain(note: str) -> str:
    """A checkpoint with the log's own signature alone."""
    body, _, signatures = note.partition("\n\n")
    return f"{body}\n\n{signatures.splitlines()[0]}\n"
