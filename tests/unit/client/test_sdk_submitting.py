"""Submitting to a bureau in memory: what is sent, and what is believed of the answer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    InvalidRequest,
    NotAuthenticated,
    Progress,
    SubmissionKind,
    Unavailable,
    VerificationFailed,
    Violation,
)
from bureau_client._transport.engine import Attempt
from creditbureau.v1 import record_pb2
from tests.unit.client.fakes import FakeBureau, snapshot


@pytest.fixture
def bureau() -> Any:
    return FakeBureau()


def request_of(attempt: Attempt) -> Any:
    """What was sent; each test knows which message it is."""
    return attempt.call.request


def test_records_arrive_as_they_were_given_and_are_receipted(bureau: FakeBureau) -> None:
    steps: list[Progress] = []
    records = [snapshot(f"A-{n}") for n in range(5)]
    result = bureau.lender().submit(iter(records), label="may.csv", on_progress=steps.append)
    (submission,) = result.submissions
    assert (submission.record_count, submission.label) == (5, "may.csv")
    assert submission.receipt is not None
    assert submission.receipt.leaf_index == submission.leaf_index
    parsed = [record_pb2.Record.FromString(data) for data in bureau.batches[0]]
    assert [record.account_ref for record in parsed] == [r.account_ref for r in records]
    assert len({record.salt for record in parsed}) == 5
    assert [(progress.done, progress.total) for progress in steps] == [(5, None)]


def test_large_inputs_are_cut_into_batches(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client._operations.batches.batches.__defaults__", (4, 6 << 20))
    steps: list[Progress] = []
    records = [snapshot(f"A-{n}") for n in range(10)]
    result = bureau.lender().submit(records, on_progress=steps.append)
    assert [len(batch) for batch in bureau.batches] == [4, 4, 2]
    assert result.accepted_count == 10
    assert [(progress.done, progress.total) for progress in steps] == [(4, 10), (8, 10), (10, 10)]


def test_batches_stay_within_their_bytes(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client._operations.batches.batches.__defaults__", (10_000, 1000))
    bureau.lender().submit([snapshot(f"A-{n}") for n in range(30)])
    assert len(bureau.batches) > 3
    for batch in bureau.batches:
        assert len(record_pb2.RecordBatch(records=batch).SerializeToString()) <= 1000


def test_nothing_is_sent_of_a_batch_with_a_wrong_record(bureau: FakeBureau) -> None:
    records = [snapshot(), snapshot(balance_minor=1.5), snapshot(currency="?")]
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit(records)
    assert bureau.calls == []
    assert [violation.field for violation in caught.value.violations] == [
        "records[1].snapshot.balance_minor",
        "records[2].snapshot.currency",
    ]


def refuse_accounts(*refs: Any) -> Any:
    """The bureau refuses records of these accounts, as it would: by their place."""

    def fail(attempt: Any) -> Any:
        batch = record_pb2.RecordBatch.FromString(request_of(attempt).batch)
        violations = [
            Violation(f"records[{index}].snapshot.month", "DATE_ORDER", "lies ahead")
            for index, data in enumerate(batch.records)
            if record_pb2.Record.FromString(data).account_ref in refs
        ]
        return (
            InvalidRequest("No", reason="DATE_ORDER", violations=violations) if violations else None
        )

    return fail


def test_wrong_records_are_skipped_and_told(bureau: FakeBureau) -> None:
    bureau.fail = refuse_accounts("A-2", "A-5")
    records = [snapshot(f"A-{n}") for n in range(7)]
    records[3] = snapshot("A-3", balance_minor=0.5)
    result = bureau.lender().submit(records, on_invalid="skip")
    assert result.accepted_count == 4
    assert [rejection.index for rejection in result.rejected] == [2, 3, 5]
    assert [rejection.record for rejection in result.rejected] == [records[i] for i in (2, 3, 5)]
    assert result.rejected[2].violations[0].field == "records[5].snapshot.month"


def test_a_batch_that_is_wrong_throughout_leaves_nothing_to_send(bureau: FakeBureau) -> None:
    bureau.fail = refuse_accounts("A-1", "A-2")
    result = bureau.lender().submit([snapshot("A-1"), snapshot("A-2")], on_invalid="skip")
    assert (result.accepted_count, len(result.rejected)) == (0, 2)


def test_what_is_no_records_fault_is_not_skipped(bureau: FakeBureau) -> None:
    bureau.fail = lambda _: NotAuthenticated("who?", reason="BAD_SIGNATURE")
    with pytest.raises(NotAuthenticated):
        bureau.lender().submit([snapshot()], on_invalid="skip")


def test_a_failure_tells_what_was_accepted_before_it(
    bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau_client._operations.batches.batches.__defaults__", (2, 6 << 20))
    bureau.fail = refuse_accounts("A-3")
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit([snapshot(f"A-{n}") for n in range(6)])
    assert caught.value.partial is not None
    assert caught.value.partial.accepted_count == 2
    assert "2 records before it were accepted" in str(caught.value)
    # Places count through everything that was passed.
    assert caught.value.violations[0].field == "records[3].snapshot.month"


def test_a_retry_sends_the_same_bytes(bureau: FakeBureau) -> None:
    outcomes = [Unavailable("lost"), None]
    bureau.fail = lambda _: outcomes.pop(0)
    bureau.lender().submit([snapshot()])
    first, second = (attempt.call.request for attempt in bureau.calls)
    assert first.SerializeToString() == second.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.submission.__setattr__("submission_id", str(uuid4())),
        lambda r: r.submission.__setattr__("record_count", 2),
        lambda r: r.receipt.__setattr__("salt", bytes(32)),
        lambda r: r.receipt.__setattr__("kind", "inquiry"),
        lambda r: r.receipt.__setattr__("leaf_index", 0),
        lambda r: r.receipt.proof.append(bytes(32)),
        lambda r: r.receipt.log_time.__setattr__("nanos", 1000),
        lambda r: r.receipt.__setattr__(
            "checkpoint", r.receipt.checkpoint.replace("\n3\n", "\n4\n")
        ),
        lambda r: r.receipt.__setattr__("checkpoint", ""),
        lambda r: r.ClearField("receipt"),
    ],
)
def test_no_acknowledgement_without_proof(bureau: FakeBureau, change: Any) -> None:
    bureau.mend = lambda _method, reply: change(reply)
    with pytest.raises(VerificationFailed):
        bureau.lender().submit([snapshot()])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"label": "ein Ü"}, "label"), ({"kind": SubmissionKind.UNSPECIFIED}, "kind")],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    bureau: FakeBureau, arguments: Any, field: Any
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bureau.lender().submit([snapshot()], **arguments)
    assert caught.value.violations[0].field == field
    assert bureau.calls == []


def test_a_wrong_warning_hides_no_stored_batch(bureau: FakeBureau) -> None:
    def warn(method: str, reply: Any) -> None:
        if method == "SubmitRecords":
            reply.warnings.add(rule="past-due-over-balance", field="x", record_indexes=[1, 7])
            reply.warnings.add(rule="of-no-record", record_indexes=[-1])

    bureau.mend = warn
    result = bureau.lender().submit([snapshot("A-1"), snapshot("A-2")])
    assert result.submissions[0].receipt is not None
    assert {warning.rule: warning.indexes for warning in result.warnings} == {
        "past-due-over-balance": (1,),
        "of-no-record": (),
    }
