"""Reports on a member's own customers."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bureau import signed_statement
from bureau_client import (
    Action,
    AsyncLender,
    InvalidRequest,
    Lender,
    NotFound,
    PermissionDenied,
    Purpose,
    Report,
    RetryPolicy,
    Unavailable,
)
from bureau_client._operations import methods
from tests.programs import run_program
from tests.service.liar import deceive
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import (
    MAY,
    monitored,
)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as scenario:
        yield scenario


def test_a_portfolio_is_ones_own_customers_under_their_consents() -> None:
    with open_scenario("acme", "brook") as scenario:
        customers = [monitored(scenario, "acme") for _ in range(5)]
        stranger = monitored(scenario, "acme")
        silent = scenario.person()
        for person in (*customers, silent):
            scenario.submit("acme", account(person, "card", MAY))
        scenario.submit("brook", account(stranger, "card", MAY))
        reports = list(scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW))
        assert {r.subject_id for r in reports} == {p.subject_id for p in customers}
        assert len(reports) == 5
        assert all(len(report.tradelines) == 1 for report in reports)
        # Each customer sees it; so does the log, once.
        for person in customers:
            (line,) = person.inquiries()
            assert line.inquiry_id == reports[0].request_id
            assert line.purpose is Purpose.ACCOUNT_REVIEW
        assert len({r.receipt.leaf_index for r in reports if r.receipt}) == 1
        chosen = customers[2].subject_id
        (one,) = scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [chosen])
        assert one.subject_id == chosen
        again = scenario.lenders["acme"].replay(reports[0].request_id, reports[0].subject_id)
        assert (again.tradelines, again.summary) == (reports[0].tradelines, reports[0].summary)
        with pytest.raises(InvalidRequest):
            scenario.lenders["acme"].replay(reports[0].request_id, "")
        with pytest.raises(NotFound):
            scenario.lenders["brook"].replay(reports[0].request_id, reports[0].subject_id)
        with pytest.raises(InvalidRequest):
            list(scenario.lenders["acme"].portfolio(Purpose.CREDIT_APPLICATION))


def test_a_portfolio_keeps_to_uses_and_to_what_was_withdrawn() -> None:
    with open_scenario("acme", "brook") as scenario:
        once, twice = monitored(scenario, "acme", max_uses=1), monitored(scenario, "acme")
        for person in (once, twice):
            scenario.submit("acme", account(person, "card", MAY))
        lender = scenario.lenders["acme"]
        assert len(list(lender.portfolio(Purpose.ACCOUNT_REVIEW))) == 2
        (left,) = lender.portfolio(Purpose.ACCOUNT_REVIEW)
        assert left.subject_id == twice.subject_id
        for consent in twice.consents():
            if consent.actions == (Action.MONITOR,):
                twice.revoke(consent.consent_id)
        assert list(lender.portfolio(Purpose.ACCOUNT_REVIEW)) == []


def saved_in(folder: Path) -> int:
    return len(list(folder.glob(f"{'[0-9a-f]' * 32}.json")))


def test_a_portfolio_is_killed_and_started_again(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One inquiry, one use of each consent, and a report on everybody."""
    signed, is_killed = itertools.count(), threading.Event()
    sign = signed_statement.sign_report

    def sign_some(*given: Any) -> Any:
        """Sign ten reports, and the next once the program is dead."""
        if next(signed) >= 10:
            is_killed.wait()
        return sign(*given)

    monkeypatch.setattr(signed_statement, "sign_report", sign_some)
    scenario.lender("dune")
    customers = [monitored(scenario, "dune", max_uses=1) for _ in range(60)]
    scenario.submit("dune", *(account(person, "card", MAY) for person in customers))
    scenario.profiles["dune"].save(tmp_path / "profile")
    reports = tmp_path / "reports"
    command = [
        *("bureau-lender", "portfolio"),
        *("--profile", str(tmp_path / "profile"), "--save", str(reports)),
        *("--purpose", "account-review"),
    ]
    program = str(Path(sys.executable).with_name(command[0]))
    with subprocess.Popen([program, *command[1:]], stderr=subprocess.DEVNULL) as first:
        while first.poll() is None and saved_in(reports) < 3:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
        first.wait()
        is_killed.set()
    assert first.returncode == -signal.SIGKILL
    assert 2 < saved_in(reports) < 60
    assert (reports / "unfinished.json").exists()
    # What is unfinished there is of another kind.
    other = run_program(*command[:-1], "collection")
    assert other.returncode == 5
    assert "an unfinished portfolio of ACCOUNT_REVIEW" in " ".join(other.stderr.split())
    again = run_program(*command)
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stderr
    saved = [Report.load(path) for path in reports.iterdir()]
    assert {report.subject_id for report in saved} == {person.subject_id for person in customers}
    assert len({report.request_id for report in saved}) == 1
    for person in customers[:3]:
        assert len(person.inquiries()) == 1


def test_a_portfolio_goes_on_behind_a_report(scenario: Scenario) -> None:
    scenario.lender("elm")
    people = [monitored(scenario, "elm") for _ in range(4)]
    scenario.submit("elm", *(account(person, "card", MAY) for person in people))
    lender = scenario.lenders["elm"]
    first, second, *others = lender.portfolio(Purpose.ACCOUNT_REVIEW)
    assert list(lender.resume_portfolio(first.inquiry, second.cursor)) == others
    withdrawn = next(person for person in people if person.subject_id == others[0].subject_id)
    (consent,) = [
        consent for consent in withdrawn.consents() if consent.actions == (Action.MONITOR,)
    ]
    withdrawn.revoke(consent.consent_id)
    assert list(lender.resume_portfolio(first.inquiry)) == [first, second, *others[1:]]
    with pytest.raises(InvalidRequest, match="is not a signed portfolio inquiry"):
        lender.resume_portfolio(b"x")
    # Somebody else's is not to be had.
    with pytest.raises(PermissionDenied):
        list(scenario.lenders["acme"].resume_portfolio(first.inquiry))

    async def resumed_by_the_asynchronous_client() -> list[Report]:
        async with AsyncLender(scenario.profiles["elm"], clock=scenario.now) as lender:
            return [
                report async for report in lender.resume_portfolio(first.inquiry, second.cursor)
            ]

    assert asyncio.run(resumed_by_the_asynchronous_client()) == others[1:]


def test_a_portfolio_goes_on_where_a_report_could_not_be_verified_at_once(
    scenario: Scenario,
) -> None:
    scenario.lender("fir")
    people = [monitored(scenario, "fir") for _ in range(3)]
    scenario.submit("fir", *(account(person, "card", MAY) for person in people))
    policy = RetryPolicy(attempts=2, first_pause_seconds=0.01)
    with Lender(scenario.profiles["fir"], clock=scenario.now, policy=policy) as lender:
        first = list(lender.portfolio(Purpose.ACCOUNT_REVIEW))
        # A report is held to the earlier one about the same person, which takes a call.
        proofs = itertools.count()

        def no_proof_at_first(path: str, _reply: object) -> None:
            if path == methods.PROVE_EVENTS.path and next(proofs) < policy.attempts:
                raise Unavailable("The database does not answer", reason="DATABASE_UNAVAILABLE")

        deceive(lender, no_proof_at_first)
        second = list(lender.portfolio(Purpose.ACCOUNT_REVIEW))
    assert next(proofs) == policy.attempts + len(people)
    assert [one.subject_id for one in second] == [one.subject_id for one in first]
