"""The sandbox in mainland China's terms: its identifiers, its currency, its law, its portal."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bureau.admin.integrity import check_database
from bureau.config import Settings
from bureau.sandbox.magic import applicable_subjects, magic_subjects
from bureau.sandbox.portal import PortalBeside, listener_at
from bureau.store.database import Database
from bureau.testing import SandboxBureau, make_sandbox, running_sandbox
from bureau_client import (
    AccountStatus,
    DisputeState,
    HoldInForce,
    Lender,
    PartyRole,
    PortfolioType,
    Report,
    VerificationFailed,
)
from bureau_keys.errors import KeysError
from bureau_keys.identifiers import normalise
from tests.portal.visitor import Visitor
from tests.service.test_sandbox import SHOWS, statuses

S = AccountStatus
OF_CHINA = applicable_subjects("CN")
# The subjects that show something else than in the United States.
OWN: dict[str, Callable[[Report], bool]] = {
    **SHOWS,
    "identity-theft": lambda report: (
        statuses(report) == {S.CURRENT, S.PAST_DUE_90}
        and [each.state for each in report.disputes] == [DisputeState.OPEN]
    ),
    "joint": lambda report: (
        [(line.role, line.portfolio_type) for line in report.tradelines]
        == [(PartyRole.JOINT, PortfolioType.INSTALMENT)]
    ),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sandbox(tmp_path_factory.mktemp("china") / "template", jurisdiction="CN")


@pytest.fixture(scope="module")
def china(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxBureau]:
    """A sandbox whose clock stays where it is."""
    with running_sandbox(tmp_path_factory.mktemp("china") / "bureau", template=template) as bureau:
        yield bureau


@pytest.mark.parametrize("name", [name for name in SHOWS if name in OF_CHINA])
def test_a_magic_subject_shows_what_its_words_say(china: SandboxBureau, name: str) -> None:
    report = china.magic(name).report("meadow")
    assert OWN[name](report), report
    assert report.jurisdiction == "CN"
    assert {line.currency for line in report.tradelines} <= {"CNY"}


def test_holds_and_faults_are_the_same(china: SandboxBureau) -> None:
    with pytest.raises(HoldInForce):
        china.magic("frozen-file").report()
    with pytest.raises(VerificationFailed):
        china.magic("wrong-signature").report()


@pytest.mark.parametrize("name", ["bankrupt", "fraud-alert"])
def test_what_the_law_does_not_know_is_not_there(china: SandboxBureau, name: str) -> None:
    assert name not in china.node.folder.subject_ids()
    with pytest.raises(ValueError, match="Not applicable in CN: "):
        china.magic(name)
    assert [each.name for each in china.magic_subjects] == [*magic_subjects("CN")]


def test_seeded_rows_are_signed_statements(china: SandboxBureau) -> None:
    settings = Settings.load(china.folder)
    database = Database(settings.database)
    try:
        assert check_database(database, settings).findings == []
    finally:
        database.dispose()


def test_a_new_person_has_an_account_in_the_currency(china: SandboxBureau) -> None:
    person = china.person()
    person.account("hillside", kind="line", months=3)
    (line,) = person.report().tradelines
    assert line.currency == "CNY"
    # A client of the lender's own finds the people by their resident ids, which were never issued.
    clean = OF_CHINA["clean"]
    with Lender(china.profile("meadow"), clock=china.now) as lender:
        subject_id = lender.subject_id("CN", "resident-id", clean.identifier)
    assert subject_id == china.magic("clean").subject_id
    with pytest.raises(KeysError, match="never issued"):
        normalise("CN", "resident-id", clean.identifier, issued_only=True)


def test_a_dispute_without_an_answer_stays_marked(template: Path, tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "bureau", template=template) as bureau:
        person = bureau.magic("disputed")
        (dispute,) = person.wallet.disputes()
        assert dispute.create_time is not None
        assert dispute.due_time == dispute.create_time + timedelta(days=20)
        assert "还款" in dispute.narrative
        bureau.advance(days=21)
        # In the United States it would leave the report (`test_a_month_brings_what_belongs_to_it`).
        (line,) = person.report().tradelines
        assert line.status is not S.CURRENT
        assert [each.state for each in person.wallet.disputes()] == [DisputeState.LAPSED]


def test_the_portal_speaks_the_language_of_the_browser(china: SandboxBureau) -> None:
    with listener_at("127.0.0.1:0") as listener:
        portal = PortalBeside(china.node, listener)
        portal.start()
        try:
            for accepted, language in (("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB", "en")):
                page = Visitor(portal.origin).get("/sandbox", Accept_Language=accepted).text
                assert f'<html lang="{language}' in page
                for subject in magic_subjects("CN").values():
                    assert subject.words[language] in html.unescape(page)
                # No button signs in as a subject that is not applicable.
                assert page.count("data-wallet=") == len(OF_CHINA)
        finally:
            portal.stop()
