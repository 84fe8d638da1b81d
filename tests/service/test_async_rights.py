"""Rights, records and replays by the asynchronous clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bureau_client import (
    ActionReason,
    AsyncAuditor,
    AsyncLender,
    AsyncWallet,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    HoldKind,
    HoldState,
    Initiator,
    Month,
    NoticeKind,
    OmissionReason,
    RecordRef,
    SubmissionKind,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY = Month(2024, 5)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def test_the_asynchronous_client_has_the_same_rights(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = account(person, "card", MAY).account_ref

    async def live() -> None:
        key = scenario.keys[person.subject_id]
        async with (
            AsyncWallet(scenario.agent, person.subject_id, key, clock=scenario.now) as own,
            AsyncLender(scenario.profiles["acme"], clock=scenario.now) as acme,
        ):
            hold = await own.place_hold(HoldKind.SECURITY_FREEZE, expire=scenario.now() + DAY)
            lifted = await own.lift_hold(
                hold.hold_id, until=scenario.now() + HOUR, member_id="acme"
            )
            assert lifted.lifted_for_member_id == "acme"
            assert (await own.lift_hold(hold.hold_id)).state is HoldState.ENDED
            (line,) = (await own.file()).tradelines
            dispute = await own.dispute(
                line.tradeline_id, field="status", reason=DisputeReason.WRONG_STATUS
            )
            await own.add_to_dispute(dispute.dispute_id, "One more thing.", [b"\3" * 32])
            (waiting,) = [
                listed
                for listed in await acme.disputes()
                if listed.dispute_id == dispute.dispute_id
            ]
            assert waiting.additions[0].narrative == "One more thing."
            fix = account(person, "card", MAY, balance_minor=1)
            result = await acme.submit([fix], kind=SubmissionKind.CORRECTION)
            correction = RecordRef(result.submissions[0].submission_id, 0)
            answered = await acme.answer_dispute(
                dispute.dispute_id, DisputeOutcome.MODIFIED, correction=correction
            )
            assert (await own.disputes()) == [answered]
            freeze = FacilityAction(
                account_ref=ref,
                kind=FacilityActionKind.FREEZE,
                initiator=Initiator.LENDER,
                reasons=(ActionReason.INQUIRIES,),
                effective_time=scenario.now(),
                record_refs=(correction,),
            )
            await acme.submit([freeze])
            await acme.submit([Deletion(account_ref=ref, reason=DeletionReason.INACCURATE)])
            await own.set_statement("It was not me.")
            file = await own.file()
            assert file.subject_statement == "It was not me."
            assert [omission.reason for omission in file.omissions] == [OmissionReason.DELETED]
            notices = [notice.kind for notice in await own.notices()]
            assert NoticeKind.DISPUTE in notices
            assert notices[0] is NoticeKind.LINE_FROZEN

    asyncio.run(live())


def test_an_auditor_replays_asynchronously_too(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    report = scenario.report(person, "acme")

    async def live() -> None:
        async with (
            AsyncAuditor(scenario.bureau.add_member("auditor", ["auditor"])) as auditor,
            AsyncLender(scenario.profiles["acme"], clock=scenario.now) as acme,
        ):
            for reader in (auditor, acme):
                again = await reader.replay(report.request_id, report.subject_id)
                assert again.tradelines == report.tradelines

    asyncio.run(live())
