"""What a member may do so often: guesses at subjects, and uses of a consent by the
calendar."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status
from structlog.testing import capture_logs

from bureau.admin.bureau_folder import InitOptions
from bureau.calendar import MICROSECONDS
from bureau.clock import Clock
from bureau.enumeration_limiter import EnumerationLimiter
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2, consents_pb2, reporting_pb2, subjects_pb2
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE
PURPOSE = codes_pb2.PURPOSE_WRITTEN_INSTRUCTION
GUESSES = 1000
DAY, MONTH, YEAR = (
    consent_pb2.FREQUENCY_UNIT_DAY,
    consent_pb2.FREQUENCY_UNIT_MONTH,
    consent_pb2.FREQUENCY_UNIT_YEAR,
)
LONG = InitOptions(member_days=825)


def real_now_us() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True)
class StillClock(Clock):
    """Stands where it was made, and goes only where a test moves it."""

    start_us: int = field(default_factory=real_now_us)

    def now_us(self) -> int:
        return self.start_us + self.offset_us

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self.now_us())

    def set(self, moment: datetime) -> None:
        self.offset_us = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(
            microseconds=1
        ) - self.start_us


@dataclass
class Court:
    """Two lenders with consents of one person, and the bureau's time."""

    bureau: RunningBureau
    clock: StillClock
    acme: Raw
    brook: Raw
    agent: Raw
    person: Person

    def grant(self, grantee: Raw, *, action: int = INQUIRE, **changes: object) -> str:
        inquires = {} if action == FURNISH else {"purposes": [PURPOSE], "max_uses": 0}
        consent = self.person.consent(grantee.profile.member_id, action, **{**inquires, **changes})
        request = consents_pb2.GrantConsentRequest(consent=consent)
        answer = self.agent.send("Consents/GrantConsent", request)
        assert answer.code == "OK", answer
        return str(answer.reply.consent.consent_id)

    def query(self, member: Raw, consent_id: str, subject_id: str = "") -> Answer:
        """An inquiry that is signed at the bureau's own time."""
        header = member.header(age=datetime.now(UTC) - self.clock.now())
        subject_id = subject_id or self.person.subject_id
        return member.query(subject_id, consent_id, header=header, purpose=PURPOSE)


@pytest.fixture
def court() -> Iterator[Court]:
    clock = StillClock()
    with running_bureau(plan=LONG, clock=clock) as bureau:
        acme = Raw(bureau.add_member("acme", LENDER, ["written-instruction"]))
        brook = Raw(bureau.add_member("brook", LENDER, ["written-instruction"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        person = Person(uuid.uuid4().hex, SigningKey.generate(), acme.profile.trust.origin)
        request = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", request).code == "OK"
        yield Court(bureau, clock, acme, brook, agent, person)


# Guessing --------------------------------------------------------------------------


def test_a_member_that_guesses_is_stopped(court: Court) -> None:
    """A thousand guesses: the first go to the quota, the rest are not looked at."""
    court.grant(court.acme, action=FURNISH)
    consents = {raw.profile.member_id: court.grant(raw) for raw in (court.acme, court.brook)}
    quota = EnumerationLimiter().size
    assert quota < GUESSES

    with capture_logs() as lines:
        answers = [
            court.query(court.acme, str(uuid.uuid4()), uuid.uuid4().hex) for _ in range(GUESSES)
        ]

    # 1. Up to the quota a guess is answered like any; from there on it is refused.
    kinds = [(answer.code, answer.reason) for answer in answers]
    assert kinds[:quota] == [("PERMISSION_DENIED", "CONSENT_REQUIRED")] * quota
    assert set(kinds[quota:]) == {("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")}
    assert denied_inquiries(court) == quota

    # 2. The operator can read of it, and of nobody else.
    warned = [line for line in lines if line["event"] == "enumeration_suspected"]
    assert warned == [{"event": "enumeration_suspected", "log_level": "warning", "member": "acme"}]

    # 3. Not even with a consent may it inquire now; what is no inquiry goes on.
    answer = court.query(court.acme, consents["acme"])
    assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert answer.fix
    assert court.acme.submit([snapshot(court.person.subject_id)]).code == "OK"

    # 4. Another member is not harmed, by its own misses neither.
    for _ in range(3):
        assert court.query(court.brook, consents["brook"]).code == "OK"
        assert court.query(court.brook, str(uuid.uuid4())).reason == "CONSENT_REQUIRED"


def test_who_waits_as_told_may_ask_once_more(court: Court) -> None:
    consent_id = court.grant(court.acme)
    for _ in range(EnumerationLimiter().size):
        assert court.query(court.acme, str(uuid.uuid4())).reason == "CONSENT_REQUIRED"
    delay = retry_delay_of(court)
    assert delay == timedelta(seconds=EnumerationLimiter().refill_s)

    court.clock.offset_us += delay // timedelta(microseconds=1) - 1
    assert court.query(court.acme, consent_id).reason == "QUOTA_EXCEEDED"
    court.clock.offset_us += 1
    # What is no miss costs nothing; one miss is what there is.
    assert court.query(court.acme, consent_id).code == "OK"
    assert court.query(court.acme, consent_id).code == "OK"
    assert court.query(court.acme, str(uuid.uuid4())).reason == "CONSENT_REQUIRED"
    assert court.query(court.acme, consent_id).reason == "QUOTA_EXCEEDED"


def test_the_quota_fills_up_to_its_size_and_no_further(court: Court) -> None:
    bucket = EnumerationLimiter()
    assert court.query(court.acme, str(uuid.uuid4())).reason == "CONSENT_REQUIRED"
    court.clock.offset_us += int(10 * bucket.size * bucket.refill_s) * MICROSECONDS
    reasons = [court.query(court.acme, str(uuid.uuid4())).reason for _ in range(bucket.size + 1)]
    assert reasons == ["CONSENT_REQUIRED"] * bucket.size + ["QUOTA_EXCEEDED"]


def denied_inquiries(court: Court) -> int:
    """Inquiries that were refused and kept for their subjects to see."""
    with closing(sqlite3.connect(court.bureau.folder / "bureau.db")) as db:
        (count,) = db.execute("SELECT count(*) FROM inquiry WHERE denial_reason != ''").fetchone()
    return int(count)


def retry_delay_of(court: Court) -> timedelta:
    """What a refused inquiry says about when to try again."""
    inquiry = court.acme.inquiry(court.person.subject_id, str(uuid.uuid4()), purpose=PURPOSE)
    request = reporting_pb2.QueryReportRequest(inquiry=inquiry)
    call: Any = court.acme.channel.unary_unary("/creditbureau.v1.Reporting/QueryReport")
    with pytest.raises(grpc.RpcError) as error:
        call(request.SerializeToString(), timeout=300)
    failed: Any = error.value
    retry_info = RetryInfo()
    (packed,) = [
        one for one in rpc_status.from_call(failed).details if one.Is(RetryInfo.DESCRIPTOR)
    ]
    packed.Unpack(retry_info)
    return timedelta(microseconds=retry_info.retry_delay.ToMicroseconds())


# Uses by the calendar ----------------------------------------------------------------


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def timezone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the bureau's machine stands: its calendar is UTC's all the same."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def next_start(unit: int, moment: datetime) -> datetime:
    """When the calendar's next day, month or year begins, UTC."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == DAY:
        return midnight + timedelta(days=1)
    if unit == MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return midnight.replace(year=moment.year + 1, month=1, day=1)


@pytest.mark.parametrize("unit", [DAY, MONTH, YEAR], ids=["day", "month", "year"])
def test_uses_renew_with_the_calendar(court: Court, timezone: str, unit: int) -> None:
    """So many uses a day, month or year of the calendar in UTC, not of any such span."""
    tick = timedelta(microseconds=1)
    first = next_start(unit, court.clock.now())
    second = next_start(unit, first)
    busy, idle = (
        court.grant(
            court.acme,
            frequency=consent_pb2.Frequency(unit=unit, value=2),  # type: ignore[arg-type]
            expire=second + timedelta(days=1),
        )
        for _ in range(2)
    )

    def used_up_at(moment: datetime, consent_id: str) -> None:
        court.clock.set(moment)
        answer = court.query(court.acme, consent_id)
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "CONSENT_EXHAUSTED"), answer

    def two_uses_at(moment: datetime, consent_id: str) -> None:
        court.clock.set(moment)
        for _ in range(2):
            answer = court.query(court.acme, consent_id)
            assert answer.code == "OK", answer
        used_up_at(moment, consent_id)

    # 1. The last moment of a period and the first of the next are two periods.
    two_uses_at(first - tick, busy)
    two_uses_at(first, busy)
    # 2. What a period left unused is not added to the next.
    two_uses_at(first, idle)
    # 3. Used up until the very end, however long ago the uses were.
    used_up_at(first + (second - first) / 2, busy)
    used_up_at(second - tick, busy)
    two_uses_at(second, busy)
    # 4. Refusals are no uses; none was lost.
    wanted = consents_pb2.GetConsentRequest(consent_id=busy)
    assert court.acme.send("Consents/GetConsent", wanted).reply.consent.use_count == 6


def test_uses_in_all_end_a_consent_that_its_period_would_renew(court: Court) -> None:
    consent_id = court.grant(
        court.acme,
        frequency=consent_pb2.Frequency(unit=consent_pb2.FREQUENCY_UNIT_MONTH, value=2),
        max_uses=3,
        expire=court.clock.now() + timedelta(days=100),
    )
    outcomes = []
    for _ in range(3):
        outcomes += [court.query(court.acme, consent_id).reason for _ in range(3)]
        court.clock.set(next_start(MONTH, court.clock.now()))
    spent = "CONSENT_EXHAUSTED"
    assert outcomes == ["", "", spent, "", spent, spent, spent, spent, spent]
