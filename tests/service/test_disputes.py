"""Disputes: what a person challenges, how its furnisher answers, and what follows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from bureau.office.erasure import erase_person
from bureau_client import (
    BureauError,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    InvalidRequest,
    Month,
    NotFound,
    OmissionReason,
    RecordRef,
    SubmissionKind,
    Wallet,
    WrongState,
)
from bureau_keys.envelope import seal
from creditbureau.v1 import dispute_pb2, subjects_pb2
from tests.service.raw import Answer, Raw
from tests.service.village import DAY, Village, account, database_of, village

APRIL, MAY, JUNE = Month(2024, 4), Month(2024, 5), Month(2024, 6)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Village]:
    with (
        database_of(request.param, tmp_path_factory.mktemp("database")) as url,
        village("acme", "brook", database_url=url) as found,
    ):
        yield found


def challenged(town: Village, person: Wallet, month: Month | None = MAY) -> str:
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        month=month,
        narrative="I paid this.\nSee the receipt.",
        attachment_digests=[b"\1" * 32],
    )
    assert dispute.state is DisputeState.OPEN
    return dispute.dispute_id


def test_a_dispute_to_its_correction(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person)
    # Shown at once, and known to the furnisher alone.
    (shown,) = town.report(person, "brook").disputes
    assert (shown.dispute_id, shown.state) == (dispute_id, DisputeState.OPEN)
    (told,) = town.lenders["acme"].disputes()
    assert (told.narrative, told.reason) == (shown.narrative, DisputeReason.WRONG_AMOUNT)
    assert town.lenders["brook"].disputes() == []
    with pytest.raises(WrongState):
        challenged(town, person)
    with pytest.raises(NotFound):
        town.lenders["brook"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    # A correction, and an answer that names it.
    fixed = account(person, "card", MAY, balance_minor=0)
    submission_id = town.submit("acme", fixed, kind=SubmissionKind.CORRECTION)
    with pytest.raises(InvalidRequest):
        town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.MODIFIED)
    with pytest.raises(InvalidRequest):
        town.lenders["acme"].answer_dispute(
            dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 7)
        )
    closed = town.lenders["acme"].answer_dispute(
        dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 0)
    )
    assert (closed.state, closed.outcome) == (DisputeState.ANSWERED, DisputeOutcome.MODIFIED)
    assert person.disputes() == [closed]
    assert town.report(person, "brook").tradelines[0].balance_minor == 0
    with pytest.raises(WrongState):
        town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)


@pytest.mark.parametrize("outcome", [DisputeOutcome.DELETED, DisputeOutcome.FRAUD])
def test_what_a_dispute_deleted_returns_only_certified(
    town: Village, outcome: DisputeOutcome
) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person, month=None)
    town.lenders["acme"].answer_dispute(dispute_id, outcome)
    assert town.report(person, "brook").tradelines == ()
    with pytest.raises(BureauError) as caught:
        town.submit("acme", account(person, "card", MAY + 1))
    assert caught.value.reason == "DELETED_ITEM"
    town.submit("acme", account(person, "card", MAY + 1, certified=True))
    assert len(town.report(person, "brook").tradelines) == 1


def test_what_nobody_answers_is_withdrawn_until_it_is_certified(town: Village) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person)
    town.later(29 * DAY)
    assert len(town.report(person, "brook").tradelines) == 1
    town.later(2 * DAY)
    assert town.report(person, "brook").tradelines == ()
    file = person.file()
    assert len(file.tradelines) == 1
    assert [at.reason for at in file.omissions] == [OmissionReason.DELETED]
    assert person.disputes()[0].state is DisputeState.LAPSED
    town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    assert len(town.report(person, "brook").tradelines) == 1


def test_in_china_an_unanswered_dispute_stays_beside_the_item() -> None:
    with village("acme", "brook", jurisdiction="CN") as town:
        person = town.person()
        town.submit("acme", account(person, "card", MAY))
        challenged(town, person)
        town.later(21 * DAY)
        report = town.report(person, "brook")
        assert len(report.tradelines) == 1
        assert [at.state for at in report.disputes] == [DisputeState.LAPSED]


def opened_as(town: Village, person: Wallet, dispute_id: str, field: str = "status") -> Answer:
    """A dispute under an id of one's own choice."""
    (line,) = person.file().tradelines
    signing = town.signing(person)
    opening = dispute_pb2.DisputeOpening(
        header=signing.header(request_id=dispute_id),
        subject_id=person.subject_id,
        tradeline_id=line.tradeline_id,
        field=field,
        reason=dispute_pb2.DISPUTE_REASON_WRONG_STATUS,
    )
    opening.header.issue_time.FromDatetime(town.now())
    request = subjects_pb2.OpenDisputeRequest(opening=seal(opening, signing.key))
    return Raw(town.agent).send("Subjects/OpenDispute", request)


def test_the_id_of_a_dispute_is_nobody_elses(town: Village) -> None:
    """Else the furnisher's answer would close the dispute of the wrong person."""
    first, second = town.person(), town.person()
    for person in (first, second):
        town.submit("acme", account(person, "card", MAY))
    dispute_id = str(uuid.uuid4())
    assert opened_as(town, first, dispute_id).code == "OK"
    assert opened_as(town, second, dispute_id).reason == "ALREADY_EXISTS"
    assert second.disputes() == []
    town.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    assert [at.state for at in first.disputes()] == [DisputeState.ANSWERED]


@pytest.mark.parametrize("case", ["older", "other month", "other account", "original"])
def test_a_correction_answers_only_what_was_disputed(town: Village, case: str) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    older = town.submit(
        "acme", account(person, "card", MAY, balance_minor=7), kind=SubmissionKind.CORRECTION
    )
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT, month=MAY
    )
    corrections = {
        "older": older,
        "other month": town.submit(
            "acme", account(person, "card", APRIL), kind=SubmissionKind.CORRECTION
        ),
        "other account": town.submit(
            "acme", account(person, "loan", MAY), kind=SubmissionKind.CORRECTION
        ),
        # It came after the dispute, and holds nothing: a correction stands before it.
        "original": town.submit("acme", account(person, "card", MAY, balance_minor=8)),
    }
    with pytest.raises(InvalidRequest) as caught:
        town.lenders["acme"].answer_dispute(
            dispute.dispute_id,
            DisputeOutcome.MODIFIED,
            correction=RecordRef(corrections[case], 0),
        )
    assert [at.field for at in caught.value.violations] == ["correction"]


@pytest.mark.parametrize("outcome", [DisputeOutcome.ACCURATE, DisputeOutcome.DELETED])
def test_a_dispute_about_what_was_erased_can_be_answered(
    town: Village, outcome: DisputeOutcome
) -> None:
    person = town.person()
    town.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(town, person, month=None)
    with town.database() as database:
        assert erase_person(database, person.subject_id).accounts == 1
    answered = town.lenders["acme"].answer_dispute(dispute_id, outcome)
    assert answered.state is DisputeState.ANSWERED
    assert person.file().tradelines == ()
    assert town.findings() == []
