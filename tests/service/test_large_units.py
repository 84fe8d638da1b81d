"""A large unit of work is committed by itself, and no transaction goes on for long: a small unit
waits for one large one at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bureau.ledger import batch_run, units
from bureau_client import Month, Wallet
from tests.service.scenario import Scenario, account, open_scenario

LONG_S = 30.0


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme") as opened:
        yield opened


@dataclass(slots=True)
class Uploads:
    """Submissions that wait for the writer together."""

    scenario: Scenario
    person: Wallet
    pool: ThreadPoolExecutor
    begun: threading.Event
    sent: list[Future[Any]] = field(default_factory=list)

    def send(self, *counts: int) -> None:
        """Send submissions of so many records, each when the one before it waits."""
        for count in counts:
            number = len(self.sent)
            records = [
                account(self.person, f"{time.monotonic_ns()}-{number}-{index}", Month(2026, 3))
                for index in range(count)
            ]
            self.sent.append(self.pool.submit(self.scenario.lenders["acme"].submit, records))
            assert self.begun.wait(LONG_S)
            self._await(number)

    def log_sizes(self) -> list[int]:
        """Return the size of the log in each receipt's checkpoint: what was committed together has
        the same.
        """
        done = [sent.result(LONG_S).submissions[0] for sent in self.sent]
        return [submission.receipt.tree_size for submission in done]

    def _await(self, count: int) -> None:
        queue: Any = self.scenario.bureau.server.ledger._queue
        end = time.monotonic() + LONG_S
        while len(queue) != count:
            assert time.monotonic() < end, len(queue)
            time.sleep(0.002)


@contextmanager
def waiting_uploads(scenario: Scenario) -> Iterator[Uploads]:
    """Hold the writer at its first submission until all others wait."""
    person, begun, gate = scenario.person("acme"), threading.Event(), threading.Event()
    ledger: Any = scenario.bureau.server.ledger

    def hold() -> None:
        begun.set()
        assert gate.wait(LONG_S)

    with ThreadPoolExecutor(16) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "_before_batch", hold)
        try:
            yield Uploads(scenario, person, pool, begun)
        finally:
            gate.set()


def test_small_units_and_large_ones_take_turns(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "LARGE_UNIT_BYTES", 10_000)
    with waiting_uploads(scenario) as uploads:
        uploads.send(1, 100, 1, 100, 1, 100)
    first, large, small, second, other_small, third = uploads.log_sizes()
    assert first < large < small < second < third, "each large one is committed by itself"
    assert small == other_small, "what waits while a large one is committed goes before the next"


def test_a_transaction_that_has_lasted_takes_no_further_unit(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting_uploads(scenario) as uploads:
        uploads.send(*[1] * 5)
    assert len(set(uploads.log_sizes())) == 2, "those that waited are committed together"
    monkeypatch.setattr(batch_run, "MAX_RUN_S", 0.0)
    with waiting_uploads(scenario) as uploads:
        uploads.send(*[1] * 5)
    sizes = uploads.log_sizes()
    assert sizes == sorted(set(sizes)), "each is committed by itself, in order"
