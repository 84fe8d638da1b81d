"""The memory of clients: checkpoints kept across calls, clients, threads and processes."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    BureauError,
    Lender,
    NotAuthenticated,
    PermissionDenied,
    Purpose,
    SigningKey,
    Unavailable,
    VerificationFailed,
)
from bureau_client._codec.receipts_in import receipts_in
from bureau_client._operations import log, remembering
from bureau_client._operations.operation import Call, Operation, Sleep, no_calls
from bureau_client.verify import log_view
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.fork_evidence import Finding
from bureau_keys.log_memory import EVIDENCE, LOCK, MEMORY, LogMemory, MemoryFolder
from creditbureau.v1 import log_pb2, members_pb2
from tests.unit.client.fakes import NOW, SUBJECT, FakeBureau, FakeLog, connect, snapshot

PROOF = "GetConsistencyProof"


@pytest.fixture
def bureau(tmp_path: Path) -> FakeBureau:
    fake = FakeBureau()
    fake.memory_folder = tmp_path
    fake.answers["ListMembers"] = lambda _: members_pb2.ListMembersResponse()
    return fake


def asked(bureau: FakeBureau, method: str) -> int:
    return sum(call.call.method.path.endswith(f"/{method}") for call in bureau.calls)


def kept(bureau: FakeBureau) -> LogMemory:
    assert bureau.memory_folder is not None
    return MemoryFolder(bureau.memory_folder).read()


def another_log(bureau: FakeBureau, size: int) -> FakeLog:
    """A log under the same key with other leaves."""
    log = FakeLog(bureau.log.key)
    for leaf in range(size):
        log.leaves.append(bytes([leaf]) * 32)
    log.notes.append(log.checkpoint())
    return log


def write(lender: Lender) -> None:
    lender.submit([snapshot()])


def test_a_client_continues_where_an_earlier_one_ended(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        write(lender)
    assert kept(bureau) == LogMemory(bureau.log.notes[-1])
    bureau.log.append("other", bureau.statement())
    with bureau.lender() as lender:
        write(lender)
    assert asked(bureau, PROOF) == 1
    assert kept(bureau) == LogMemory(bureau.log.notes[-1])


def test_a_receipt_that_follows_the_newest_checkpoint_costs_no_call(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        for _ in range(9):
            write(lender)
    assert asked(bureau, PROOF) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 40])
def test_a_fork_at_any_size_is_caught_by_the_next_client(bureau: FakeBureau, size: int) -> None:
    with bureau.lender() as lender:
        for _ in range(3):
            write(lender)
    assert len(bureau.log.leaves) == 5
    folder = bureau.memory_folder
    assert folder is not None
    bureau.log = another_log(bureau, size - 1)
    with pytest.raises(VerificationFailed) as refused, bureau.lender() as lender:
        write(lender)
    evidence = refused.value.evidence
    assert evidence is not None
    assert str(folder / EVIDENCE) in str(refused.value)
    # A log that is shorter than the kept checkpoint cannot prove anything about it.
    assert evidence.check(bureau.trust) is (Finding.FORKED if size >= 5 else Finding.OPEN)
    del bureau.calls[:]
    for client in (bureau.lender(), bureau.auditor()):
        with pytest.raises(VerificationFailed, match="nothing was sent"):
            client.member("acme")
    assert not bureau.calls
    (aside,) = MemoryFolder(folder).forget(NOW)
    assert aside.name == "fork-evidence-20260301T120000Z.json"
    with bureau.lender() as lender:
        write(lender)


def test_a_log_cut_back_is_caught_though_it_proves_nothing(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        for _ in range(3):
            write(lender)
    del bureau.log.leaves[3:], bureau.log.notes[3:]
    with pytest.raises(VerificationFailed, match="shrank"), bureau.auditor() as auditor:
        auditor.checkpoint()


def test_a_receipt_under_an_older_checkpoint_is_proved_too(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        write(lender)
        old = bureau.log.append("submission", bureau.statement())
        for _ in range(3):
            write(lender)
        request_id = lender.submit([snapshot()]).submissions[0].submission_id
        before = asked(bureau, PROOF)
        bureau.answers["GetReceipt"] = lambda _: log_pb2.GetReceiptResponse(receipt=old)
        assert lender.receipt(request_id).tree_size == old.leaf_index + 1
        assert asked(bureau, PROOF) == before + 1
        fork = another_log(bureau, old.leaf_index)
        false = fork.append("submission", bureau.statement())
        old.CopyFrom(false)
    with pytest.raises(VerificationFailed), bureau.lender() as lender:
        lender.receipt(request_id)


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable("no connection"),
        PermissionDenied("suspended meanwhile", reason="MEMBER_SUSPENDED"),
        NotAuthenticated("the certificate has ended", reason="UNKNOWN_CERTIFICATE"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_write_whose_proof_fails_is_returned_and_proved_by_the_next_call(
    bureau: FakeBureau, failure: BureauError
) -> None:
    with bureau.lender() as lender:
        write(lender)
        bureau.log.append("other", bureau.statement())
        bureau.fail = lambda attempt: failure if attempt.call.method.path.endswith(PROOF) else None
        write(lender)
        assert kept(bureau).unproved == (bureau.log.notes[-1],)
        del bureau.calls[:]
        with pytest.raises(type(failure)):
            lender.members()
        assert asked(bureau, "ListMembers") == 0
    # The next process proves it first.
    bureau.fail = lambda _: None
    del bureau.calls[:]
    with bureau.lender() as lender:
        write(lender)
    assert [call.call.method.path.rpartition("/")[2] for call in bureau.calls] == [
        PROOF,
        "SubmitRecords",
    ]
    assert kept(bureau) == LogMemory(bureau.log.notes[-1])


def cancelled(lender: Lender, operation: Operation[Any], method: str) -> None:
    """Cancel a call while it waits for the answer of one method."""
    context = lender._context
    around = remembering.remembering(context, operation)
    effect = next(around)
    while not (isinstance(effect, Call) and effect.method.path.endswith(method)):
        assert isinstance(effect, Call)
        effect = around.send(lender._driver.run(_answer(effect)))
    around.close()


def _answer(asked_for: Call) -> Operation[Any]:
    return (yield asked_for)


def test_a_cancelled_call_leaves_what_it_has_seen(bureau: FakeBureau) -> None:
    """At any of its calls: its own, the proof of what it has seen, the proof of what was left."""
    with bureau.lender() as lender:
        write(lender)
        view = lender._context.log_view
        # The proof of what the call has seen.
        bureau.log.append("other", bureau.statement())
        cancelled(lender, log.newest_checkpoint(lender._context), PROOF)
        (left,) = view.left()
        assert left.note == bureau.log.checkpoint()
        # The proof of what was left: it stays left, and the next call begins with it.
        cancelled(lender, no_calls(), PROOF)
        assert view.left() == [left]
        del bureau.calls[:]
        lender.members()
        assert [call.call.method.path.rpartition("/")[2] for call in bureau.calls] == [
            PROOF,
            "ListMembers",
        ]
        assert view.left() == []


def test_calls_that_begin_meanwhile_prove_what_was_left(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        write(lender)
        bureau.log.append("other", bureau.statement())
        cancelled(lender, log.newest_checkpoint(lender._context), PROOF)
        del bureau.calls[:]
        first = remembering.remembering(lender._context, no_calls())
        waiting = next(first)
        assert isinstance(waiting, Call)
        assert waiting.method.path.endswith(PROOF)
        lender.members()
        assert asked(bureau, PROOF) == 1
        with pytest.raises(StopIteration):
            first.send(lender._driver.run(_answer(waiting)))


def test_an_operation_waits_a_moment_for_the_proof_of_another(bureau: FakeBureau) -> None:
    """Two see one checkpoint: the second makes no call once the first has proved it."""
    with bureau.lender() as lender:
        write(lender)
        bureau.log.append("other", bureau.statement())
        context = lender._context
        running: list[Generator[Any, Any, Any]] = []
        for _ in range(2):
            around = remembering.remembering(context, log.newest_checkpoint(context))
            running.append(around)
            next(around)
        assert context.log_view.has_several_operations
        first, second = running
        reply = log_pb2.GetCheckpointResponse(checkpoint=bureau.log.checkpoint())
        assert isinstance(second.send(reply), Sleep)
        effect = first.send(reply)
        for _ in range(remembering.MOST_WAITS):
            assert isinstance(effect, Sleep)
            effect = first.send(None)
        # Nobody else has proved it: the first does.
        assert isinstance(effect, Call)
        assert effect.method.path.endswith(PROOF)
        proof = lender._driver.run(_answer(effect))
        for around, answer in [(first, proof), (second, None)]:
            with pytest.raises(StopIteration):
                around.send(answer)
        assert not context.log_view.has_several_operations


def test_an_operation_that_is_alone_or_was_left_alone_does_not_wait(bureau: FakeBureau) -> None:
    with bureau.lender() as lender:
        write(lender)
        bureau.log.append("other", bureau.statement())
        context = lender._context
        cancelled(lender, log.newest_checkpoint(context), "GetCheckpoint")
        # Each effect must be a call.
        cancelled(lender, log.newest_checkpoint(context), PROOF)


def test_a_stream_sends_nothing_after_a_contradiction_or_before_a_proof(
    bureau: FakeBureau,
) -> None:
    streams: dict[str, Callable[[Lender], Iterable[object]]] = {
        "QueryPortfolio": lambda lender: lender.portfolio(Purpose.ACCOUNT_REVIEW),
        "WatchAlerts": lambda lender: lender.alerts(),
    }
    bureau.streams |= dict.fromkeys(streams, lambda _: ())
    with bureau.lender() as lender:
        write(lender)
        bureau.log.append("other", bureau.statement())
        cancelled(lender, log.newest_checkpoint(lender._context), PROOF)
        gone = Unavailable("no connection")
        bureau.fail = lambda attempt: gone if attempt.call.method.path.endswith(PROOF) else None
        for open_stream in streams.values():
            with pytest.raises(Unavailable):
                next(iter(open_stream(lender)))
        assert {method: asked(bureau, method) for method in streams} == dict.fromkeys(streams, 0)
    assert bureau.memory_folder is not None
    (bureau.memory_folder / EVIDENCE).write_text("{}")
    with bureau.lender() as lender:
        for open_stream in streams.values():
            with pytest.raises(VerificationFailed, match="nothing was sent"):
                next(iter(open_stream(lender)))
    assert {method: asked(bureau, method) for method in streams} == dict.fromkeys(streams, 0)


def test_a_write_whose_proof_never_comes_is_evidence_for_the_next_process(
    bureau: FakeBureau,
) -> None:
    with bureau.lender() as lender:
        write(lender)
        true, bureau.log = bureau.log, another_log(bureau, 7)
        gone = Unavailable("no connection")
        bureau.fail = lambda attempt: gone if attempt.call.method.path.endswith(PROOF) else None
        write(lender)
    bureau.log, bureau.fail = true, lambda _: None
    with pytest.raises(VerificationFailed), bureau.lender() as lender:
        lender.members()


def test_two_clients_of_one_folder_prove_each_others_checkpoints(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "BETWEEN_WRITES_S", 0.0)
    with bureau.lender() as one, bureau.lender() as two:
        for lender in (one, two, one, two, two, one):
            write(lender)
            assert kept(bureau).newest == bureau.log.notes[-1]
    # Each of them now has a log of its own, which grows.
    with bureau.lender() as one, bureau.lender() as two:
        write(one)
        write(two)
        true = bureau.log
        bureau.log = FakeLog(true.key, list(true.leaves), list(true.notes))
        write(one)
        bureau.log = FakeLog(true.key, list(true.leaves), list(true.notes))
        with pytest.raises(VerificationFailed, match="forked"):
            write(two)
        with pytest.raises(VerificationFailed, match="An earlier call in this folder"):
            write(one)


def test_a_client_that_closes_leaves_the_proof_to_the_next(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "BETWEEN_WRITES_S", 1e9)
    one, two = bureau.lender(), bureau.lender()
    write(one)
    write(two)  # joins what the first has kept
    write(one)
    one.close()
    write(two)
    two.close()
    memory = kept(bureau)
    assert memory.newest == bureau.log.notes[-1]
    assert memory.unproved == (bureau.log.notes[-2],)
    with bureau.lender() as lender:
        lender.member("acme")
        write(lender)
    assert kept(bureau) == LogMemory(bureau.log.notes[-1])


def test_threads_of_one_client_end_with_one_log(bureau: FakeBureau) -> None:
    lender = bureau.lender()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                lender.subject_id("US", "ssn", "000-00-0001")
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    lock = threading.Lock()
    send = bureau.send

    def one_at_a_time(attempt: Any) -> Any:
        with lock:
            return send(attempt)

    bureau.send = one_at_a_time  # type: ignore[method-assign]
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lender.close()
    assert not failures
    assert kept(bureau) == LogMemory(bureau.log.notes[-1])


def test_a_folder_that_cannot_be_written_is_reported_once(bureau: FakeBureau) -> None:
    folder = bureau.memory_folder
    assert folder is not None
    (folder / LOCK).mkdir()
    with bureau.lender() as lender:
        with pytest.warns(UserWarning, match="only until it ends"):
            write(lender)
        warnings.simplefilter("error")
        write(lender)
        true, bureau.log = bureau.log, another_log(bureau, 9)
        with pytest.raises(VerificationFailed, match="growth"):
            write(lender)
        bureau.log = true
        with pytest.raises(VerificationFailed, match="An earlier call of this client"):
            write(lender)
    assert not (folder / MEMORY).exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": 1}'])
def test_a_file_that_is_no_memory_is_named(bureau: FakeBureau, content: bytes) -> None:
    folder = bureau.memory_folder
    assert folder is not None
    (folder / MEMORY).write_bytes(content)
    with pytest.raises(VerificationFailed, match=MEMORY), bureau.lender() as lender:
        write(lender)


def test_the_checkpoint_of_another_bureau_is_named(bureau: FakeBureau) -> None:
    other = FakeBureau()
    other.memory_folder = bureau.memory_folder
    with other.lender() as lender:
        write(lender)
    with pytest.raises(VerificationFailed, match="forget-checkpoint"), bureau.lender() as lender:
        write(lender)


def test_a_wallet_remembers_in_its_own_folder(
    bureau: FakeBureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau.memory_folder = tmp_path / "agent"
    bureau.memory_folder.mkdir()
    folder = WalletFolder.create(tmp_path / "wallet", SUBJECT)
    with folder.open(bureau.profile()) as wallet:
        connect(wallet, bureau)
        wallet.rotate_key(SigningKey.generate())
    assert kept(bureau) == LogMemory()
    assert MemoryFolder(folder.path).read().newest == bureau.log.notes[-1]
    assert json.loads((folder.path / MEMORY).read_text())["format"] == "creditbureau/log-memory/v1"


def test_one_older_checkpoint_of_an_answer_is_proved(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member's admission, whose receipt comes from another log than all others."""
    false = another_log(bureau, 4)
    with bureau.lender() as lender:
        for _ in range(5):
            write(lender)
    monkeypatch.setattr(log_view, "BETWEEN_SAMPLES_S", 1e9)
    with bureau.lender() as lender:
        lender.member("operator")
        assert asked(bureau, PROOF) == 1
        lender.member("acme")
        assert asked(bureau, PROOF) == 1, "not the next moment"
    receipt = bureau.admission.statements[0].receipt
    receipt.CopyFrom(false.append("admission", bureau.admission.statements[0].envelope))
    bureau.admission.keys[0].valid_from_index = receipt.leaf_index
    # Chance chooses it, among the operator's and this one.
    monkeypatch.setattr(remembering, "choice", lambda _: receipt.checkpoint)
    lender = bureau.lender()
    with lender, pytest.raises(VerificationFailed, match="does not verify") as refused:
        lender.member("acme")
    assert refused.value.evidence is not None
    assert refused.value.evidence.check(bureau.trust) is Finding.FORKED


def test_receipts_are_found_at_any_depth(bureau: FakeBureau) -> None:
    deep = members_pb2.GetMemberResponse(member=bureau.admission)
    assert list(receipts_in(deep)) == [bureau.admission.statements[0].receipt]
    assert list(receipts_in(log_pb2.GetCheckpointResponse(checkpoint="x"))) == []


def test_an_audit_reports_a_log_that_is_not_the_one_of_before(bureau: FakeBureau) -> None:
    with bureau.auditor() as auditor:
        assert auditor.audit().ok
    bureau.log = another_log(bureau, 9)
    with bureau.auditor() as auditor:
        fault = auditor.audit().fault
        assert fault is not None
        assert EVIDENCE in fault.text
