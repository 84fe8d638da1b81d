"""Requests about many people: the journal of signed inquiries, and operations side by side."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau_client import (
    BureauError,
    Conflict,
    ConsentRequired,
    EvidenceLevel,
    Inquiry,
    InvalidRequest,
    Overloaded,
    Purpose,
    QuotaExceeded,
    SigningKey,
)
from bureau_client._operations.inquiry_journal import HEADER, InquiryJournal, read_line, write_line
from bureau_client._operations.many import LONGEST_WAIT, concerns_everyone, patiently
from bureau_client._operations.operation import Operation, Sleep
from bureau_client._operations.signer import Signer
from bureau_client._transport.grpc_aio import AsyncDriver
from bureau_client._transport.grpc_sync import Driver
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.retry import RetryPolicy
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_signer
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope

SUBJECT = "0f" * 16
CONSENT = "0b1fa0a0-5f0d-4d2c-8f8e-0a1b2c3d4e5f"
SIGNER = Signer(
    member_signer("acme"), "bureau.example/log", SigningKey.generate(), lambda: datetime.now(UTC)
)
INQUIRY = Inquiry(
    subject_id=SUBJECT, purpose=Purpose.CREDIT_APPLICATION, consent_id=CONSENT, reference="A-17"
)


def sign(inquiry: Inquiry = INQUIRY, signer: Signer = SIGNER) -> Callable[[], Envelope]:
    """Return the signing of an inquiry."""

    def signed() -> Envelope:
        message = reporting_pb2.Inquiry(
            header=signer.header(),
            subject_id=inquiry.subject_id,
            purpose=int(inquiry.purpose),  # type: ignore[arg-type]
            consent_id=inquiry.consent_id,
            evidence=int(inquiry.evidence),  # type: ignore[arg-type]
        )
        return seal(message, signer.key)

    return signed


def test_an_inquiry_is_signed_once_in_all_runs(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with InquiryJournal(path, SIGNER) as journal:
        first, is_kept = journal.sealed(INQUIRY, sign())
        assert not is_kept
        assert journal.sealed(INQUIRY, sign()) == (first, True)
    assert path.stat().st_mode & 0o777 == 0o600
    with InquiryJournal(path, SIGNER) as journal:
        assert journal.sealed(INQUIRY, sign()) == (first, True)
        second, is_kept = journal.sealed(INQUIRY, sign(), void=first)
        assert second != first
        assert not is_kept
        # Another thread found the same inquiry void.
        assert journal.sealed(INQUIRY, sign(), void=first) == (second, True)
    with InquiryJournal(path, SIGNER) as journal:
        assert journal.sealed(INQUIRY, sign()) == (second, True)


@given(
    reference=st.text(st.characters(exclude_categories=["Cs"])),
    purpose=st.sampled_from([purpose for purpose in Purpose if purpose]),
    evidence=st.sampled_from(list(EvidenceLevel)),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_gives_back_every_inquiry(
    tmp_path_factory: pytest.TempPathFactory,
    reference: str,
    purpose: Purpose,
    evidence: EvidenceLevel,
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    inquiry = Inquiry(
        subject_id=SUBJECT,
        purpose=purpose,
        consent_id=CONSENT,
        evidence=evidence,
        reference=reference,
    )
    with InquiryJournal(path, SIGNER) as journal:
        sealed, _ = journal.sealed(inquiry, sign(inquiry))
    with InquiryJournal(path, SIGNER) as journal:
        assert journal.sealed(inquiry, sign(inquiry)) == (sealed, True)


LINE = write_line("A-17", sign()())


@given(st.integers(0, len(LINE) - 1))
@settings(max_examples=30)
def test_a_line_that_a_crash_cut_short_is_removed(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    with InquiryJournal(path, SIGNER) as journal:
        kept, _ = journal.sealed(INQUIRY, sign())
    whole = path.read_bytes()
    path.write_bytes(whole + LINE[:length])
    with InquiryJournal(path, SIGNER) as journal:
        assert path.read_bytes() == whole
        assert journal.sealed(INQUIRY, sign()) == (kept, True)


@given(st.integers(0, len(HEADER)))
@settings(max_examples=20)
def test_a_journal_of_which_a_crash_left_no_line_is_begun_again(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    path.write_bytes(HEADER[:length])
    with InquiryJournal(path, SIGNER):
        assert path.read_bytes() == HEADER


@given(st.integers(0, len(LINE) - 2), st.integers(1, 255))
@settings(max_examples=60)
def test_a_spoiled_line_is_named_and_nothing_is_sent(
    tmp_path_factory: pytest.TempPathFactory, index: int, change: int
) -> None:
    spoiled = bytearray(LINE)
    spoiled[index] ^= change
    try:
        # A blank or another spelling of the same text spoils nothing.
        assert read_line(bytes(spoiled)) == read_line(LINE)
    except ValueError:
        path = tmp_path_factory.mktemp("journal") / "journal"
        path.write_bytes(HEADER + LINE + bytes(spoiled) + LINE)
        with (
            pytest.raises(InvalidRequest, match=r"line [34] is not an inquiry"),
            InquiryJournal(path, SIGNER),
        ):
            pass


def test_a_file_that_is_no_journal_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "applicants.csv"
    path.write_text("application,consent_id\n1,2")
    with pytest.raises(InvalidRequest, match="is not a journal"), InquiryJournal(path, SIGNER):
        pass
    assert path.read_text() == "application,consent_id\n1,2"


@pytest.mark.parametrize(
    "signer",
    [
        Signer(member_signer("brook"), SIGNER.audience, SIGNER.key, SIGNER.clock),
        Signer(SIGNER.name, "other.example/log", SIGNER.key, SIGNER.clock),
    ],
)
def test_the_journal_of_another_is_refused(tmp_path: Path, signer: Signer) -> None:
    path = tmp_path / "journal"
    with InquiryJournal(path, SIGNER) as journal:
        journal.sealed(INQUIRY, sign())
    with pytest.raises(InvalidRequest, match="line 2"), InquiryJournal(path, signer):
        pass
    # A refused journal is free again.
    with InquiryJournal(path, SIGNER):
        pass


def test_two_runs_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with (
        InquiryJournal(path, SIGNER),
        pytest.raises(Conflict, match="in use by another run"),
        InquiryJournal(path, SIGNER),
    ):
        pass


def test_a_line_that_cannot_be_written_leaves_the_journal_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    with InquiryJournal(path, SIGNER) as journal:
        kept, _ = journal.sealed(INQUIRY, sign())
        whole = path.read_bytes()
        with monkeypatch.context() as patched:

            def full(_descriptor: int) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr("os.fsync", full)
            with pytest.raises(OSError, match="No space left"):
                journal.sealed(INQUIRY, sign(), void=kept)
        assert path.read_bytes() == whole
        assert journal.sealed(INQUIRY, sign()) == (kept, True)


# Operations side by side.


def drivers() -> tuple[Driver, AsyncDriver]:
    """Return drivers of operations that make no call."""
    addresses = AddressBook(["127.0.0.1:1"])
    transport: Any = None
    return (
        Driver(transport, addresses, RetryPolicy()),
        AsyncDriver(transport, addresses, RetryPolicy()),
    )


def run_both(
    items: Callable[[], Iterator[int]], start: Callable[[int], Operation[int]], concurrency: int
) -> list[list[tuple[int, int | BureauError]]]:
    """Return the results of the synchronous and of the asynchronous driver."""
    sync, asynchronous = drivers()

    async def collect() -> list[tuple[int, int | BureauError]]:
        return [pair async for pair in asynchronous.run_many(items(), start, concurrency)]

    return [list(sync.run_many(items(), start, concurrency)), asyncio.run(collect())]


@given(st.lists(st.integers(0, 20)), st.integers(1, 8))
@settings(max_examples=25)
def test_each_item_has_one_result_or_one_error(items: list[int], concurrency: int) -> None:
    def start(item: int) -> Operation[int]:
        yield Sleep(0)
        if item % 3 == 0:
            raise ConsentRequired("none")
        return item * 2

    for pairs in run_both(lambda: iter(items), start, concurrency):
        assert sorted(item for item, _ in pairs) == sorted(items)
        for item, result in pairs:
            assert isinstance(result, ConsentRequired) if item % 3 == 0 else result == item * 2


def test_no_more_than_the_bound_run_at_once_and_no_item_is_read_ahead() -> None:
    lock, running, most, read, ended = threading.Lock(), 0, 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(40):
            read += 1
            assert read - ended <= 5
            yield item

    def start(item: int) -> Operation[int]:
        nonlocal running, most, ended
        with lock:
            running += 1
            most = max(most, running)
        yield Sleep(0.001)
        with lock:
            running -= 1
            ended += 1
        return item

    for pairs in run_both(items, start, 5):
        assert len(pairs) == 40
        read = ended = 0
    assert 1 < most <= 5


def test_operations_run_side_by_side() -> None:
    barrier = threading.Barrier(4)

    def start(item: int) -> Operation[int]:
        barrier.wait(300)
        return item
        yield  # an operation is a generator

    (sync, _) = drivers()
    assert sorted(sync.run_many(range(8), start, 4)) == [(item, item) for item in range(8)]


def test_a_fault_of_the_program_ends_the_run() -> None:
    def start(item: int) -> Operation[int]:
        yield Sleep(0)
        raise RuntimeError(f"item {item}")

    (sync, asynchronous) = drivers()
    with pytest.raises(RuntimeError, match="item 0"):
        list(sync.run_many([0], start, 2))

    async def collect() -> None:
        async for _ in asynchronous.run_many([0], start, 2):
            pass

    with pytest.raises(RuntimeError, match="item 0"):
        asyncio.run(collect())


def test_an_asynchronous_run_that_is_left_waits_for_no_operation() -> None:
    def start(item: int) -> Operation[int]:
        yield Sleep(0 if item == 0 else 3600)
        return item

    async def leave() -> None:
        _, asynchronous = drivers()
        async with contextlib.aclosing(asynchronous.run_many(range(9), start, 3)) as run:
            async for item, _ in run:
                assert item == 0
                break

    asyncio.run(asyncio.wait_for(leave(), 60))


# Patience with a busy bureau.


def effects_of(operation: Operation[str]) -> tuple[list[float], str]:
    """Run an operation that only sleeps; return its pauses and its result."""
    pauses: list[float] = []
    while True:
        try:
            effect = operation.send(None)
        except StopIteration as stop:
            return pauses, stop.value
        assert isinstance(effect, Sleep)
        pauses.append(effect.seconds)


def refusing(*errors: BureauError) -> Callable[[], Operation[str]]:
    """Return the start of an operation that fails with each error once, then answers."""
    remaining = list(errors)

    def start() -> Operation[str]:
        if remaining:
            raise remaining.pop(0)
        return "answer"
        yield  # an operation is a generator

    return start


def busy(seconds: float) -> Overloaded:
    return Overloaded("busy", reason="OVERLOADED", retry_after=timedelta(seconds=seconds))


def test_pauses_that_the_bureau_asks_for_are_kept() -> None:
    minute = QuotaExceeded("used up", retry_after=timedelta(seconds=59))
    pauses, answer = effects_of(patiently(refusing(busy(0.5), minute, busy(2))))
    assert (pauses, answer) == ([0.5, 59, 2], "answer")


@given(st.lists(st.floats(0.1, LONGEST_WAIT.total_seconds()), min_size=1))
def test_a_person_waits_no_longer_than_the_longest_wait(seconds: list[float]) -> None:
    errors = [busy(pause) for pause in seconds]
    if sum((error.retry_after or timedelta() for error in errors), timedelta()) <= LONGEST_WAIT:
        pauses, _ = effects_of(patiently(refusing(*errors)))
        assert sum(pauses) <= LONGEST_WAIT.total_seconds() + 0.001
    else:
        with pytest.raises(Overloaded):
            effects_of(patiently(refusing(*errors)))


@pytest.mark.parametrize(
    "error",
    [
        QuotaExceeded("too large", reason="TOO_LARGE"),
        QuotaExceeded("of the day", retry_after=timedelta(hours=5)),
        ConsentRequired("none"),
    ],
)
def test_other_errors_are_not_waited_for(error: BureauError) -> None:
    with pytest.raises(type(error)):
        effects_of(patiently(refusing(error)))


def test_only_errors_of_all_people_end_a_run() -> None:
    assert not concerns_everyone(ConsentRequired("none"))
    assert not concerns_everyone(QuotaExceeded("too large", reason="TOO_LARGE"))
    assert concerns_everyone(QuotaExceeded("of the day", retry_after=timedelta(hours=5)))
    assert concerns_everyone(busy(1))
