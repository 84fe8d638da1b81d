"""Quotas of members, agents and subjects, on statements and bytes, by minute and by day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bureau.admin.operator import Operator
from bureau.calendar import DAY_US, MICROSECONDS
from bureau.clock import Clock
from bureau.quotas import AgentQuota, MemberQuota, Quota, Quotas, SubjectQuota
from bureau_client import QuotaExceeded
from bureau_keys.envelope import seal
from creditbureau.v1.subjects_pb2 import SetStatementRequest, SubjectStatement
from tests.service.raw import Answer, Person, Raw
from tests.service.scenario import DAY, Scenario, open_scenario

MINUTE_US = 60 * MICROSECONDS
PLENTY = dict.fromkeys(Quota.model_fields, 1 << 40)
QUOTAS = Quotas(
    member=MemberQuota(**PLENTY),
    agent=AgentQuota(statements_per_minute=30),
    subject=SubjectQuota(statements_per_minute=4, statements_per_day=9, bytes_per_day=20_000),
)


@dataclass(slots=True)
class StillClock(Clock):
    """The clock of yesterday's noon, UTC, that goes only as a test moves it: the certificates
    that it dates are valid today.
    """

    start_us: int = field(
        default_factory=lambda: time.time_ns() // 1000 // DAY_US * DAY_US - DAY_US // 2
    )

    def now_us(self) -> int:
        return self.start_us + self.offset_us

    def machine_us(self) -> int:
        return self.start_us + self.offset_us


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", clock=StillClock(), quotas=QUOTAS) as scenario:
        yield scenario


def statement(scenario: Scenario, person: Person, text: str = "I was ill.") -> SetStatementRequest:
    header = person.header(age=datetime.now(UTC) - scenario.now())
    return SetStatementRequest(
        statement=seal(SubjectStatement(header=header, text=text), person.key)
    )


def send(scenario: Scenario, raw: Raw, person: Person, text: str = "I was ill.") -> Answer:
    return raw.send("Subjects/SetStatement", statement(scenario, person, text))


def test_a_subject_uses_up_its_minute_and_others_do_not_notice(scenario: Scenario) -> None:
    agent = Raw(scenario.agent)
    flood, other = (scenario.signing(scenario.person()) for _ in range(2))
    # A consent to furnish was the first of the minute.
    last = statement(scenario, flood)
    answers = [
        *(send(scenario, agent, flood) for _ in range(2)),
        agent.send("Subjects/SetStatement", last),
        send(scenario, agent, flood),
    ]
    assert [answer.reason for answer in answers] == ["", "", "", "QUOTA_EXCEEDED"]
    refused = answers[-1]
    assert refused.code == "RESOURCE_EXHAUSTED"
    assert refused.fields == ("quotas.subject.statements_per_minute",)
    assert "its 4 statements of this minute" in refused.message
    # The same bytes again are a replay, which no quota refuses.
    again = agent.send("Subjects/SetStatement", last)
    assert again.reply.receipt == answers[2].reply.receipt
    assert send(scenario, agent, other).code == "OK"
    scenario.later(timedelta(minutes=1))
    assert send(scenario, agent, flood).code == "OK"


def test_the_day_ends_at_midnight_and_a_restart_does_not_end_it(scenario: Scenario) -> None:
    agent, person = Raw(scenario.agent), scenario.signing(scenario.person())
    for _ in range(8):
        scenario.later(timedelta(minutes=1))
        assert send(scenario, agent, person).code == "OK"
    scenario.later(timedelta(minutes=1))
    scenario.bureau.restart()
    refused = send(scenario, agent, person)
    assert refused.fields == ("quotas.subject.statements_per_day",)
    scenario.later(timedelta(hours=12))
    assert send(scenario, agent, person).code == "OK"


def test_bytes_count_too(scenario: Scenario) -> None:
    agent, person = Raw(scenario.agent), scenario.signing(scenario.person())
    reasons, words = [], "x" * 1_900
    for _ in range(8):
        scenario.later(timedelta(minutes=1))
        size = len(statement(scenario, person, words).SerializeToString())
        reasons.append(send(scenario, agent, person, words).reason)
    assert size * 8 < 20_000
    assert set(reasons) == {""}
    scenario.later(DAY)
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        acme = operator.member("acme")
        acme.quota.bytes_per_day = 1
        operator.change(acme)
    scenario.later(timedelta(minutes=1))
    scenario.lenders["acme"].subject_id("US", "ssn", "000-00-0001")
    with pytest.raises(QuotaExceeded) as caught:
        scenario.lenders["acme"].subject_id("US", "ssn", "000-00-0002")
    (violation,) = caught.value.violations
    assert violation.field == "quotas.member.bytes_per_day"


def test_an_agents_quota_bounds_the_subjects_that_it_makes_up(scenario: Scenario) -> None:
    agent, other = Raw(scenario.agent), Raw(scenario.bureau.add_member("other-agent", ["agent"]))
    people = [scenario.signing(scenario.person()) for _ in range(10)]
    scenario.later(timedelta(minutes=1))
    answers = [send(scenario, agent, person) for person in people for _ in range(4)]
    assert [answer.reason for answer in answers] == [""] * 30 + ["QUOTA_EXCEEDED"] * 10
    assert answers[-1].fields == ("quotas.agent.statements_per_minute",)
    # The last subject has used nothing of its own quota.
    assert send(scenario, other, people[-1]).code == "OK"
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        member = operator.member("agent")
        member.carried_quota.statements_per_minute = 31
        changed, _ = operator.change(member)
    assert changed.carried_quota.statements_per_minute == 31
    assert [send(scenario, agent, people[-1]).reason for _ in range(2)] == ["", "QUOTA_EXCEEDED"]
    assert scenario.findings() == []


def test_the_sdk_waits_for_a_quota_within_its_deadline_and_no_longer() -> None:
    clock = Clock()
    # Noon of yesterday: the day does not end meanwhile.
    clock.offset_us += -DAY_US // 2 - clock.now_us() % DAY_US
    with open_scenario("acme", clock=clock, quotas=QUOTAS) as scenario:
        person = scenario.person()
        for count in range(8):
            if count in {3, 7}:
                # Used up: the minute ends in three seconds.
                clock.offset_us += 57 * MICROSECONDS - clock.now_us() % MINUTE_US
            person.set_statement(f"statement {count}")
        with pytest.raises(QuotaExceeded) as caught:
            person.set_statement("one too many")
        assert caught.value.retry_after
        assert caught.value.retry_after > timedelta(hours=11)
