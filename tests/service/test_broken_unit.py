"""A fault of the bureau's own in one unit of work harms no other in its batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bureau.credit_file import contributions
from bureau.journeys import submit
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau_client import BureauError, Month
from tests.service.scenario import Scenario, account, open_scenario

MAY = Month(2024, 5)


def fault_of_ours(_: Transaction) -> None:
    raise ZeroDivisionError("a fault of ours")


def row_that_exists(tx: Transaction) -> None:
    """On PostgreSQL it fails once the unit is done, as nothing is read after it."""
    for _ in range(2):
        tx.db.execute(q.add_statement, entry_key=-1, envelope=b"")


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as opened:
        yield opened
        assert opened.findings() == []


@pytest.mark.parametrize(
    ("fault", "reason"), [(fault_of_ours, "INTERNAL"), (row_that_exists, "CONFLICT")]
)
def test_a_broken_unit_fails_alone(
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Transaction], None],
    reason: str,
) -> None:
    """The writer is held up until a broken unit and a good one wait for it together."""
    first, good, broken = (scenario.person() for _ in range(3))
    before = stored(scenario)
    begun, go_on = threading.Event(), threading.Event()
    waiting = threading.Semaphore(0)
    noted, committed = contributions.note_contribution, scenario.bureau.server.ledger.commit

    def note(tx: Any, member_id: str, snapshots: Any) -> None:
        if member_id == "acme":
            begun.set()
            assert go_on.wait(300)
        if member_id == "brook":
            fault(tx)
        noted(tx, member_id, snapshots)

    def commit(*arguments: Any) -> Any:
        waiting.release()
        return committed(*arguments)

    monkeypatch.setattr(submit, "note_contribution", note)
    monkeypatch.setattr(scenario.bureau.server.ledger, "commit", commit)
    with ThreadPoolExecutor(3) as pool:
        ahead = pool.submit(scenario.submit, "acme", account(first, "card", MAY))
        assert begun.wait(300)
        fails = pool.submit(scenario.submit, "brook", account(broken, "card", MAY))
        holds = pool.submit(scenario.submit, "cedar", account(good, "card", MAY))
        for _ in range(3):
            assert waiting.acquire(timeout=300)
        go_on.set()
        ahead.result(300)
        holds.result(300)
        with pytest.raises(BureauError) as caught:
            fails.result(300)
    assert caught.value.reason == reason
    after = stored(scenario)
    assert {name: after[name] - before[name] for name in after} == {
        "acme": 1,
        "brook": 0,
        "cedar": 1,
    }


def stored(scenario: Scenario) -> dict[str, int]:
    """How many submissions each lender has at the bureau."""
    return {name: len(lender.submissions()) for name, lender in scenario.lenders.items()}
