"""The consortium's standard of credit, reports of the past, and what people are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bureau.admin.operator import CallError, Operator
from bureau.clock import Clock
from bureau.texts import texts
from bureau_client import (
    AccountStatus,
    ActionReason,
    Auditor,
    BureauError,
    Classification,
    Deletion,
    DeletionReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InquiryOutcome,
    Month,
    NotFound,
    NoticeKind,
    OmissionReason,
    Party,
    PartyRole,
    PortfolioType,
    ReciprocityLevel,
)
from creditbureau.v1.codes_pb2 import (
    CLASSIFICATION_LOSS,
    CLASSIFICATION_NORMAL,
    CLASSIFICATION_SUBSTANDARD,
)
from creditbureau.v1.standard_pb2 import ClassificationBand, StandardOfCredit
from tests.service.heard import heard
from tests.service.scenario import AUTUMN_2026, Scenario, account, clock_of, open_scenario

MAY, JUNE = Month(2026, 5), Month(2026, 6)


def standard(scenario: Scenario, version: int = 1, **changes: object) -> StandardOfCredit:
    fields: dict[str, object] = {
        "version": version,
        "jurisdiction": "US",
        "currency": "USD",
        "max_unsecured_exposure_minor": 150_00,
        "max_concurrent_lenders": 1,
        "max_exposure_to_income_percent": 50,
        "bands": [
            ClassificationBand(min_days_past_due=0, classification=CLASSIFICATION_NORMAL),
            ClassificationBand(min_days_past_due=61, classification=CLASSIFICATION_SUBSTANDARD),
            ClassificationBand(min_days_past_due=181, classification=CLASSIFICATION_LOSS),
        ],
    }
    message = StandardOfCredit(**(fields | changes))  # type: ignore[arg-type]
    message.effective_time.FromDatetime(scenario.now() - timedelta(seconds=1))
    return message


def test_reports_say_where_a_person_stands_against_the_standard() -> None:
    with (
        open_scenario("acme", "brook", clock=clock_of(AUTUMN_2026)) as scenario,
        Operator(scenario.bureau.operator, scenario.clock) as operator,
    ):
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY))
        assert scenario.report(person, "brook").standings == ()
        with pytest.raises(NotFound):
            scenario.lenders["brook"].standard()
        operator.publish(standard(scenario))
        # A mortgage is secured by what it is, though its record does not say so.
        home = {"portfolio_type": PortfolioType.MORTGAGE, "account_type": "26"}
        scenario.submit("brook", account(person, "home", MAY, credit_limit_minor=None, **home))
        report = scenario.report(person, "brook")
        assert [
            (standing.rule, standing.value, standing.within) for standing in report.standings
        ] == [
            ("max_unsecured_exposure_minor", 100_00, True),
            ("max_concurrent_lenders", 1, True),
            ("classification", 1, True),
        ]
        late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
        scenario.submit("brook", account(person, "line", MAY, **late))
        report = scenario.report(person, "brook")
        assert [
            (standing.rule, standing.value, standing.within) for standing in report.standings
        ] == [
            ("max_unsecured_exposure_minor", 200_00, False),
            ("max_concurrent_lenders", 2, False),
            ("classification", 3, False),
        ]
        published = scenario.lenders["brook"].standard()
        assert (published.version, published.currency) == (1, "USD")
        assert published.classify(61) is Classification.SUBSTANDARD
        assert published.classify(0) is Classification.NORMAL
        assert published.within_income(report, 400_00)
        assert not published.within_income(report, 399_00)


def test_standings_are_of_what_the_reader_may_see() -> None:
    with (
        open_scenario("acme", "brook", clock=clock_of(AUTUMN_2026)) as scenario,
        Operator(scenario.bureau.operator, scenario.clock) as operator,
    ):
        person = scenario.person()
        late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}
        loan = {"portfolio_type": PortfolioType.INSTALMENT, "account_type": "01"}
        scenario.submit("acme", account(person, "card", MAY))
        scenario.submit("brook", account(person, "loan", MAY, **loan, **late))
        operator.publish(standard(scenario))

        def stood(**changes: Any) -> dict[str, tuple[int, bool]]:
            report = scenario.report(person, "brook", **changes)
            return {
                standing.rule: (standing.value, standing.within) for standing in report.standings
            }

        assert stood() == {
            "max_unsecured_exposure_minor": (200_00, False),
            "max_concurrent_lenders": (2, False),
            "classification": (3, False),
        }
        # A consent for cards alone says nothing of the loan, not even by a sum.
        assert stood(portfolio_types=[PortfolioType.REVOLVING]) == {
            "max_unsecured_exposure_minor": (100_00, True),
            "max_concurrent_lenders": (1, True),
            "classification": (1, True),
        }
        # What is owed in another currency is not within a cap in this one.
        scenario.submit("acme", account(person, "yuan", MAY, currency="CNY"))
        standings = stood(portfolio_types=[PortfolioType.REVOLVING])
        assert standings["unsecured_accounts_in_other_currencies"] == (1, False)
        assert standings["max_unsecured_exposure_minor"] == (100_00, True)


def test_a_standard_is_the_next_version_and_the_operators() -> None:
    with (
        open_scenario("acme", clock=clock_of(AUTUMN_2026)) as scenario,
        Operator(scenario.bureau.operator, scenario.clock) as operator,
    ):
        with pytest.raises(CallError, match="the next one is 1"):
            operator.publish(standard(scenario, 2))
        operator.publish(standard(scenario, 1))
        with pytest.raises(CallError, match="the next one is 2"):
            operator.publish(standard(scenario, 1))
        bands = [ClassificationBand(min_days_past_due=1, classification=CLASSIFICATION_LOSS)] * 2
        with pytest.raises(CallError, match="ascend"):
            operator.publish(standard(scenario, 2, bands=bands))
        with pytest.raises(CallError, match="ISO 4217"):
            operator.publish(standard(scenario, 2, currency="XQX"))
        ahead = standard(scenario, 2)
        ahead.effective_time.FromDatetime(scenario.now() + timedelta(days=1))
        operator.publish(ahead)
        # The one in force is the older one, until then.
        assert operator.standard().version == 1
        assert scenario.lenders["acme"].standard(2).version == 2


# Reports of the past ----------------------------------------------------------------


def test_a_report_again_as_it_was() -> None:
    with open_scenario("acme", "brook") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, balance_minor=1_00))
        first = scenario.report(person, "brook")
        scenario.submit("acme", account(person, "card", JUNE, balance_minor=2_00))
        person.set_statement("It was not me.")
        with Auditor(scenario.bureau.add_member("auditor", ["auditor"])) as auditor:
            for reader in (scenario.lenders["brook"], auditor):
                again = reader.replay(first.request_id, first.subject_id)
                assert again.tradelines == first.tradelines
                assert again.issue_time == first.issue_time
                assert again.subject_statement == ""
        # The subject sees the auditor.
        (seen,) = [inquiry for inquiry in person.inquiries() if inquiry.member_id == "auditor"]
        assert seen.outcome is InquiryOutcome.REPLAYED
        assert seen in person.file().inquiries
        with pytest.raises(NotFound):
            scenario.lenders["acme"].replay(first.request_id, first.subject_id)
        person.revoke(first.consent_id)
        with pytest.raises(BureauError) as caught:
            scenario.lenders["brook"].replay(first.request_id, first.subject_id)
        assert caught.value.reason == "CONSENT_REVOKED"


# What people are told -----------------------------------------------------------------


OF_ACCOUNTS = (NoticeKind.NEW_ACCOUNT, NoticeKind.ADVERSE_DATA, NoticeKind.REINSERTION)


def test_people_are_told_what_the_law_wants_them_told() -> None:
    late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
    with open_scenario("acme", "brook", jurisdiction="CN", clock=clock_of(AUTUMN_2026)) as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, **late))
        scenario.submit("acme", account(person, "card", JUNE, **late))
        (notice,) = heard(person)  # once, not every month
        assert notice.kind is NoticeKind.ADVERSE_DATA
        assert notice.member_id == "acme"
        assert notice.texts == texts("notice", "ADVERSE_DATA")
        ref = account(person, "card", MAY).account_ref
        scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
        scenario.submit("acme", account(person, "card", JUNE, certified=True))
        assert heard(person)[0].kind is NoticeKind.REINSERTION
        assert person.notices(limit=1) == person.notices()[:1]
        # A credit file shows what furnishers did, without the causes.
        shown = [notice.notice_id for notice in person.file().notices]
        assert shown == [one.notice_id for one in heard(person, *OF_ACCOUNTS)]
        # Whoever comes onto an account that is past due is told as well, and once.
        owner, partner = scenario.person(), scenario.person()
        both = (Party(owner.subject_id), Party(partner.subject_id, PartyRole.JOINT))
        scenario.submit("acme", account(owner, "joint", MAY, **late))
        for month in (JUNE, JUNE + 1):
            scenario.submit("acme", account(owner, "joint", month, parties=both, **late))
        assert [len(heard(wallet)) for wallet in (owner, partner)] == [1, 1]
        # A debt that is written off between two month ends is adverse too.
        scenario.submit("acme", account(owner, "loan", MAY, parties=both))
        action = FacilityAction(
            account_ref=account(owner, "loan", MAY).account_ref,
            kind=FacilityActionKind.CHARGE_OFF,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.DELINQUENCY_HERE,),
            effective_time=scenario.now(),
        )
        scenario.submit("acme", action)
        assert [len(heard(wallet)) for wallet in (owner, partner)] == [2, 2]
    with open_scenario("acme", clock=clock_of(AUTUMN_2026)) as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, **late))
        assert [notice.kind for notice in heard(person)] == [NoticeKind.ADVERSE_DATA]


# Reciprocity ------------------------------------------------------------------------


def test_a_member_sees_what_it_gives() -> None:
    clock = Clock()
    with open_scenario("acme", "brook", "cedar", clock=clock) as scenario:
        person = scenario.person()
        late = {"status": AccountStatus.PAST_DUE_30, "days_past_due": 31}
        for ref, changes in (("good", {}), ("bad", late)):
            scenario.submit("acme", account(person, ref, MAY, **changes))

        def seen(name: str) -> tuple[int, bool]:
            report = scenario.report(person, name)
            cut = [omission.reason for omission in report.omissions] == [OmissionReason.RECIPROCITY]
            return len(report.tradelines), cut

        def earned(name: str) -> ReciprocityLevel:
            """As the member reads it of itself."""
            return scenario.lenders[name].member(name).reciprocity

        # A newcomer has a time of grace.
        assert seen("brook") == (2, False)
        assert earned("brook") is ReciprocityLevel.FULL
        clock.offset_us += 181 * 86_400 * 1_000_000
        assert seen("brook") == (0, True)
        assert earned("brook") is ReciprocityLevel.NONE
        # It is nobody else's to know.
        about = scenario.lenders["acme"].member("brook")
        assert about.reciprocity is ReciprocityLevel.UNSPECIFIED
        # What it furnishes now counts, and it always sees its own.
        scenario.submit("brook", account(person, "mine", JUNE, **late))
        assert seen("brook") == (2, True)
        assert earned("brook") is ReciprocityLevel.DEFAULT_ONLY
        scenario.submit("brook", account(person, "other", JUNE))
        assert seen("brook") == (4, False)
        assert earned("brook") is ReciprocityLevel.FULL
        report = scenario.report(person, "cedar")
        again = scenario.lenders["cedar"].replay(report.request_id, report.subject_id)
        assert (again.tradelines, again.omissions) == (report.tradelines, report.omissions)
