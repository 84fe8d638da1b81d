"""Tell people, unasked: lists and streams of notices, and the choice of kinds, through the real
server, on both databases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bureau_client import (
    AccountStatus,
    Action,
    ActionReason,
    ComplaintKind,
    ComplaintOutcome,
    ConsentError,
    ConsentMode,
    FacilityActionKind,
    HoldKind,
    InvalidRequest,
    Month,
    NotAuthenticated,
    Notice,
    NoticeChoice,
    NoticeKind,
    Party,
    PartyRole,
    Purpose,
    Relay,
    RelayedNotice,
    Section,
    SigningKey,
    Wallet,
)
from tests.service.nodes import further_nodes
from tests.service.scenario import DAY, PATIENCE, Scenario, account, open_scenario
from tests.service.watching import freeze

MAY, JUNE = Month(2026, 5), Month(2026, 6)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


def notices_of(wallet: Wallet, since: int = 0) -> list[Notice]:
    """Return the notices to a person, oldest first; from a number on."""
    return wallet.notices()[::-1][since:]


def kinds(notices: Sequence[Notice | RelayedNotice]) -> list[str]:
    return [notice.kind.name for notice in notices]


def test_a_person_hears_of_every_deed_once(scenario: Scenario) -> None:
    person, other = scenario.person(), scenario.person()
    acme, brook = scenario.lenders["acme"], scenario.lenders["brook"]
    assert kinds(notices_of(person)) == ["CONSENT_GRANTED"] * 2
    assert [notice.member_id for notice in notices_of(person)] == ["acme", "brook"]
    # A new account, a late month, a line that is frozen, with its reasons.
    ref = account(person, "card", MAY).account_ref
    scenario.submit("acme", account(person, "card", MAY))
    late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
    scenario.submit("acme", account(person, "card", JUNE, **late))
    freeze(scenario, "acme", ref, FacilityActionKind.FREEZE)
    opened, adverse, frozen = notices_of(person, 2)
    (line,) = person.file().tradelines
    assert kinds([opened, adverse, frozen]) == ["NEW_ACCOUNT", "ADVERSE_DATA", "LINE_FROZEN"]
    assert {each.tradeline_id for each in (opened, adverse, frozen)} == {line.tradeline_id}
    assert frozen.action is not None
    assert frozen.action.reasons == (ActionReason.DELINQUENCY_ELSEWHERE,)
    assert "complaint" in frozen.texts["en"]
    assert "投诉" in frozen.texts["zh"]
    # What can be done begins where the notice is.
    assert frozen.action_ref is not None
    complaint = person.complain("acme", ComplaintKind.ACTION_WITHOUT_REASON, frozen.action_ref)
    # Somebody asks, is allowed, looks, and looks for the last time.
    request = brook.request_consent(
        person.subject_id,
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.TRADELINES],
        period=20 * DAY,
        max_uses=1,
        text="a loan",
    )
    consent = person.grant_request(request.consent_request_id)
    report = brook.query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
    )
    with pytest.raises(ConsentError):
        brook.query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
        )
    person.revoke(consent.consent_id)
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.lift_hold(hold.hold_id)
    news = notices_of(person, 5)
    assert [(each.kind.name, each.member_id, each.about_id) for each in news[:5]] == [
        ("CONSENT_REQUEST", "brook", request.consent_request_id),
        ("CONSENT_GRANTED", "brook", consent.consent_id),
        ("INQUIRY", "brook", report.request_id),
        ("CONSENT_USED_UP", "brook", consent.consent_id),
        ("INQUIRY_DENIED", "brook", news[4].about_id),
    ]
    assert [(each.kind.name, each.about_id) for each in news[5:]] == [
        ("CONSENT_CHANGED", consent.consent_id),
        ("HOLD_PLACED", hold.hold_id),
        ("HOLD_LIFTED", hold.hold_id),
    ]
    assert (news[0].act_by_time, news[1].act_by_time) == (request.expire_time, consent.expire_time)
    assert all(notice.proved for notice in notices_of(person))
    # A complaint that moves.
    (received,) = (one for one in acme.complaints() if one.complaint_id == complaint.complaint_id)
    acme.answer_complaint(received, ComplaintOutcome.REJECTED, "the reasons were given")
    moved = notices_of(person)[-1]
    assert (moved.kind.name, moved.about_id) == ("COMPLAINT", complaint.complaint_id)
    # Nobody hears of another person's, and each notice comes once.
    assert kinds(notices_of(other)) == ["CONSENT_GRANTED"] * 2
    ids = [notice.notice_id for notice in notices_of(person)]
    assert len(ids) == len(set(ids))
    assert scenario.findings() == []


def test_people_on_an_account_hear_of_it_when_they_come_onto_it(scenario: Scenario) -> None:
    owner, partner = scenario.person("acme"), scenario.person("acme")
    both = (Party(owner.subject_id), Party(partner.subject_id, PartyRole.JOINT))
    ref = account(owner, "joint", MAY).account_ref
    scenario.submit("acme", account(owner, "joint", MAY))
    freeze(scenario, "acme", ref, FacilityActionKind.FREEZE)
    scenario.submit("acme", account(owner, "joint", JUNE, parties=both))
    freeze(scenario, "acme", ref, FacilityActionKind.RESTORE)
    assert kinds(notices_of(owner, 1)) == ["NEW_ACCOUNT", "LINE_FROZEN", "LINE_RESTORED"]
    assert kinds(notices_of(partner, 1)) == ["NEW_ACCOUNT", "LINE_RESTORED"]


def test_what_ends_or_is_not_done_is_told_by_the_clock(scenario: Scenario) -> None:
    person = scenario.person("acme")
    kept = scenario.inquiring(
        person, "acme", mode=ConsentMode.STORE, data_life=30 * DAY, expire=20 * DAY
    )
    scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=kept
    )
    gone = scenario.inquiring(person, "acme")
    person.revoke(gone)
    request = scenario.lenders["brook"].request_consent(
        person.subject_id,
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.TRADELINES],
        period=20 * DAY,
        max_uses=1,
        text="a loan",
        expire=6 * DAY,
    )
    before = len(notices_of(person))
    scenario.later(14 * DAY)
    ending = notices_of(person, before)
    assert [(each.kind.name, each.about_id) for each in ending] == [
        ("CONSENT_REQUEST_ENDING", request.consent_request_id),
        ("CONSENT_ENDING", kept),
    ]
    assert ending[0].act_by_time == request.expire_time
    assert ending[0].create_time == request.expire_time - 2 * DAY
    (consent,) = (each for each in person.consents() if each.consent_id == kept)
    assert ending[1].act_by_time == consent.expire_time == ending[1].create_time + 7 * DAY
    # The deletion is not confirmed in time, and then late: the notice stays.
    scenario.later(37 * DAY)
    assert kinds(notices_of(person, before + 2)) == ["DELETION_MISSING"]
    scenario.lenders["acme"].confirm_deletion(kept)
    missing, confirmed = notices_of(person, before + 2)
    assert kinds([missing, confirmed]) == ["DELETION_MISSING", "DELETION_CONFIRMED"]
    assert missing.about_id == confirmed.about_id == kept
    assert missing.create_time == consent.expire_time + 30 * DAY
    assert all(notice.proved for notice in notices_of(person))
    # Each page continues where the one before ended.
    assert [person.notices(limit=n) for n in range(6)] == [person.notices()[:n] for n in range(6)]
    assert missing.create_time < confirmed.create_time - timedelta(hours=1)


# Streams ------------------------------------------------------------------------------


def stream_until(wallet: Wallet, last: str, after: str = "") -> list[Notice]:
    """The notices that a stream brings, up to one about an id."""
    notices: list[Notice] = []
    for notice in wallet.watch_notices(after):
        notices.append(notice)
        if notice.about_id == last:
            return notices
    raise AssertionError("a stream of notices has no end")


def test_a_stream_brings_what_the_list_has_from_any_cursor(scenario: Scenario) -> None:
    person = scenario.person("acme")
    consent_id = scenario.inquiring(person, "acme", max_uses=1)
    scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    scenario.submit("acme", account(person, "card", MAY))
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    heard = stream_until(person, hold.hold_id)
    assert heard == notices_of(person)
    assert all(notice.proved for notice in heard)
    for number, notice in enumerate(heard[:-1], 1):
        assert stream_until(person, hold.hold_id, notice.cursor) == heard[number:]
    # What comes by the clock comes to a stream that is open, too.
    ending = scenario.inquiring(person, "acme")
    cursor = stream_until(person, ending)[-1].cursor
    scenario.later(14 * DAY)
    (notice,) = stream_until(person, ending, cursor)
    assert notice.kind is NoticeKind.CONSENT_ENDING
    assert notice == person.notices(limit=1)[0]


def test_an_entry_does_not_overtake_what_comes_by_the_clock(scenario: Scenario) -> None:
    person = scenario.person("acme")
    ending = scenario.inquiring(person, "acme", expire=7 * DAY + timedelta(milliseconds=600))
    stream = person.watch_notices()
    while next(stream).about_id != ending:
        pass
    # Sooner after that than a stream looks at the clock again.
    scenario.later(timedelta(milliseconds=700))
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    first, second = next(stream), next(stream)
    assert (first.kind, first.about_id) == (NoticeKind.CONSENT_ENDING, ending)
    assert second.about_id == hold.hold_id


def test_what_happens_on_one_node_comes_to_a_stream_on_another(scenario: Scenario) -> None:
    person = scenario.person("acme")
    with further_nodes(scenario.bureau, scenario.clock) as nodes:
        here, there = (replace(scenario.agent, addresses=(one,)) for one in nodes.addresses)
        key = scenario.keys[person.subject_id]
        with (
            Wallet(here, person.subject_id, key, clock=scenario.now) as writer,
            Wallet(there, person.subject_id, key, clock=scenario.now, policy=PATIENCE) as reader,
        ):
            stream = reader.watch_notices()
            assert next(stream).kind is NoticeKind.CONSENT_GRANTED
            hold = writer.place_hold(HoldKind.SECURITY_FREEZE)
            assert next(stream).about_id == hold.hold_id
            lifted = writer.lift_hold(hold.hold_id)
            assert (next(stream).kind, lifted.hold_id) == (NoticeKind.HOLD_LIFTED, hold.hold_id)


def test_a_stream_ends_with_its_key_and_is_nobody_elses(scenario: Scenario) -> None:
    person, other = scenario.person("acme"), scenario.person("acme")
    stream = person.watch_notices()
    next(stream)
    old = scenario.keys[person.subject_id]
    person.rotate_key(SigningKey.generate())
    # The wallet signs with the new key by now, and goes on.
    assert next(stream).kind is NoticeKind.KEY_REPLACED
    with (
        Wallet(scenario.agent, person.subject_id, old, clock=scenario.now) as left_behind,
        pytest.raises(NotAuthenticated),
    ):
        next(left_behind.watch_notices())
    with (
        Wallet(scenario.agent, person.subject_id, scenario.keys[other.subject_id]) as stranger,
        pytest.raises(NotAuthenticated),
    ):
        next(stranger.watch_notices())


# The choice ---------------------------------------------------------------------------


def test_a_person_chooses_what_to_hear_of(scenario: Scenario) -> None:
    person = scenario.person("acme")
    assert person.notice_choice() == NoticeChoice()
    receipt = person.choose_notices([NoticeKind.CONSENT_GRANTED, NoticeKind.HOLD_PLACED])
    choice = person.notice_choice()
    assert choice.muted == (NoticeKind.CONSENT_GRANTED, NoticeKind.HOLD_PLACED)
    assert choice.receipt is not None
    assert choice.receipt.leaf_index == receipt.leaf_index
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    person.lift_hold(hold.hold_id)
    # Of what arose before the choice the stream brings all, and stays as it was after the next.
    assert kinds(stream_until(person, hold.hold_id)) == ["CONSENT_GRANTED", "HOLD_LIFTED"]
    assert kinds(notices_of(person)) == ["CONSENT_GRANTED", "HOLD_PLACED", "HOLD_LIFTED"]
    # The choice replaces the one before; of keys and erasures people always hear.
    person.choose_notices()
    assert person.notice_choice().muted == ()
    again = person.place_hold(HoldKind.FRAUD_ALERT)
    assert kinds(stream_until(person, again.hold_id)) == [
        "CONSENT_GRANTED",
        "HOLD_LIFTED",
        "HOLD_PLACED",
    ]
    for kind in (NoticeKind.KEY_REPLACED, NoticeKind.KEY_PENDING, NoticeKind.ERASURE):
        with pytest.raises(InvalidRequest):
            person.choose_notices([kind])
    (first, *_) = (event for event in person.events() if event.kind == "notice-choice")
    assert (first.leaf_index, first.proved) == (receipt.leaf_index, True)
    assert scenario.findings() == []


# Agents that pass notices on ----------------------------------------------------------


def relayed_until(scenario: Scenario, last: Wallet, after: str = "") -> list[RelayedNotice]:
    """Return the notices that the agent is told, up to one to a person."""
    notices: list[RelayedNotice] = []
    with Relay(scenario.agent, clock=scenario.now, policy=PATIENCE) as relay:
        for notice in relay.relayed_notices(after):
            if notice.subject_id == last.subject_id:
                return notices
            notices.append(notice)
    raise AssertionError("a stream of notices has no end")


def marker(scenario: Scenario) -> Wallet:
    """Let one last notice come, to somebody else."""
    last = scenario.person("acme")
    last.choose_notices(agent_id="agent")
    last.place_hold(HoldKind.FRAUD_ALERT)
    return last


def test_an_agent_hears_that_there_are_notices_to_those_who_chose_it(scenario: Scenario) -> None:
    person, silent = scenario.person("acme"), scenario.person("acme")
    with pytest.raises(InvalidRequest):
        person.choose_notices(agent_id="acme")
    before = relayed_until(scenario, marker(scenario))
    assert person.subject_id not in {notice.subject_id for notice in before}
    person.choose_notices([NoticeKind.HOLD_LIFTED], agent_id="agent", language="zh-CN")
    assert person.notice_choice().agent_id == "agent"
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    person.lift_hold(hold.hold_id)
    consent_id = scenario.inquiring(person, "acme", max_uses=1)
    scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    scenario.submit("acme", account(person, "card", MAY), account(silent, "card", MAY))
    scenario.later(14 * DAY)
    relayed = relayed_until(scenario, marker(scenario))
    mine = [notice for notice in relayed if notice.subject_id == person.subject_id]
    heard = [
        notice for notice in notices_of(person, 1) if notice.kind is not NoticeKind.HOLD_LIFTED
    ]
    assert [(each.kind, each.notice_id, each.create_time) for each in mine] == [
        (each.kind, each.notice_id, each.create_time) for each in heard
    ]
    assert kinds(heard)[-2:] == ["NEW_ACCOUNT", "CONSENT_ENDING"] or "NEW_ACCOUNT" in kinds(heard)
    assert {notice.language for notice in mine} == {"zh-CN"}
    assert silent.subject_id not in {notice.subject_id for notice in relayed}
    # From any cursor it goes on, and another agent hears nothing.
    rest = relayed_until(scenario, marker(scenario), mine[1].cursor)
    assert [each for each in rest if each.subject_id == person.subject_id] == mine[2:]
    # A later choice ends it, from then on.
    unread = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.choose_notices()
    person.place_hold(HoldKind.FRAUD_ALERT)
    after = relayed_until(scenario, marker(scenario), mine[-1].cursor)
    theirs = [notice for notice in after if notice.subject_id == person.subject_id]
    assert kinds(theirs) == ["HOLD_PLACED"]
    (listed,) = (one for one in person.notices() if one.about_id == unread.hold_id)
    assert theirs[0].notice_id == listed.notice_id
