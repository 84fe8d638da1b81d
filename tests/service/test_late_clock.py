"""A node whose clock is late, by less than the skew that is allowed and by more."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bureau.calendar import MICROSECONDS
from bureau.clock import Clock
from bureau_client import (
    BureauError,
    ConsentMode,
    ConsentState,
    Lender,
    Month,
    Purpose,
    RetryPolicy,
    Wallet,
)
from tests.service.nodes import further_nodes
from tests.service.scenario import Scenario, account, open_scenario

HOUR = timedelta(hours=1)
MAY = Month(2024, 5)
ONCE = RetryPolicy(attempts=1)


@dataclass(slots=True)
class LateClock(Clock):
    """The clock of a machine that is late."""

    late_s: int = 0

    def machine_us(self) -> int:
        return super(LateClock, self).machine_us() - self.late_s * MICROSECONDS


@dataclass
class Late:
    """A bureau of two nodes, of which the second is late; brook's way to the second."""

    scenario: Scenario
    clock: LateClock
    brook: Lender

    def query(self, person: Wallet, consent_id: str) -> object:
        """Inquire at the late node."""
        purpose = Purpose.CREDIT_APPLICATION
        return self.brook.query(person.subject_id, purpose=purpose, consent_id=consent_id)

    def later(self, time: timedelta) -> None:
        """Time passes, for both nodes and for everybody."""
        self.scenario.later(time)
        self.clock.offset_us = self.scenario.clock.offset_us


@pytest.fixture(scope="module")
def late(database_url: str) -> Iterator[Late]:
    clock = LateClock(late_s=55)
    with (
        open_scenario("acme", "brook", database_url=database_url) as scenario,
        further_nodes(scenario.bureau, clock) as nodes,
    ):
        profile = replace(scenario.profiles["brook"], addresses=nodes.addresses[1:])
        with Lender(profile, clock=scenario.now, policy=ONCE) as brook:
            yield Late(scenario, clock, brook)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(BureauError) as error:
        call()
    return error.value.reason


def test_a_consent_that_ended_by_the_time_of_the_log_has_ended_on_every_node(late: Late) -> None:
    scenario, person = late.scenario, late.scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    report = scenario.report(
        person, "brook", expire=2 * HOUR, mode=ConsentMode.STORE, data_life=2 * HOUR
    )
    late.later(HOUR)
    assert late.brook.replay(report.request_id, report.subject_id).request_id == report.request_id
    late.later(HOUR)
    # By the late node's own clock it ends in 55 seconds. Another node has written since.
    scenario.submit("acme", account(person, "cash", MAY))
    assert (
        refused(lambda: late.brook.replay(report.request_id, report.subject_id))
        == "CONSENT_EXPIRED"
    )
    assert refused(lambda: late.query(person, report.consent_id)) == "CONSENT_EXPIRED"
    states = {consent.consent_id: consent.state for consent in late.brook.consents()}
    assert states[report.consent_id] is ConsentState.EXPIRED


# Last: the clock stays as wrong.
def test_a_node_that_is_later_than_the_skew_allows_writes_nothing(late: Late) -> None:
    """Not even the denial of an inquiry, and from the first write on."""
    scenario, person = late.scenario, late.scenario.person()
    late.clock.late_s = 75
    scenario.submit("acme", account(person, "card", MAY))
    assert refused(lambda: late.query(person, str(uuid.uuid4()))) == "NODE_UNFIT"
    assert [inquiry.outcome for inquiry in person.inquiries()] == []
